// What users write with: `Tensor`, a handle on a node of the graph being traced. There is no eager mode; an
// operation adds a node. Broadcasting is made explicit here, so the primitives below it need equal shapes.

import { UsageError } from '../base/errors.ts';
import { exactText } from '../base/exact-text.ts';
import { deriveKey, type Key } from '../base/random.ts';
import {
  broadcastShapes,
  elementCount,
  formatShape,
  normalizeAxes,
  type Shape,
  sameShape,
} from '../base/shape.ts';
import { requireAllowedInBody } from './loops.ts';
import {
  type Attributes,
  type ConvolutionGeometry,
  type DType,
  fullGeometry,
  type Node,
  type OpName,
  type RowRange,
  type SignalGeometry,
  type TransposedGeometry,
} from './node.ts';
import { shapeRules } from './shape-rules.ts';

/** Gradients for the inputs of a custom node, given the gradient of its value; undefined means zero. */
export type CustomRule = (gradient: Tensor, inputs: readonly Tensor[]) => readonly (Tensor | undefined)[];

/** Makes nodes, each once: asking for an equal node returns the first one. One builder per trace. */
export type Builder = {
  readonly make: <K extends OpName>(op: K, inputs: readonly Node[], attributes: Attributes[K]) => Node;
  readonly customRules: readonly CustomRule[];
  readonly addRule: (rule: CustomRule) => number;
  /** Number of a new loop. */
  readonly addLoop: () => number;
};

/** A fresh builder. */
export function createBuilder(): Builder {
  const nodes = new Map<string, Node>();
  const customRules: CustomRule[] = [];
  let loops = 0;
  return {
    customRules,
    addLoop: () => loops++,
    addRule: (rule) => customRules.push(rule) - 1,
    make: <K extends OpName>(op: K, inputs: readonly Node[], attributes: Attributes[K]): Node => {
      const key = `${op}|${inputs.map((input) => input.id).join(',')}|${exactText(attributes)}`;
      const known = nodes.get(key);
      if (known !== undefined) return known;
      const { shape, dtype } = shapeRules[op](inputs, attributes);
      const node = { id: nodes.size, op, inputs, attributes, shape, dtype } as Node;
      nodes.set(key, node);
      return node;
    },
  };
}

/** Anything that can stand where a tensor is expected. */
export type TensorLike = Tensor | number;

/** A value in a graph under construction. */
export class Tensor {
  readonly node: Node;
  readonly builder: Builder;

  constructor(builder: Builder, node: Node) {
    this.builder = builder;
    this.node = node;
  }

  get shape(): Shape {
    return this.node.shape;
  }

  get dtype(): DType {
    return this.node.dtype;
  }

  add(other: TensorLike): Tensor {
    return binary('add', this, other);
  }
  subtract(other: TensorLike): Tensor {
    return binary('subtract', this, other);
  }
  multiply(other: TensorLike): Tensor {
    return binary('multiply', this, other);
  }
  divide(other: TensorLike): Tensor {
    return binary('divide', this, other);
  }
  /** this > other ? this : other. Where both are equal, the gradient goes to `other`, or, beside a number, nowhere. */
  maximum(other: TensorLike): Tensor {
    return binary('maximum', this, other);
  }
  /** this < other ? this : other. Where both are equal, the gradient goes to `other`. */
  minimum(other: TensorLike): Tensor {
    return binary('minimum', this, other);
  }
  less(other: TensorLike): Tensor {
    return binary('less', this, other);
  }
  lessEqual(other: TensorLike): Tensor {
    return binary('lessEqual', this, other);
  }
  equal(other: TensorLike): Tensor {
    return binary('equal', this, other);
  }
  /** Of i32: the bits that are set in both. */
  bitAnd(other: TensorLike): Tensor {
    return binary('bitAnd', this, other);
  }
  /** Of i32: how many of the 32 bits are set. */
  bitCount(): Tensor {
    return apply(this.builder, 'bitCount', [this], {});
  }
  /** this ? whenTrue : whenFalse, for a bool tensor. */
  select(whenTrue: TensorLike, whenFalse: TensorLike): Tensor {
    const a = typeof whenTrue === 'number' ? undefined : whenTrue;
    const b = typeof whenFalse === 'number' ? undefined : whenFalse;
    const dtype = (a ?? b)?.dtype ?? 'f32';
    const shape = [a, b].reduce((all, x) => (x ? broadcastShapes('select', all, x.shape) : all), this.shape);
    const operands = [this, whenTrue, whenFalse].map((x) =>
      liftTo(this.builder, x, dtype).broadcastTo(shape),
    );
    return apply(this.builder, 'select', operands, {});
  }

