// Lowering of elementwise kernels: a loop nest over the elements, vectors along the innermost axis.

import { elementCount, sameShape, stridesOf } from '../../base/shape.ts';
import { isOp, type Node, type OpName } from '../../graph/node.ts';
import type { KernelBuilder } from '../../kernel/builder.ts';
import { flatten, type Int, literal, plus, times, unflatten } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  eachVector,
  lane,
  type Memory,
  shareItems,
} from '../draft.ts';
import { concatOffsets, partOf, partsInPlace } from '../parts.ts';
import { tuning } from '../tuning.ts';
import { createEmitter, isGathered, mergeAxes, splitAxes } from './expression.ts';
import { neededBy, sparseUpdates } from './recurrence.ts';

const LONG = new Set<OpName>(['exp', 'log', 'tanh', 'cos', 'uniform', 'normal']);

/** A kernel that computes `nodes`, all of one shape, each into its memory. */
export function lowerMap(context: Context, nodes: readonly Node[]): DraftLaunch {
  const draft = createDraft(context);
  const outputs = new Map(nodes.map((node) => [node, draft.output(context.memoryOf(node)!)]));
  const shape = nodes[0]!.shape;
  const isStored = (node: Node): boolean => context.memoryOf(node) !== undefined;
  // The nodes have memory themselves: they are stored here, not loaded.
  const own = new Set(nodes);
  const isLoaded = (node: Node): boolean => !own.has(node) && isStored(node);
  const emit = createEmitter({
    ...draft,
    slotOf: (node) => (own.has(node) ? undefined : draft.slotOf(node)),
  });
  const isLooped = (node: Node): boolean =>
    [...neededBy([node], isLoaded)].some((each) => each.op === 'recurrence' && !isLoaded(each));
  const isInPlace = (a: Node, b: Node): boolean => context.memoryOf(a) === context.memoryOf(b);
  const sparse = sparseUpdates(nodes, isInPlace, isLoaded);
  const dense = nodes.filter((node) => !sparse.some(({ results }) => results.includes(node)));
  const [looped, plain] = [dense.filter(isLooped), dense.filter((node) => !isLooped(node))];
  const merged = mergeAxes(shape, nodes, isLoaded, () => true);
  const sizes = merged.map((axis) => axis.size);
  const strides = stridesOf(sizes);
  const store = (index: readonly Int[], count: number): void => {
    const used = index.slice(0, sizes.length);
    const full = splitAxes(merged, used, shape);
    const address = flatten(used, strides);
    const b = draft.builder;
    const storeAll = (results: readonly Node[], values: readonly Local[]): void => {
      for (const [k, node] of results.entries()) b.store(outputs.get(node)!, address, values[k]!, count);
    };
    for (const { where, results } of sparse)
      b.ifAny(emit(where, full), () =>
        storeAll(
          results,
          results.map((node) => emit(node, full)),
        ),
      );
    const values = b.interleaved(plain.map((node) => () => emit(node, full)));
    storeAll([...plain, ...looped], [...values, ...looped.map((node) => emit(node, full))]);
  };
  // What few vectors need costs little: their condition counts.
  const usual = [...dense, ...sparse.map(({ where }) => where)];
  const perChunk = Math.max(
    tuning.leastChunkVectors,
    Math.floor(tuning.flatChunkVectors / costOf(usual, isLoaded)),
  );
  // A recurrence is a loop of its own: once is enough.
  const hasLoops = sparse.length + looped.length > 0;
  const [rows, columns] = sizes as [number, number];
  const isTransposed =
    !hasLoops &&
    sizes.length === 2 &&
    isGathered(nodes, isLoaded, [rows, columns], (...index) => splitAxes(merged, index, shape));
  const chunks =
    sizes.length <= 1
      ? flatNest(draft, sizes[0] ?? 1, store, perChunk)
      : isTransposed
        ? transposedNest(draft, [rows, columns], store)
        : nest(draft, sizes, store, hasLoops ? { unrolled: 1 } : {});
  return draft.finish('map', chunks);
}

/** Rough cost of one vector of all nodes: 1 for each node, and `longCost` for each long function. */
function costOf(nodes: readonly Node[], isLoaded: (node: Node) => boolean): number {
  const seen = new Set<Node>();
  const visit = (node: Node): number => {
    if (seen.has(node) || isLoaded(node)) return 0;
    seen.add(node);
    const inputs = node.inputs.reduce(
      (sum, input) => sum + visit(input),
      LONG.has(node.op) ? tuning.longCost : 0,
    );
    return isOp(node, 'recurrence') ? node.attributes.count * inputs : inputs;
  };
  return nodes.reduce((sum, node) => sum + 1 + visit(node), 0);
}

