// What a product is to the kernels that compute it: runs of inputs that meet rows of a filter matrix, for output pixels
// that share them.

import type { Node, RowRange } from '../../graph/node.ts';
import type { Int } from '../../kernel/int.ts';
import type { Memory } from '../draft.ts';
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
};

/** Zeros behind an axis, so that the last window is complete (or 0 if it ends earlier). */
export function trailingZeros(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  outputs: number,
): number {
  return Math.max(0, (outputs - 1) * stride + kernel - size - padding);
}

/** Runs of one output pixel's window: one per kernel row, over the filter rows in `rows` only. */
export function windowRuns(kernel: readonly [number, number], channels: number, rows: RowRange): Run[] {
  const perRow = kernel[1] * channels;
  const runs: Run[] = [];
  for (let dy = 0; dy < kernel[0]; dy++) {
    const from = Math.max(rows[0], dy * perRow);
    const to = Math.min(rows[1], (dy + 1) * perRow);
    if (from < to) runs.push({ dy, dx: 0, start: from - dy * perRow, length: to - from, filterRow: from });
  }
  return runs;
}