  negate(): Tensor {
    return apply(this.builder, 'negate', [this], {});
  }
  abs(): Tensor {
    return apply(this.builder, 'abs', [this], {});
  }
  exp(): Tensor {
    return apply(this.builder, 'exp', [this], {});
  }
  /** Natural logarithm. */
  log(): Tensor {
    return apply(this.builder, 'log', [this], {});
  }
  sqrt(): Tensor {
    return apply(this.builder, 'sqrt', [this], {});
  }
  tanh(): Tensor {
    return apply(this.builder, 'tanh', [this], {});
  }
  /** For an angle in radians; exact to 5e-7 up to 1000, less the further out, and always within [−1, 1]. */
  cos(): Tensor {
    return apply(this.builder, 'cos', [this], {});
  }
  floor(): Tensor {
    return apply(this.builder, 'floor', [this], {});
  }
  /** Nearest integer, ties to even. */
  round(): Tensor {
    return apply(this.builder, 'round', [this], {});
  }
  square(): Tensor {
    return this.multiply(this);
  }
  /** 1 / (1 + e^−x), through tanh, so it never overflows. */
  sigmoid(): Tensor {
    return this.multiply(0.5).tanh().multiply(0.5).add(0.5);
  }
  /** max(0, x); a NaN stays a NaN. */
  relu(): Tensor {
    return liftTo(this.builder, 0, this.dtype).maximum(this);
  }
  /** The value limited to [low, high]. */
  clip(low: TensorLike, high: TensorLike): Tensor {
    return liftTo(this.builder, low, this.dtype).maximum(
      liftTo(this.builder, high, this.dtype).minimum(this),
    );
  }
  /**
   * In another element type: to i32 towards zero, to bool true where not 0. What i32 can't hold (beyond ±2³¹, NaN) has
   * no defined value: it differs between backends.
   */
  cast(dtype: DType): Tensor {
    return dtype === this.dtype ? this : apply(this.builder, 'cast', [this], { dtype });
  }

  /** The same elements in another shape; one axis may be −1, "whatever is left". */
  reshape(shape: Shape): Tensor {
    const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const total = this.shape.reduce((product, size) => product * size, 1);
    const full = shape.map((size) => (size === -1 ? total / known : size));
    return sameShape(full, this.shape) ? this : apply(this.builder, 'reshape', [this], { shape: full });
  }
  /** Output axis k is input axis permutation[k]; by default the axes are reversed. */
  transpose(permutation?: readonly number[]): Tensor {
    const order = permutation ?? this.shape.map((_, axis) => this.shape.length - 1 - axis);
    const isIdentity = order.length === this.shape.length && order.every((axis, k) => axis === k);
    return isIdentity ? this : apply(this.builder, 'transpose', [this], { permutation: order });
  }
  broadcastTo(shape: Shape): Tensor {
    if (sameShape(this.shape, shape)) return this;
    const leading = new Array<number>(Math.max(0, shape.length - this.shape.length)).fill(1);
    return apply(this.builder, 'broadcast', [this.reshape([...leading, ...this.shape])], { shape });
  }
  slice(start: readonly number[], end: readonly number[]): Tensor {
    const whole =
      start.length === end.length && start.every((from) => from === 0) && sameShape(end, this.shape);
    return whole ? this : apply(this.builder, 'slice', [this], { start, end });
  }
  /** Zeros around the tensor. */
  pad(before: readonly number[], after: readonly number[]): Tensor {
    const isNone =
      sameShape(before, after) && before.length === this.shape.length && before.every((n) => n === 0);
    return isNone ? this : apply(this.builder, 'pad', [this], { before, after });
  }

  /**
   * Rows of a table: out[i…, :] = this[indices[i…], :], shape (indices…, row…). Its gradient adds up, for each row, what
   * was taken from it, in the order of the indices.
   *
   * An index below 0, or NaN, stands for the first row, one beyond the end for the last; f32 are cut towards zero.
   *
   * @param indices i32 or f32, of any shape
   */
  gather(indices: Tensor): Tensor {
    return apply(this.builder, 'gather', [this, indices], {});
  }

