// What the lowering of products knows of one: for output pixels, the runs of inputs that meet rows of the weight
// matrix. A filter (kh, kw, channels, columns) is the matrix (kh · kw · channels) × columns; its columns are the output
// channels.

import { invariant } from '../../base/errors.ts';
import type { FullGeometry, Node, RowRange } from '../../graph/node.ts';
import { reachOf } from '../../graph/shape-rules.ts';
import { type Int, literal, times } from '../../kernel/int.ts';
import type { Context, Memory } from '../draft.ts';
import type { ImageSource } from './stage-image.ts';

/** Inputs of pixel (y + dy, x + dx), from its element `start` on, meet rows of the matrix from `filterRow` on. */
export type Run = {
  readonly dy: number;
  readonly dx: number;
  readonly start: number;
  readonly length: number;
  readonly filterRow: number;
};

/** Output pixels (offset + step · i) that have the same runs. */
export type Phase = {
  readonly offset: readonly [number, number];
  readonly size: readonly [number, number];
  readonly runs: readonly Run[];
};

/** A product as geometry. */
export type Product = {
  readonly name: string;
  readonly node: Node;
  readonly result: Node;
  readonly source: ImageSource;
  readonly filter: Memory;
  /** Columns of the matrix: output channels. */
  readonly columns: number;
  readonly phases: readonly Phase[];
  /** Input pixels per output pixel within a phase. */
  readonly inputStep: readonly [number, number];
  /** Distance of a phase's output pixels. */
  readonly outputStep: readonly [number, number];
  /** Number of images; a chunk computes one, several, or a share of one's columns. */
  readonly images: number;
  /** Index of an output element in the result. */
  readonly outputIndex: (image: Int, y: Int, x: Int, channel: Int) => Int[];
  /**
   * `count` matrices of `rows` rows, one below the other: image i is multiplied by number `of(i)`. Absent: one for all.
   */
  readonly stack?: { readonly count: number; readonly rows: number; readonly of: (image: Int) => Int };
  /** Images of a chunk, a divisor of their number; 1 if absent. */
  readonly perChunk?: number;
  /** Groups of columns, each of which has a share of the source's channels; 1 if absent. */
  readonly groups?: number;
};

/** Index into images (n, h, w, c), or into signals (n, w, c), of an element of an image. */
export function imageIndex(images: Node): ImageSource['index'] {
  return images.shape.length === 3
    ? (image, _y, x, channel) => [image, x, channel]
    : (image, y, x, channel) => [image, y, x, channel];
}

/** In a stack, the number of rows before the matrix of an image. */
export function rowsBefore({ stack }: Product, image: Int): Int {
  return stack === undefined ? literal(0) : times(stack.of(image), stack.rows);
}

/** Zeros after an axis that complete its last window, of `reach` pixels; 0 if it ends earlier. */
export function trailingZeros(
  size: number,
  reach: number,
  stride: number,
  padding: number,
  outputs: number,
): number {
  return Math.max(0, (outputs - 1) * stride + reach - size - padding);
}

/** Zeros around the images of a convolution that complete all its windows. */
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
  return { y: along(0), x: along(1) };
}

/**
 * Runs of one output pixel's window, over the rows of the matrix in `rows` only: one per kernel row, or, if the kernel
 * is dilated along x, one per kernel position.
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

/** The memory of a product's filter. */
export function filterMemory(context: Context, node: Node): Memory {
  const stored = context.memoryOf(node) === undefined && node.op === 'reshape' ? node.inputs[0]! : node;
  const memory = context.memoryOf(stored);
  invariant(memory, 'a filter is not in memory');
  return memory;
}
