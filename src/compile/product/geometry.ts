// What a product is to the kernels that compute it: runs of inputs that meet rows of a filter matrix, for output pixels
// that share them.

import { invariant } from '../../base/errors.ts';
import type { FullGeometry, Node, RowRange } from '../../graph/node.ts';
import { reachOf } from '../../graph/shape-rules.ts';
import { type Int, literal, times } from '../../kernel/int.ts';
import type { Context, Memory } from '../draft.ts';
import type { ImageSource } from './stage-image.ts';

/** Inputs at (row + dy, column + dx), from element `start` of that pixel on, meet filter rows from `filterRow` on. */
export type Run = {
  readonly dy: number;
  readonly dx: number;
  readonly start: number;
  readonly length: number;
  readonly filterRow: number;
};

/** Output pixels (offset + step · i) that share their runs. */
export type Phase = {
  readonly offset: readonly [number, number];
  readonly size: readonly [number, number];
  readonly runs: readonly Run[];
};

/** A product, reduced to geometry. */
export type Product = {
  readonly name: string;
  readonly node: Node;
  readonly result: Node;
  readonly source: ImageSource;
  readonly filter: Memory;
  /** Columns of the filter matrix = output channels. */
  readonly columns: number;
  readonly phases: readonly Phase[];
  /** Input pixels per output pixel within a phase. */
  readonly inputStep: readonly [number, number];
  /** Distance of a phase's output pixels. */
  readonly outputStep: readonly [number, number];
  /** Number of images; a chunk computes one, several, or a share of one's channels. */
  readonly images: number;
  /** Index of an output element in the result. */
  readonly outputIndex: (image: Int, row: Int, column: Int, channel: Int) => Int[];
  /** Filter matrices of so many rows, one below the other: image i meets number `of(i)`. One matrix for all if absent. */
  readonly stack?: { readonly count: number; readonly rows: number; readonly of: (image: Int) => Int };
  /** Images of a chunk, a divisor of their number; 1 if absent. */
  readonly perChunk?: number;
  /** The columns come in so many groups, each of which meets a share of the source's channels; 1 if absent. */
  readonly groups?: number;
};

/** Index into images (n, h, w, c), or into signals (n, w, c), of an element of an image. */
export function imageIndex(images: Node): ImageSource['index'] {
  return images.shape.length === 3
    ? (image, _row, column, channel) => [image, column, channel]
    : (image, row, column, channel) => [image, row, column, channel];
}

/** Rows of other matrices that lie before those of the matrix which an image meets. */
export function rowsBefore({ stack }: Product, image: Int): Int {
  return stack === undefined ? literal(0) : times(stack.of(image), stack.rows);
}

/** Zeros behind an axis, so that the last window, of `reach` pixels, is complete (or 0 if it ends earlier). */
export function trailingZeros(
  size: number,
  reach: number,
  stride: number,
  padding: number,
  outputs: number,
): number {
  return Math.max(0, (outputs - 1) * stride + reach - size - padding);
}

/** Zeros around the images of a convolution, for its outputs to be complete. */
export function margins(
  size: readonly [number, number],
  kernel: readonly [number, number],
  outputs: readonly [number, number],
  { stride, padding, dilation }: FullGeometry,
): ImageSource['padding'] {
  const along = (k: 0 | 1): [number, number] => {
    const before = padding[k][0];
    return [before, trailingZeros(size[k], reachOf(kernel[k], dilation[k]), stride[k], before, outputs[k])];
  };
  return { rows: along(0), columns: along(1) };
}

/**
 * Runs of one output pixel's window, over the filter rows in `rows` only: one per kernel row, or, where its pixels lie
 * apart, one per kernel position.
 */
export function windowRuns(
  kernel: readonly [number, number],
  channels: number,
  rows: RowRange,
  dilation: readonly [number, number] = [1, 1],
): Run[] {
  const together = dilation[1] === 1 ? kernel[1] : 1;
  const perRun = together * channels;
  const runs: Run[] = [];
  for (let position = 0; position < kernel[0] * kernel[1]; position += together) {
    const first = position * channels;
    const from = Math.max(rows[0], first);
    const to = Math.min(rows[1], first + perRun);
    if (from >= to) continue;
    const dy = Math.floor(position / kernel[1]) * dilation[0];
    const dx = (position % kernel[1]) * dilation[1];
    runs.push({ dy, dx, start: from - first, length: to - from, filterRow: from });
  }
  return runs;
}

/** Where the filter operand of a product lies. */
export function filterMemory(context: Context, node: Node): Memory {
  const stored = context.memoryOf(node) === undefined && node.op === 'reshape' ? node.inputs[0]! : node;
  const memory = context.memoryOf(stored);
  invariant(memory, 'a filter is not in memory');
  return memory;
}
