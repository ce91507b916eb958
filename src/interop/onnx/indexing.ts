// Operators that take parts of tensors and put parts together: slice, gather, concat, split, pad.

import { elementCount, type Shape } from '../../base/shape.ts';
import { constant, concat as joined, type Tensor } from '../../graph/tensor.ts';
import { aligned, asNumbers } from './elementwise.ts';
import { SMALL } from './shapes.ts';
import { type NodeBuilder, type Operators, type Step, sizes } from './step.ts';
import {
  dimsOf,
  type Host,
  hostValue,
  inOrder,
  placeOf,
  type Symbolic,
  symbolic,
  type Value,
} from './value.ts';

/** Parts that are put together one by one; more are looked up by their indices. */
const FEW_PARTS = 96;

/** Every `step`th of an axis, from `start` on. */
type Run = { readonly start: number; readonly count: number; readonly step: number };

/** Whole numbers `start` to `end`, without the latter. */
function upTo(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, k) => start + k);
}

/** A range of one axis of a tensor. */
export function part(x: Tensor, axis: number, start: number, end: number): Tensor {
  const begin = x.shape.map((_, k) => (k === axis ? start : 0));
  return x.slice(
    begin,
    x.shape.map((size, k) => (k === axis ? end : size)),
  );
}

/** Every `step`th element of an axis, `count` of them. */
export function strided(x: Tensor, axis: number, start: number, count: number, step: number): Tensor {
  const size = x.shape[axis]!;
  if (step === 1) return part(x, axis, start, start + count);
  const needed = start + count * step;
  const zeros = x.shape.map(() => 0);
  const after = x.shape.map((_, k) => (k === axis ? Math.max(0, needed - size) : 0));
  const long = part(x.pad(zeros, after), axis, start, needed);
  const split = [...x.shape.slice(0, axis), count, step, ...x.shape.slice(axis + 1)];
  const first = part(long.reshape(split), axis + 1, 0, 1);
  return first.reshape([...x.shape.slice(0, axis), count, ...x.shape.slice(axis + 1)]);
}

/** The elements of an axis with these indices, which are known. */
export function taken(
  step: Step,
  x: Tensor,
  axis: number,
  indices: readonly number[],
  label = 'indices',
): Tensor {
  const size = x.shape[axis]!;
  const outside = indices.find((index) => !(Number.isInteger(index) && index >= 0 && index < size));
  if (outside !== undefined) throw step.fault(`index ${outside} is outside an axis of ${size}`);
  const runs: { -readonly [K in keyof Run]: Run[K] }[] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    const apart = last === undefined ? 0 : index - (last.start + (last.count - 1) * last.step);
    if (last !== undefined && apart > 0 && (last.count === 1 || apart === last.step)) {
      last.step = apart;
      last.count++;
    } else runs.push({ start: index, count: 1, step: 1 });
  }
  if (runs.length <= FEW_PARTS)
    return joined(
      runs.map((run) => strided(x, axis, run.start, run.count, run.step)),
      axis,
    );
  const host = hostValue(Float32Array.from(indices), [indices.length], {
    name: `${step.node.name}.${label}`,
    kind: 'float',
  });
  return gathered(x, axis, step.lift(host).tensor);
}

/** The elements of an axis with the indices of a tensor, whose axes take its place. */
function gathered(x: Tensor, axis: number, indices: Tensor): Tensor {
  const order = x.shape.map((_, k) => k).filter((k) => k !== axis);
  const rows = x.transpose([axis, ...order]).gather(indices);
  const inner = indices.shape.length;
  const from = rows.shape.map((_, k) => k);
  return rows.transpose([
    ...from.slice(inner, inner + axis),
    ...from.slice(0, inner),
    ...from.slice(inner + axis),
  ]);
}

const slice: NodeBuilder = (step) => {
  const isOld = step.opset < 10;
  const given = (k: number, name: string): readonly number[] | undefined =>
    isOld ? step.numbersOf(name) : step.list(k);
  const x = step.value(0);
  const dims = dimsOf(x);
  const [starts, ends] = [given(1, 'starts') ?? [], given(2, 'ends') ?? []];
  const axes = (given(3, 'axes') ?? starts.map((_, k) => k)).map((axis) => step.axis(axis, dims.length));
  const steps = (isOld ? undefined : step.list(4)) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length)
    throw step.fault('starts, ends, axes and steps differ in number');
  let result: Value = x;
  for (const [k, axis] of axes.entries()) {
    const run = sliceRun(dims[axis]!, starts[k]!, ends[k]!, steps[k]!);
    if (run === undefined) throw step.fault(`a step of ${steps[k]}, expected a whole number other than 0`);
    result = selected(step, result, axis, run);
  }
  return result;
};