/**
 * One long row. The remainder that does not fill a vector comes last, in the last chunk, and stores its own elements
 * only.
 */
function flatNest(
  draft: Draft,
  size: number,
  store: (index: readonly Int[], count: number) => void,
  perChunk: number = tuning.flatChunkVectors,
): number {
  const b = draft.builder;
  const vectors = Math.floor(size / b.lanes);
  const rest = size - vectors * b.lanes;
  const chunks =
    vectors === 0
      ? 1
      : shareItems(b, vectors, perChunk, (first, items) => {
          b.loop(items, (v) => store([plus(times(plus(first, v), b.lanes), lane(b.lanes))], b.lanes), 'v');
        });
  if (rest > 0) {
    const isLast = plus(literal(chunks - 1), times(chunkIndex(chunks), -1));
    b.guard(isLast, 1, () => store([plus(literal(vectors * b.lanes), lane(rest))], rest));
  }
  return chunks;
}

/**
 * A loop nest with vectors along the innermost axis, which is unrolled up to `unrolled` vectors; its rows are shared among
 * at most `most` chunks.
 */
function nest(
  draft: Draft,
  sizes: readonly number[],
  store: (index: readonly Int[], count: number) => void,
  { most = tuning.nestChunks, unrolled }: { readonly most?: number; readonly unrolled?: number } = {},
): number {
  const b = draft.builder;
  const outer = sizes.slice(0, -1);
  const inner = sizes[sizes.length - 1]!;
  const shared = sharedAxes(outer);
  const rows = elementCount(outer.slice(0, shared));
  const walk = (index: readonly Int[]): void => {
    if (index.length < outer.length) b.loop(outer[index.length]!, (i) => walk([...index, i]));
    else eachVector(b, inner, (at, count) => store([...index, at], count), unrolled);
  };
  return shareItems(b, rows, Math.ceil(rows / most), (first, items) => {
    b.loop(items, (i) => walk(unflatten(plus(first, i), outer.slice(0, shared))));
  });
}

/**
 * A nest of two loops for loads that are contiguous along the outer axis: its rows are walked inside, so that the cache
 * lines that a vector's lanes are gathered from are used as a whole.
 */
function transposedNest(
  draft: Draft,
  [rows, inner]: readonly [number, number],
  store: (index: readonly Int[], count: number) => void,
): number {
  const b = draft.builder;
  return shareItems(b, rows, Math.ceil(rows / tuning.nestChunks), (first, items) =>
    eachVector(b, inner, (at, count) => b.loop(items, (i) => store([plus(first, i), at], count))),
  );
}

/** Number of outer axes that are shared among chunks: the fewest that give enough chunks. */
function sharedAxes(outer: readonly number[]): number {
  let count = 1;
  while (count < outer.length && elementCount(outer.slice(0, count)) < tuning.nestChunks) count++;
  return count;
}

/** Two kernels for a pad: one fills with zeros, one copies the tensor inside. */
export function lowerPad(context: Context, node: Node<'pad'>): DraftLaunch[] {
  const [input] = node.inputs as [Node];
  const memory = context.memoryOf(node)!;
  const strides = stridesOf(node.shape);
  const copy = createDraft(context);
  const output = copy.output(memory);
  const emit = createEmitter(copy);
  const store = (index: readonly Int[], count: number): void => {
    const moved = index.map((i, axis) => plus(i, literal(node.attributes.before[axis]!)));
    copy.builder.store(output, flatten(moved, strides), emit(input, index), count);
  };
  const chunks = nest(copy, input.shape.length > 1 ? input.shape : [1, ...input.shape], (index, count) =>
    store(input.shape.length > 1 ? index : index.slice(1), count),
  );
  return [lowerFill(context, memory), copy.finish('pad', chunks)];
}

/** A part of a concatenation, and where it begins along the axis. */
type Part = { readonly input: Node; readonly start: number };

/**
 * Kernels that copy the parts of a concatenation to their places: one for all parts of a small one and for a few parts
 * of one shape, which may share operands, else one for each. Parts that are computed in their places need none.
 */
export function lowerConcat(context: Context, node: Node<'concat'>): DraftLaunch[] {
  const { axis } = node.attributes;
  const inPlace = partsInPlace(node, context.memoryOf);
  let end = 0;
  const parts = node.inputs.flatMap((input, k): Part[] => {
    const start = end;
    end += input.shape[axis]!;
    return inPlace[k] ? [] : [{ input, start }];
  });
  if (parts.length === 0) return [];
  if (elementCount(node.shape) <= tuning.fewElements) {
    const draft = createDraft(context);
    const isOneChunk = parts.length > 1;
    const chunks = parts.map((part) => copyParts(context, draft, node, [part], isOneChunk));
    return [draft.finish('concat', Math.max(...chunks))];
  }
  const areAlike =
    parts.length <= tuning.fewParts &&
    concatOffsets(node) === undefined &&
    parts.every(({ input }) => sameShape(input.shape, parts[0]!.input.shape));
  return (areAlike ? [parts] : parts.map((part) => [part])).map((together) => {
    const draft = createDraft(context);
    return draft.finish('concat', copyParts(context, draft, node, together, false));
  });
}

