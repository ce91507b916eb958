// One interpretation of the primitives: reverse-mode differentiation, graph to graph. One rule a primitive; a rule
// gets the gradient of the result and returns the gradient of each input (undefined: zero).

import { invariant, UsageError } from '../base/errors.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../base/shape.ts';
import {
  type Attributes,
  type ConvolutionGeometry,
  fullGeometry,
  type Node,
  type OpName,
  type RowRange,
  reachable,
} from './node.ts';
import { apply, constant, iota, Tensor } from './tensor.ts';

type Inputs = readonly Tensor[];
type ReverseRule<K extends OpName> = (
  gradient: Tensor,
  inputs: Inputs,
  output: Tensor,
  attributes: Attributes[K],
) => readonly (Tensor | undefined)[];

const none = (): readonly undefined[] => [];

/** Zeros except in `rows` of the weight matrices: what a product over a share of the rows can see of a filter. */
function keepRows(weights: Tensor, [start, end]: RowRange, matrices: Shape = []): Tensor {
  const columns = weights.shape[weights.shape.length - 1]!;
  const rows = elementCount(weights.shape) / columns / elementCount(matrices);
  if (start === 0 && end === rows) return weights;
  const row = iota(weights, [rows, 1], 0);
  const from = constant(weights, start - 1, 'i32').less(row);
  const kept = from.select(row.less(end).select(1, 0), 0);
  return weights
    .reshape([...matrices, rows, columns])
    .multiply(kept)
    .reshape(weights.shape);
}

/** Each matrix transposed. */
function transposed(matrices: Tensor): Tensor {
  const rank = matrices.shape.length;
  return matrices.transpose(matrices.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)));
}

/** A filter (kh, kw, c / groups, m), from inputs to outputs, as one from outputs to inputs: (kh, kw, m / groups, c). */
function swapChannels(filter: Tensor, groups: number): Tensor {
  const [kh, kw, channels, m] = filter.shape as [number, number, number, number];
  const outputs = m / groups;
  return filter
    .reshape([kh, kw, channels, groups, outputs])
    .transpose([0, 1, 4, 3, 2])
    .reshape([kh, kw, outputs, groups * channels]);
}

/** The gradient of the images of a convolution. */
function inputGradient(
  gradient: Tensor,
  filter: Tensor,
  geometry: ConvolutionGeometry,
  imageShape: Shape,
): Tensor {
  const attributes = { ...fullGeometry(geometry), imageShape };
  return apply(gradient.builder, 'convolutionInputGradient', [gradient, filter], attributes);
}

/** The gradient of the filter of a convolution. */
function weightGradient(
  images: Tensor,
  gradient: Tensor,
  geometry: ConvolutionGeometry,
  filterShape: Shape,
): Tensor {
  const attributes = { ...fullGeometry(geometry), filterShape };
  return apply(images.builder, 'convolutionWeightGradient', [images, gradient], attributes);
}

