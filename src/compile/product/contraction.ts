// Which product a contraction node is: geometry of convolutions, their input gradients (with the filter repacked,
// and strides split into phases) and matrix products.

import { InternalError, invariant } from '../../base/errors.ts';
import { isOp, type Node } from '../../graph/node.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type DraftLaunch,
  eachVector,
  type Memory,
} from '../draft.ts';
import { lowerProduct } from './blocked-product.ts';
import { type Phase, type Product, type Run, trailingZeros, windowRuns } from './geometry.ts';
import type { FilterTaps } from './transform-filter.ts';
import { lowerWeightGradient } from './weight-gradient.ts';
import { isWinogradWorthwhile, lowerWinograd, type WinogradProduct } from './winograd-product.ts';
import { lowerWinogradWeightGradient } from './winograd-weight-gradient.ts';

/** Of the kernel rows it touches, at least this share of filter rows must count for minimal filtering to pay. */
const WORTHWHILE_SHARE = 0.7;
/** Rows of a matrix product that one chunk computes: of a taller one more, so that a panel of columns serves more. */
const ROWS_PER_CHUNK = [32, 64, 128, 256] as const;
/** Chunks of rows that a product is not cut below for that. */
const ROW_CHUNKS = 8;

/** Kernels that compute `product` and its epilogue into the memory of the first result, and sums of it into the others. */
export function lowerContraction(
  context: Context,
  product: Node,
  [result, ...sums]: readonly [Node, ...Node[]],
): DraftLaunch[] {
  if (isOp(product, 'convolution')) return convolution(context, product, result, sums);
  if (isOp(product, 'convolutionInputGradient')) return inputGradient(context, product, result, sums);
  if (isOp(product, 'convolutionWeightGradient')) {
    const [images, gradient] = product.inputs as [Node, Node];
    const { filterShape } = product.attributes;
    const [kh, kw, c] = filterShape as [number, number, number];
    const [n] = images.shape as [number];
    const weightGradient = { result, images, gradient, filterShape, ...imageGeometry(product), groups: n };
    return isWinogradWorthwhile([kh, kw], c, product.attributes, gradient.shape[2]!)
      ? lowerWinogradWeightGradient(context, weightGradient)
      : lowerWeightGradient(context, weightGradient);
  }
  if (isOp(product, 'matmul')) {
    const transposed = transposedLeft(context, product);
    return transposed === undefined || result !== product
      ? matrixProducts(context, product, result)
      : lowerWeightGradient(context, transposedProduct(product, transposed));
  }
  throw new InternalError(`internal: ${product.op} is not a product`);
}

function imageGeometry({
  attributes,
}: Node<'convolution' | 'convolutionInputGradient' | 'convolutionWeightGradient'>): {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
} {
  return { stride: attributes.stride, padding: attributes.padding };
}

function filterMemory(context: Context, node: Node): Memory {
  const stored = context.memoryOf(node) === undefined && node.op === 'reshape' ? node.inputs[0]! : node;
  const memory = context.memoryOf(stored);
  invariant(memory, 'a filter is not in memory');
  return memory;
}

/** By minimal filtering where that pays; for a share of the filter's rows, with zeros in place of the others. */
function convolution(
  context: Context,
  node: Node<'convolution'>,
  result: Node,
  sums: readonly Node[],
): DraftLaunch[] {
  const direct = convolutionProduct(context, node, result);
  const [kh, kw, c, m] = node.inputs[1]!.shape as [number, number, number, number];
  const [, oh, ow] = node.shape as [number, number, number];
  const [start, end] = node.attributes.rows;
  const firstKernelRow = Math.floor(start / (kw * c));
  const kernelRows = Math.ceil(end / (kw * c)) - firstKernelRow;
  const share = (end - start) / (kernelRows * kw * c);
  if (share < WORTHWHILE_SHARE || !isWinogradWorthwhile([kh, kw], c, node.attributes, ow))
    return lowerProduct(context, direct, sums);
  const slab = (row: number, tap: number): number => ((firstKernelRow + row) * kw + tap) * c;
  const taps = {
    memory: direct.filter,
    kernelRows,
    channels: c,
    columns: m,
    index: (row: number, tap: number, channel: Int, column: Int) =>
      plus(times(plus(literal(slab(row, tap)), channel), m), column),
    channelsOf: (row, tap) => [start - slab(row, tap), end - slab(row, tap)],
  } satisfies FilterTaps;
  return lowerWinograd(context, { ...direct, taps, firstKernelRow, size: [oh, ow] }, sums);
}

