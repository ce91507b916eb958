// Products whose inputs are spread over the outputs: y[stride · i + dilation · k − padding] += x[i] · filter[k]. The
// gradient of a convolution's images is one, with the filter transposed, and so is a transposed convolution.
//
// Output pixels of one remainder mod stride share their kernel positions (taps): a phase, in which the product is a
// plain one of stride 1, with the filter repacked in the order in which its rows meet the inputs.

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
import type { FilterTaps } from './transform-filter.ts';
import {
  isWinogradWorthwhile,
  lowerWinograd,
  type WinogradProduct,
  worthwhileKernelRows,
} from './winograd-product.ts';

/** A product of this kind. Its matrix has a row for each (kernel position, channel of a group). */
type Spread = {
  readonly name: string;
  /** Its node, (n, h, w, columns). */
  readonly node: Node;
  readonly result: Node;
  /** What is spread, (n, ·, ·, groups · channels). */
  readonly images: Node;
  /** Channels of a group. */
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly geometry: FullGeometry;
  readonly filter: Memory;
  /** Index into the filter of an element of the matrix. */
  readonly index: (position: number, channel: Int, column: Int) => Int;
  /** Rows of the matrix that take part. */
  readonly rows: RowRange;
};

/** The gradient of a convolution's images: its matrix has rows (kernel position, output channel). */
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
  const spread: Spread = {
    name: 'convolutionInputGradient',
    node,
    result,
    images,
    channels,
    kernel: [kh, kw],
    geometry,
    filter: filterMemory(context, filter),
    index: (position, channel, column) => {
      const [group, within] = geometry.groups === 1 ? [literal(0), column] : [div(column, c), mod(column, c)];
      const output = plus(channel, times(group, channels));
      return plus(times(plus(within, literal(position * c)), m), output);
    },
    rows: [0, kh * kw * channels],
  };
  return lowerSpread(context, spread, sums);
}

/** A transposed convolution: its matrix is the filter as it is. */
export function lowerTransposedConvolution(
  context: Context,
  node: Node<'transposedConvolution'>,
  result: Node,
  sums: readonly Node[],
): DraftLaunch[] {
  const [images, filter] = node.inputs as [Node, Node];
  const [kh, kw, channels, m] = filterSizes(filter.shape);
  const { rows, outputPadding: _extra, ...geometry } = node.attributes;
  const spread: Spread = {
    name: 'transposedConvolution',
    node,
    result,
    images,
    channels,
    kernel: [kh, kw],
    geometry,
    filter: filterMemory(context, filter),
    index: (position, channel, column) => plus(times(plus(channel, literal(position * channels)), m), column),
    rows,
  };
  return lowerSpread(context, spread, sums);
}

function lowerSpread(context: Context, spread: Spread, sums: readonly Node[]): DraftLaunch[] {
  const { kernel, channels, geometry, node, rows } = spread;
  if (isWinogradWorthwhile(kernel, channels, geometry, imageSizes(node.shape)[2])) {
    const kernelRows = worthwhileKernelRows(rows, kernel[1] * channels);
    if (kernelRows !== undefined) return lowerWinograd(context, winogradProduct(spread, kernelRows), sums);
  }
  return spreadByPhases(context, spread, sums);
}

/** A kernel position of one axis, and which input it brings to the first output of its phase. */
type Tap = { readonly tap: number; readonly shift: number };

/** Kernel positions of one axis that reach output positions ≡ `residue`, in the order of their input positions. */
function tapsOf(kernel: number, geometry: FullGeometry, axis: 0 | 1): Tap[][] {
  const { stride, padding, dilation } = geometry;
  return Array.from({ length: stride[axis] }, (_, residue) => {
    const found: Tap[] = [];
    for (let tap = kernel - 1; tap >= 0; tap--) {
      const distance = residue + padding[axis][0] - tap * dilation[axis];
      if (distance % stride[axis] === 0) found.push({ tap, shift: distance / stride[axis] });
    }
    return found;
  });
}

/** Zeros before and after the inputs of one axis that some tap brings to some output. */
function marginOf(taps: readonly Tap[][], outputs: number, stride: number, inputs: number): [number, number] {
  const shifts = taps.flat().map((tap) => tap.shift);
  const last = Math.ceil(outputs / stride) - 1;
  return [Math.max(0, -Math.min(0, ...shifts)), Math.max(0, last + Math.max(0, ...shifts) - (inputs - 1))];
}

/** Channels `from` to `to` of a kernel position, and the first row of the repacked filter that they fill. */
type PackedTap = {
  readonly position: number;
  readonly from: number;
  readonly to: number;
  readonly row: number;
};

