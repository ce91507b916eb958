// One interpretation of the primitives: the nodes of ONNX that compute them. Complete by type; what only training and
// hardware need is refused.

import { UsageError } from '../../base/errors.ts';
import { broadcastShapes, sameShape } from '../../base/shape.ts';
import { type Attributes, type FullGeometry, isOp, type Node, type OpName } from '../../graph/node.ts';
import type { WrittenAttribute } from './encode.ts';
import type { HostValues } from './model.ts';
import { permuted } from './value.ts';

/** What a rule writes nodes with. */
export type Writer = {
  /** A value by the name of the node that makes it. */
  readonly nameOf: (node: Node) => string;
  /** Adds a node of ONNX; returns the name of its value. */
  readonly add: (
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, WrittenAttribute>>,
  ) => string;
  /** Adds known numbers; returns their name. */
  readonly constant: (values: HostValues) => string;
  /** Numbers of a node that parameters decide; undefined for others. */
  readonly known: (node: Node) => Float64Array | undefined;
  /** Sizes of a node; undefined where they depend on the batch. */
  readonly sizes: (node: Node) => readonly (number | undefined)[];
  /** The two sizes of the batch, and the name of the size that it has when the file runs, (1). */
  readonly batch: () => { readonly sizes: readonly [number, number]; readonly name: string };
  /** The same node for another size of the batch. */
  readonly twin: <N extends Node>(node: N) => N;
};

type Rule<K extends OpName> = (node: Extract<Node, { readonly op: K }>, writer: Writer) => string;

const whole = (values: readonly number[], dims: readonly number[] = [values.length]): HostValues => ({
  kind: 'int',
  dims,
  values: Float64Array.from(values),
});

function refused(why: string): (node: Node) => never {
  return ({ op }) => {
    throw new UsageError(`export: ${op}: ${why}`);
  };
}

const named =
  (op: string) =>
  (node: Node, { add, nameOf }: Writer): string =>
    add(op, node.inputs.map(nameOf));

/** Operands without broadcasts where ONNX broadcasts them to the same shape by itself. */
const elementwise =
  (op: string) =>
  (node: Node, { add, nameOf }: Writer): string => {
    const bare = node.inputs.map((input) => (isOp(input, 'broadcast') ? input.inputs[0]! : input));
    const shape = bare.map((input) => input.shape).reduce((a, b) => broadcastShapes(op, a, b));
    return add(op, (sameShape(shape, node.shape) ? bare : node.inputs).map(nameOf));
  };

const dataTypes = { f32: 1, i32: 6, bool: 9 } as const;

/** Numbers that may depend on the batch n: known ones, or base + slope · n, from their values for two batches. */
function batchNumbers(
  [values, others]: readonly [readonly number[], readonly number[]],
  { add, constant, batch }: Writer,
): string {
  if (values.every((value, k) => value === others[k])) return constant(whole(values));
  const {
    sizes: [one, other],
    name,
  } = batch();
  const slopes = values.map((value, k) => (others[k]! - value) / (other - one));
  const bases = values.map((value, k) => value - slopes[k]! * one);
  return add('Add', [constant(whole(bases)), add('Mul', [constant(whole(slopes)), name])]);
}

/** Sizes of a node; one that depends on the batch is whatever is left. */
function targetSizes(node: Node, writer: Writer): string {
  const all = writer.sizes(node);
  return all.filter((size) => size === undefined).length === 1
    ? writer.constant(whole(all.map((size) => size ?? -1)))
    : batchNumbers([node.shape, writer.twin(node).shape], writer);
}

const INT64_MAX = 2 ** 63;

const slice: Rule<'slice'> = (node, writer) => {
  const { start, end } = node.attributes;
  const other = writer.twin(node).attributes;
  const [input] = node.inputs as [Node];
  const own = writer.sizes(input);
  const isToEnd = end.map(
    (to, axis) => own[axis] === undefined && to === input.shape[axis] && start[axis] === 0,
  );
  const open = (ends: readonly number[]): number[] =>
    ends.map((to, axis) => (isToEnd[axis] ? INT64_MAX : to));
  const starts = batchNumbers([start, other.start], writer);
  const ends = batchNumbers([open(end), open(other.end)], writer);
  const axes = writer.constant(whole(start.map((_, axis) => axis)));
  return writer.add('Slice', [writer.nameOf(input), starts, ends, axes]);
};