  /** Sum over `axes` (all by default); `keepAxes` leaves them with size 1. */
  sum(axes?: readonly number[], keepAxes = false): Tensor {
    return reduce('sum', this, axes, keepAxes);
  }
  mean(axes?: readonly number[], keepAxes = false): Tensor {
    const total = this.sum(axes, keepAxes);
    const count = this.shape.reduce((p, size) => p * size, 1) / total.shape.reduce((p, size) => p * size, 1);
    return total.multiply(1 / count);
  }
  max(axes?: readonly number[], keepAxes = false): Tensor {
    return reduce('reduceMax', this, axes, keepAxes);
  }

  /**
   * Matrix products (…, m, k) · (…, k, n) → (…, m, n): y[…, i, j] = Σ over r of this[…, i, r] · right[…, r, j]. Leading axes
   * broadcast; one matrix on the right serves all rows on the left in one product.
   *
   * @param rows only those rows of the right matrices
   * @throws UsageError if an operand is no matrix, the sizes do not chain, or leading axes do not broadcast
   */
  matmul(right: Tensor, rows: RowRange = [0, right.shape.at(-2) ?? 0]): Tensor {
    const [own, other] = [this.shape.slice(0, -2), right.shape.slice(0, -2)];
    if (this.shape.length < 2 || right.shape.length < 2 || sameShape(own, other))
      return apply(this.builder, 'matmul', [this, right], { rows });
    if (other.length === 0) {
      const [m, k] = this.shape.slice(-2) as [number, number];
      const all = this.reshape([m * elementCount(own), k]).matmul(right, rows);
      return all.reshape([...own, m, right.shape.at(-1)!]);
    }
    const leading = broadcastShapes('matmul', own, other);
    const stretched = (x: Tensor): Tensor => x.broadcastTo([...leading, ...x.shape.slice(-2)]);
    return apply(this.builder, 'matmul', [stretched(this), stretched(right)], { rows });
  }
  /**
   * Images (n, h, w, c) convolved with a filter (kh, kw, c / groups, m) → (n, h', w', m):
   *
   *   y[i, j, m] = Σ over p, q, c of x[i·stride + p·dilation − padding, j·stride + q·dilation − padding, c] · f[p, q, c, m]
   *
   * @param rows only those rows of the filter seen as a (kh·kw·c / groups, m) matrix, of each group alike
   * @throws UsageError if channels, groups and filter do not fit, or the filter does not fit into the padded images
   */
  convolve(filter: Tensor, geometry: ConvolutionGeometry, rows?: RowRange): Tensor {
    const all = filter.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const attributes = { ...fullGeometry(geometry), rows: rows ?? ([0, all] as const) };
    return apply(this.builder, 'convolution', [this, filter], attributes);
  }

  /**
   * Signals (n, l, c) convolved with a filter (k, c / groups, m) → (n, l', m):
   *
   *   y[i, m] = Σ over q, c of x[i·stride + q·dilation − padding, c] · f[q, c, m]
   *
   * @param rows only those rows of the filter seen as a (k·c / groups, m) matrix, of each group alike
   * @throws UsageError if channels, groups and filter do not fit, or the filter does not fit into the padded signals
   */
  convolve1d(
    filter: Tensor,
    { stride = 1, padding = 0, dilation = 1, groups = 1 }: SignalGeometry,
    rows?: RowRange,
  ): Tensor {
    for (const [what, x] of [
      ['signals', this],
      ['the filter', filter],
    ] as const) {
      if (x.shape.length !== 3)
        throw new UsageError(`convolve1d: ${what} must have 3 axes, got ${formatShape(x.shape)}`);
    }
    const geometry = { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups } as const;
    return this.convolve(filter, geometry, rows);
  }

  /**
   * A transposed convolution: images (n, h, w, c), filter (kh, kw, c / groups, m) → (n, h', w', m), with
   * h' = (h − 1) · stride − padding before and after + dilation · (kh − 1) + 1 + output padding:
   *
   *   y[i·stride + p·dilation − padding, j·stride + q·dilation − padding, m] += x[i, j, c] · f[p, q, c, m]
   *
   * PyTorch's ConvTranspose2d, for images with channels last and a filter with input channels before outputs. It equals the
   * convolution of the images, zeros between their pixels, with the filter turned by half a turn.
   *
   * @param rows only those rows of the filter seen as a (kh·kw·c / groups, m) matrix, of each group alike
   * @throws UsageError if channels, groups and filter do not fit, or the padding leaves nothing
   */
  convolveTransposed(
    filter: Tensor,
    { outputPadding = [0, 0], ...geometry }: TransposedGeometry,
    rows?: RowRange,
  ): Tensor {
    const all = filter.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const attributes = { ...fullGeometry(geometry), outputPadding, rows: rows ?? ([0, all] as const) };
    return apply(this.builder, 'transposedConvolution', [this, filter], attributes);
  }

