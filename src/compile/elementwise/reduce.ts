// Lowering of reductions: sums and maxima over some axes. Reductions over the same elements are one kernel. Long ones
// are cut into partial results, which a second kernel combines in a fixed order, so bits do not depend on threads.

import { invariant } from '../../base/errors.ts';
import { elementCount, stridesOf } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import { flatten, type Int, literal, plus, times, unflatten } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import {
  CHAIN,
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  eachStretch,
  eachVector,
  lane,
  type Memory,
} from '../draft.ts';
import { tuning } from '../tuning.ts';
import type { Emit } from './emission.ts';
import { createEmitter, type MergedAxis, mergeAxes, splitAxes } from './expression.ts';
import { combined, lowerCombine } from './map.ts';

type Axis = MergedAxis & { readonly isReduced: boolean };

/** What the loops of one reduction kernel need. */
type Nest = {
  readonly draft: Draft;
  readonly emit: Emit;
  readonly nodes: readonly Node[];
  readonly shape: readonly number[];
  readonly axes: readonly Axis[];
  /** For each node, the slot of its results and the offset of this chunk's. */
  readonly outputs: readonly { readonly slot: number; readonly offset: Int }[];
};

const operationOf = (node: Node): 'add' | 'maximum' => (node.op === 'sum' ? 'add' : 'maximum');
const neutralOf = (node: Node): number => (node.op === 'sum' ? 0 : Number.NEGATIVE_INFINITY);

/** Kernels that compute `nodes`, reductions of one shape over the same axes, each into its memory. */
export function lowerReduce(context: Context, nodes: readonly Node[]): DraftLaunch[] {
  const first = nodes[0]!;
  invariant(first.op === 'sum' || first.op === 'reduceMax', 'not a reduction');
  const { shape } = first.inputs[0]!;
  const reduced = new Set(first.attributes.axes);
  const inputs = nodes.map((node) => node.inputs[0]!);
  const isStored = (node: Node): boolean => context.memoryOf(node) !== undefined;
  const merged = mergeAxes(shape, inputs, isStored, (axis) => reduced.has(axis) === reduced.has(axis + 1));
  const axes = splitLongRow(merged.map((axis) => ({ ...axis, isReduced: reduced.has(axis.axes[0]!) })));
  const keptOuter = axes.slice(0, -1).filter((axis) => !axis.isReduced);
  const total = elementCount(shape);
  const longest = axes.findIndex((axis) => axis.isReduced);
  if (
    total > tuning.smallReduction &&
    elementCount(keptOuter.map((axis) => axis.size)) < 16 &&
    longest >= 0 &&
    longest < axes.length - 1
  ) {
    return reduceInParts(context, nodes, shape, axes, longest);
  }
  const draft = createDraft(context);
  const outputs = nodes.map((node) => ({ slot: draft.output(context.memoryOf(node)!), offset: literal(0) }));
  const nest: Nest = { draft, emit: createEmitter(draft), nodes, shape, axes, outputs };
  const rows = keptOuter.map((axis) => axis.size);
  const shares = total > tuning.smallReduction ? sharesOfRows(rows) : rows.map(() => 1);
  const chunks = elementCount(shares);
  const chunk = unflatten(chunkIndex(chunks), shares);
  visitKept(nest, [], (axis) => {
    const k = keptOuter.indexOf(axes[axis]!);
    const count = rows[k]! / shares[k]!;
    return { first: times(chunk[k]!, count), count };
  });
  return [draft.finish('reduce', chunks)];
}

/**
 * Into how many shares each kept axis is cut, so that a share of rows is a chunk: outer axes first, up to
 * `tuning.reductionChunks` chunks. Where sizes have no divisors for that, every row is a chunk.
 */
function sharesOfRows(rows: readonly number[]): readonly number[] {
  let left: number = tuning.reductionChunks;
  const shares = rows.map((size) => {
    const share = largestDivisor(size, left);
    left = share === size ? Math.floor(left / size) : 1;
    return share;
  });
  return elementCount(shares) < Math.min(16, elementCount(rows)) ? rows : shares;
}

/** Cuts a single reduced row into two axes, so that parts of it can be shared among chunks. */
function splitLongRow(axes: readonly Axis[]): Axis[] {
  const last = axes[axes.length - 1]!;
  if (axes.length !== 1 || !last.isReduced || last.size <= tuning.smallReduction) return [...axes];
  for (let parts = tuning.reductionParts; parts >= 8; parts--) {
    if (last.size % parts === 0) {
      const inner = last.size / parts;
      return [
        { size: parts, axes: [], isReduced: true },
        { size: inner, axes: last.axes, isReduced: true },
      ];
    }
  }
  return [...axes];
}

/**
 * One kernel whose chunks reduce shares of the axis `split` into temporaries, then one kernel for each node that
 * combines them.
 */
