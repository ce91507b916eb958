// Makes lines ready. A store to memory waits until its line has come; a band of stores in a row waits for all of them.
// While a band of a product is summed, from caches alone, its lines can come. And what the inner loop of a large product
// loads from the second cache comes in time if it is asked for some turns before.

import { elementCount, stridesOf } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import type { KernelBuilder } from '../../kernel/builder.ts';
import { flatten, type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import { LARGE_ELEMENTS } from '../draft.ts';
import { vectorAt } from './block.ts';

/** Elements of a cache line. */
const LINE = 16;
/** More lines than this in a row become a loop. */
const UNROLLED_LINES = 16;

/** Rows of an image that will be stored, from `index` on. */
export type StoredRows = {
  readonly node: Node;
  readonly slot: number;
  readonly index: readonly Int[];
  readonly rows: number;
};

/** Asks for part number `part` of `parts` of the rows; for nothing if the whole value stays in a near cache. */
export function prefetchPart(
  b: KernelBuilder,
  { node, slot, index, rows }: StoredRows,
  part: Int,
  parts: number,
): void {
  if (elementCount(node.shape) < LARGE_ELEMENTS) return;
  const strides = stridesOf(node.shape);
  // A signal is an image of one row.
  const rowStride = strides[strides.length - 3]!;
  const lines = Math.ceil((rows * rowStride) / LINE / parts);
  const first = plus(flatten(index, strides), times(part, lines * LINE));
  const ask = (line: Int): void => b.prefetch(slot, plus(first, times(line, LINE)), 'store');
  if (lines > UNROLLED_LINES) b.loop(lines, ask, 'l');
  else for (let line = 0; line < lines; line++) ask(literal(line));
}

/** A filter of more bytes does not stay in the nearest cache beside what it meets. */
const NEAR_BYTES = 16 * 1024;
/** Rows of such a filter that are asked for before they are loaded. */
const AHEAD_ROWS = 8;

/** Rows of a filter that an inner loop walks over again and again. */
export type WalkedRows = { readonly slot: number; readonly bytes: number };

/** Vector `v` of the row at `address(row)`; if the rows come from a farther cache, a later one is asked for, once a line. */
export function loadRow(
  b: KernelBuilder,
  { slot, bytes }: WalkedRows,
  address: (row: Int) => Int,
  row: Int,
  v: number,
): Local {
  const first = v * b.lanes;
  if (bytes > NEAR_BYTES && first % LINE === 0)
    b.prefetch(slot, plus(address(plus(row, literal(AHEAD_ROWS))), literal(first)), 'load');
  return b.load(slot, plus(address(row), vectorAt(b.lanes, v)));
}
