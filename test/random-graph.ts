// Random graphs from all primitives, for comparisons of one interpretation of the primitives with another.

import { type Key, type RandomSequence, randomSequence } from '../src/base/random.ts';
import { elementCount, type Shape } from '../src/base/shape.ts';
import type { ConvolutionGeometry, TransposedGeometry } from '../src/graph/node.ts';
import { recur } from '../src/graph/recurrence.ts';
import { convolvedSize } from '../src/graph/shape-rules.ts';
import { concat, constant, customGradient, iota, straightThrough, type Tensor } from '../src/graph/tensor.ts';
import type { SampleTrace } from './compare.ts';

/**
 * A value that later steps may use. What is exact holds small multiples of 1/4, which f32 and float64 compute alike, so
 * that it may be rounded, compared and cut off: elsewhere a rounding error could move a result across the edge.
 */
type Value = { readonly tensor: Tensor; readonly bound: number; readonly isExact: boolean };

/** A random graph: its results, and the inputs that gradients may be taken for. */
export type RandomGraph = { readonly results: readonly Tensor[]; readonly inputs: readonly Tensor[] };

type Generator = {
  readonly t: SampleTrace;
  readonly draws: RandomSequence;
  readonly values: Value[];
  readonly inputs: Tensor[];
  readonly name: string;
};

type Step = (g: Generator) => Value | undefined;

const MAXIMUM_ELEMENTS = 4000;
/** Exact values stay below this many quarters, so that their sums and products fit into 24 bits. */
const EXACT_BOUND = 1 << 9;

const below = (g: Generator, bound: number): number => g.draws.below(bound);
const pick = <T>(g: Generator, choices: readonly T[]): T => choices[below(g, choices.length)]!;
const chance = (g: Generator, probability: number): boolean => g.draws.uniform() < probability;

function randomShape(g: Generator, rank: number = below(g, 5)): Shape {
  const shape = Array.from({ length: rank }, () => pick(g, [1, 2, 3, 4, 5, 7, 8, 13, 16, 17]));
  return elementCount(shape) > 1200 ? shape.map((size) => Math.min(size, 4)) : shape;
}

function newInput(g: Generator, shape: Shape, isExact: boolean): Value {
  if (isExact) {
    const quarters = g.t.integers(shape, -8, 9).cast('f32').multiply(0.25);
    return { tensor: quarters, bound: 2, isExact };
  }
  const tensor = g.t.normals(shape, 0.7);
  g.inputs.push(tensor);
  return { tensor, bound: 4, isExact };
}

function anyValue(g: Generator, accepts: (value: Value) => boolean = () => true): Value {
  const fitting = g.values.filter(accepts);
  return fitting.length === 0
    ? newInput(g, randomShape(g), false)
    : fitting[Math.max(below(g, fitting.length), below(g, fitting.length))]!;
}

const exactValue = (g: Generator): Value =>
  g.values.some(({ isExact }) => isExact) && chance(g, 0.7)
    ? anyValue(g, ({ isExact }) => isExact)
    : newInput(g, randomShape(g), true);

/** A value that broadcasts with a tensor of `shape`. */
function partner(g: Generator, shape: Shape, isExact: boolean): Value {
  const fits = ({ tensor, isExact: own }: Value): boolean =>
    own === isExact &&
    tensor.shape.length <= shape.length &&
    tensor.shape.every(
      (size, axis) => size === 1 || size === shape[shape.length - tensor.shape.length + axis],
    );
  if (chance(g, 0.6) && g.values.some(fits)) return anyValue(g, fits);
  const own = shape
    .map((size) => (chance(g, 0.25) ? 1 : size))
    .slice(chance(g, 0.2) ? below(g, shape.length + 1) : 0);
  return newInput(g, own, isExact);
}

const inexact = (tensor: Tensor, bound: number): Value =>
  bound > 20 ? { tensor: tensor.tanh(), bound: 1, isExact: false } : { tensor, bound, isExact: false };
const exact = (tensor: Tensor, bound: number): Value | undefined =>
  bound > EXACT_BOUND / 4 ? undefined : { tensor, bound, isExact: true };

/** A shape with as many elements, by cutting and joining axes. */
function regrouped(g: Generator, shape: Shape): Shape {
  const factors = shape.flatMap((size) => {
    const divisor = pick(g, [1, 2, 3, 4, size]);
    return size % divisor === 0 ? [divisor, size / divisor] : [size];
  });
  const joined: number[] = [];
  for (const factor of factors) {
    if (joined.length > 0 && (chance(g, 0.5) || joined.length >= 6)) joined[joined.length - 1]! *= factor;
    else joined.push(factor);
  }
  return joined;
}

