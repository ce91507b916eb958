// Lowering of transposed convolutions, y[stride · i + dilation · k − padding] += x[i] · filter[k], and of the gradient
// of a convolution's images, which is one with the filter's channels and columns exchanged.
//
// Output pixels with the same remainder mod stride have the same kernel positions: they are a phase, in which the
// product is a plain one of stride 1. The filter is repacked in the order in which its rows meet the inputs.

import type { FullGeometry, Node, RowRange } from '../../graph/node.ts';
import { filterSizes, imageSizes } from '../../graph/shape-rules.ts';
import { div, type Int, literal, mod, plus, times } from '../../kernel/int.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type DraftLaunch,
  eachVector,
  type Memory,
} from '../draft.ts';
import { lowerProduct } from './blocked-product.ts';
import { filterMemory, imageIndex, type Phase, type Product, type Run, trailingZeros } from './geometry.ts';
import type { FilterTaps } from './winograd-filter.ts';
import {
  isWinogradWorthwhile,
  lowerWinograd,
  type WinogradProduct,
  worthwhileKernelRows,
} from './winograd-product.ts';

/** A transposed convolution. The rows of its weight matrix are (kernel position, channel of a group). */
type Transposed = {
  readonly name: string;
  /** Its node, (n, h, w, columns). */
  readonly node: Node;
  readonly result: Node;
  /** Its inputs, (n, ·, ·, groups · channels). */
  readonly images: Node;
  /** Channels of a group. */
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly geometry: FullGeometry;
  readonly filter: Memory;
  /** Index into the filter of an element of the matrix; kernel positions count row by row. */
  readonly index: (kernelPosition: number, channel: Int, column: Int) => Int;
  /** Rows of the matrix that take part. */
  readonly rows: RowRange;
};

/** The gradient of a convolution's images: rows (kernel position, output channel), columns the input channels. */
export function lowerInputGradient(
  context: Context,
  node: Node<'convolutionInputGradient'>,
  result: Node,
  sums: readonly Node[],
): DraftLaunch[] {
  const [images, filter] = node.inputs as [Node, Node];
  const [kh, kw, c, m] = filterSizes(filter.shape);
  const { imageShape: _shape, ...geometry } = node.attributes;
  const channels = m / geometry.groups;
  const product: Transposed = {
    name: 'convolutionInputGradient',
    node,
    result,
    images,
    channels,
    kernel: [kh, kw],
    geometry,
    filter: filterMemory(context, filter),
    index: (kernelPosition, channel, column) => {
      const [group, within] = geometry.groups === 1 ? [literal(0), column] : [div(column, c), mod(column, c)];
      const output = plus(channel, times(group, channels));
      return plus(times(plus(within, literal(kernelPosition * c)), m), output);
    },
    rows: [0, kh * kw * channels],
  };
  return lowerTransposed(context, product, sums);
}

/** A transposed convolution: the filter itself is the matrix. */
export function lowerTransposedConvolution(
  context: Context,
  node: Node<'transposedConvolution'>,
  result: Node,
  sums: readonly Node[],
): DraftLaunch[] {
  const [images, filter] = node.inputs as [Node, Node];
  const [kh, kw, channels, m] = filterSizes(filter.shape);
  const { rows, outputPadding: _extra, ...geometry } = node.attributes;
  const product: Transposed = {
    name: 'transposedConvolution',
    node,
    result,
    images,
    channels,
    kernel: [kh, kw],
    geometry,
    filter: filterMemory(context, filter),
    index: (kernelPosition, channel, column) =>
      plus(times(plus(channel, literal(kernelPosition * channels)), m), column),
    rows,
  };
  return lowerTransposed(context, product, sums);
}

function lowerTransposed(context: Context, product: Transposed, sums: readonly Node[]): DraftLaunch[] {
  const { kernel, channels, geometry, node, rows } = product;
  if (isWinogradWorthwhile(kernel, channels, geometry, imageSizes(node.shape)[2])) {
    const kernelRows = worthwhileKernelRows(rows, kernel[1] * channels);
    if (kernelRows !== undefined) return lowerWinograd(context, winogradProduct(product, kernelRows), sums);
  }
  return lowerPhases(context, product, sums);
}

/** A kernel position along one axis, and the input that it adds to the first output of its phase. */
type AxisPosition = { readonly position: number; readonly shift: number };

/**
 * For each residue mod stride, the kernel positions that reach its outputs along an axis, in the order of their inputs.
 */
function axisPositions(kernel: number, geometry: FullGeometry, axis: 0 | 1): AxisPosition[][] {
  const { stride, padding, dilation } = geometry;
  return Array.from({ length: stride[axis] }, (_, residue) => {
    const found: AxisPosition[] = [];
    for (let position = kernel - 1; position >= 0; position--) {
      const distance = residue + padding[axis][0] - position * dilation[axis];
      if (distance % stride[axis] === 0) found.push({ position, shift: distance / stride[axis] });
    }
    return found;
  });
}

/** Zeros before and after the inputs of one axis that kernel positions add to some output. */
function marginOf(
  positions: readonly AxisPosition[][],
  outputs: number,
  stride: number,
  inputs: number,
): [number, number] {
  const shifts = positions.flat().map(({ shift }) => shift);
  const last = Math.ceil(outputs / stride) - 1;
  return [Math.max(0, -Math.min(0, ...shifts)), Math.max(0, last + Math.max(0, ...shifts) - (inputs - 1))];
}

/** Channels `from` to `to` of a kernel position, and their first row in the repacked filter. */
type PackedRows = {
  readonly kernelPosition: number;
  readonly from: number;
  readonly to: number;
  readonly row: number;
};

