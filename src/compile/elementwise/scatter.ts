// Lowering of the gradient of a table whose rows were looked up: what belongs to equal indices is added up in the order
// of the indices. Each chunk does so for some of the columns, so that no two write to one place.

import { elementCount } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import type { KernelBuilder } from '../../kernel/builder.ts';
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
import { createEmitter, rowOffset } from './expression.ts';

/** Chunks that columns are shared out to, if there are enough. */
const CHUNKS = 16;
/** Vectors of columns that a chunk goes through the indices with at a time. */
const BLOCK_VECTORS = 4;

/** The kernel that computes `node`: zeros, then index after index its values added to its row. */
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
    b.loop(
      rows,
      (r) => {
        for (const { at, count } of vectors) {
          const place = plus(times(r, width), at);
          b.store(output, place, zero, count);
          if (compensation !== undefined) b.store(compensation, place, zero, count);
        }
      },
      'r',
    );
    b.loop(items, (i) => {
      const outer = unflatten(i, indices.shape);
      const offset = { ...rowOffset(b, indices, emit(indices, outer), rows, width), isUniform: true };
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
  return [draft.finish('scatterAdd', eachBlockOfColumns(b, width, add))];
}

/** Calls `body` with the columns of a chunk, and how many lanes of each vector are in use; returns the number of chunks. */
function eachBlockOfColumns(
  b: KernelBuilder,
  width: number,
  body: (column: Int, counts: readonly number[]) => void,
): number {
  const vectors = Math.ceil(Math.ceil(width / b.lanes) / CHUNKS);
  const block = Math.min(BLOCK_VECTORS, vectors) * b.lanes;
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
 * The sum after one more value, without what earlier additions lost (Kahan's summation): a long sum keeps its digits
 * in any order of its terms. Nothing is lost of what is infinite.
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