/** The value seen as a tensor of `rank` axes, each of the elements once. */
function withRank(tensor: Tensor, rank: number): Tensor {
  const { shape } = tensor;
  if (shape.length <= rank)
    return tensor.reshape([...new Array<number>(rank - shape.length).fill(1), ...shape]);
  const joined = elementCount(shape.slice(0, shape.length - rank + 1));
  return tensor.reshape([joined, ...shape.slice(shape.length - rank + 1)]);
}

const randomAxes = (g: Generator, rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter(() => chance(g, 0.5));

const viewSteps: Readonly<Record<string, Step>> = {
  reshape: (g) => {
    const value = anyValue(g);
    return { ...value, tensor: value.tensor.reshape(regrouped(g, value.tensor.shape)) };
  },
  transpose: (g) => {
    const value = anyValue(g);
    const order = value.tensor.shape.map((_, axis) => axis).sort(() => g.draws.uniform() - 0.5);
    return { ...value, tensor: value.tensor.transpose(order) };
  },
  broadcast: (g) => {
    const value = anyValue(g);
    const { shape } = value.tensor;
    const wide = [
      ...(chance(g, 0.5) ? [pick(g, [2, 3, 5])] : []),
      ...shape.map((size) => (size === 1 ? pick(g, [1, 3, 17]) : size)),
    ];
    return elementCount(wide) > MAXIMUM_ELEMENTS
      ? undefined
      : { ...value, tensor: value.tensor.broadcastTo(wide) };
  },
  slice: (g) => {
    const value = anyValue(g);
    const start = value.tensor.shape.map((size) => below(g, size));
    const end = value.tensor.shape.map((size, axis) => start[axis]! + 1 + below(g, size - start[axis]!));
    return { ...value, tensor: value.tensor.slice(start, end) };
  },
  pad: (g) => {
    const value = anyValue(g, ({ tensor }) => elementCount(tensor.shape) < 500);
    const zeros = (): number[] => value.tensor.shape.map(() => pick(g, [0, 0, 1, 2]));
    const tensor = value.tensor.pad(zeros(), zeros());
    return elementCount(tensor.shape) > MAXIMUM_ELEMENTS ? undefined : { ...value, tensor };
  },
  concat: (g) => {
    const value = anyValue(g, ({ tensor }) => tensor.shape.length > 0);
    const { shape } = value.tensor;
    if (shape.length === 0) return undefined;
    const axis = below(g, shape.length);
    const others = Array.from({ length: 1 + below(g, 3) }, () => {
      if (chance(g, 0.3)) return value;
      const own = shape.map((size, k) => (k === axis ? pick(g, [1, 2, 5]) : size));
      return newInput(g, own, value.isExact);
    });
    const parts = [value, ...others].sort(() => g.draws.uniform() - 0.5);
    const tensor = concat(
      parts.map((part) => part.tensor),
      axis,
    );
    const bound = Math.max(...parts.map((part) => part.bound));
    return elementCount(tensor.shape) > MAXIMUM_ELEMENTS ? undefined : { ...value, tensor, bound };
  },
  gather: (g) => {
    const value = anyValue(g, ({ tensor }) => tensor.shape.length > 0);
    const { shape } = value.tensor;
    if (shape.length === 0) return undefined;
    const count = randomShape(g, below(g, 3));
    // Some beyond either end.
    const whole = g.t.integers(count, -2, shape[0]! + 2);
    const indices = chance(g, 0.4) ? whole.cast('f32').add(0.25) : whole;
    const size = elementCount(count) * elementCount(shape.slice(1));
    return size > MAXIMUM_ELEMENTS ? undefined : { ...value, tensor: value.tensor.gather(indices) };
  },
};

const smoothSteps: Readonly<Record<string, Step>> = {
  exp: (g) => inexact(anyValue(g).tensor.tanh().exp(), 3),
  log: (g) => {
    const value = anyValue(g);
    return inexact(value.tensor.square().add(0.5).log(), 2 * Math.log(value.bound + 2));
  },
  sqrt: (g) => {
    const value = anyValue(g);
    return inexact(value.tensor.square().add(0.25).sqrt(), value.bound + 0.5);
  },
  tanh: (g) => inexact(anyValue(g).tensor.tanh(), 1),
  cos: (g) => inexact(anyValue(g).tensor.cos(), 1),
  sigmoid: (g) => inexact(anyValue(g).tensor.sigmoid(), 1),
  negate: (g) => {
    const value = anyValue(g);
    return { ...value, tensor: value.tensor.negate() };
  },
  divide: (g) => {
    const value = anyValue(g);
    const by = partner(g, value.tensor.shape, chance(g, 0.3)).tensor.square().add(0.5);
    return inexact(value.tensor.divide(by), 2 * value.bound);
  },
  arithmetic: (g) => {
    const a = anyValue(g);
    const b = partner(g, a.tensor.shape, a.isExact);
    const op = pick(g, ['add', 'subtract', 'multiply'] as const);
    const result = a.tensor[op](b.tensor);
    const bound = op === 'multiply' ? a.bound * b.bound : a.bound + b.bound;
    // A product of exact values holds sixteenths: no longer exact enough to go on from.
    return a.isExact && op !== 'multiply' ? exact(result, bound) : inexact(result, bound);
  },
  scalar: (g) => {
    const value = anyValue(g);
    const scalar = g.t.givenScalar(`${g.name}.scalar${g.values.length}`, 0.5 + g.draws.uniform());
    return inexact(value.tensor.multiply(scalar), 2 * value.bound);
  },
  noise: (g) => {
    const value = anyValue(g);
    const key = g.t.key('noise').derive(g.name, g.values.length);
    const kind = pick(g, ['normal', 'uniform'] as const);
    return inexact(value.tensor.add(key[kind](value.tensor.shape).multiply(0.1)), value.bound + 1);
  },
  recurrence: (g) => {
    const value = anyValue(g);
    const { shape } = value.tensor;
    const count = 1 + below(g, 4);
    const other = partner(g, shape, false);
    const noise = g.t
      .key('noise')
      .derive(g.name, g.values.length)
      .normal([count, ...shape]);
    const { x } = recur({
      count,
      initial: { x: value.tensor },
      step: (state, { item }) => ({
        next: { x: state.x.multiply(0.5).add(other.tensor).add(item(noise).multiply(0.1)) },
      }),
    });
    return inexact(x, value.bound + 2 * other.bound + 2);
  },
  detach: (g) => {
    const value = anyValue(g);
    return {
      ...value,
      tensor: value.tensor.multiply(value.tensor.detach()).tanh(),
      bound: 1,
      isExact: false,
    };
  },
  straightThrough: (g) => {
    const value = anyValue(g);
    return inexact(straightThrough(value.tensor.cos(), value.tensor), 1);
  },
  custom: (g) => {
    const value = anyValue(g);
    const other = partner(g, value.tensor.shape, false).tensor.broadcastTo(value.tensor.shape);
    const rule = (gradient: Tensor, [x, y]: readonly Tensor[]): readonly Tensor[] => [
      gradient.multiply(y!),
      gradient.subtract(x!),
    ];
    return inexact(
      customGradient('sum-of-two', value.tensor.add(other), [value.tensor, other], rule),
      value.bound + 4,
    );
  },
};

/** With edges: of exact operands only. */
const edgedSteps: Readonly<Record<string, Step>> = {
  abs: (g) => {
    const value = exactValue(g);
    return { ...value, tensor: value.tensor.abs() };
  },
  floor: (g) => {
    const value = exactValue(g);
    return exact(value.tensor.floor(), value.bound + 1);
  },
  round: (g) => {
    const value = exactValue(g);
    return exact(value.tensor.round(), value.bound + 1);
  },
  relu: (g) => {
    const value = exactValue(g);
    return { ...value, tensor: value.tensor.relu() };
  },
  clip: (g) => {
    const value = exactValue(g);
    return { ...value, tensor: value.tensor.clip(-0.75, 1) };
  },
  extreme: (g) => {
    const a = exactValue(g);
    const b = partner(g, a.tensor.shape, true);
    return exact(a.tensor[pick(g, ['maximum', 'minimum'] as const)](b.tensor), Math.max(a.bound, b.bound));
  },
  select: (g) => {
    const a = exactValue(g);
    const b = partner(g, a.tensor.shape, true);
    const compared = (['less', 'lessEqual', 'equal'] as const)[g.values.length % 3]!;
    const condition = a.tensor[compared](b.tensor);
    const { shape } = condition;
    const [x, y] = [partner(g, shape, false), partner(g, shape, false)];
    return inexact(condition.select(x.tensor, y.tensor), Math.max(x.bound, y.bound));
  },
  pulses: (g) => {
    const value = exactValue(g);
    const { shape } = value.tensor;
    const [count, least] = [1 + below(g, 4), partner(g, shape, true)];
    const items = newInput(g, [count, ...shape.map((size) => (chance(g, 0.3) ? 1 : size))], true);
    const { x, n } = recur({
      count,
      initial: { x: value.tensor, n: constant(g.t, 0, 'i32') },
      step: (state, { item }) => ({
        next: { x: state.x.add(item(items.tensor)), n: state.n.add(1) },
        where: least.tensor.lessEqual(state.x),
      }),
      where: chance(g, 0.3) ? value.tensor.less(least.tensor) : undefined,
    });
    return exact(chance(g, 0.5) ? x : x.add(n.cast('f32')), value.bound + 2 * count + 4);
  },
  integers: (g) => {
    const value = exactValue(g);
    const whole = value.tensor.multiply(4).cast('i32');
    const other = partner(g, value.tensor.shape, true).tensor.cast('i32');
    const op = pick(g, ['add', 'subtract', 'multiply', 'maximum', 'minimum', 'bitAnd'] as const);
    return inexact(
      whole[op](other)
        .cast('f32')
        .multiply(1 / 64),
      2 * value.bound,
    );
  },
  bits: (g) => {
    const value = exactValue(g);
    return exact(value.tensor.multiply(4).cast('i32').bitCount().cast('f32').multiply(0.25), 8);
  },
  masks: (g) => {
    const value = exactValue(g);
    const mask = chance(g, 0.5) ? value.tensor.cast('bool') : value.tensor.cast('i32').cast('bool');
    return exact(
      (chance(g, 0.5) ? mask.cast('f32') : mask.cast('i32').cast('f32')).add(value.tensor),
      value.bound + 1,
    );
  },
  index: (g) => {
    const value = exactValue(g);
    const rank = value.tensor.shape.length;
    if (rank === 0) return undefined;
    const row = iota(g.t, value.tensor.shape, below(g, rank)).cast('f32');
    return exact(row.add(value.tensor), value.bound + 4000);
  },
  constants: (g) => {
    const value = exactValue(g);
    return exact(constant(g.t, pick(g, [0, 1, -0.5, 2])).subtract(value.tensor), value.bound + 2);
  },
  maximum: (g) => {
    const value = exactValue(g);
    return { ...value, tensor: value.tensor.max(randomAxes(g, value.tensor.shape.length), chance(g, 0.5)) };
  },
};

const sumSteps: Readonly<Record<string, Step>> = {
  mean: (g) => {
    const value = anyValue(g);
    return inexact(value.tensor.mean(randomAxes(g, value.tensor.shape.length), chance(g, 0.5)), value.bound);
  },
  matmul: (g) => {
    const left = anyValue(g);
    const matrix = withRank(left.tensor, 2);
    const a = chance(g, 0.4) ? matrix.transpose() : matrix;
    const [rows, k] = a.shape as [number, number];
    const columns = pick(g, [1, 2, 5, 16, 17, 33]);
    if (rows * columns > MAXIMUM_ELEMENTS || k > 600) return undefined;
    const b = chance(g, 0.3)
      ? newInput(g, [columns, k], false).tensor.transpose()
      : newInput(g, [k, columns], false).tensor;
    const start = chance(g, 0.3) ? below(g, k) : 0;
    const end = chance(g, 0.3) ? start + 1 + below(g, k - start) : k;
    return inexact(a.matmul(b, [start, end]).multiply(1 / Math.sqrt(end - start)), 3 * left.bound);
  },
  matmuls: (g) => {
    const left = anyValue(g);
    const matrices = withRank(left.tensor, 3 + below(g, 2));
    const last = matrices.shape.length - 1;
    const order = matrices.shape.map((_, axis) => axis);
    const a = chance(g, 0.4) ? matrices.transpose(order.with(last, last - 1).with(last - 1, last)) : matrices;
    const k = a.shape[last]!;
    const columns = pick(g, [1, 3, 16, 18]);
    if ((elementCount(a.shape) / k) * columns > MAXIMUM_ELEMENTS || k > 300) return undefined;
    const leading = a.shape.slice(0, -2).map((size) => (chance(g, 0.2) ? 1 : size));
    const b = newInput(g, [...leading.slice(chance(g, 0.2) ? 1 : 0), k, columns], false).tensor;
    const start = chance(g, 0.3) ? below(g, k) : 0;
    return inexact(a.matmul(b, [start, k]).multiply(1 / Math.sqrt(k)), 3 * left.bound);
  },
  signals: (g) => {
    const input = anyValue(g);
    const signals = withRank(input.tensor, 3);
    const [n, l, c] = signals.shape as [number, number, number];
    const [size, dilation, before] = [pick(g, [1, 2, 3, 7]), pick(g, [1, 1, 2]), below(g, 4)] as const;
    const groups = pick(
      g,
      [1, 1, c].filter((count) => c % count === 0),
    );
    const channels = groups * pick(g, groups === 1 ? [1, 5, 16, 18] : [1, 3]);
    const terms = (size * c) / groups;
    const isTooSmall = l + before < dilation * (size - 1) + 1;
    if (isTooSmall || n * (l + 3) * channels > MAXIMUM_ELEMENTS || terms > 300) return undefined;
    const filter = newInput(g, [size, c / groups, channels], false).tensor;
    const geometry = { stride: 1 + below(g, 2), padding: [before, 0], dilation, groups } as const;
    return inexact(signals.convolve1d(filter, geometry).multiply(1 / Math.sqrt(terms)), 3 * input.bound);
  },
  transposedConvolution: (g) => {
    const input = anyValue(g);
    const whole = withRank(input.tensor, 4);
    const most = [2, 5, 6, 8];
    const images = whole.slice(
      [0, 0, 0, 0],
      whole.shape.map((size, axis) => Math.min(size, most[axis]!)),
    );
    const [, h, w, c] = images.shape as [number, number, number, number];
    const kernel = [1 + below(g, 3), pick(g, [1, 2, 3, 4])] as const;
    const groups = pick(
      g,
      [1, 1, c].filter((count) => c % count === 0),
    );
    const stride = [1 + below(g, 3), 1 + below(g, 2)] as const;
    const geometry: TransposedGeometry = {
      stride,
      padding: [below(g, kernel[0]), [below(g, 2), below(g, 2)]],
      dilation: chance(g, 0.2) ? [1, 2] : [1, 1],
      groups,
      outputPadding: [below(g, stride[0]), 0],
    };
    const channels = groups * pick(g, groups === 1 ? [1, 3, 17] : [1, 2]);
    const terms = (kernel[0] * kernel[1] * c) / groups;
    const least = (size: number, k: 0 | 1): number => (size - 1) * stride[k] + kernel[k] - 4;
    if (least(h, 0) < 1 || least(w, 1) < 1) return undefined;
    const filter = newInput(g, [...kernel, c / groups, channels], false).tensor;
    const start = chance(g, 0.3) ? below(g, terms) : 0;
    const spread = images.convolveTransposed(filter, geometry, [start, start + 1 + below(g, terms - start)]);
    return inexact(spread.multiply(1 / Math.sqrt(terms)), 3 * input.bound);
  },
  convolution: (g) => {
    const input = anyValue(g);
    const images = withRank(input.tensor, 4);
    const [n, h, w, c] = images.shape as [number, number, number, number];
    const kernel = [pick(g, [1, 2, 3]), pick(g, [1, 3, 5])] as const;
    const groups = pick(
      g,
      [1, 1, 2, c].filter((count) => c % count === 0),
    );
    const geometry: ConvolutionGeometry = {
      stride: [1 + below(g, 3), 1 + below(g, 3)],
      padding: [below(g, 3), chance(g, 0.5) ? below(g, 3) : [below(g, 3), below(g, 4)]],
      dilation: chance(g, 0.3) ? [1 + below(g, 2), 1 + below(g, 3)] : [1, 1],
      groups,
    };
    const [oh, ow] = convolvedSize([h, w], kernel, geometry);
    const channels = groups * pick(g, groups === 1 ? [1, 2, 7, 16, 19] : [1, 2, 9]);
    const terms = (kernel[0] * kernel[1] * c) / groups;
    if (oh < 1 || ow < 1 || n * oh * ow * channels > MAXIMUM_ELEMENTS || terms > 300) return undefined;
    const filter = newInput(g, [...kernel, c / groups, channels], false).tensor;
    const start = chance(g, 0.3) ? below(g, terms) : 0;
    const convolved = images.convolve(filter, geometry, [start, start + 1 + below(g, terms - start)]);
    return inexact(convolved.multiply(1 / Math.sqrt(terms)), 3 * input.bound);
  },
};

const families: readonly (readonly Step[])[] = [viewSteps, smoothSteps, edgedSteps, sumSteps].map((steps) =>
  Object.values(steps),
);

/** A random graph of about `steps` steps; `name` tells its scalars and random streams from those of others. */
export function randomGraph(t: SampleTrace, name: string, key: Key, steps: number): RandomGraph {
  const g: Generator = { t, draws: randomSequence(key), values: [], inputs: [], name };
  g.values.push(newInput(g, randomShape(g), false), newInput(g, randomShape(g, 4), false));
  for (let step = 0; step < steps; step++) {
    const value = pick(g, pick(g, families))(g);
    if (value !== undefined) g.values.push(value);
  }
  const results = g.values
    .filter((_, position) => position >= g.values.length - 3)
    .map(({ tensor }) => tensor);
  return { results, inputs: g.inputs };
}
