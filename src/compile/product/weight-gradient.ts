// Lowering of the filter's gradient: Σ over images and pixels of input ⊗ output gradient. A register block of filter
// rows × vectors of columns sums over a few image rows, which stay in the L1 cache for all blocks. Each part of the
// images has partial sums, which a second kernel adds in a fixed order. The same kernel computes xᵀ · g of matrices.

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
import { registerTuning, tuning } from '../tuning.ts';
import { stepCycles } from './block.ts';
import { imageIndex, margins } from './geometry.ts';
import { groupOf, spansGroups, stageAcrossGroups } from './stage-groups.ts';
import { stageImage } from './stage-image.ts';

/** A filter gradient, as geometry. For matrices, images and gradient have two axes. */
export type WeightGradient = FullGeometry & {
  readonly result: Node;
  readonly images: Node;
  readonly gradient: Node;
  readonly filterShape: Shape;
  /** Number of images that are summed over, or of a matrix's rows. */
  readonly items: number;
};

/**
 * What the inner loops need. The gradient consists of _slices_, matrices of `filterRows` × `columns`: one for each
 * kernel row, kernel position, or point of Winograd's algorithm. A slice is the sum over positions (pixels, or tiles)
 * of inputs ⊗ gradients.
 */
export type Walk = {
  readonly draft: Draft;
  readonly slices: number;
  readonly filterRows: number;
  readonly columns: number;
  /** Positions that are summed over: rows of `length`. */
  readonly positions: readonly [rows: number, length: number];
  readonly input: Operand;
  readonly gradient: Operand;
  /** Rows of the sums are `rowStride` elements apart; contiguous if absent. */
  readonly output: { readonly slot: number; readonly base: Int; readonly rowStride?: number };
  /** True if every column has an input of its own, element · columns + column. */
  readonly isSpanning?: boolean;
  readonly block: { readonly rows: number; readonly vectors: number };
  /** Bytes of inputs and gradients of one row of positions and one slice. */
  readonly rowBytes: number;
};

/** Addresses of the elements of a position. */
export type Operand = {
  readonly slot: number;
  readonly address: (slice: Int, row: Int, at: Int, element: Int) => Int;
};

/** Filter rows and vectors of columns of a block, by the model of `chooseBlocking`. */
export function chooseBlock(context: Context, rows: number, columns: number): Walk['block'] {
  const total = Math.ceil(columns / context.lanes);
  const row = registerTuning(context);
  let best = { rows: 1, vectors: 1, cost: Number.POSITIVE_INFINITY };
  for (let vectors = 1; vectors <= Math.min(row.mostVectors, total); vectors++) {
    for (let height = 1; height <= Math.min(rows, row.mostPixels); height++) {
      if (height * vectors + vectors + 1 > context.registers) continue;
      const blocks = Math.ceil(rows / height) * Math.ceil(total / vectors);
      const cost = blocks * (stepCycles(row, height, vectors) + 0.5);
      if (cost < best.cost - 1e-9) best = { rows: height, vectors, cost };
    }
  }
  return best;
}

/** How groups are computed: one by one, each with its own columns, or all at once by vectors that span them. */
function groupWalks(
  { lanes }: Context,
  { groups, filterShape }: WeightGradient,
): {
  readonly isSpanning: boolean;
  readonly walks: number;
  readonly ownColumns: number;
  /** Inputs of a pixel that a walk loads. */
  readonly pixelElements: number;
} {
  const [, , channels, columns] = filterSizes(filterShape);
  const isSpanning = groups > 1 && spansGroups(lanes, columns / groups);
  return isSpanning
    ? { isSpanning, walks: 1, ownColumns: columns, pixelElements: channels * columns }
    : { isSpanning, walks: groups, ownColumns: columns / groups, pixelElements: channels };
}