/** Reverse rules of all primitives. */
export const reverseRules: { readonly [K in OpName]: ReverseRule<K> } = {
  input: none,
  constant: none,
  iota: none,
  uniform: none,
  normal: none,
  negate: (g) => [g.negate()],
  abs: (g, [x]) => [constant(x!, 0).less(x!).select(g, x!.less(0).select(g.negate(), 0))],
  exp: (g, _, y) => [g.multiply(y)],
  log: (g, [x]) => [g.divide(x!)],
  sqrt: (g, _, y) => [g.multiply(0.5).divide(y)],
  tanh: (g, _, y) => [g.multiply(constant(y, 1).subtract(y.square()))],
  cos: (g, [x]) => [
    g.multiply(
      x!
        .subtract(Math.PI / 2)
        .cos()
        .negate(),
    ),
  ],
  floor: none,
  round: none,
  cast: none,
  add: (g) => [g, g],
  subtract: (g) => [g, g.negate()],
  multiply: (g, [a, b]) => [g.multiply(b!), g.multiply(a!)],
  divide: (g, [, b], y) => [g.divide(b!), g.multiply(y).divide(b!).negate()],
  // With a constant floor (a rectifier) the mask comes from the result, which is kept anyway.
  maximum: (g, [a, b], y) =>
    isConstant(a!.node)
      ? [undefined, a!.less(y).select(g, 0)]
      : [b!.less(a!).select(g, 0), b!.less(a!).select(0, g)],
  minimum: (g, [a, b]) => [a!.less(b!).select(g, 0), a!.less(b!).select(0, g)],
  less: none,
  lessEqual: none,
  equal: none,
  bitAnd: none,
  bitCount: none,
  select: (g, [condition]) => [undefined, condition!.select(g, 0), condition!.select(0, g)],
  reshape: (g, [x]) => [g.reshape(x!.shape)],
  transpose: (g, _, __, { permutation }) => [
    g.transpose(permutation.map((_axis, k) => permutation.indexOf(k))),
  ],
  broadcast: (g, [x]) => [g.sum(stretchedAxes(x!.shape, g.shape), true)],
  slice: (g, [x], _, { start, end }) => [
    g.pad(
      start,
      end.map((to, axis) => x!.shape[axis]! - to),
    ),
  ],
  pad: (g, [x], _, { before }) => [
    g.slice(
      before,
      before.map((from, axis) => from + x!.shape[axis]!),
    ),
  ],
  concat: (g, parts, _, { axis }) => {
    let end = 0;
    return parts.map(({ shape }) => {
      const start = end;
      end += shape[axis]!;
      return g.slice(
        shape.map((_size, k) => (k === axis ? start : 0)),
        shape.map((size, k) => (k === axis ? end : size)),
      );
    });
  },
  gather: (g, [table, indices]) => [
    apply(g.builder, 'scatterAdd', [indices!, g], { rows: table!.shape[0]! }),
    undefined,
  ],
  scatterAdd: (g, [indices]) => [undefined, g.gather(indices!)],
  sum: (g, [x]) => [g.broadcastTo(x!.shape)],
  reduceMax: (g, [x], y, { axes }) => {
    const isMax = x!.equal(y.broadcastTo(x!.shape)).select(constant(x!, 1), 0);
    return [isMax.divide(isMax.sum(axes, true)).multiply(g.broadcastTo(x!.shape))];
  },
  matmul: (g, [a, b], _, { rows }) => {
    const matrices = b!.shape.slice(0, -2);
    return [
      g.matmul(transposed(keepRows(b!, rows, matrices))),
      keepRows(transposed(a!).matmul(g), rows, matrices),
    ];
  },
  convolution: (g, [x, filter], _, { rows, ...geometry }) => [
    inputGradient(g, keepRows(filter!, rows), geometry, x!.shape),
    keepRows(weightGradient(x!, g, geometry, filter!.shape), rows),
  ],
  convolutionInputGradient: (g, [gradient, filter], _, { imageShape: _shape, ...geometry }) => [
    g.convolve(filter!, geometry),
    weightGradient(g, gradient!, geometry, filter!.shape),
  ],
  convolutionWeightGradient: (g, [x, gradient], _, { filterShape: _shape, ...geometry }) => [
    inputGradient(gradient!, g, geometry, x!.shape),
    x!.convolve(g, geometry),
  ],
  transposedConvolution: (g, [x, filter], _, { rows, outputPadding: _extra, ...geometry }) => {
    // The convolution back: of more pixels than there were, if an output padding was a stride or more.
    const { groups } = geometry;
    const back = g.convolve(swapChannels(keepRows(filter!, rows), groups), geometry);
    const beyond = back.shape.map((size, axis) => size - x!.shape[axis]!);
    const images = x!.pad([0, 0, 0, 0], beyond);
    const swapped = swapChannels(filter!, groups).shape;
    return [
      back.slice([0, 0, 0, 0], x!.shape),
      keepRows(swapChannels(weightGradient(g, images, geometry, swapped), groups), rows),
    ];
  },
  // A recurrence is a constant to differentiation, and so is what its body takes by iteration.
  carried: none,
  item: none,
  recurrence: none,
  detach: none,
  custom: (g, inputs, _, { rule, name }) => {
    const customRule = g.builder.customRules[rule];
    invariant(customRule, 'custom rule of another builder');
    const results = customRule(g, inputs.slice(1));
    for (const [k, result] of results.entries()) requireGradient(name, result, inputs[k + 1]);
    return [undefined, ...results];
  },
};

/** Checks what a rule that a user wrote returned. */
function requireGradient(name: string, gradient: Tensor | undefined, input: Tensor | undefined): void {
  if (gradient === undefined) return;
  if (input === undefined)
    throw new UsageError(`gradients: the rule "${name}" returned more gradients than it has inputs`);
  if (gradient.dtype === 'f32' && sameShape(gradient.shape, input.shape)) return;
  throw new UsageError(
    `gradients: the rule "${name}" must return a gradient of its input's shape, f32 ${formatShape(input.shape)}, got ${gradient.dtype} ${formatShape(gradient.shape)}`,
  );
}

function isConstant(node: Node): boolean {
  return (
    node.op === 'constant' ||
    (node.op === 'broadcast' && isConstant(node.inputs[0]!)) ||
    (node.op === 'reshape' && isConstant(node.inputs[0]!))
  );
}

/** Axes along which a tensor of shape `from` was stretched to `to`. */
function stretchedAxes(from: Shape, to: Shape): number[] {
  return to.flatMap((size, axis) => (size !== from[axis] ? [axis] : []));
}

/**
 * Gradients of the scalar `loss` with respect to each of `wrt`; zeros where the loss does not depend on it.
 *
 * @throws UsageError if the loss is not a scalar
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0) {
    throw new UsageError(
      `gradients: the loss must be a scalar (), got ${formatShape(loss.shape)}; sum or average it`,
    );
  }
  const { builder } = loss;
  const order = reachable([loss.node]);
  const active = new Set<Node>(wrt.map((tensor) => tensor.node));
  for (const node of order) {
    if (node.inputs.some((input) => active.has(input))) active.add(node);
  }
  const collected = new Map<Node, Tensor>([[loss.node, constant(loss, 1)]]);
  for (const node of order.reverse()) {
    const gradient = collected.get(node);
    if (gradient === undefined || !active.has(node)) continue;
    const inputs = node.inputs.map((input) => new Tensor(builder, input));
    const rule = reverseRules[node.op] as ReverseRule<OpName>;
    const results = rule(gradient, inputs, new Tensor(builder, node), node.attributes);
    for (const [position, result] of results.entries()) {
      const input = node.inputs[position]!;
      if (result === undefined || !active.has(input)) continue;
      const earlier = collected.get(input);
      collected.set(input, earlier === undefined ? result : earlier.add(result));
    }
  }
  return wrt.map((tensor) => collected.get(tensor.node) ?? constant(tensor, 0).broadcastTo(tensor.shape));
}
