// Lowering of the filter's gradient: Σ over images and pixels of input ⊗ output gradient. A block of filter rows ×
// channel vectors stays in registers while a few image rows, small enough for the nearest cache, go by. Groups of
// images leave partial sums that a second kernel adds in a fixed order. The same kernel serves xᵀ · g of matrices.

import type { Shape } from '../base/shape.ts';
import type { ConvolutionGeometry, Node } from '../graph/node.ts';
import { convolvedSize } from '../graph/shape-rules.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  lane,
  type Memory,
} from './draft.ts';
import { type Int, literal, plus, times } from './int.ts';
import type { Local } from './loop.ts';
import { lowerCombine } from './lower-map.ts';
import { largestDivisor } from './lower-reduce.ts';
import { type StagedImage, stageImage } from './stage-image.ts';

/** Partial sums, at most: enough to share among threads. */
const PARTIALS = 16;
/** Bytes of image rows and gradient rows that a block walks over at a time. */
const CACHE_BYTES = 24 * 1024;

/** A filter gradient, as geometry. For matrices, images and gradient have two axes and `groups` is the row count. */
export type WeightGradient = ConvolutionGeometry & {
  readonly result: Node;
  readonly images: Node;
  readonly gradient: Node;
  readonly filterShape: Shape;
  readonly groups: number;
};

/** Everything the inner loops need. */
type Walk = {
  readonly draft: Draft;
  readonly geometry: Geometry;
  readonly image: StagedImage;
  readonly gradient: StagedImage;
  readonly output: number;
  readonly outputBase: Int;
  readonly block: { readonly rows: number; readonly vectors: number };
};

type Geometry = {
  readonly kernel: readonly [number, number];
  readonly channels: number;
  readonly columns: number;
  readonly stride: readonly [number, number];
  readonly output: readonly [number, number];
};