/** What a slice of an axis takes, as Python's does. */
function sliceRun(size: number, start: number, end: number, step: number): Run | undefined {
  if (!Number.isInteger(step) || step === 0) return undefined;
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (value: number): number => Math.min(Math.max(value, low), high);
  return { start: clamp(from), count: Math.max(0, Math.ceil((clamp(to) - clamp(from)) / step)), step };
}

/** A run of an axis; of none, numbers without elements. */
function selected(step: Step, x: Value, axis: number, run: Run): Value {
  const dims = dimsOf(x);
  if (run.count === 0) {
    if (x.where === 'graph') throw step.fault(`it takes nothing of axis ${axis} of (${dims.join(', ')})`);
    const left = dims.map((size, k) => (k === axis ? 0 : size));
    return hostValue(new Float64Array(), left, { ...x });
  }
  if (run.count === dims[axis] && run.step === 1) return x;
  const value = step.lift(x);
  const place = placeOf(value, axis);
  if (run.step > 0) return { ...value, tensor: strided(value.tensor, place, run.start, run.count, run.step) };
  if (run.count > SMALL) throw step.fault(`${run.count} elements backwards, expected at most ${SMALL}`);
  const indices = Array.from({ length: run.count }, (_, k) => run.start + k * run.step);
  return { ...value, tensor: taken(step, value.tensor, place, indices, `indices${axis}`) };
}

const gather: NodeBuilder = (step) => {
  const table = step.value(0);
  const at = step.value(1);
  const dims = dimsOf(table);
  const axis = step.axis(step.numberOf('axis', 0), dims.length);
  const size = dims[axis]!;
  if (at.where === 'host') {
    const indices = Array.from(at.values(), (index) => (index < 0 ? index + size : index));
    const value = step.lift(table);
    const chosen = inOrder({ ...value, tensor: taken(step, value.tensor, placeOf(value, axis), indices) });
    return symbolic(
      chosen.reshape([...dims.slice(0, axis), ...at.dims, ...dims.slice(axis + 1)]),
      value.kind,
    );
  }
  const indices = inOrder(at);
  if (table.where === 'host' && table.isStored && axis === 0 && dims.length === 2) {
    const layer = step.world.layer({ host: table, kind: 'embedding', shape: dims }, step.node);
    return symbolic(step.world.multiply(fromFront(indices, size), layer));
  }
  const value = step.lift(table);
  return symbolic(gathered(inOrder(value), axis, fromFront(indices, size)), value.kind);
};

/** Indices below 0 count from the end. */
function fromFront(indices: Tensor, size: number): Tensor {
  return indices.less(0).select(indices.add(size), indices);
}

const concat: NodeBuilder = (step) => {
  const rank = step.dims(0).length;
  const axis = step.axis(step.numberOf('axis', 0), rank);
  const values = step.inputs.map((_, k) => step.value(k)).filter((value) => dimsOf(value)[axis] !== 0);
  if (values.length === 0) return step.value(0);
  const lifted = values.map((value) => step.lift(value));
  const isBool = lifted.some(({ kind }) => kind === 'bool');
  const { tensors, channelsLast } = aligned(lifted);
  const whole: Symbolic = { ...lifted[0]!, tensor: tensors[0]!, channelsLast };
  const result = joined(isBool ? tensors.map(asNumbers) : tensors, placeOf(whole, axis));
  return { ...whole, tensor: isBool ? result.cast('bool') : result };
};

const split: NodeBuilder = (step) => {
  const x = step.value(0);
  const dims = dimsOf(x);
  const axis = step.axis(step.numberOf('axis', 0), dims.length);
  const size = dims[axis]!;
  const count = step.numberOf('num_outputs', step.node.outputs.length);
  const given = step.opset >= 13 ? step.list(1) : step.numbersOf('split');
  const even = Math.ceil(size / count);
  const parts = given ?? Array.from({ length: count }, (_, k) => Math.min(even, size - k * even));
  let start = 0;
  if (parts.some((one) => !(one >= 0)) || parts.reduce((a, b) => a + b, 0) !== size)
    throw step.fault(`parts of ${parts.join(', ')} do not make up an axis of ${size}`);
  return parts.map((one) => {
    start += one;
    return selected(step, x, axis, { start: start - one, count: one, step: 1 });
  });
};

