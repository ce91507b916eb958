// Operators element by element: arithmetic with broadcasting, comparisons, non-linearities, softmax. Axes are aligned as in
// ONNX, from the end, wherever the axes of a tensor lie.

import { broadcastShapes } from '../../base/shape.ts';
import { constant, type Tensor, type TensorLike } from '../../graph/tensor.ts';
import type { NumberKind } from './model.ts';
import type { NodeBuilder, Operators, ParameterRequest, Step } from './step.ts';
import { dimsOf, inOrder, lastChannels, placeOf, type Symbolic, type Value } from './value.ts';

/** Tensors with their axes in one order and number: channels last if any of the highest rank has them there. */
export function aligned(values: readonly Symbolic[]): {
  readonly tensors: Tensor[];
  readonly channelsLast: boolean;
} {
  const rank = Math.max(...values.map((value) => value.tensor.shape.length));
  const channelsLast = values.some((value) => value.channelsLast && value.tensor.shape.length === rank);
  const tensors = values.map((value) => {
    const ordered = inOrder(value);
    const missing = rank - ordered.shape.length;
    if (!channelsLast) return ordered.reshape([...new Array<number>(missing).fill(1), ...ordered.shape]);
    if (value.channelsLast && missing === 0) return value.tensor;
    const full = ordered.reshape([...new Array<number>(missing).fill(1), ...ordered.shape]);
    return lastChannels({ ...value, tensor: full, channelsLast: false });
  });
  return { tensors, channelsLast };
}

type Combine = (a: Tensor, b: Tensor, kind: NumberKind) => Tensor;

function binary(
  combine: Combine,
  { role, result }: { readonly role?: ParameterRequest['role']; readonly result?: NumberKind } = {},
): NodeBuilder {
  return (step) => combined(step, combine, [step.symbol(0, role), step.symbol(1, role)], result);
}

function combined(
  step: Step,
  combine: Combine,
  values: readonly [Symbolic, Symbolic],
  result?: NumberKind,
): Symbolic {
  const { tensors, channelsLast } = aligned(values);
  const [a, b] = tensors as [Tensor, Tensor];
  broadcastShapes(step.node.op, a.shape, b.shape);
  const kind = values[0].kind === 'float' || values[1].kind === 'float' ? 'float' : values[0].kind;
  return { where: 'graph', kind: result ?? kind, tensor: combine(a, b, kind), channelsLast };
}

/** An operator of any number of inputs, from one of two. */
function many(combine: Combine, after: (sum: Tensor, count: number) => Tensor = (sum) => sum): NodeBuilder {
  return (step) => {
    const values = step.inputs.map((_, k) => step.symbol(k));
    const total = values.slice(1).reduce((sum, one) => combined(step, combine, [sum, one]), values[0]!);
    return { ...total, tensor: after(total.tensor, values.length) };
  };
}

function unary(f: (x: Tensor, step: Step, kind: NumberKind) => Tensor, result?: NumberKind): NodeBuilder {
  return (step) => {
    const x = step.symbol(0);
    return { ...x, kind: result ?? x.kind, tensor: f(x.tensor, step, x.kind) };
  };
}

/** 1 for true, 0 for false. */
export function asNumbers(x: Tensor): Tensor {
  return x.dtype === 'bool' ? x.select(constant(x, 1).broadcastTo(x.shape), 0) : x;
}

function asBool(x: Tensor): Tensor {
  return x.dtype === 'bool' ? x : x.cast('bool');
}

const logic = (f: (a: Tensor, b: Tensor) => Tensor): NodeBuilder =>
  binary((a, b) => f(asNumbers(a), asNumbers(b)).equal(1), { result: 'bool' });

const not = (x: Tensor): Tensor => asNumbers(x).equal(0);

function signOf(x: Tensor): Tensor {
  return x.less(0).select(-1, zeroOrOne(x));
}