function spreadByPhases(context: Context, spread: Spread, sums: readonly Node[]): DraftLaunch[] {
  const { node, images, kernel, geometry } = spread;
  const { stride, groups } = geometry;
  const [n, h, w, columns] = imageSizes(node.shape);
  const [, oh, ow, inputs] = imageSizes(images.shape);
  const rowTaps = tapsOf(kernel[0], geometry, 0);
  const columnTaps = tapsOf(kernel[1], geometry, 1);
  const rows = marginOf(rowTaps, h, stride[0], oh);
  const margin = marginOf(columnTaps, w, stride[1], ow);
  const packed: PackedTap[] = [];
  const phases: Phase[] = [];
  for (const [py, ofRow] of rowTaps.entries()) {
    for (const [px, ofColumn] of columnTaps.entries()) {
      const runs = ofRow.flatMap(({ tap, shift }) =>
        runsOfRow(spread, ofColumn, packed, { tap, dy: shift + rows[0], firstColumn: margin[0] }),
      );
      const size = [Math.ceil((h - py) / stride[0]), Math.ceil((w - px) / stride[1])] as const;
      phases.push({ offset: [py, px], size, runs });
    }
  }
  const packedRows = packed.reduce((sum, { from, to }) => sum + to - from, 0);
  const temporary: Memory = { label: 'repacked filter', elements: packedRows * columns };
  const product: Product = {
    name: spread.name,
    node,
    result: spread.result,
    source: {
      node: images,
      size: [oh, ow, inputs],
      index: imageIndex(images),
      padding: { rows, columns: margin },
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
  const pack = repackFilter(context, spread, temporary, packed, columns);
  return [pack, ...lowerProduct(context, product, sums)];
}

/** Runs of one kernel row, and their rows of the repacked filter: taps whose inputs are neighbours are one run. */
function runsOfRow(
  { kernel, channels, rows }: Spread,
  taps: readonly Tap[],
  packed: PackedTap[],
  { tap: ky, dy, firstColumn }: { readonly tap: number; readonly dy: number; readonly firstColumn: number },
): Run[] {
  const runs: Run[] = [];
  // Where a run would go on: the next pixel, if the last one was met to its end.
  let next: number | undefined;
  for (const { tap: kx, shift } of taps) {
    const position = ky * kernel[1] + kx;
    const from = Math.max(0, rows[0] - position * channels);
    const to = Math.min(channels, rows[1] - position * channels);
    if (from >= to) continue;
    const last = packed.at(-1);
    const row = last === undefined ? 0 : last.row + last.to - last.from;
    packed.push({ position, from, to, row });
    const open = runs.at(-1);
    if (open !== undefined && shift === next && from === 0)
      runs[runs.length - 1] = { ...open, length: open.length + to };
    else runs.push({ dy, dx: shift + firstColumn, start: from, length: to - from, filterRow: row });
    next = to === channels ? shift + 1 : undefined;
  }
  return runs;
}

/** The filter's rows in the order of `packed`, one below the other. */
function repackFilter(
  context: Context,
  { filter, index }: Spread,
  to: Memory,
  packed: readonly PackedTap[],
  columns: number,
): DraftLaunch {
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(filter);
  const target = draft.output(to);
  const chunks = Math.max(...packed.map((tap) => tap.to - tap.from));
  const chunk = chunkIndex(chunks);
  for (const { position, from, to: end, row } of packed) {
    b.guard(chunk, end - from, () => {
      eachVector(b, columns, (column, count) => {
        const value = b.load(source, index(position, plus(chunk, literal(from)), column));
        b.store(target, plus(plus(times(chunk, columns), literal(row * columns)), column), value, count);
      });
    });
  }
  return draft.finish('repackFilter', chunks);
}

/** With stride 1 it is a convolution of the inputs with the reversed filter. */
function winogradProduct(
  { name, node, result, images, channels, kernel, geometry, filter, index, rows }: Spread,
  [firstRow, endRow]: RowRange,
): WinogradProduct {
  const [kh, kw] = kernel;
  const [n, h, w, columns] = imageSizes(node.shape);
  const [, oh, ow, inputs] = imageSizes(images.shape);
  const { padding } = geometry;
  // Reversed, the last kernel row that takes part is the first.
  const positionOf = (row: number, tap: number): number => (endRow - 1 - row) * kw + (kw - 1 - tap);
  const isWhole = rows[1] - rows[0] === kh * kw * channels;
  const taps: FilterTaps = {
    memory: filter,
    kernelRows: endRow - firstRow,
    channels,
    columns,
    index: (row, tap, channel, column) => index(positionOf(row, tap), channel, column),
    ...(!isWhole && {
      channelsOf: (row: number, tap: number): RowRange => {
        const first = positionOf(row, tap) * channels;
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
      padding: { rows: margin(h, kh, padding[0][0], oh), columns: margin(w, kw, padding[1][0], ow) },
    },
    taps,
    columns,
    firstKernelRow: kh - endRow,
    size: [h, w],
    images: n,
    outputIndex: imageIndex(node),
  };
}
