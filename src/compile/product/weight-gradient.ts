// Lowering of the filter's gradient: Σ over images and pixels of input ⊗ output gradient. A block of filter rows ×
// channel vectors stays in registers while a few image rows, small enough for the nearest cache, go by. Groups of
// images leave partial sums that a second kernel adds in a fixed order. The same kernel serves xᵀ · g of matrices.

import type { Shape } from '../../base/shape.ts';
import type { FullGeometry, Node } from '../../graph/node.ts';
import { convolvedSize, filterSizes, imageSizes } from '../../graph/shape-rules.ts';
import { div, type Int, literal, mod, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import {
  CHAIN,
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  eachStretch,
  lane,
  type Memory,
} from '../draft.ts';
import { lowerCombine } from '../elementwise/map.ts';
import { largestDivisor } from '../elementwise/reduce.ts';
import { imageIndex, margins } from './geometry.ts';
import { groupOf, liesAcrossGroups, stageAcrossGroups } from './stage-groups.ts';
import { stageImage } from './stage-image.ts';

/** Partial sums, at most: enough to share among threads. */
export const PARTIALS = 16;
/** Bytes of image rows and gradient rows that a block walks over at a time. */
const CACHE_BYTES = 24 * 1024;

/** A filter gradient, as geometry. For matrices, images and gradient have two axes. */
export type WeightGradient = FullGeometry & {
  readonly result: Node;
  readonly images: Node;
  readonly gradient: Node;
  readonly filterShape: Shape;
  /** What is summed over: the number of images, or of a matrix's rows. */
  readonly items: number;
};

/**
 * Everything the inner loops need: for every tap (a kernel row, or a point of minimal filtering) the sum over positions
 * of inputs ⊗ gradients, a matrix of `filterRows` × `columns`.
 */
export type Walk = {
  readonly draft: Draft;
  readonly taps: number;
  readonly filterRows: number;
  readonly columns: number;
  /** Rows and columns of positions. */
  readonly positions: readonly [rows: number, columns: number];
  readonly input: Operand;
  readonly gradient: Operand;
  /** Rows of the sums lie `rowStride` apart, or else one behind the other. */
  readonly output: { readonly slot: number; readonly base: Int; readonly rowStride?: number };
  /** True if every column has an input of its own: element · columns + column. */
  readonly isAcrossGroups?: boolean;
  readonly block: { readonly rows: number; readonly vectors: number };
  /** Bytes of inputs and gradients of one row of positions and one tap. */
  readonly rowBytes: number;
};

/** Where the elements that meet at a position lie. */
export type Operand = {
  readonly slot: number;
  readonly address: (tap: Int, row: Int, column: Int, element: Int) => Int;
};

/** Filter rows and channel vectors of a block, by the model of `chooseBlocking`. */
export function chooseBlock(context: Context, rows: number, columns: number): Walk['block'] {
  const total = Math.ceil(columns / context.lanes);
  let best = { rows: 1, vectors: 1, cost: Number.POSITIVE_INFINITY };
  for (let vectors = 1; vectors <= Math.min(4, total); vectors++) {
    for (let height = 1; height <= Math.min(rows, 28); height++) {
      if (height * vectors + vectors + 1 > context.registers) continue;
      const blocks = Math.ceil(rows / height) * Math.ceil(total / vectors);
      const cost = blocks * (Math.max((height * vectors) / 2, (height + vectors) / 2, 4) + 0.5);
      if (cost < best.cost - 1e-9) best = { rows: height, vectors, cost };
    }
  }
  return best;
}

/** How groups are walked: one by one, each with its own columns, or all at once by vectors that lie across them. */
function groupWalks(
  { lanes }: Context,
  { groups, filterShape }: WeightGradient,
): {
  readonly isAcross: boolean;
  readonly walks: number;
  readonly ownColumns: number;
  /** Inputs of a pixel that a walk meets. */
  readonly pixelElements: number;
} {
  const [, , channels, columns] = filterSizes(filterShape);
  const isAcross = groups > 1 && liesAcrossGroups(lanes, columns / groups);
  return isAcross
    ? { isAcross, walks: 1, ownColumns: columns, pixelElements: channels * columns }
    : { isAcross, walks: groups, ownColumns: columns / groups, pixelElements: channels };
}

/** Kernels that compute a filter gradient into the memory of its result. */
export function lowerWeightGradient(context: Context, product: WeightGradient): DraftLaunch[] {
  const isMatrix = product.images.shape.length === 2;
  const { dilation, stride: step } = product;
  const [kh, kw, channels, columns] = filterSizes(product.filterShape);
  const parts = largestDivisor(product.items, PARTIALS);
  const perPart = product.items / parts;
  const elements = kh * kw * channels * columns;
  const stride = Math.ceil(elements / 16) * 16;
  const result = context.memoryOf(product.result)!;
  const target: Memory =
    parts === 1 ? result : { label: 'partial filter gradients', elements: stride * parts };
  const draft = createDraft(context);
  const b = draft.builder;
  const output = draft.output(target);
  const chunk = chunkIndex(parts);
  const outputBase = times(chunk, stride);
  // A matrix is one image of `perPart` pixels per part.
  const [, ...imageSize] = imageSizes(product.images.shape);
  const size: readonly [number, number, number] = isMatrix ? [1, perPart, channels] : imageSize;
  const outputSize: [number, number] = isMatrix
    ? [1, perPart]
    : convolvedSize([size[0], size[1]], [kh, kw], product);
  const index = isMatrix
    ? (image: Int, _row: Int, column: Int, channel: Int): Int[] => [
        plus(times(image, perPart), column),
        channel,
      ]
    : imageIndex(product.images);
  const padding = margins([size[0], size[1]], [kh, kw], outputSize, product);
  const none = { rows: [0, 0], columns: [0, 0] } as const;
  const { isAcross, walks, ownColumns, pixelElements } = groupWalks(context, product);
  // Neighbouring pixels under a kernel row are rows of one tap; where they lie apart, each is a tap.
  const isTogether = dilation[1] === 1;
  const taps = isTogether ? kh : kh * kw;
  const filterRows = isTogether ? kw * channels : channels;
  clearPart(draft, output, outputBase, elements);
  b.loop(
    isMatrix ? 1 : perPart,
    (i) => {
      const image = isMatrix ? chunk : plus(times(chunk, perPart), i);
      const source = { node: product.images, size, index, padding };
      const gradients = {
        node: product.gradient,
        size: [...outputSize, columns],
        index,
        padding: none,
      } as const;
      b.loop(
        walks,
        (group) => {
          const x = isAcross
            ? stageAcrossGroups(context, draft, { source, groups: product.groups, columns }, image)
            : stageImage(context, draft, groupOf(source, walks, group), image);
          const g = stageImage(context, draft, groupOf(gradients, walks, group), image);
          walkPositions({
            draft,
            taps,
            filterRows,
            columns: ownColumns,
            positions: outputSize,
            input: {
              slot: x.slot,
              address: (tap, row, column, element) => {
                const [dy, dx] = isTogether ? [tap, literal(0)] : [div(tap, kw), mod(tap, kw)];
                const y = plus(times(row, step[0]), times(dy, dilation[0]));
                return x.address(y, plus(times(column, step[1]), times(dx, dilation[1])), element);
              },
            },
            gradient: { slot: g.slot, address: (_, row, column, element) => g.address(row, column, element) },
            output: {
              slot: output,
              base: plus(outputBase, times(group, ownColumns)),
              rowStride: columns,
            },
            isAcrossGroups: isAcross,
            block: chooseBlock(context, filterRows, ownColumns),
            rowBytes: 4 * outputSize[1] * (ownColumns + step[0] * step[1] * pixelElements),
          });
        },
        'g',
      );
    },
    'n',
  );
  const launch = draft.finish('weightGradient', parts, isMatrix ? undefined : perPart);
  if (parts === 1) return [launch];
  return [launch, lowerCombine(context, { from: target, count: parts, stride, op: 'add' }, result)];
}

/** Zeros, by whole vectors: the overrun stays within the part's rounded-up size. */
export function clearPart(draft: Draft, output: number, base: Int, elements: number): void {
  const b = draft.builder;
  const zero = b.literal(0);
  b.loop(
    Math.ceil(elements / b.lanes),
    (v) => b.store(output, plus(base, plus(times(v, b.lanes), lane(b.lanes))), zero),
    'z',
  );
}

/** All blocks over all positions, a few rows of them at a time. */
export function walkPositions(walk: Walk): void {
  const { draft, taps, filterRows, positions, block, rowBytes } = walk;
  const rowsAtOnce = largestDivisor(positions[0], Math.max(1, Math.floor(CACHE_BYTES / rowBytes)));
  const b = draft.builder;
  b.loop(
    positions[0] / rowsAtOnce,
    (stretch) => {
      const firstRow = times(stretch, rowsAtOnce);
      const wholeBlocks = Math.floor(filterRows / block.rows);
      b.loop(
        taps,
        (tap) => {
          const atBlock = (first: Int, rows: number): void =>
            eachColumnBlock(walk, (column, counts) =>
              accumulate(walk, { firstRow, rowsAtOnce, tap, first, rows, column, counts }),
            );
          b.loop(wholeBlocks, (i) => atBlock(times(i, block.rows), block.rows), 'f');
          if (filterRows % block.rows !== 0)
            atBlock(literal(wholeBlocks * block.rows), filterRows % block.rows);
        },
        'k',
      );
    },
    's',
  );
}

function eachColumnBlock(
  { draft, columns, block }: Walk,
  body: (column: Int, counts: readonly number[]) => void,
): void {
  const { lanes } = draft.builder;
  const width = lanes * block.vectors;
  const whole = Math.floor(columns / width);
  draft.builder.loop(whole, (i) => body(times(i, width), new Array<number>(block.vectors).fill(lanes)), 'c');
  const rest = columns - whole * width;
  if (rest > 0) {
    body(
      literal(whole * width),
      Array.from({ length: Math.ceil(rest / lanes) }, (_, v) => Math.min(lanes, rest - v * lanes)),
    );
  }
}

type FilterBlock = {
  readonly firstRow: Int;
  readonly rowsAtOnce: number;
  readonly tap: Int;
  readonly first: Int;
  readonly rows: number;
  readonly column: Int;
  readonly counts: readonly number[];
};

/**
 * Adds a stretch of positions to one block of a tap's sums. Rows that are longer than a chain of additions may be are cut
 * in stretches, whose sums are added to the block's at their ends.
 */
function accumulate(walk: Walk, block: FilterBlock): void {
  const { draft, positions } = walk;
  const [, length] = positions;
  if (length <= CHAIN) {
    accumulateColumns(walk, block, { first: literal(0), count: length, isApart: false });
    return;
  }
  eachStretch(draft.builder, length, CHAIN, (first, count) =>
    accumulateColumns(walk, block, { first, count, isApart: true }),
  );
}

/** Columns of the positions in a row; `isApart` if their sums begin with zero, and are added at the end. */
type Columns = { readonly first: Int; readonly count: number; readonly isApart: boolean };

function accumulateColumns(
  { draft, filterRows, columns, input, gradient, output, isAcrossGroups = false }: Walk,
  block: FilterBlock,
  { first, count: width, isApart }: Columns,
): void {
  const b = draft.builder;
  const vector = (v: number, count: number): Int =>
    plus(plus(block.column, literal(v * b.lanes)), lane(count));
  const address = (r: number, v: number, count: number): Int => {
    const row = plus(plus(times(block.tap, filterRows), block.first), literal(r));
    return plus(plus(output.base, times(row, output.rowStride ?? columns)), vector(v, count));
  };
  const before = (r: number, v: number): Local => b.loadHere(output.slot, address(r, v, b.lanes));
  const sums: Local[][] = Array.from({ length: block.rows }, (_, r) =>
    block.counts.map((_count, v) => b.accumulator(isApart ? b.literal(0) : before(r, v))),
  );
  b.loop(
    block.rowsAtOnce,
    (i) =>
      b.loop(
        width,
        (column) => {
          const j = plus(first, column);
          const row = plus(block.firstRow, i);
          const gradients = block.counts.map((_, v) =>
            b.load(gradient.slot, gradient.address(block.tap, row, j, vector(v, b.lanes))),
          );
          for (let r = 0; r < block.rows; r++) {
            const element = plus(block.first, literal(r));
            const load = (at: Int): Local => b.load(input.slot, input.address(block.tap, row, j, at));
            const shared = isAcrossGroups ? undefined : load(element);
            for (const [v, g] of gradients.entries()) {
              const x = shared ?? load(plus(times(element, columns), vector(v, b.lanes)));
              b.multiplyAdd(sums[r]![v]!, x, g);
            }
          }
        },
        'x',
      ),
    'y',
  );
  for (const [r, vectors] of sums.entries()) {
    for (const [v, sum] of vectors.entries()) {
      const total = isApart ? b.operation('add', before(r, v), sum) : sum;
      b.store(output.slot, address(r, v, block.counts[v]!), total, block.counts[v]!);
    }
  }
}