function convolutionProduct(context: Context, node: Node<'convolution'>, result: Node): Product {
  const [images, filter] = node.inputs as [Node, Node];
  const [n, h, w, c] = images.shape as [number, number, number, number];
  const [kh, kw, , m] = filter.shape as [number, number, number, number];
  const [, oh, ow] = node.shape as [number, number, number];
  const { stride, padding, rows } = node.attributes;
  return {
    name: 'convolution',
    node,
    result,
    source: {
      node: images,
      size: [h, w, c],
      index: (image, row, column, channel) => [image, row, column, channel],
      padding: {
        rows: [padding[0], trailingZeros(h, kh, stride[0], padding[0], oh)],
        columns: [padding[1], trailingZeros(w, kw, stride[1], padding[1], ow)],
      },
    },
    filter: filterMemory(context, filter),
    columns: m,
    phases: [{ offset: [0, 0], size: [oh, ow], runs: windowRuns([kh, kw], c, rows) }],
    inputStep: stride,
    outputStep: [1, 1],
    images: n,
    outputIndex: (image, row, column, channel) => [image, row, column, channel],
  };
}

/** Kernel positions of one axis that reach output positions ≡ `residue`, in the order of their input positions. */
function taps(
  residue: number,
  kernel: number,
  stride: number,
  padding: number,
): { readonly tap: number; readonly shift: number }[] {
  const found: { tap: number; shift: number }[] = [];
  for (let tap = kernel - 1; tap >= 0; tap--) {
    if ((residue + padding - tap) % stride === 0)
      found.push({ tap, shift: (residue + padding - tap) / stride });
  }
  return found;
}

/**
 * The gradient of the images: pixel y gets gradient[(y + padding − k) / stride] · filter[k]ᵀ, over the k that divide.
 * Pixels of one remainder y mod stride share their k: a phase, in which the kernel is a plain stride-1 product over
 * the gradient, with the filter repacked as ((k, output channel), input channel).
 */
function inputGradient(
  context: Context,
  node: Node<'convolutionInputGradient'>,
  result: Node,
  sums: readonly Node[],
): DraftLaunch[] {
  const [gradient, filter] = node.inputs as [Node, Node];
  const [n, h, w, c] = node.shape as [number, number, number, number];
  const [kh, kw, , m] = filter.shape as [number, number, number, number];
  const [, oh, ow] = gradient.shape as [number, number, number];
  const { stride, padding } = node.attributes;
  if (isWinogradWorthwhile([kh, kw], m, node.attributes, w))
    return winogradInputGradient(context, node, result, sums);
  const rowsOf = Array.from({ length: stride[0] }, (_, residue) => taps(residue, kh, stride[0], padding[0]));
  const columnsOf = Array.from({ length: stride[1] }, (_, residue) =>
    taps(residue, kw, stride[1], padding[1]),
  );
  const margin = (
    all: readonly { readonly shift: number }[][],
    size: number,
    step: number,
    inputs: number,
  ): [number, number] => {
    const shifts = all.flat().map((tap) => tap.shift);
    const last = Math.ceil(size / step) - 1;
    return [Math.max(0, -Math.min(0, ...shifts)), Math.max(0, last + Math.max(0, ...shifts) - (inputs - 1))];
  };
  const rows = margin(rowsOf, h, stride[0], oh);
  const columns = margin(columnsOf, w, stride[1], ow);
  const packed: { readonly ky: number; readonly kx: number }[] = [];
  const phases: Phase[] = [];
  for (const [py, rowTaps] of rowsOf.entries()) {
    for (const [px, columnTaps] of columnsOf.entries()) {
      const runs: Run[] = [];
      for (const { tap: ky, shift: dy } of columnTaps.length === 0 ? [] : rowTaps) {
        const filterRow = packed.length * m;
        for (const { tap: kx } of columnTaps) packed.push({ ky, kx });
        runs.push({
          dy: dy + rows[0],
          dx: columnTaps[0]!.shift + columns[0],
          start: 0,
          length: columnTaps.length * m,
          filterRow,
        });
      }
      const size = [Math.ceil((h - py) / stride[0]), Math.ceil((w - px) / stride[1])] as const;
      phases.push({ offset: [py, px], size, runs });
    }
  }
  const temporary: Memory = { label: 'repacked filter', elements: Math.max(1, packed.length) * m * c };
  const pack = repackFilter(context, filterMemory(context, filter), temporary, packed, { kw, c, m });
  const product: Product = {
    name: 'convolutionInputGradient',
    node,
    result,
    source: {
      node: gradient,
      size: [oh, ow, m],
      index: (image, row, column, channel) => [image, row, column, channel],
      padding: { rows, columns },
    },
    filter: temporary,
    columns: c,
    phases,
    inputStep: [1, 1],
    outputStep: stride,
    images: n,
    outputIndex: (image, row, column, channel) => [image, row, column, channel],
  };
  return [pack, ...lowerProduct(context, product, sums)];
}

