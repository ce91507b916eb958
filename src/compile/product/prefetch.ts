// Software prefetching. A store that misses the caches waits for its cache line, and the stores that end a band of a
// product miss one after the other. So the lines are prefetched while the band is summed, from the caches alone. The
// inner loop of a product with a large filter prefetches the rows of the filter a few iterations ahead, from L2 to L1.

import { elementCount, stridesOf } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import type { KernelBuilder } from '../../kernel/builder.ts';
import { flatten, type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import { tuning } from '../tuning.ts';
import { vectorAt } from './block.ts';

/** Elements of a cache line. */
const LINE = 16;

/** Rows of an image that are stored later, from `index` on. */
export type StoredRows = {
  readonly node: Node;
  readonly slot: number;
  readonly index: readonly Int[];
  readonly rows: number;
};

/** Prefetches part `part` of `parts` of the rows for storing; nothing if the whole value fits the L2 cache. */
export function prefetchPart(
  b: KernelBuilder,
  { node, slot, index, rows }: StoredRows,
  part: Int,
  parts: number,
): void {
  if (elementCount(node.shape) < tuning.largeElements) return;
  const strides = stridesOf(node.shape);
  // A signal is an image of one row.
  const rowStride = strides[strides.length - 3]!;
  const lines = Math.ceil((rows * rowStride) / LINE / parts);
  const first = plus(flatten(index, strides), times(part, lines * LINE));
  const prefetch = (line: Int): void => b.prefetch(slot, plus(first, times(line, LINE)), 'store');
  if (lines > tuning.unrolledLines) b.loop(lines, prefetch, 'l');
  else for (let line = 0; line < lines; line++) prefetch(literal(line));
}

/** A filter, or a panel of one, whose rows an inner loop loads again and again. */
export type WalkedRows = { readonly slot: number; readonly bytes: number };

/**
 * Loads vector `v` of the row at `address(row)`. Of rows that come from the L2 cache, prefetches a later one, once a
 * line.
 */
export function loadRow(
  b: KernelBuilder,
  { slot, bytes }: WalkedRows,
  address: (row: Int) => Int,
  row: Int,
  v: number,
): Local {
  const first = v * b.lanes;
  if (bytes > tuning.l1FilterBytes && first % LINE === 0)
    b.prefetch(slot, plus(address(plus(row, literal(tuning.aheadRows))), literal(first)), 'load');
  return b.load(slot, plus(address(row), vectorAt(b.lanes, v)));
}
