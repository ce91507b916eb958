// The language: a closed list of primitives, each with its attributes. Everything else in graph/ and compile/
// is one exhaustive table per interpretation over this list (shape, evaluation, reverse rule, lowering).

import type { Key } from '../base/random.ts';
import type { Shape } from '../base/shape.ts';

/** Element types. A `bool` is stored as a 32-bit mask: 0 or −1. */
export type DType = 'f32' | 'i32' | 'bool';

/** Where the value of an input comes from: handed in per call, resident between calls, or one number per call. */
export type InputRole = 'input' | 'state' | 'scalar';

/** Half-open range of rows of a weight matrix: one crossbar tile's share of a product. */
export type RowRange = readonly [start: number, end: number];

/** Zeros on either side of an axis: as many on both, or so many before and after it. */
export type Margin = number | readonly [before: number, after: number];

/**
 * Geometry of a convolution: NHWC images, (kernel row, kernel column, input channel of a group, output channel) filters.
 * All pairs are (rows, columns).
 */
export type ConvolutionGeometry = {
  readonly stride: readonly [number, number];
  /** Zeros added on either side of the rows and of the columns. */
  readonly padding: readonly [Margin, Margin];
  /** Pixels from one kernel row, or column, to the next; 1 if absent. */
  readonly dilation?: readonly [number, number];
  /** Group q of the output channels sees group q of the input channels alone, of so many; 1 if absent. */
  readonly groups?: number;
};

/** Geometry of a convolution of signals (n, l, c): stride 1, no zeros, no gaps and one group, as far as not given. */
export type SignalGeometry = {
  readonly stride?: number;
  readonly padding?: Margin;
  readonly dilation?: number;
  readonly groups?: number;
};

/** Geometry of a transposed convolution: of the convolution that leads from its output's size back to its input's. */
export type TransposedGeometry = ConvolutionGeometry & {
  /** Rows and columns more at the end of the output, of those that the stride leaves open; 0 if absent. */
  readonly outputPadding?: readonly [number, number];
};

/** A geometry with nothing left out: equal geometries have equal attributes, and so are one node. */
export type FullGeometry = {
  readonly stride: readonly [number, number];
  readonly padding: readonly [
    rows: readonly [before: number, after: number],
    columns: readonly [before: number, after: number],
  ];
  readonly dilation: readonly [number, number];
  readonly groups: number;
};

/** The complete form of a geometry. */
export function fullGeometry({
  stride,
  padding,
  dilation = [1, 1],
  groups = 1,
}: ConvolutionGeometry): FullGeometry {
  const both = (margin: Margin): readonly [number, number] =>
    typeof margin === 'number' ? [margin, margin] : margin;
  return { stride, padding: [both(padding[0]), both(padding[1])], dilation, groups };
}

type None = Readonly<Record<never, never>>;