const pad: NodeBuilder = (step) => {
  const x = step.symbol(0);
  const dims = dimsOf(x);
  const isOld = step.opset < 11;
  const pads = (isOld ? step.numbersOf('pads') : step.list(1)) ?? [];
  const value = isOld ? step.numberOf('value', 0) : step.has(2) ? step.number(2) : 0;
  const axes = step.opset >= 18 && step.has(3) ? step.list(3)! : dims.map((_, k) => k);
  if (pads.length !== 2 * axes.length || !pads.every(Number.isInteger))
    throw step.fault(`expected ${2 * axes.length} whole paddings, got ${pads.join(', ')}`);
  const before = dims.map(() => 0);
  const after = dims.map(() => 0);
  for (const [k, given] of axes.entries()) {
    const place = placeOf(x, step.axis(given, dims.length));
    before[place] = pads[k]!;
    after[place] = pads[k + axes.length]!;
  }
  return {
    ...x,
    tensor: padded(step, x.tensor, { before, after, value, mode: step.textOf('mode', 'constant') }),
  };
};

type Padding = {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly value: number;
  readonly mode: string;
};

function padded(step: Step, given: Tensor, { before, after, value, mode }: Padding): Tensor {
  const least = (all: readonly number[]): number[] => all.map((count) => Math.max(0, count));
  const cut = given.slice(
    least(before.map((count) => -count)),
    given.shape.map((size, k) => size - Math.max(0, -after[k]!)),
  );
  const [front, back] = [least(before), least(after)];
  if (mode === 'constant') return paddedWith(cut, front, back, value);
  const place = places[mode];
  if (place === undefined) throw step.fault(`mode "${mode}", expected constant, reflect, edge or wrap`);
  return cut.shape.reduce((x, size, axis) => {
    if (front[axis] === 0 && back[axis] === 0) return x;
    if (front[axis]! + size + back[axis]! > SMALL) throw step.fault(`more than ${SMALL} elements of an axis`);
    const indices = upTo(-front[axis]!, size + back[axis]!).map((at) => place(at, size));
    return taken(step, x, axis, indices, `padding${axis}`);
  }, cut);
}

/** Which element stands at a place beyond the ends. */
const places: Readonly<Record<string, (at: number, size: number) => number>> = {
  edge: (at, size) => Math.min(Math.max(at, 0), size - 1),
  wrap: (at, size) => ((at % size) + size) % size,
  reflect: (at, size) => {
    if (size === 1) return 0;
    const period = 2 * (size - 1);
    const within = ((at % period) + period) % period;
    return within < size ? within : period - within;
  },
};

/** A tensor with a number around it. */
export function paddedWith(x: Tensor, before: Shape, after: Shape, value: number): Tensor {
  if (value === 0 || [...before, ...after].every((count) => count === 0)) return x.pad(before, after);
  const inside = constant(x, 1).broadcastTo(x.shape).pad(before, after);
  return inside.equal(1).select(x.pad(before, after), value);
}

/** One where a known index is, zero elsewhere. */
const oneHot: NodeBuilder = (step) => {
  const depth = step.number(1);
  const indices = step.tensor(0);
  if (!(Number.isInteger(depth) && depth >= 1 && depth <= SMALL)) throw step.fault(`a depth of ${depth}`);
  const [off, on] = Array.from(step.host(2).values()) as [number, number];
  const rank = indices.shape.length + 1;
  const axis = step.axis(step.numberOf('axis', -1), rank);
  const at = hostValue(
    Float64Array.from({ length: depth }, (_, k) => k),
    [depth],
    {
      name: `${step.node.name}.depth`,
    },
  );
  const shape = Array.from({ length: rank }, (_, k) => (k === axis ? depth : 1));
  const places = step.lift(at).tensor.reshape(shape);
  const spread = [...indices.shape.slice(0, axis), 1, ...indices.shape.slice(axis)];
  const wanted = fromFront(indices, depth).reshape(spread);
  const dims = spread.map((size, k) => (k === axis ? depth : size));
  const isHere = wanted.broadcastTo(dims).equal(places.broadcastTo(dims));
  return symbolic(isHere.select(constant(indices, on).broadcastTo(dims), off));
};

/** Places of numbers that are not 0; only where they are known. */
const nonZero: NodeBuilder = (step) => {
  const host: Host = step.host(0);
  const values = host.values();
  const found = upTo(0, values.length).filter((k) => values[k] !== 0);
  const strides = host.dims.map((_, axis) => elementCount(host.dims.slice(axis + 1)));
  const all = strides.flatMap((stride, axis) => found.map((k) => Math.floor(k / stride) % host.dims[axis]!));
  return sizes(all, [host.dims.length, found.length], host.isSized);
};

/** The operators. */
export const indexing: Operators = {
  Slice: slice,
  Gather: gather,
  Concat: concat,
  Split: split,
  Pad: pad,
  OneHot: oneHot,
  NonZero: nonZero,
};