function zeroOrOne(x: Tensor): Tensor {
  return constant(x, 0).broadcastTo(x.shape).less(x).select(constant(x, 1).broadcastTo(x.shape), 0);
}

/** Towards zero. */
export function truncated(x: Tensor): Tensor {
  return x.less(0).select(x.negate().floor().negate(), x.floor());
}

function quotient(a: Tensor, b: Tensor, kind: NumberKind): Tensor {
  return kind === 'int' ? truncated(a.divide(b)) : a.divide(b);
}

/** The remainder has the sign of the divisor, with `fmod` that of the dividend. */
const modulo: NodeBuilder = (step) => {
  const isC = step.numberOf('fmod', 0) !== 0;
  const remainder: Combine = (a, b) =>
    a.subtract(b.multiply(isC ? truncated(a.divide(b)) : a.divide(b).floor()));
  return combined(step, remainder, [step.symbol(0), step.symbol(1)]);
};

/** Powers up to this are products. */
const MOST_FACTORS = 8;

const power: NodeBuilder = (step) => {
  const exponent = step.value(1);
  const isKnown = exponent.where === 'host' && exponent.dims.every((size) => size === 1);
  if (!isKnown) return binary(generalPower)(step);
  const x = step.symbol(0);
  if (exponent.dims.length <= x.tensor.shape.length)
    return { ...x, tensor: knownPower(x.tensor, step.number(1)) };
  const ones = new Array<number>(exponent.dims.length - x.tensor.shape.length).fill(1);
  const padded = inOrder(x).reshape([...ones, ...inOrder(x).shape]);
  return { ...x, tensor: knownPower(padded, step.number(1)), channelsLast: false };
};

function knownPower(x: Tensor, exponent: number): Tensor {
  if (exponent === 0) return constant(x, 1).broadcastTo(x.shape);
  if (exponent === 0.5) return x.sqrt();
  if (exponent < 0) return constant(x, 1).divide(knownPower(x, -exponent));
  if (!Number.isInteger(exponent) || exponent > MOST_FACTORS)
    return generalPower(x, constant(x, exponent).broadcastTo(x.shape));
  const half = knownPower(x, Math.floor(exponent / 2));
  const square = exponent === 1 ? x : half.multiply(half);
  return exponent % 2 === 0 || exponent === 1 ? square : square.multiply(x);
}

/** |x|^y, with the sign that a whole y gives to a negative x; NaN for other y. */
function generalPower(x: Tensor, y: Tensor): Tensor {
  const size = y.equal(0).select(1, x.abs().log().multiply(y).exp());
  const isWhole = y.floor().equal(y);
  const isOdd = y.multiply(0.5).floor().multiply(2).equal(y).select(0, 1);
  const ofNegative = isWhole.select(isOdd.equal(1).select(size.negate(), size), Number.NaN);
  return x.less(0).select(ofNegative, size);
}

/**
 * erf, to 1.5e-7: M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), 7.1.26.
 */
export function erf(x: Tensor): Tensor {
  const size = x.abs();
  const t = constant(x, 1).divide(size.multiply(0.3275911).add(1));
  const series = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592].reduce(
    (sum: Tensor | undefined, a) => (sum === undefined ? t.multiply(a) : sum.add(a).multiply(t)),
    undefined,
  )!;
  const positive = constant(x, 1).subtract(series.multiply(size.square().negate().exp()));
  return x.less(0).select(positive.negate(), positive);
}

const gelu = unary((x, step) => {
  if (step.textOf('approximate', 'none') === 'tanh') {
    const inner = x.add(x.square().multiply(x).multiply(0.044715)).multiply(Math.sqrt(2 / Math.PI));
    return x.multiply(0.5).multiply(inner.tanh().add(1));
  }
  return x.multiply(0.5).multiply(erf(x.multiply(Math.SQRT1_2)).add(1));
});

const softplus = (x: Tensor): Tensor => x.relu().add(x.abs().negate().exp().add(1).log());