/** Attributes of every primitive. The keys of this table are the primitives. */
export type Attributes = {
  input: { readonly name: string; readonly role: InputRole; readonly shape: Shape; readonly dtype: DType };
  /** A scalar fixed at trace time. */
  constant: { readonly value: number; readonly dtype: DType };
  /** The index along `axis`, as i32. */
  iota: { readonly shape: Shape; readonly axis: number };
  /** Uniform in (0, 1): inputs are the two key words; element i is draw number i of the stream. */
  uniform: { readonly shape: Shape; readonly stream: Key };
  /** Standard normal, likewise. */
  normal: { readonly shape: Shape; readonly stream: Key };
  negate: None;
  abs: None;
  exp: None;
  log: None;
  sqrt: None;
  tanh: None;
  cos: None;
  floor: None;
  /** To the nearest integer, ties to even. */
  round: None;
  cast: { readonly dtype: DType };
  add: None;
  subtract: None;
  multiply: None;
  divide: None;
  /** a > b ? a : b, so that a NaN in b survives. */
  maximum: None;
  /** a < b ? a : b. */
  minimum: None;
  less: None;
  lessEqual: None;
  equal: None;
  /** Of i32: the bits that are set in both. */
  bitAnd: None;
  /** Of i32: how many of the 32 bits are set. */
  bitCount: None;
  /** condition ? a : b */
  select: None;
  reshape: { readonly shape: Shape };
  /** Output axis k is input axis permutation[k]. */
  transpose: { readonly permutation: readonly number[] };
  /** Stretches axes of size 1; the rank stays. */
  broadcast: { readonly shape: Shape };
  slice: { readonly start: readonly number[]; readonly end: readonly number[] };
  /** Adds zeros. */
  pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** The inputs one behind the other along `axis`. */
  concat: { readonly axis: number };
  /**
   * (table (rows, …), indices) → the row of the table for each index, shape (indices…, row…). Indices are i32, or f32 that
   * are cut towards zero; below 0 and NaN stand for the first row, beyond the end for the last.
   */
  gather: None;
  /** (indices, values (indices…, row…)) → (rows, …): zeros, and each value added to the row that `gather` takes it from. */
  scatterAdd: { readonly rows: number };
  /** Over `axes`, which stay as size 1. */
  sum: { readonly axes: readonly number[] };
  reduceMax: { readonly axes: readonly number[] };
  /** (…, m, k) · (…, k, n), leading axes equal, over the rows `rows` of the second matrices only. */
  matmul: { readonly rows: RowRange };
  /**
   * images (n, h, w, c) * filter (kh, kw, c / groups, m), over `rows` of the filter seen as a (kh·kw·c / groups, m)
   * matrix: the rows of each group's own matrix. Signals (n, l, c) * filter (k, c / groups, m) are images of one row.
   */
  convolution: FullGeometry & { readonly rows: RowRange };
  /** (gradient of the output, filter) → gradient of the images. */
  convolutionInputGradient: FullGeometry & { readonly imageShape: Shape };
  /** (images, gradient of the output) → gradient of the filter. */
  convolutionWeightGradient: FullGeometry & { readonly filterShape: Shape };
  /**
   * images (n, h, w, c), filter (kh, kw, c / groups, m) → (n, h', w', m): every pixel adds its product with the filter to
   * the outputs from stride · pixel − padding on. `rows` as in `convolution`.
   */
  transposedConvolution: FullGeometry & {
    readonly outputPadding: readonly [number, number];
    readonly rows: RowRange;
  };
  /** In the body of a recurrence: the value of state number `position` of the loop. A leaf; see recurrence.ts. */
  carried: {
    readonly loop: number;
    readonly position: number;
    readonly shape: Shape;
    readonly dtype: DType;
  };
  /** In the body of a recurrence: x (count, …) → (…), x at the current iteration of the loop. A view. */
  item: { readonly loop: number };
  /**
   * ([precondition], [condition], initial…, next…) → state number `result` after `count` iterations of: where both
   * conditions hold, state ← next. Next and the condition are the body, evaluated anew in each iteration; the precondition
   * is not. All results of a loop have the same inputs.
   */
  recurrence: {
    readonly loop: number;
    readonly count: number;
    readonly states: number;
    readonly hasPrecondition: boolean;
    readonly hasCondition: boolean;
    readonly result: number;
  };
  /** The value, with a gradient of zero. */
  detach: None;
  /** Input 0, whose gradient with respect to inputs 1… is given by `rule` (a name in the builder's table). */
  custom: { readonly rule: number; readonly name: string };
};

/** Name of a primitive. */
export type OpName = keyof Attributes;

/** A value in a graph. Immutable; equal nodes of one trace are the same object. */
export type Node<K extends OpName = OpName> = {
  [P in K]: {
    readonly id: number;
    readonly op: P;
    readonly inputs: readonly Node[];
    readonly attributes: Attributes[P];
    readonly shape: Shape;
    readonly dtype: DType;
  };
}[K];

/** What `trace` records: named results, and new values for named states. */
export type Graph = {
  readonly inputs: readonly Node<'input'>[];
  readonly outputs: Readonly<Record<string, Node>>;
  /** New value of each state that changes. */
  readonly updates: Readonly<Record<string, Node>>;
};

/** True if `node` is of the primitive `op`; narrows its attributes. */
export function isOp<K extends OpName>(node: Node, op: K): node is Extract<Node, { readonly op: K }> {
  return node.op === op;
}

/** All nodes that the graph needs, inputs first (topological order, by first use). */
export function nodesOf(graph: Pick<Graph, 'outputs' | 'updates'>): Node[] {
  return reachable([...Object.values(graph.outputs), ...Object.values(graph.updates)]);
}

/**
 * All nodes that `roots` need, inputs before users.
 *
 * @param isKnown true for nodes that are left out, with all that only they need
 */
export function reachable(roots: readonly Node[], isKnown: (node: Node) => boolean = () => false): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root) || isKnown(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const input = top.node.inputs[top.next++];
      if (input === undefined) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(input) && !isKnown(input)) {
        seen.add(input);
        stack.push({ node: input, next: 0 });
      }
    }
  }
  return order;
}