/** Kernels that compute a filter gradient into the memory of its result. */
export function lowerWeightGradient(context: Context, product: WeightGradient): DraftLaunch[] {
  const isMatrix = product.images.shape.length === 2;
  const { dilation, stride: step } = product;
  const [kh, kw, channels, columns] = filterSizes(product.filterShape);
  const parts = largestDivisor(product.items, tuning.gradientParts);
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
  // A part of a matrix is one image of `perPart` pixels.
  const [, ...imageSize] = imageSizes(product.images.shape);
  const size: readonly [number, number, number] = isMatrix ? [1, perPart, channels] : imageSize;
  const outputSize: [number, number] = isMatrix
    ? [1, perPart]
    : convolvedSize([size[0], size[1]], [kh, kw], product);
  const index = isMatrix
    ? (image: Int, _y: Int, x: Int, channel: Int): Int[] => [plus(times(image, perPart), x), channel]
    : imageIndex(product.images);
  const padding = margins([size[0], size[1]], [kh, kw], outputSize, product);
  const none = { y: [0, 0], x: [0, 0] } as const;
  const { isSpanning, walks, ownColumns, pixelElements } = groupWalks(context, product);
  // Adjacent pixels under a kernel row are rows of one slice; with dilation along x, each kernel position is a slice.
  const isContiguous = dilation[1] === 1;
  const slices = isContiguous ? kh : kh * kw;
  const filterRows = isContiguous ? kw * channels : channels;
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
          const x = isSpanning
            ? stageAcrossGroups(context, draft, { source, groups: product.groups, columns }, image)
            : stageImage(context, draft, groupOf(source, walks, group), image);
          const g = stageImage(context, draft, groupOf(gradients, walks, group), image);
          walkPositions({
            draft,
            slices,
            filterRows,
            columns: ownColumns,
            positions: outputSize,
            input: {
              slot: x.slot,
              address: (slice, outputY, outputX, element) => {
                const [ky, kx] = isContiguous ? [slice, literal(0)] : [div(slice, kw), mod(slice, kw)];
                const inputY = plus(times(outputY, step[0]), times(ky, dilation[0]));
                return x.address(inputY, plus(times(outputX, step[1]), times(kx, dilation[1])), element);
              },
            },
            gradient: {
              slot: g.slot,
              address: (_, outputY, outputX, element) => g.address(outputY, outputX, element),
            },
            output: {
              slot: output,
              base: plus(outputBase, times(group, ownColumns)),
              rowStride: columns,
            },
            isSpanning,
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

/** Stores zeros in whole vectors; what they overrun is within the part's size, which is rounded up. */
export function clearPart(draft: Draft, output: number, base: Int, elements: number): void {
  const b = draft.builder;
  const zero = b.literal(0);
  b.loop(
    Math.ceil(elements / b.lanes),
    (v) => b.store(output, plus(base, plus(times(v, b.lanes), lane(b.lanes))), zero),
    'z',
  );
}

/** Sums all blocks over all positions, a few rows of positions at a time. */
export function walkPositions(walk: Walk): void {
  const { draft, slices, filterRows, positions, block, rowBytes } = walk;
  const rowsAtOnce = largestDivisor(positions[0], Math.max(1, Math.floor(tuning.l1Bytes / rowBytes)));
  const b = draft.builder;
  b.loop(
    positions[0] / rowsAtOnce,
    (band) => {
      const firstPositions = times(band, rowsAtOnce);
      const wholeBlocks = Math.floor(filterRows / block.rows);
      b.loop(
        slices,
        (slice) => {
          const atBlock = (first: Int, rows: number): void =>
            eachColumnBlock(walk, (column, counts) =>
              accumulate(walk, { firstPositions, rowsAtOnce, slice, firstRow: first, rows, column, counts }),
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

/** A register block of a slice, and the rows of positions that it sums over. */
type FilterBlock = {
  readonly firstPositions: Int;
  readonly rowsAtOnce: number;
  readonly slice: Int;
  readonly firstRow: Int;
  readonly rows: number;
  readonly column: Int;
  readonly counts: readonly number[];
};

/**
 * Adds a few rows of positions to one block of a slice. Rows of positions longer than `CHAIN` are cut into stretches,
 * whose sums are added to the block's at their ends.
 */
function accumulate(walk: Walk, block: FilterBlock): void {
  const { draft, positions } = walk;
  const [, length] = positions;
  if (length <= CHAIN) {
    accumulateStretch(walk, block, { first: literal(0), count: length, isApart: false });
    return;
  }
  eachStretch(draft.builder, length, CHAIN, (first, count) =>
    accumulateStretch(walk, block, { first, count, isApart: true }),
  );
}

/** A stretch of a row of positions; `isApart` if its sums begin with zero and are added to the block's at the end. */
type Stretch = { readonly first: Int; readonly count: number; readonly isApart: boolean };

function accumulateStretch(
  { draft, filterRows, columns, input, gradient, output, isSpanning = false }: Walk,
  block: FilterBlock,
  { first, count: width, isApart }: Stretch,
): void {
  const b = draft.builder;
  const vector = (v: number, count: number): Int =>
    plus(plus(block.column, literal(v * b.lanes)), lane(count));
  const address = (r: number, v: number, count: number): Int => {
    const row = plus(plus(times(block.slice, filterRows), block.firstRow), literal(r));
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
        (j) => {
          const at = plus(first, j);
          const row = plus(block.firstPositions, i);
          const gradients = block.counts.map((_, v) =>
            b.load(gradient.slot, gradient.address(block.slice, row, at, vector(v, b.lanes))),
          );
          for (let r = 0; r < block.rows; r++) {
            const element = plus(block.firstRow, literal(r));
            const load = (element: Int): Local =>
              b.load(input.slot, input.address(block.slice, row, at, element));
            const shared = isSpanning ? undefined : load(element);
            for (const [v, g] of gradients.entries()) {
              const value = shared ?? load(plus(times(element, columns), vector(v, b.lanes)));
              b.multiplyAdd(sums[r]![v]!, value, g);
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
