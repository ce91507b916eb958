// Lowering of `scatterAdd`, the gradient of a table whose rows were looked up: values of equal indices are added in the
// order of the indices. Each chunk has columns of the table of its own, so no two chunks write one element.

import { elementCount } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import type { KernelBuilder, Offset } from '../../kernel/builder.ts';
import { type Int, literal, plus, times, unflatten } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import {
  CHAIN,
  type Context,
  chunkIndex,
  createDraft,
  type DraftLaunch,
  lane,
  type Memory,
} from '../draft.ts';
import { tuning } from '../tuning.ts';
import { createEmitter, rowOffset } from './expression.ts';
import { lowerFill } from './map.ts';

/** Kernels that compute `node`: one fills with zeros, one adds the values of each index to its row. */
export function lowerScatterAdd(context: Context, node: Node<'scatterAdd'>): DraftLaunch[] {
  const [indices, values] = node.inputs as [Node, Node];
  const { rows } = node.attributes;
  const row = node.shape.slice(1);
  const width = elementCount(row);
  const items = elementCount(indices.shape);
  const draft = createDraft(context);
  const b = draft.builder;
  const result = context.memoryOf(node)!;
  const output = draft.output(result);
  const lost: Memory | undefined =
    items > CHAIN ? { label: 'lost parts of sums', elements: result.elements } : undefined;
  const compensation = lost === undefined ? undefined : draft.output(lost);
  const emit = createEmitter(draft);
  const zero = b.literal(0);
  const add = (column: Int, counts: readonly number[]): void => {
    const vectors = counts.map((count, v) => ({
      at: plus(column, plus(literal(v * b.lanes), lane(count))),
      count,
    }));
    const offsetAt = (outer: readonly Int[]): Offset => ({
      ...rowOffset(b, indices, emit(indices, outer), rows, width),
      isUniform: true,
    });
    // The compensation is cleared only in rows that occur, which of a large table may be few.
    b.loop(compensation === undefined ? 0 : items, (i) => {
      const offset = offsetAt(unflatten(i, indices.shape));
      for (const { at, count } of vectors) b.storeAt(compensation!, at, offset, zero, count);
    });
    b.loop(items, (i) => {
      const outer = unflatten(i, indices.shape);
      const offset = offsetAt(outer);
      for (const { at, count } of vectors) {
        const value = emit(values, [...outer, ...unflatten(at, row)]);
        const sum = b.loadHereAt(output, at, offset);
        if (compensation === undefined) {
          b.storeAt(output, at, offset, b.operation('add', sum, value), count);
          continue;
        }
        const next = compensatedSum(b, sum, value, b.loadHereAt(compensation, at, offset));
        b.storeAt(output, at, offset, next.sum, count);
        b.storeAt(compensation, at, offset, next.lost, count);
      }
    });
  };
  const chunks = eachBlockOfColumns(b, width, add);
  return [lowerFill(context, result), draft.finish('scatterAdd', chunks)];
}

/**
 * Calls `body` with the columns of a chunk, and how many lanes of each vector are in use; returns the number of chunks.
 */
function eachBlockOfColumns(
  b: KernelBuilder,
  width: number,
  body: (column: Int, counts: readonly number[]) => void,
): number {
  const vectors = Math.ceil(Math.ceil(width / b.lanes) / tuning.scatterChunks);
  const block = Math.min(tuning.scatterVectors, vectors) * b.lanes;
  const whole = Math.floor(width / block);
  const rest = width - whole * block;
  const chunks = Math.ceil(width / block);
  const chunk = chunkIndex(chunks);
  b.guard(chunk, whole, () => body(times(chunk, block), new Array<number>(block / b.lanes).fill(b.lanes)));
  if (rest === 0) return chunks;
  const counts = Array.from({ length: Math.ceil(rest / b.lanes) }, (_, v) =>
    Math.min(b.lanes, rest - v * b.lanes),
  );
  b.guard(plus(literal(chunks - 1), times(chunk, -1)), 1, () => body(literal(whole * block), counts));
  return chunks;
}

/**
 * The sum after one more value, corrected by what earlier additions lost (Kahan's summation), so that a long sum keeps
 * its digits in any order of its terms. An infinite sum has lost nothing.
 */
function compensatedSum(
  b: KernelBuilder,
  sum: Local,
  value: Local,
  lost: Local,
): { readonly sum: Local; readonly lost: Local } {
  const corrected = b.operation('subtract', value, lost);
  const next = b.operation('add', sum, corrected);
  const loss = b.operation('subtract', b.operation('subtract', next, sum), corrected);
  return { sum: next, lost: b.operation('select', b.operation('equal', loss, loss), loss, b.literal(0)) };
}
