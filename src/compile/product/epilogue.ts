// The epilogue of a product, applied to its accumulators: the elementwise work after the product, the stores, and sums
// over a chunk's pixels (batch-norm statistics), which are collected in scratch memory.

import { stridesOf } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import { flatten, type Int, literal, plus, times } from '../../kernel/int.ts';
import { type Local, SCRATCH } from '../../kernel/kernel.ts';
import { type Context, type Draft, type DraftLaunch, eachVector, lane, type Memory } from '../draft.ts';
import { createEmitter } from '../elementwise/expression.ts';
import { lowerCombine } from '../elementwise/map.ts';

/** What an epilogue must know of its product. */
export type ProductResult = {
  readonly node: Node;
  /** The last node of the elementwise work after it. */
  readonly result: Node;
  /** Columns of the weight matrix (output channels), and their groups; one if absent. */
  readonly columns: number;
  readonly groups?: number;
  /** Chunks of the kernel, and the one it works on. */
  readonly chunks: number;
  readonly chunk: Int;
  /** Index of an output element in the result. */
  readonly outputIndex: (image: Int, y: Int, x: Int, channel: Int) => Int[];
  /** Buffer slot of the result. */
  readonly output: number;
};

/** Image, pixel and channels of a vector of output elements. */
export type Place = readonly [image: Int, y: Int, x: Int, channel: Int];

/** Emits the epilogue of vectors of elements. */
export type Epilogue = {
  readonly lanes: number;
  /** Number of sums that are collected. */
  readonly sums: number;
  /**
   * Number of random draws in the work after the product. A draw is a long dependency chain that does not need the
   * product: draws can be made before it, interleaved, which shortens the chains of the epilogue.
   */
  readonly draws: number;
  /** Stores the draws of a vector of elements, one after the other, from `at` on in scratch memory. */
  readonly draw: (place: Place, at: Int) => void;
  /**
   * Applies the epilogue to the first `count` lanes of a product's value and stores them; returns the summand of each
   * sum. `drawn` is the place of its draws in scratch memory, if they are made.
   */
  readonly store: (value: Local, place: Place, count: number, drawn?: Int) => Local[];
  readonly add: (a: Local, b: Local) => Local;
  /** Adds to the totals of each sum, for the first `count` lanes of a vector of columns. */
  readonly collect: (column: Int, totals: readonly Local[], count: number) => void;
  /** Stores the chunk's sums as partial results; returns the kernels that combine those of all chunks. */
  readonly finish: () => DraftLaunch[];
};

/**
 * Of the expression `result`, down to `end`: the values it loads, in order of first use, and the draws that are used at
 * the index of the result only. Attached sums need no look: a draw with a second user is in memory.
 */
function partsOf(
  result: Node,
  isStored: (node: Node) => boolean,
  end: Node,
): { readonly loads: ReadonlySet<Node>; readonly draws: readonly Node[] } {
  const loads = new Set<Node>();
  const seen = [new Set<Node>(), new Set<Node>()] as const;
  const visit = (node: Node, isAligned: boolean): void => {
    const here = seen[isAligned ? 0 : 1];
    if (here.has(node) || node === end) return;
    if (isStored(node)) {
      loads.add(node);
      return;
    }
    here.add(node);
    // A transposition may keep the shape, and still moves every element.
    const keeps = isAligned && node.op !== 'transpose';
    for (const input of node.inputs) visit(input, keeps && input.shape.join() === node.shape.join());
  };
  visit(result, true);
  const draws = [...seen[0]].filter((node) => node.op === 'normal' && !seen[1].has(node));
  return { loads, draws };
}

/** The epilogue of a product that also computes `sums`, over images and pixels. */
export function createEpilogue(
  context: Context,
  draft: Draft,
  product: ProductResult,
  sums: readonly Node[],
): Epilogue {
  const b = draft.builder;
  const { result, columns, chunks, chunk } = product;
  const strides = stridesOf(result.shape);
  const isStored = (node: Node): boolean => node !== result && context.memoryOf(node) !== undefined;
  const slotOf = (node: Node): number | undefined => (isStored(node) ? draft.slotOf(node) : undefined);
  const add = (x: Local, y: Local): Local => b.operation('add', x, y);
  const bases = sums.map(() => b.reserve(columns));
  const zero = b.literal(0);
  for (const base of bases)
    eachVector(b, columns, (column) => b.store(SCRATCH, plus(literal(base), column), zero));
  const { loads, draws } = partsOf(result, isStored, product.node);
  for (const node of loads) draft.slotOf(node);
  const drawAt = (at: Int, k: number): Int => plus(at, plus(literal(k * b.lanes), lane(b.lanes)));
  return {
    lanes: b.lanes,
    sums: sums.length,
    add,
    draws: draws.length,
    draw: (place, at) => {
      const emit = createEmitter({ ...draft, slotOf });
      const index = product.outputIndex(...place);
      for (const [k, node] of draws.entries()) b.store(SCRATCH, drawAt(at, k), emit(node, index));
    },
    store: (total, place, count, drawn) => {
      const index = product.outputIndex(...place);
      const registers = new Map<Node, () => Local>([[product.node, () => total]]);
      if (drawn !== undefined) {
        for (const [k, node] of draws.entries()) registers.set(node, () => b.load(SCRATCH, drawAt(drawn, k)));
      }
      const value = createEmitter({ ...draft, slotOf }, registers)(result, index);
      b.store(product.output, flatten(index, strides), value, count);
      registers.set(result, () => value);
      const emit = createEmitter({ ...draft, slotOf }, registers);
      return sums.map((sum) => emit(sum.inputs[0]!, index));
    },
    collect: (column, totals, count) => {
      // The lanes behind the last column are unused, unless a next group begins there.
      const stored = (product.groups ?? 1) > 1 ? count : b.lanes;
      for (const [k, total] of totals.entries()) {
        const at = plus(literal(bases[k]!), column);
        b.store(SCRATCH, at, add(b.load(SCRATCH, at), total), stored);
      }
    },
    finish: () => {
      const stride = Math.ceil(columns / 16) * 16;
      return sums.map((sum, k) => {
        const partial: Memory = { label: `partial sums ${k}`, elements: stride * chunks };
        const slot = draft.output(partial);
        eachVector(b, columns, (column, count) => {
          const value = b.load(SCRATCH, plus(literal(bases[k]!), column));
          b.store(slot, plus(times(chunk, stride), column), value, count);
        });
        const parts = { from: partial, count: chunks, stride, op: 'add' } as const;
        return lowerCombine(context, parts, context.memoryOf(sum)!);
      });
    },
  };
}