/** Filter rows and channel vectors of a block, by the model of `chooseBlocking`. */
function chooseBlock(context: Context, rows: number, columns: number): Walk['block'] {
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

/** Kernels that compute a filter gradient into the memory of its result. */
export function lowerWeightGradient(context: Context, product: WeightGradient): DraftLaunch[] {
  const isMatrix = product.images.shape.length === 2;
  const [kh, kw, channels, columns] = product.filterShape as [number, number, number, number];
  const parts = largestDivisor(product.groups, PARTIALS);
  const perPart = product.groups / parts;
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
  const size: readonly [number, number, number] = isMatrix
    ? [1, perPart, channels]
    : (product.images.shape.slice(1) as [number, number, number]);
  const outputSize: [number, number] = isMatrix
    ? [1, perPart]
    : convolvedSize([size[0], size[1]], [kh, kw], product);
  const geometry: Geometry = {
    kernel: [kh, kw],
    channels,
    columns,
    stride: product.stride,
    output: outputSize,
  };
  const index = isMatrix
    ? (image: Int, _row: Int, column: Int, channel: Int): Int[] => [
        plus(times(image, perPart), column),
        channel,
      ]
    : (image: Int, row: Int, column: Int, channel: Int): Int[] => [image, row, column, channel];
  const zeros = (axis: 0 | 1): [number, number] => [
    product.padding[axis],
    Math.max(
      0,
      (outputSize[axis] - 1) * product.stride[axis] +
        geometry.kernel[axis] -
        size[axis] -
        product.padding[axis],
    ),
  ];
  const none = { rows: [0, 0], columns: [0, 0] } as const;
  clearPart(draft, output, outputBase, elements);
  b.loop(
    isMatrix ? 1 : perPart,
    (i) => {
      const image = isMatrix ? chunk : plus(times(chunk, perPart), i);
      const padding = { rows: zeros(0), columns: zeros(1) };
      const walk: Walk = {
        draft,
        geometry,
        image: stageImage(context, draft, { node: product.images, size, index, padding }, image),
        gradient: stageImage(
          context,
          draft,
          { node: product.gradient, size: [...outputSize, columns], index, padding: none },
          image,
        ),
        output,
        outputBase,
        block: chooseBlock(context, kw * channels, columns),
      };
      walkImage(walk);
    },
    'n',
  );
  const launch = draft.finish('weightGradient', parts);
  if (parts === 1) return [launch];
  return [launch, lowerCombine(context, { from: target, count: parts, stride, op: 'add' }, result)];
}

/** Zeros, by whole vectors: the overrun stays within the part's rounded-up size. */
function clearPart(draft: Draft, output: number, base: Int, elements: number): void {
  const b = draft.builder;
  const zero = b.literal(0);
  b.loop(
    Math.ceil(elements / b.lanes),
    (v) => b.store(output, plus(base, plus(times(v, b.lanes), lane(b.lanes))), zero),
    'z',
  );
}

/** All blocks over one image, a few rows at a time. */
function walkImage(walk: Walk): void {
  const { draft, geometry, block } = walk;
  const { kernel, channels, columns, output } = geometry;
  const perRow = 4 * output[1] * (columns + geometry.stride[1] * geometry.stride[0] * channels);
  const fitting = Math.max(1, Math.floor(CACHE_BYTES / perRow));
  const rowsAtOnce = largestDivisor(output[0], fitting);
  const b = draft.builder;
  const filterRows = kernel[1] * channels;
  b.loop(
    output[0] / rowsAtOnce,
    (stretch) => {
      const firstRow = times(stretch, rowsAtOnce);
      const wholeBlocks = Math.floor(filterRows / block.rows);
      b.loop(
        kernel[0],
        (ky) => {
          const atBlock = (first: Int, rows: number): void =>
            eachColumnBlock(walk, (column, counts) =>
              accumulate(walk, { firstRow, rowsAtOnce, ky, first, rows, column, counts }),
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
  { draft, geometry, block }: Walk,
  body: (column: Int, counts: readonly number[]) => void,
): void {
  const { lanes } = draft.builder;
  const width = lanes * block.vectors;
  const whole = Math.floor(geometry.columns / width);
  draft.builder.loop(whole, (i) => body(times(i, width), new Array<number>(block.vectors).fill(lanes)), 'c');
  const rest = geometry.columns - whole * width;
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
  readonly ky: Int;
  readonly first: Int;
  readonly rows: number;
  readonly column: Int;
  readonly counts: readonly number[];
};

/** Adds the pixels of a stretch of image rows to one block of the filter gradient. */
function accumulate(
  { draft, geometry, image, gradient, output, outputBase }: Walk,
  block: FilterBlock,
): void {
  const b = draft.builder;
  const { channels, columns, kernel, stride } = geometry;
  const address = (r: number, v: number, count: number): Int => {
    const row = plus(plus(times(block.ky, kernel[1] * channels), block.first), literal(r));
    return plus(
      plus(outputBase, times(row, columns)),
      plus(plus(block.column, literal(v * b.lanes)), lane(count)),
    );
  };
  const sums: Local[][] = Array.from({ length: block.rows }, (_, r) =>
    block.counts.map((_count, v) => b.accumulator(b.loadHere(output, address(r, v, b.lanes)))),
  );
  b.loop(
    block.rowsAtOnce,
    (i) =>
      b.loop(
        geometry.output[1],
        (j) => {
          const row = plus(block.firstRow, i);
          const gradients = block.counts.map((_, v) =>
            b.load(
              gradient.slot,
              gradient.address(row, j, plus(plus(block.column, literal(v * b.lanes)), lane(b.lanes))),
            ),
          );
          for (let r = 0; r < block.rows; r++) {
            const inputRow = plus(times(row, stride[0]), block.ky);
            const input = b.load(
              image.slot,
              image.address(inputRow, times(j, stride[1]), plus(block.first, literal(r))),
            );
            for (const [v, g] of gradients.entries()) b.multiplyAdd(sums[r]![v]!, input, g);
          }
        },
        'x',
      ),
    'y',
  );
  for (const [r, vectors] of sums.entries()) {
    for (const [v, sum] of vectors.entries())
      b.store(output, address(r, v, block.counts[v]!), sum, block.counts[v]!);
  }
}