function reduceInParts(
  context: Context,
  nodes: readonly Node[],
  shape: readonly number[],
  axes: readonly Axis[],
  split: number,
): DraftLaunch[] {
  const size = axes[split]!.size;
  const parts = largestDivisor(size, tuning.reductionParts);
  const kept = context.memoryOf(nodes[0]!)!.elements;
  const stride = Math.ceil(kept / 16) * 16;
  const draft = createDraft(context);
  const partials: Memory[] = nodes.map((_, k) => ({ label: `partial ${k}`, elements: stride * parts }));
  const chunk = chunkIndex(parts);
  const shares = axes.map((axis, k) => (k === split ? { ...axis, size: size / parts } : axis));
  const outputs = partials.map((memory) => ({ slot: draft.output(memory), offset: times(chunk, stride) }));
  const emit = createEmitter(draft);
  const nest: Nest = { draft, emit, nodes, shape, axes: shares, outputs };
  const whole = axes.map((axis) => axis.size);
  const everyRow = (axis: number): Stretch => ({ first: literal(0), count: axes[axis]!.size });
  visitKept(nest, [], everyRow, { axis: split, first: times(chunk, size / parts), sizes: whole });
  const combinations = nodes.map((node, k) =>
    lowerCombine(
      context,
      { from: partials[k]!, count: parts, stride, op: operationOf(node) },
      context.memoryOf(node)!,
    ),
  );
  return [draft.finish('reduce', parts), ...combinations];
}

/** The largest divisor of `size` that is at most `limit`. */
export function largestDivisor(size: number, limit: number): number {
  for (let divisor = Math.min(limit, size); divisor > 1; divisor--) if (size % divisor === 0) return divisor;
  return 1;
}

type Share = { readonly axis: number; readonly first: Int; readonly sizes: readonly number[] };

/** Indices of an axis: `count` of them from `first` on. */
type Stretch = { readonly first: Int; readonly count: number };

/** Loops over the outer kept axes; `ownRows` says which indices of an axis this chunk has. */
function visitKept(
  nest: Nest,
  index: readonly (Int | undefined)[],
  ownRows: (axis: number) => Stretch,
  share?: Share,
): void {
  const { axes, draft } = nest;
  const axis = index.length;
  if (axis === axes.length - 1 || axis === axes.length) {
    if (axes.length > 0 && !axes[axes.length - 1]!.isReduced) reduceAcross(nest, index, share);
    else reduceAlong(nest, index, share);
    return;
  }
  if (axes[axis]!.isReduced) {
    visitKept(nest, [...index, undefined], ownRows, share);
    return;
  }
  const { first, count } = ownRows(axis);
  if (count === 1) visitKept(nest, [...index, first], ownRows, share);
  else draft.builder.loop(count, (i) => visitKept(nest, [...index, plus(first, i)], ownRows, share));
}

/** Accumulators of a reduction: for each place, one for each node. */
type Totals = readonly (readonly Local[])[];

function newTotals({ draft, nodes }: Nest, places: number): Totals {
  const b = draft.builder;
  return Array.from({ length: places }, () => nodes.map((node) => b.accumulator(b.literal(neutralOf(node)))));
}

/** Adds values, one for each node, to the totals of a place. */
function include({ draft, nodes }: Nest, totals: readonly Local[], values: readonly Local[]): void {
  const b = draft.builder;
  for (const [k, value] of values.entries())
    b.assign(totals[k]!, combined(b, operationOf(nodes[k]!), totals[k]!, value));
}

/** A loop whose body adds `inner` times to each total; more than `CHAIN` additions are summed in stretches. */
function chainedLoop(
  nest: Nest,
  { size, inner }: { readonly size: number; readonly inner: number },
  totals: Totals,
  body: (i: Int, totals: Totals) => void,
): void {
  const b = nest.draft.builder;
  if (size * inner <= CHAIN) {
    b.loop(size, (i) => body(i, totals), 'r');
    return;
  }
  eachStretch(b, size, Math.max(1, Math.floor(CHAIN / inner)), (first, count) => {
    const own = newTotals(nest, totals.length);
    b.loop(count, (i) => body(plus(first, i), own), 'r');
    for (const [p, total] of totals.entries()) include(nest, total, own[p]!);
  });
}

/**
 * Loops over the outer reduced axes, then `body` with the index of every axis but the last, and the totals to add to.
 */
function visitReduced(
  nest: Nest,
  outer: readonly (Int | undefined)[],
  {
    share,
    inner,
    totals,
  }: { readonly share: Share | undefined; readonly inner: number; readonly totals: Totals },
  body: (index: readonly Int[], totals: Totals) => void,
): void {
  const additionsBelow = (axis: number): number =>
    outer
      .slice(axis)
      .reduce<number>(
        (product, index, k) => (index === undefined ? product * nest.axes[axis + k]!.size : product),
        inner,
      );
  const walk = (index: readonly Int[], own: Totals): void => {
    const axis = index.length;
    if (axis === outer.length) body(index, own);
    else if (outer[axis] !== undefined) walk([...index, outer[axis]], own);
    else {
      const loop = { size: nest.axes[axis]!.size, inner: additionsBelow(axis + 1) };
      chainedLoop(nest, loop, own, (i, within) =>
        walk([...index, share?.axis === axis ? plus(share.first, i) : i], within),
      );
    }
  };
  walk([], totals);
}

