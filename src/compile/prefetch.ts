// Makes lines ready. A store to memory waits until its line has come; a band of stores in a row waits for all of them.
// While a band of a product is summed, from caches alone, its lines can come. And what the inner loop of a large product
// loads from the second cache comes in time if it is asked for some turns before.

import { elementCount, stridesOf } from '../base/shape.ts';
import type { Node } from '../graph/node.ts';
import { LARGE_ELEMENTS } from './draft.ts';
import { flatten, type Int, literal, plus, times } from './int.ts';
import type { KernelBuilder } from './kernel-builder.ts';

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
  const lines = Math.ceil((rows * strides[1]!) / LINE / parts);
  const first = plus(flatten(index, strides), times(part, lines * LINE));
  const ask = (line: Int): void => b.prefetch(slot, plus(first, times(line, LINE)), 'store');
  if (lines > UNROLLED_LINES) b.loop(lines, ask, 'l');
  else for (let line = 0; line < lines; line++) ask(literal(line));
}

/** Asks for vector `v` of a row that will be loaded, once a line. */
export function prefetchVector(b: KernelBuilder, slot: number, row: Int, v: number): void {
  if ((v * b.lanes) % LINE === 0) b.prefetch(slot, plus(row, literal(v * b.lanes)), 'load');
}