/** Copies parts of one shape, element by element; returns the number of chunks. */
function copyParts(
  context: Context,
  draft: Draft,
  node: Node<'concat'>,
  parts: readonly Part[],
  isOneChunk: boolean,
): number {
  const { axis } = node.attributes;
  const strides = stridesOf(node.shape);
  const whole = context.memoryOf(node)!;
  const inputs = parts.map(({ input }) => input);
  const { shape } = inputs[0]!;
  const places = parts.map(({ start }) => start * strides[axis]!);
  // Where a part is contiguous, its kernel need not know the place.
  const isContiguous = !isOneChunk && parts.length === 1 && concatOffsets(node) !== undefined;
  const target = isContiguous
    ? partOf(whole, places[0]!, elementCount(shape), `part of ${whole.label}`)
    : whole;
  const output = draft.output(target);
  const emit = createEmitter(draft);
  const isStored = (other: Node): boolean => context.memoryOf(other) !== undefined;
  // Along the axis of concatenation the result is longer than a part, so axes are not merged across it.
  const merged = mergeAxes(shape, inputs, isStored, (k) => k + 1 !== axis);
  const outputStrides = merged.map(({ axes }) => strides[axes[axes.length - 1]!]!);
  const store = (index: readonly Int[], count: number): void => {
    const from = splitAxes(merged, index, shape);
    const values = draft.builder.interleaved(inputs.map((input) => () => emit(input, from)));
    for (const [k, value] of values.entries()) {
      const first = literal(isContiguous ? 0 : places[k]!);
      draft.builder.store(output, plus(flatten(index, outputStrides), first), value, count);
    }
  };
  const sizes = merged.map((group) => group.size);
  if (sizes.length === 1)
    return flatNest(draft, sizes[0]!, store, isOneChunk ? sizes[0]! : tuning.flatChunkVectors);
  return nest(draft, sizes, store, { most: isOneChunk ? 1 : tuning.nestChunks });
}

/** Zeros. */
export function lowerFill(context: Context, memory: Memory): DraftLaunch {
  const draft = createDraft(context);
  const output = draft.output(memory);
  const zero = draft.builder.literal(0);
  const chunks = flatNest(draft, memory.elements, ([index], count) =>
    draft.builder.store(output, index!, zero, count),
  );
  return draft.finish('fill', chunks);
}

/** A copy of `from`, bit for bit, into `to`. */
export function lowerCopy(context: Context, from: Memory, to: Memory): DraftLaunch {
  const draft = createDraft(context);
  const source = draft.input(from);
  const target = draft.output(to);
  const chunks = flatNest(draft, to.elements, ([index], count) => {
    draft.builder.store(target, index!, draft.builder.load(source, index!, 'i32'), count);
  });
  return draft.finish('copy', chunks);
}

/** The total of a reduction after one more value. A maximum that has met NaN stays NaN. */
export function combined(b: KernelBuilder, op: 'add' | 'maximum', total: Local, value: Local): Local {
  const next = b.operation(op, total, value);
  // maximum(a, b) is b where a is NaN.
  return op === 'add' ? next : b.operation('select', b.operation('equal', total, total), next, total);
}

/**
 * Combines partial results: `to` = Σ, or the maximum, over the parts of `from`, which are `stride` elements apart, in
 * order.
 */
export function lowerCombine(
  context: Context,
  parts: {
    readonly from: Memory;
    readonly count: number;
    readonly stride: number;
    readonly op: 'add' | 'maximum';
  },
  to: Memory,
  offset = 0,
): DraftLaunch {
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(parts.from);
  const target = draft.output(to);
  const at = (index: Int, part: Int): Int => plus(plus(index, literal(offset)), times(part, parts.stride));
  const chunks = flatNest(draft, to.elements, ([index], count) => {
    const sum = b.accumulator(b.load(source, at(index!, literal(0))));
    b.loop(parts.count - 1, (part) => {
      b.assign(sum, combined(b, parts.op, sum, b.load(source, at(index!, plus(part, literal(1))))));
    });
    b.store(target, index!, sum, count);
  });
  return draft.finish('combine', chunks);
}
