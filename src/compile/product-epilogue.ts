// What happens to the elements of a product on their way out of the registers: the elementwise work after it, the
// store, and sums over a chunk's pixels (batch-norm statistics), collected in scratch memory.

import { stridesOf } from '../base/shape.ts';
import type { Node } from '../graph/node.ts';
import { type Context, type Draft, type DraftLaunch, eachVector, type Memory } from './draft.ts';
import { createEmitter } from './expression.ts';
import { flatten, type Int, literal, plus, times } from './int.ts';
import { type Local, SCRATCH } from './loop.ts';
import { lowerCombine } from './lower-map.ts';

/** A product's result, as far as its epilogue cares. */
export type ProductResult = {
  readonly node: Node;
  /** Where the elementwise work after it ends. */
  readonly result: Node;
  /** Output channels. */
  readonly columns: number;
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
  /** Finishes and stores the first `count` lanes of a product's value; returns what each sum gets of it. */
  readonly store: (value: Local, place: Place, count: number) => Local[];
  readonly add: (a: Local, b: Local) => Local;
  /** Adds totals of each sum, for a vector of channels. */
  readonly collect: (channel: Int, totals: readonly Local[]) => void;
  /** Leaves the chunk's sums as partial results; returns the kernels that combine them. */
  readonly finish: () => DraftLaunch[];
};

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
  return {
    lanes: b.lanes,
    sums: sums.length,
    add,
    store: (total, place, count) => {
      const index = product.outputIndex(...place);
      const registers = new Map<Node, () => Local>([[product.node, () => total]]);
      const value = createEmitter({ ...draft, slotOf }, registers)(result, index);
      b.store(product.output, flatten(index, strides), value, count);
      registers.set(result, () => value);
      const emit = createEmitter({ ...draft, slotOf }, registers);
      return sums.map((sum) => emit(sum.inputs[0]!, index));
    },
    collect: (channel, totals) => {
      for (const [k, total] of totals.entries()) {
        const at = plus(literal(bases[k]!), channel);
        b.store(SCRATCH, at, add(b.load(SCRATCH, at), total));
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