function lowerPhases(context: Context, transposed: Transposed, sums: readonly Node[]): DraftLaunch[] {
  const { node, images, kernel, geometry } = transposed;
  const { stride, groups } = geometry;
  const [n, h, w, columns] = imageSizes(node.shape);
  const [, oh, ow, inputs] = imageSizes(images.shape);
  const positionsY = axisPositions(kernel[0], geometry, 0);
  const positionsX = axisPositions(kernel[1], geometry, 1);
  const padding = {
    y: marginOf(positionsY, h, stride[0], oh),
    x: marginOf(positionsX, w, stride[1], ow),
  };
  const packed: PackedRows[] = [];
  const phases: Phase[] = [];
  for (const [py, alongY] of positionsY.entries()) {
    for (const [px, alongX] of positionsX.entries()) {
      const runs = alongY.flatMap(({ position: ky, shift }) =>
        runsOfRow(transposed, alongX, packed, { ky, dy: shift + padding.y[0], firstX: padding.x[0] }),
      );
      const size = [Math.ceil((h - py) / stride[0]), Math.ceil((w - px) / stride[1])] as const;
      phases.push({ offset: [py, px], size, runs });
    }
  }
  const packedRows = packed.reduce((sum, { from, to }) => sum + to - from, 0);
  const temporary: Memory = { label: 'repacked filter', elements: packedRows * columns };
  const product: Product = {
    name: transposed.name,
    node,
    result: transposed.result,
    source: {
      node: images,
      size: [oh, ow, inputs],
      index: imageIndex(images),
      padding,
    },
    filter: temporary,
    columns,
    phases,
    inputStep: [1, 1],
    outputStep: stride,
    images: n,
    outputIndex: imageIndex(node),
    groups,
  };
  const pack = repackFilter(context, transposed, temporary, packed, columns);
  return [pack, ...lowerProduct(context, product, sums)];
}

/**
 * Runs of kernel row `ky`; appends their rows to the repacked filter. Kernel positions with adjacent inputs are one
 * run.
 */
function runsOfRow(
  { kernel, channels, rows }: Transposed,
  positions: readonly AxisPosition[],
  packed: PackedRows[],
  { ky, dy, firstX }: { readonly ky: number; readonly dy: number; readonly firstX: number },
): Run[] {
  const runs: Run[] = [];
  // The pixel with which the last run goes on, if it includes all channels of the one before.
  let next: number | undefined;
  for (const { position: kx, shift } of positions) {
    const kernelPosition = ky * kernel[1] + kx;
    const from = Math.max(0, rows[0] - kernelPosition * channels);
    const to = Math.min(channels, rows[1] - kernelPosition * channels);
    if (from >= to) continue;
    const last = packed.at(-1);
    const row = last === undefined ? 0 : last.row + last.to - last.from;
    packed.push({ kernelPosition, from, to, row });
    const open = runs.at(-1);
    if (open !== undefined && shift === next && from === 0)
      runs[runs.length - 1] = { ...open, length: open.length + to };
    else runs.push({ dy, dx: shift + firstX, start: from, length: to - from, filterRow: row });
    next = to === channels ? shift + 1 : undefined;
  }
  return runs;
}

/** The filter's rows in the order of `packed`, one below the other. */
function repackFilter(
  context: Context,
  { filter, index }: Transposed,
  to: Memory,
  packed: readonly PackedRows[],
  columns: number,
): DraftLaunch {
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(filter);
  const target = draft.output(to);
  const chunks = Math.max(...packed.map((rows) => rows.to - rows.from));
  const chunk = chunkIndex(chunks);
  for (const { kernelPosition, from, to: end, row } of packed) {
    b.guard(chunk, end - from, () => {
      eachVector(b, columns, (column, count) => {
        const value = b.load(source, index(kernelPosition, plus(chunk, literal(from)), column));
        b.store(target, plus(plus(times(chunk, columns), literal(row * columns)), column), value, count);
      });
    });
  }
  return draft.finish('repackFilter', chunks);
}

/** With stride 1: a convolution of the inputs with the reversed filter. */
function winogradProduct(
  { name, node, result, images, channels, kernel, geometry, filter, index, rows }: Transposed,
  [firstRow, endRow]: RowRange,
): WinogradProduct {
  const [kh, kw] = kernel;
  const [n, h, w, columns] = imageSizes(node.shape);
  const [, oh, ow, inputs] = imageSizes(images.shape);
  const { padding } = geometry;
  // In the reversed filter, the last kernel row that takes part is the first.
  const kernelPosition = (row: number, tap: number): number => (endRow - 1 - row) * kw + (kw - 1 - tap);
  const isWhole = rows[1] - rows[0] === kh * kw * channels;
  const taps: FilterTaps = {
    memory: filter,
    kernelRows: endRow - firstRow,
    channels,
    columns,
    index: (row, tap, channel, column) => index(kernelPosition(row, tap), channel, column),
    ...(!isWhole && {
      channelsOf: (row: number, tap: number): RowRange => {
        const first = kernelPosition(row, tap) * channels;
        return [rows[0] - first, rows[1] - first];
      },
    }),
  };
  const margin = (size: number, reach: number, before: number, outputs: number): [number, number] => [
    reach - 1 - before,
    trailingZeros(outputs, reach, 1, reach - 1 - before, size),
  ];
  return {
    name,
    node,
    result,
    source: {
      node: images,
      size: [oh, ow, inputs],
      index: imageIndex(images),
      padding: { y: margin(h, kh, padding[0][0], oh), x: margin(w, kw, padding[1][0], ow) },
    },
    taps,
    columns,
    firstKernelRow: kh - endRow,
    size: [h, w],
    images: n,
    outputIndex: imageIndex(node),
  };
}