  /** The value, treated as a constant by differentiation. */
  detach(): Tensor {
    return apply(this.builder, 'detach', [this], {});
  }
}

/**
 * Adds a node. The one door between tensors and nodes.
 *
 * @throws UsageError if the operands belong to two traces, do not fit, or the body of a recurrence can't hold such a node
 */
export function apply<K extends OpName>(
  builder: Builder,
  op: K,
  inputs: readonly Tensor[],
  attributes: Attributes[K],
): Tensor {
  if (inputs.some((input) => input.builder !== builder)) {
    throw new UsageError(`${op}: the operands belong to two traces; use tensors of one trace`);
  }
  requireAllowedInBody(
    op,
    inputs.map((input) => input.node),
  );
  return new Tensor(
    builder,
    builder.make(
      op,
      inputs.map((input) => input.node),
      attributes,
    ),
  );
}

/**
 * Tensors one behind the other along `axis`, which may count from the end: (n, 3), (n, 5) → (n, 8) along axis 1.
 *
 * @throws UsageError if there are none, or if they differ in element type or in another axis
 */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (first === undefined) throw new UsageError('concat: expected at least one tensor, got none');
  const [along] = normalizeAxes('concat', first.shape.length, [axis]);
  return parts.length === 1 ? first : apply(first.builder, 'concat', parts, { axis: along! });
}

/** A constant of any shape. */
export function constant(like: { readonly builder: Builder }, value: number, dtype: DType = 'f32'): Tensor {
  return apply(like.builder, 'constant', [], { value, dtype });
}

/** The index along `axis`, i32. */
export function iota(like: { readonly builder: Builder }, shape: Shape, axis: number): Tensor {
  return apply(like.builder, 'iota', [], { shape, axis });
}

/**
 * The value of `value` with a gradient of your own: `rule` gets the gradient of the value and the `inputs`, and
 * returns a gradient for each input. The node disappears after differentiation.
 */
export function customGradient(
  name: string,
  value: Tensor,
  inputs: readonly Tensor[],
  rule: CustomRule,
): Tensor {
  return apply(value.builder, 'custom', [value, ...inputs], { rule: value.builder.addRule(rule), name });
}

/** The value of `value`, with the gradient of `surrogate` (straight-through estimator). */
export function straightThrough(value: Tensor, surrogate: Tensor): Tensor {
  return customGradient('straight-through', value, [surrogate], (gradient) => [gradient]);
}

/** A key for random draws in a graph: two runtime words and a path of names fixed at trace time. */
export class GraphKey {
  readonly words: readonly [Tensor, Tensor];
  readonly stream: Key;

  constructor(words: readonly [Tensor, Tensor], stream: Key) {
    this.words = words;
    this.stream = stream;
  }

  /** The key of a named use: `key.derive('programming', layer)`. */
  derive(...path: readonly (string | number)[]): GraphKey {
    return new GraphKey(this.words, deriveKey(this.stream, ...path));
  }
  /** Uniform draws in (0, 1). */
  uniform(shape: Shape): Tensor {
    return apply(this.words[0].builder, 'uniform', this.words, { shape, stream: this.stream });
  }
  /** Standard normal draws. */
  normal(shape: Shape): Tensor {
    return apply(this.words[0].builder, 'normal', this.words, { shape, stream: this.stream });
  }
}

function liftTo(builder: Builder, value: TensorLike, dtype: DType): Tensor {
  return typeof value === 'number' ? constant({ builder }, value, dtype) : value;
}

type BinaryOp =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'maximum'
  | 'minimum'
  | 'less'
  | 'lessEqual'
  | 'equal'
  | 'bitAnd';

function binary(op: BinaryOp, a: Tensor, other: TensorLike): Tensor {
  const b = liftTo(a.builder, other, a.dtype);
  const shape = broadcastShapes(op, a.shape, b.shape);
  return apply(a.builder, op, [a.broadcastTo(shape), b.broadcastTo(shape)], {});
}

function reduce(
  op: 'sum' | 'reduceMax',
  x: Tensor,
  axes: readonly number[] | undefined,
  keepAxes: boolean,
): Tensor {
  const normalized = normalizeAxes(op, x.shape.length, axes ?? x.shape.map((_, axis) => axis));
  const reduced = normalized.length === 0 ? x : apply(x.builder, op, [x], { axes: normalized });
  return keepAxes ? reduced : reduced.reshape(x.shape.filter((_, axis) => !normalized.includes(axis)));
}