const pad: Rule<'pad'> = (node, { add, constant, nameOf }) => {
  const { before, after } = node.attributes;
  return add('Pad', [nameOf(node.inputs[0]!), constant(whole([...before, ...after]))]);
};

const gather: Rule<'gather'> = (node, { add, constant, nameOf }) => {
  const [table, indices] = node.inputs as [Node, Node];
  const cast = add('Cast', [nameOf(indices)], { to: 7 });
  const limit = (value: number): string => constant(whole([value], []));
  const inside = add('Clip', [cast, limit(0), limit(table.shape[0]! - 1)]);
  return add('Gather', [nameOf(table), inside], { axis: 0 });
};

const matmul: Rule<'matmul'> = (node, { add, constant, nameOf }) => {
  const [a, b] = node.inputs as [Node, Node];
  const [start, end] = node.attributes.rows;
  if (start === 0 && end === b.shape.at(-2)) return add('MatMul', [nameOf(a), nameOf(b)]);
  const rows = (x: Node, axis: number): string =>
    add('Slice', [nameOf(x), constant(whole([start])), constant(whole([end])), constant(whole([axis]))]);
  return add('MatMul', [rows(a, a.shape.length - 1), rows(b, b.shape.length - 2)]);
};

/** A filter in the order of ONNX: known numbers are moved here. */
function filterName(
  filter: Node,
  {
    from,
    order,
    to,
  }: { readonly from: readonly number[]; readonly order: readonly number[]; readonly to: readonly number[] },
  { add, constant, nameOf, known }: Writer,
): string {
  const values = known(filter);
  if (values !== undefined)
    return constant({ kind: 'float', dims: to, values: permuted(values, from, order) });
  const split = add('Reshape', [nameOf(filter), constant(whole(from))]);
  return add('Reshape', [add('Transpose', [split], { perm: order }), constant(whole(to))]);
}

function windowAttributes({
  stride,
  padding,
  dilation,
  groups,
}: FullGeometry): Record<string, readonly number[] | number> {
  const [rows, columns] = padding;
  return {
    strides: stride,
    dilations: dilation,
    group: groups,
    pads: [rows[0], columns[0], rows[1], columns[1]],
  };
}

const convolution: Rule<'convolution'> = (node, writer) => {
  const [image, filter] = node.inputs as [Node, Node];
  const { add, constant, nameOf } = writer;
  const isSignal = image.shape.length === 3;
  const full = isSignal ? [1, ...filter.shape] : [...filter.shape];
  const [kh, kw, c, m] = full as [number, number, number, number];
  requireAllRows(node, kh * kw * c);
  const channels = image.shape.at(-1)!;
  const images = isSignal
    ? add('Reshape', [nameOf(image), constant(whole([-1, 1, image.shape[1]!, channels]))])
    : nameOf(image);
  const first = add('Transpose', [images], { perm: [0, 3, 1, 2] });
  const weights = filterName(filter, { from: full, order: [3, 2, 0, 1], to: [m, c, kh, kw] }, writer);
  const y = add('Conv', [first, weights], { ...windowAttributes(node.attributes), kernel_shape: [kh, kw] });
  const last = add('Transpose', [y], { perm: [0, 2, 3, 1] });
  return isSignal ? add('Reshape', [last, constant(whole([-1, node.shape[1]!, m]))]) : last;
};