/** With stride 1 the gradient of the images is a convolution of the gradient with the reversed, transposed filter. */
function winogradInputGradient(
  context: Context,
  node: Node<'convolutionInputGradient'>,
  result: Node,
  sums: readonly Node[],
): DraftLaunch[] {
  const [gradient, filter] = node.inputs as [Node, Node];
  const [n, h, w, c] = node.shape as [number, number, number, number];
  const [kh, kw, , m] = filter.shape as [number, number, number, number];
  const [, oh, ow] = gradient.shape as [number, number, number];
  const { padding } = node.attributes;
  const taps = {
    memory: filterMemory(context, filter),
    kernelRows: kh,
    channels: m,
    columns: c,
    index: (row, tap, channel, column) => {
      const position = (kh - 1 - row) * kw + (kw - 1 - tap);
      return plus(times(plus(literal(position * c), column), m), channel);
    },
  } satisfies FilterTaps;
  const margin = (size: number, kernel: number, before: number, outputs: number): [number, number] => [
    kernel - 1 - before,
    trailingZeros(outputs, kernel, 1, kernel - 1 - before, size),
  ];
  const product: WinogradProduct = {
    name: 'convolutionInputGradient',
    node,
    result,
    source: {
      node: gradient,
      size: [oh, ow, m],
      index: (image, row, column, channel) => [image, row, column, channel],
      padding: { rows: margin(h, kh, padding[0], oh), columns: margin(w, kw, padding[1], ow) },
    },
    taps,
    columns: c,
    firstKernelRow: 0,
    size: [h, w],
    images: n,
    outputIndex: (image, row, column, channel) => [image, row, column, channel],
  };
  return lowerWinograd(context, product, sums);
}

/** filter (kh, kw, c, m) → ((tap, m), c), taps in the given order. */
function repackFilter(
  context: Context,
  filter: Memory,
  to: Memory,
  order: readonly { readonly ky: number; readonly kx: number }[],
  { kw, c, m }: { readonly kw: number; readonly c: number; readonly m: number },
): DraftLaunch {
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(filter);
  const target = draft.output(to);
  const output = chunkIndex(m);
  for (const [position, { ky, kx }] of order.entries()) {
    eachVector(b, c, (channel, count) => {
      const from = plus(times(plus(channel, literal((ky * kw + kx) * c)), m), output);
      const at = plus(plus(times(output, c), literal(position * m * c)), channel);
      b.store(target, at, b.load(source, from), count);
    });
  }
  return draft.finish('repackFilter', m);
}

/** (m, k) · (k, n): blocks of rows are images of one row of pixels. A remainder of rows gets a kernel of its own. */
function matrixProducts(context: Context, node: Node<'matmul'>, result: Node): DraftLaunch[] {
  const [m] = node.shape as [number, number];
  const perChunk = ROWS_PER_CHUNK.findLast((rows) => rows * ROW_CHUNKS <= m) ?? ROWS_PER_CHUNK[0];
  const whole = Math.floor(m / perChunk);
  const rest = m - whole * perChunk;
  const launches: DraftLaunch[] = [];
  if (whole > 0)
    launches.push(
      ...lowerProduct(
        context,
        matrixProduct(context, node, result, { first: 0, rows: perChunk, images: whole }),
      ),
    );
  if (rest > 0)
    launches.push(
      ...lowerProduct(
        context,
        matrixProduct(context, node, result, { first: m - rest, rows: rest, images: 1 }),
      ),
    );
  return launches;
}

type RowBlock = { readonly first: number; readonly rows: number; readonly images: number };

function matrixProduct(context: Context, node: Node<'matmul'>, result: Node, block: RowBlock): Product {
  const [left, right] = node.inputs as [Node, Node];
  const [k, n] = right.shape as [number, number];
  const row = (image: Int, column: Int): Int =>
    plus(plus(times(image, block.rows), literal(block.first)), column);
  return {
    name: 'matmul',
    node,
    result,
    source: {
      node: left,
      size: [1, block.rows, k],
      index: (image, _, column, channel) => [row(image, column), channel],
      padding: { rows: [0, 0], columns: [0, 0] },
      isSeparate: true,
    },
    filter: filterMemory(context, right),
    columns: n,
    phases: [{ offset: [0, 0], size: [1, block.rows], runs: windowRuns([1, 1], k, node.attributes.rows) }],
    inputStep: [1, 1],
    outputStep: [1, 1],
    images: block.images,
    outputIndex: (image, _, column, channel) => [row(image, column), channel],
  };
}

/** The matrix whose transpose is the left operand, where the whole product is xᵀ · g and the transpose is not in memory. */
function transposedLeft(context: Context, node: Node<'matmul'>): Node | undefined {
  const left = node.inputs[0]!;
  const isWhole = node.attributes.rows[0] === 0 && node.attributes.rows[1] === left.shape[1];
  const isRead = left.op === 'transpose' && context.memoryOf(left) === undefined;
  return isRead && isWhole ? left.inputs[0]! : undefined;
}

function transposedProduct(node: Node<'matmul'>, images: Node): Parameters<typeof lowerWeightGradient>[1] {
  const [rows, k] = images.shape as [number, number];
  const n = node.shape[1]!;
  return {
    result: node,
    images,
    gradient: node.inputs[1]!,
    filterShape: [1, 1, k, n],
    stride: [1, 1],
    padding: [0, 0],
    groups: rows,
  };
}