/** A bound of `Clip`: an attribute before version 11, an input since; undefined: none. */
function bound(step: Step, name: string, k: number): TensorLike | undefined {
  if (step.opset < 11) return step.hasAttribute(name) ? step.numberOf(name, 0) : undefined;
  if (!step.has(k)) return undefined;
  const value = step.value(k);
  return value.where === 'host' ? step.number(k) : inOrder(value).reshape([]);
}

const clip = unary((x, step) => {
  const [low, high] = [bound(step, 'min', 1), bound(step, 'max', 2)];
  const stretched = (limit: TensorLike): Tensor =>
    (typeof limit === 'number' ? constant(x, limit) : limit).broadcastTo(x.shape);
  const below = high === undefined ? x : stretched(high).minimum(x);
  return low === undefined ? below : stretched(low).maximum(below);
});

const elu = (x: Tensor, alpha: number): Tensor =>
  x.less(0).select(x.minimum(0).exp().subtract(1).multiply(alpha), x);

const where: NodeBuilder = (step) => {
  const [condition, a, b] = [step.symbol(0), step.symbol(1), step.symbol(2)];
  const { tensors, channelsLast } = aligned([condition, a, b]);
  const [chooses, yes, no] = tensors as [Tensor, Tensor, Tensor];
  if (yes.dtype !== 'bool')
    return { where: 'graph', kind: a.kind, tensor: asBool(chooses).select(yes, no), channelsLast };
  const chosen = asBool(chooses).select(asNumbers(yes), asNumbers(no));
  return { where: 'graph', kind: 'bool', tensor: chosen.equal(1), channelsLast };
};

const BOOL = 9;
const INTEGERS = [2, 3, 4, 5, 6, 7, 12, 13];
const FLOATS = [1, 10, 11, 16];

function castTo(x: Symbolic, kind: NumberKind): Symbolic {
  if (kind === x.kind) return x;
  if (kind === 'bool') return { ...x, kind, tensor: asBool(x.tensor) };
  const numbers = asNumbers(x.tensor);
  return { ...x, kind, tensor: kind === 'int' && x.kind === 'float' ? truncated(numbers) : numbers };
}

/** A conversion; half precision is computed in float32. */
const cast: NodeBuilder = (step) => {
  const to = step.numberOf('to', 0);
  if (to === BOOL) return castTo(step.symbol(0), 'bool');
  if (INTEGERS.includes(to)) return castTo(step.symbol(0), 'int');
  if (FLOATS.includes(to)) return castTo(step.symbol(0), 'float');
  throw step.fault(`can't cast to data type ${to}`);
};

/**
 * Numbers that sum to 1 along an axis. Before version 13 all axes from that one on are one.
 */
function softmaxed(f: (d: Tensor, sum: (e: Tensor) => Tensor) => Tensor): NodeBuilder {
  return (step) => {
    const x = step.symbol(0);
    const rank = x.tensor.shape.length;
    const isOld = step.opset < 13;
    const axis = step.axis(step.numberOf('axis', isOld ? 1 : -1), Math.max(1, rank));
    const axes = (
      isOld
        ? dimsOf(x)
            .map((_, k) => k)
            .slice(axis)
        : [axis]
    ).map((one) => placeOf(x, one));
    const d = x.tensor.subtract(x.tensor.max(axes, true));
    return { ...x, tensor: f(d, (e) => e.sum(axes, true)) };
  };
}

const preluOf: Combine = (x, slope) => x.less(0).select(x.multiply(slope), x);