/** The value of each node's input at an index along the merged axes. */
function inputsAt(nest: Nest, index: readonly Int[], share: Share | undefined): Local[] {
  const real = joinSplitRow(nest.axes, index, share);
  const full = splitAxes(real.axes, real.index, nest.shape);
  return nest.nodes.map((node) => nest.emit(node.inputs[0]!, full));
}

/** Reverses `splitLongRow` for addressing. */
function joinSplitRow(
  axes: readonly Axis[],
  index: readonly Int[],
  share: Share | undefined,
): { axes: readonly Axis[]; index: readonly Int[] } {
  const sizes = share?.sizes ?? axes.map((axis) => axis.size);
  const real = axes.map((axis, k) => ({ ...axis, size: sizes[k]! }));
  if (axes.length === 2 && axes[0]!.axes.length === 0) {
    return {
      axes: [{ ...real[1]!, size: real[0]!.size * real[1]!.size }],
      index: [plus(times(index[0]!, real[1]!.size), index[1]!)],
    };
  }
  return { axes: real, index };
}

/** Address of the results at an index, whose reduced axes are ignored. */
function keptAddress(nest: Nest, index: readonly (Int | undefined)[]): Int {
  const kept = nest.axes.flatMap((axis, k) => (axis.isReduced ? [] : [{ size: axis.size, at: index[k]! }]));
  return flatten(
    kept.map((axis) => axis.at),
    stridesOf(kept.map((axis) => axis.size)),
  );
}

/** The last axis is kept: vectors lie along it, and each has an accumulator for each node. */
function reduceAcross(nest: Nest, outer: readonly (Int | undefined)[], share: Share | undefined): void {
  const { draft, nodes } = nest;
  const b = draft.builder;
  const positions: { at: Int; count: number }[] = [];
  const flush = (): void => {
    if (positions.length === 0) return;
    const stretch = positions.splice(0);
    const sums = newTotals(nest, stretch.length);
    visitReduced(nest, outer, { share, inner: 1, totals: sums }, (index, totals) => {
      for (const [p, { at }] of stretch.entries())
        include(nest, totals[p]!, inputsAt(nest, [...index, at], share));
    });
    for (const [p, { at, count }] of stretch.entries()) {
      const address = keptAddress(nest, [...outer, at]);
      for (const [k, { slot, offset }] of nest.outputs.entries())
        b.store(slot, plus(offset, address), sums[p]![k]!, count);
    }
  };
  const perStretch = Math.max(1, Math.floor(tuning.reductionSums / nodes.length));
  eachVector(b, nest.axes[nest.axes.length - 1]!.size, (at, count) => {
    positions.push({ at, count });
    // Inside a loop over vectors, each vector is reduced by itself.
    if (
      positions.length === perStretch ||
      at.terms.some(({ atom }) => atom.kind === 'variable' && atom.name !== 'lane')
    )
      flush();
  });
  flush();
}

/** The last axis is reduced: vectors lie along it, and the accumulators are folded over their lanes at the end. */
function reduceAlong(nest: Nest, outer: readonly (Int | undefined)[], share: Share | undefined): void {
  const { draft, nodes, axes } = nest;
  const b = draft.builder;
  const size = axes.length === 0 ? 1 : axes[axes.length - 1]!.size;
  const [sums] = newTotals(nest, 1) as [readonly Local[]];
  const inner = Math.ceil(size / b.lanes);
  const outerAxes = outer.slice(0, Math.max(0, axes.length - 1));
  visitReduced(nest, outerAxes, { share, inner, totals: [sums] }, (index, totals) => {
    const add = (position: Int, count: number, own: Totals): void => {
      const at =
        share !== undefined && share.axis === axes.length - 1 ? plus(share.first, position) : position;
      const values = inputsAt(nest, axes.length === 0 ? [] : [...index, at], share);
      const used = values.map((value, k) =>
        count === b.lanes
          ? value
          : b.operation('select', inUse(nest, count), value, b.literal(neutralOf(nodes[k]!))),
      );
      include(nest, own[0]!, used);
    };
    if (inner <= CHAIN) {
      eachVector(b, size, (position, count) => add(position, count, totals));
      return;
    }
    const whole = Math.floor(size / b.lanes);
    chainedLoop(nest, { size: whole, inner: 1 }, totals, (v, own) =>
      add(plus(times(v, b.lanes), lane(b.lanes)), b.lanes, own),
    );
    const rest = size - whole * b.lanes;
    if (rest > 0) add(plus(literal(whole * b.lanes), lane(rest)), rest, totals);
  });
  const address = keptAddress(nest, [...outer, literal(0)]);
  for (const [k, { slot, offset }] of nest.outputs.entries()) {
    b.store(slot, plus(offset, address), b.fold(operationOf(nodes[k]!), sums[k]!), 1);
  }
}

/** A mask of the first `count` lanes. */
function inUse({ draft }: Nest, count: number): Local {
  const b = draft.builder;
  return b.operation('lessInt', b.index(lane(b.lanes)), b.literal(count, 'i32'));
}
