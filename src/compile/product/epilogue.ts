// What happens to the elements of a product on their way out of the registers: the elementwise work after it, the
// store, and sums over a chunk's pixels (batch-norm statistics), collected in scratch memory.

import { stridesOf } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import { flatten, type Int, literal, plus, times } from '../../kernel/int.ts';
import { type Local, SCRATCH } from '../../kernel/kernel.ts';
import { type Context, type Draft, type DraftLaunch, eachVector, lane, type Memory } from '../draft.ts';
import { createEmitter } from '../elementwise/expression.ts';
import { lowerCombine } from '../elementwise/map.ts';

/** A product's result, as far as its epilogue cares. */
export type ProductResult = {
  readonly node: Node;
  /** Where the elementwise work after it ends. */
  readonly result: Node;
  /** Output channels, and the groups that they come in; one if absent. */
  readonly columns: number;
  readonly groups?: number;
  /** Chunks of the kernel, and the one it works on. */
  readonly chunks: number;
  readonly chunk: Int;
  /** Index of an output element in the result. */
  readonly outputIndex: (image: Int, row: Int, column: Int, channel: Int) => Int[];
  /** Buffer slot of the result. */
  readonly output: number;
};

/** Image, row, column and channels of a vector of output elements. */
export type Place = readonly [image: Int, row: Int, column: Int, channel: Int];

/** Writes the code that ends a product's elements. */
export type Epilogue = {
  readonly lanes: number;
  /** Number of sums that are collected. */
  readonly sums: number;
  /**
   * Number of draws in the work after the product. A draw is a long chain of operations that does not wait for the
   * product: made before, some at a time, they leave shorter chains to be finished.
   */
  readonly draws: number;
  /** Makes the draws of a vector of elements, one behind the other from `at` on in scratch memory. */
  readonly draw: (place: Place, at: Int) => void;
  /**
   * Finishes and stores the first `count` lanes of a product's value; returns what each sum gets of it. `drawn` says
   * where its draws lie, if they are made.
   */
  readonly store: (value: Local, place: Place, count: number, drawn?: Int) => Local[];
  readonly add: (a: Local, b: Local) => Local;
  /** Adds totals of each sum, for the first `count` lanes of a vector of channels. */
  readonly collect: (channel: Int, totals: readonly Local[], count: number) => void;
  /** Leaves the chunk's sums as partial results; returns the kernels that combine them. */
  readonly finish: () => DraftLaunch[];
};

/**
 * Draws of the expression `result`, down to `end`, that are only used at the index of the result itself. Attached sums
 * need not be looked at: a draw with a second user is in memory.
 */
function alignedDraws(result: Node, slotOf: (node: Node) => number | undefined, end: Node): Node[] {
  const seen = [new Set<Node>(), new Set<Node>()] as const;
  const visit = (node: Node, isAligned: boolean): void => {
    const here = seen[isAligned ? 0 : 1];
    if (here.has(node) || node === end || slotOf(node) !== undefined) return;
    here.add(node);
    // A transposition may keep the shape, and still moves every element.
    const keeps = isAligned && node.op !== 'transpose';
    for (const input of node.inputs) visit(input, keeps && input.shape.join() === node.shape.join());
  };
  visit(result, true);
  return [...seen[0]].filter((node) => node.op === 'normal' && !seen[1].has(node));
}

/** An epilogue whose sums are those of `sums`, over images and pixels. */
export function createEpilogue(
  context: Context,
  draft: Draft,
  product: ProductResult,
  sums: readonly Node[],
): Epilogue {
  const b = draft.builder;
  const { result, columns, chunks, chunk } = product;
  const strides = stridesOf(result.shape);
  const slotOf = (node: Node): number | undefined =>
    node === result || context.memoryOf(node) === undefined ? undefined : draft.slotOf(node);
  const add = (x: Local, y: Local): Local => b.operation('add', x, y);
  const bases = sums.map(() => b.reserve(columns));
  const zero = b.literal(0);
  for (const base of bases)
    eachVector(b, columns, (channel) => b.store(SCRATCH, plus(literal(base), channel), zero));
  const draws = alignedDraws(result, slotOf, product.node);
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
    collect: (channel, totals, count) => {
      // What a vector overruns into is nobody's, unless there is a next group.
      const stored = (product.groups ?? 1) > 1 ? count : b.lanes;
      for (const [k, total] of totals.entries()) {
        const at = plus(literal(bases[k]!), channel);
        b.store(SCRATCH, at, add(b.load(SCRATCH, at), total), stored);
      }
    },
    finish: () => {
      const stride = Math.ceil(columns / 16) * 16;
      return sums.map((sum, k) => {
        const partial: Memory = { label: `partial sums ${k}`, elements: stride * chunks };
        const slot = draft.output(partial);
        eachVector(b, columns, (channel, count) => {
          const value = b.load(SCRATCH, plus(literal(bases[k]!), channel));
          b.store(slot, plus(times(chunk, stride), channel), value, count);
        });
        const parts = { from: partial, count: chunks, stride, op: 'add' } as const;
        return lowerCombine(context, parts, context.memoryOf(sum)!);
      });
    },
  };
}