/** The operators. */
export const elementwise: Operators = {
  Add: binary((a, b) => a.add(b), { role: 'bias' }),
  Sub: binary((a, b) => a.subtract(b), { role: 'bias' }),
  Mul: binary((a, b) => a.multiply(b), { role: 'scale' }),
  Div: binary(quotient, { role: 'scale' }),
  Mod: modulo,
  Pow: power,
  Min: many((a, b) => b.minimum(a)),
  Max: many((a, b) => b.maximum(a)),
  Sum: many((a, b) => a.add(b)),
  Mean: many(
    (a, b) => a.add(b),
    (sum, count) => sum.multiply(1 / count),
  ),
  Equal: binary((a, b) => asNumbers(a).equal(asNumbers(b)), { result: 'bool' }),
  Less: binary((a, b) => a.less(b), { result: 'bool' }),
  LessOrEqual: binary((a, b) => a.lessEqual(b), { result: 'bool' }),
  Greater: binary((a, b) => b.less(a), { result: 'bool' }),
  GreaterOrEqual: binary((a, b) => b.lessEqual(a), { result: 'bool' }),
  And: logic((a, b) => a.multiply(b)),
  Or: logic((a, b) => a.maximum(b)),
  Xor: logic((a, b) => a.subtract(b).abs()),
  Not: unary(not, 'bool'),
  Where: where,
  Neg: unary((x) => x.negate()),
  Abs: unary((x) => x.abs()),
  Exp: unary((x) => x.exp()),
  Log: unary((x) => x.log()),
  Sqrt: unary((x) => x.sqrt()),
  Reciprocal: unary((x) => constant(x, 1).divide(x)),
  Floor: unary((x) => x.floor()),
  Ceil: unary((x) => x.negate().floor().negate()),
  Round: unary((x) => x.round()),
  Sign: unary((x) => signOf(x)),
  Sin: unary((x) => x.subtract(Math.PI / 2).cos()),
  Cos: unary((x) => x.cos()),
  Tanh: unary((x) => x.tanh()),
  Erf: unary((x) => erf(x)),
  Sigmoid: unary((x) => x.sigmoid()),
  Relu: unary((x) => x.relu()),
  LeakyRelu: unary((x, step) => x.less(0).select(x.multiply(step.numberOf('alpha', 0.01)), x)),
  PRelu: (step) => combined(step, preluOf, [step.symbol(0), step.symbol(1, 'scale')]),
  Elu: unary((x, step) => elu(x, step.numberOf('alpha', 1))),
  Celu: unary((x, step) => {
    const alpha = step.numberOf('alpha', 1);
    return x.less(0).select(
      x
        .minimum(0)
        .multiply(1 / alpha)
        .exp()
        .subtract(1)
        .multiply(alpha),
      x,
    );
  }),
  Selu: unary((x, step) =>
    elu(x, step.numberOf('alpha', 1.6732631921768188)).multiply(step.numberOf('gamma', 1.0507010221481323)),
  ),
  ThresholdedRelu: unary((x, step) =>
    constant(x, step.numberOf('alpha', 1)).broadcastTo(x.shape).less(x).select(x, 0),
  ),
  Clip: clip,
  HardSigmoid: unary((x, step) =>
    x.multiply(step.numberOf('alpha', 0.2)).add(step.numberOf('beta', 0.5)).clip(0, 1),
  ),
  HardSwish: unary((x) =>
    x.multiply(
      x
        .multiply(1 / 6)
        .add(0.5)
        .clip(0, 1),
    ),
  ),
  Gelu: gelu,
  Softplus: unary((x) => softplus(x)),
  Softsign: unary((x) => x.divide(x.abs().add(1))),
  Mish: unary((x) => x.multiply(softplus(x).tanh())),
  Swish: unary((x, step) => x.multiply(x.multiply(step.numberOf('alpha', 1)).sigmoid())),
  Softmax: softmaxed((d, sum) => {
    const e = d.exp();
    return e.divide(sum(e));
  }),
  LogSoftmax: softmaxed((d, sum) => d.subtract(sum(d.exp()).log())),
  Cast: cast,
  CastLike: (step) => castTo(step.symbol(0), kindOf(step.value(1))),
};

function kindOf(value: Value): NumberKind {
  return value.kind;
}