const transposedConvolution: Rule<'transposedConvolution'> = (node, writer) => {
  const [image, filter] = node.inputs as [Node, Node];
  const { add, nameOf } = writer;
  const [kh, kw, c, m] = filter.shape as readonly [number, number, number, number];
  const { groups, outputPadding } = node.attributes;
  requireAllRows(node, kh * kw * c);
  const moved = {
    from: [kh, kw, c, groups, m / groups],
    order: [3, 2, 4, 0, 1],
    to: [groups * c, m / groups, kh, kw],
  };
  const first = add('Transpose', [nameOf(image)], { perm: [0, 3, 1, 2] });
  const y = add('ConvTranspose', [first, filterName(filter, moved, writer)], {
    ...windowAttributes(node.attributes),
    kernel_shape: [kh, kw],
    output_padding: outputPadding,
  });
  return add('Transpose', [y], { perm: [0, 2, 3, 1] });
};

function requireAllRows(
  { attributes }: { readonly attributes: Attributes['convolution'] | Attributes['transposedConvolution'] },
  all: number,
): void {
  const [start, end] = attributes.rows;
  if (start !== 0 || end !== all)
    throw new UsageError('export: a product with a part of the rows of a filter');
}

const broadcast: Rule<'broadcast'> = (node, writer) => {
  const [input] = node.inputs as [Node];
  return writer.add('Expand', [
    writer.nameOf(input),
    batchNumbers([node.shape, writer.twin(node).shape], writer),
  ]);
};

const reduced =
  (op: 'ReduceSum' | 'ReduceMax') =>
  (node: Node<'sum'> | Node<'reduceMax'>, { add, constant, nameOf }: Writer): string => {
    const { axes } = node.attributes;
    const x = nameOf(node.inputs[0]!);
    return op === 'ReduceSum'
      ? add(op, [x, constant(whole(axes))], { keepdims: 1 })
      : add(op, [x], { axes, keepdims: 1 });
  };

const same = (node: Node, { nameOf }: Writer): string => nameOf(node.inputs[0]!);

/** The nodes of each primitive; parameters and constants are known before. */
export const exportRules: { readonly [K in OpName]: Rule<K> } = {
  input: refused('it is no node'),
  constant: refused('it is known'),
  iota: refused('it depends on the size of the batch'),
  uniform: refused('random draws have no place in a file'),
  normal: refused('random draws have no place in a file'),
  negate: named('Neg'),
  abs: named('Abs'),
  exp: named('Exp'),
  log: named('Log'),
  sqrt: named('Sqrt'),
  tanh: named('Tanh'),
  cos: named('Cos'),
  floor: named('Floor'),
  round: named('Round'),
  cast: (node, { add, nameOf }) =>
    add('Cast', [nameOf(node.inputs[0]!)], { to: dataTypes[node.attributes.dtype] }),
  add: elementwise('Add'),
  subtract: elementwise('Sub'),
  multiply: elementwise('Mul'),
  divide: elementwise('Div'),
  maximum: elementwise('Max'),
  minimum: elementwise('Min'),
  less: elementwise('Less'),
  lessEqual: elementwise('LessOrEqual'),
  equal: elementwise('Equal'),
  bitAnd: refused('bits have no place in a network'),
  bitCount: refused('bits have no place in a network'),
  select: elementwise('Where'),
  reshape: (node, writer) =>
    writer.add('Reshape', [writer.nameOf(node.inputs[0]!), targetSizes(node, writer)]),
  transpose: (node, { add, nameOf }) =>
    add('Transpose', [nameOf(node.inputs[0]!)], { perm: node.attributes.permutation }),
  broadcast,
  slice,
  pad,
  concat: (node, { add, nameOf }) => add('Concat', node.inputs.map(nameOf), { axis: node.attributes.axis }),
  gather,
  scatterAdd: refused('only training needs it'),
  sum: reduced('ReduceSum'),
  reduceMax: reduced('ReduceMax'),
  matmul,
  convolution,
  convolutionInputGradient: refused('only training needs it'),
  convolutionWeightGradient: refused('only training needs it'),
  transposedConvolution,
  carried: refused('a recurrence of elements has no nodes in ONNX'),
  item: refused('a recurrence of elements has no nodes in ONNX'),
  recurrence: refused('a recurrence of elements has no nodes in ONNX'),
  detach: same,
  custom: same,
};
