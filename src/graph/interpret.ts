// One interpretation of the primitives: direct evaluation in float64. Slow and plain on purpose; it shares no code
// with the compiler and is the oracle of every backend. Bool values are 1 and 0 here.

import { UsageError } from '../base/errors.ts';
import { normalFromWord, randomWord, threefry2x32, uniformFromWord } from '../base/random.ts';
import { elementCount, type Shape, stridesOf } from '../base/shape.ts';
import { isInBody, openLoops, recurrenceParts } from './loops.ts';
import { type FullGeometry, type Graph, type Node, nodesOf, type OpName, reachable } from './node.ts';
import { filterSizes, imageSizes } from './shape-rules.ts';

type Values = Float64Array;
type Evaluation<K extends OpName> = (inputs: readonly Values[], node: Node<K>, run: Run) => Values;
type Given = Readonly<Record<string, ArrayLike<number>>>;

/** Where an evaluation stands. */
type Run = {
  readonly given: Given;
  readonly values: Map<Node, Values>;
  /** The loops whose bodies are being evaluated: number of the iteration, and the states at its beginning. */
  readonly loops: ReadonlyMap<number, { readonly iteration: number; readonly states: readonly Values[] }>;
  /** Last states of the recurrences that were evaluated here, by loop. */
  readonly finals: Map<number, readonly Values[]>;
};

const map =
  (f: (x: number) => number) =>
  ([x]: readonly Values[]): Values =>
    x!.map(f);

const zip =
  (f: (a: number, b: number) => number, g: (a: number, b: number) => number = f) =>
  ([a, b]: readonly Values[], node: Node): Values => {
    const operation = node.inputs[0]!.dtype === 'i32' ? g : f;
    return a!.map((value, i) => operation(value, b![i]!));
  };

/** To the nearest integer, ties to even. */
export function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Fills a tensor of `shape` from the multi-index of each element. */
function fill(shape: Shape, f: (index: readonly number[]) => number): Values {
  const values = new Float64Array(elementCount(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < values.length; i++) {
    values[i] = f(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return values;
}

function offset(strides: readonly number[], index: readonly number[]): number {
  let sum = 0;
  for (let axis = 0; axis < strides.length; axis++) sum += strides[axis]! * index[axis]!;
  return sum;
}

function reduce(
  x: Values,
  from: Shape,
  to: Shape,
  start: number,
  f: (a: number, b: number) => number,
): Values {
  const result = new Float64Array(elementCount(to)).fill(start);
  const strides = stridesOf(to).map((stride, axis) => (to[axis] === 1 ? 0 : stride));
  let i = 0;
  fill(from, (index) => {
    const at = offset(strides, index);
    result[at] = f(result[at]!, x[i++]!);
    return 0;
  });
  return result;
}

function draw(
  inputs: readonly Values[],
  node: Node<'uniform' | 'normal'>,
  fromWord: (word: number) => number,
): Values {
  const [stream0, stream1] = node.attributes.stream;
  const key = threefry2x32(inputs[0]![0]!, inputs[1]![0]!, stream0, stream1);
  const values = new Float64Array(elementCount(node.shape));
  return values.map((_, i) => fromWord(randomWord(key, i)));
}

/** Visits every (output element, image element, filter element) triple of a convolution. */
function visitConvolution(
  image: Shape,
  filter: Shape,
  output: Shape,
  { stride, padding, dilation, groups }: FullGeometry,
  visit: (y: number, x: number, w: number) => void,
): void {
  const [n, h, w, c] = imageSizes(image);
  const [kh, kw, channels, m] = filterSizes(filter);
  const [, oh, ow] = imageSizes(output);
  for (let b = 0; b < n; b++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++)
        for (let p = 0; p < kh; p++)
          for (let q = 0; q < kw; q++) {
            const row = i * stride[0] + p * dilation[0] - padding[0][0];
            const column = j * stride[1] + q * dilation[1] - padding[1][0];
            if (row < 0 || row >= h || column < 0 || column >= w) continue;
            const y = ((b * oh + i) * ow + j) * m;
            const x = ((b * h + row) * w + column) * c;
            for (let co = 0; co < m; co++) {
              const group = Math.floor((co * groups) / m);
              const first = x + group * channels;
              for (let ci = 0; ci < channels; ci++)
                visit(y + co, first + ci, ((p * kw + q) * channels + ci) * m + co);
            }
          }
}

/** The row that an index stands for. */
function rowOf(index: number, rows: number): number {
  if (!(index > 0)) return 0;
  return Math.min(Math.trunc(index), rows - 1);
}

/** Evaluation of all primitives. */
const evaluations: { readonly [K in OpName]: Evaluation<K> } = {
  input: (_, node, { given }) => {
    const { name, shape } = node.attributes;
    const values = given[name];
    if (values === undefined)
      throw new UsageError(`interpret: no value for ${node.attributes.role} "${name}"`);
    if (values.length !== elementCount(shape)) {
      throw new UsageError(`interpret: "${name}" needs ${elementCount(shape)} values, got ${values.length}`);
    }
    return Float64Array.from(values);
  },
  constant: (_, node) => Float64Array.of(node.attributes.value),
  iota: (_, node) => fill(node.shape, (index) => index[node.attributes.axis]!),
  uniform: (inputs, node) => draw(inputs, node, uniformFromWord),
  normal: (inputs, node) => draw(inputs, node, normalFromWord),
  negate: map((x) => -x),
  abs: map(Math.abs),
  exp: map(Math.exp),
  log: map(Math.log),
  sqrt: map(Math.sqrt),
  tanh: map(Math.tanh),
  cos: map(Math.cos),
  floor: map(Math.floor),
  round: map(roundHalfEven),
  cast: ([x], node) => {
    const { dtype } = node.attributes;
    if (dtype === 'bool') return x!.map((value) => Number(value !== 0));
    return dtype === 'f32' ? x! : x!.map(Math.trunc);
  },
  add: zip(
    (a, b) => a + b,
    (a, b) => (a + b) | 0,
  ),
  subtract: zip(
    (a, b) => a - b,
    (a, b) => (a - b) | 0,
  ),
  multiply: zip((a, b) => a * b, Math.imul),
  divide: zip((a, b) => a / b),
  maximum: zip((a, b) => (a > b ? a : b)),
  minimum: zip((a, b) => (a < b ? a : b)),
  less: zip((a, b) => Number(a < b)),
  lessEqual: zip((a, b) => Number(a <= b)),
  equal: zip((a, b) => Number(a === b)),
  bitAnd: ([a, b]) => a!.map((value, i) => value & b![i]!),
  bitCount: map((x) => [...(x >>> 0).toString(2)].filter((digit) => digit === '1').length),
  select: ([condition, a, b]) => condition!.map((chosen, i) => (chosen !== 0 ? a![i]! : b![i]!)),
  reshape: ([x]) => x!,
  transpose: ([x], node) => {
    const strides = stridesOf(node.inputs[0]!.shape);
    const permuted = node.attributes.permutation.map((axis) => strides[axis]!);
    return fill(node.shape, (index) => x![offset(permuted, index)]!);
  },
  broadcast: ([x], node) => {
    const from = node.inputs[0]!.shape;
    const strides = stridesOf(from).map((stride, axis) => (from[axis] === 1 ? 0 : stride));
    return fill(node.shape, (index) => x![offset(strides, index)]!);
  },
  slice: ([x], node) => {
    const strides = stridesOf(node.inputs[0]!.shape);
    const first = offset(strides, node.attributes.start);
    return fill(node.shape, (index) => x![first + offset(strides, index)]!);
  },
  pad: ([x], node) => {
    const from = node.inputs[0]!.shape;
    const strides = stridesOf(from);
    return fill(node.shape, (index) => {
      const inner = index.map((i, axis) => i - node.attributes.before[axis]!);
      return inner.every((i, axis) => i >= 0 && i < from[axis]!) ? x![offset(strides, inner)]! : 0;
    });
  },
  concat: (parts, node) => {
    const { axis } = node.attributes;
    const sizes = node.inputs.map(({ shape }) => shape[axis]!);
    return fill(node.shape, (index) => {
      let [part, within] = [0, index[axis]!];
      while (within >= sizes[part]!) within -= sizes[part++]!;
      return parts[part]![offset(stridesOf(node.inputs[part]!.shape), index.with(axis, within))]!;
    });
  },
  gather: ([table, indices], node) => {
    const [rows, ...row] = node.inputs[0]!.shape as [number, ...number[]];
    const width = elementCount(row);
    return Float64Array.from(
      { length: elementCount(node.shape) },
      (_, i) => table![rowOf(indices![Math.floor(i / width)]!, rows) * width + (i % width)]!,
    );
  },
  scatterAdd: ([indices, values], node) => {
    const { rows } = node.attributes;
    const width = elementCount(node.shape) / rows;
    const result = new Float64Array(elementCount(node.shape));
    for (const [i, value] of values!.entries())
      result[rowOf(indices![Math.floor(i / width)]!, rows) * width + (i % width)]! += value;
    return result;
  },
  sum: ([x], node) => reduce(x!, node.inputs[0]!.shape, node.shape, 0, (a, b) => a + b),
  reduceMax: ([x], node) =>
    reduce(x!, node.inputs[0]!.shape, node.shape, Number.NEGATIVE_INFINITY, (a, b) =>
      a > b || Number.isNaN(a) ? a : b,
    ),
  matmul: ([a, b], node) => {
    const [m, k] = node.inputs[0]!.shape.slice(-2) as [number, number];
    const [matrices, n] = [elementCount(node.shape.slice(0, -2)), node.shape.at(-1)!];
    const [start, end] = node.attributes.rows;
    const y = new Float64Array(matrices * m * n);
    for (let row = 0; row < matrices * m; row++) {
      const first = Math.floor(row / m) * k;
      for (let r = start; r < end; r++)
        for (let j = 0; j < n; j++) y[row * n + j]! += a![row * k + r]! * b![(first + r) * n + j]!;
    }
    return y;
  },
  convolution: ([x, filter], node) => {
    const [images, weights] = node.inputs as [Node, Node];
    const columns = weights.shape.at(-1)!;
    const [start, end] = node.attributes.rows;
    const result = new Float64Array(elementCount(node.shape));
    visitConvolution(images.shape, weights.shape, node.shape, node.attributes, (y, i, w) => {
      const row = Math.floor(w / columns);
      if (row >= start && row < end) result[y]! += x![i]! * filter![w]!;
    });
    return result;
  },
  convolutionInputGradient: ([g, filter], node) => {
    const [gradient, weights] = node.inputs as [Node, Node];
    const result = new Float64Array(elementCount(node.shape));
    visitConvolution(node.shape, weights.shape, gradient.shape, node.attributes, (y, i, w) => {
      result[i]! += g![y]! * filter![w]!;
    });
    return result;
  },
  convolutionWeightGradient: ([x, g], node) => {
    const [images, gradient] = node.inputs as [Node, Node];
    const result = new Float64Array(elementCount(node.shape));
    visitConvolution(images.shape, node.shape, gradient.shape, node.attributes, (y, i, w) => {
      result[w]! += x![i]! * g![y]!;
    });
    return result;
  },
  transposedConvolution: ([x, filter], node) => {
    const { stride, padding, dilation, groups, rows } = node.attributes;
    const [n, h, w, c] = node.inputs[0]!.shape as [number, number, number, number];
    const [kh, kw, channels] = node.inputs[1]!.shape as [number, number, number];
    const [, oh, ow, m] = node.shape as [number, number, number, number];
    const result = new Float64Array(elementCount(node.shape));
    for (let pixel = 0; pixel < n * h * w; pixel++)
      for (let p = 0; p < kh; p++)
        for (let q = 0; q < kw; q++) {
          const i = (Math.floor(pixel / w) % h) * stride[0] + p * dilation[0] - padding[0][0];
          const j = (pixel % w) * stride[1] + q * dilation[1] - padding[1][0];
          if (i < 0 || i >= oh || j < 0 || j >= ow) continue;
          const y = ((Math.floor(pixel / (h * w)) * oh + i) * ow + j) * m;
          for (let co = 0; co < m; co++) {
            const first = pixel * c + Math.floor((co * groups) / m) * channels;
            for (let ci = 0; ci < channels; ci++) {
              const row = (p * kw + q) * channels + ci;
              if (row >= rows[0] && row < rows[1])
                result[y + co]! += x![first + ci]! * filter![row * m + co]!;
            }
          }
        }
    return result;
  },
  carried: (_, node, { loops }) => loops.get(node.attributes.loop)!.states[node.attributes.position]!,
  item: ([x], node, { loops }) => {
    const { iteration } = loops.get(node.attributes.loop)!;
    const size = elementCount(node.shape);
    return x!.subarray(iteration * size, (iteration + 1) * size);
  },
  recurrence: (_, node, run) => lastStates(node, run)[node.attributes.result]!,
  detach: ([x]) => x!,
  custom: ([x]) => x!,
};

function evaluate(node: Node, run: Run): void {
  // What only the body of a recurrence needs has no value when the recurrence itself is evaluated.
  const inputs = node.inputs.map((input) => run.values.get(input)!);
  run.values.set(node, (evaluations[node.op] as Evaluation<OpName>)(inputs, node, run));
}

/** All states of a recurrence after its last iteration. */
function lastStates(node: Node<'recurrence'>, run: Run): readonly Values[] {
  const { loop, count } = node.attributes;
  const known = run.finals.get(loop);
  if (known !== undefined) return known;
  const { precondition, condition, initial, next } = recurrenceParts(node);
  const conditions = [precondition, condition].filter((held) => held !== undefined);
  // Nodes of loops inside this one are left to those.
  const body = reachable([...conditions, ...next]).filter((part) => {
    const loops = openLoops(part);
    return loops.has(loop) && [...loops].every((other) => other === loop || run.loops.has(other));
  });
  let states: readonly Values[] = initial.map((value) => run.values.get(value)!);
  for (let iteration = 0; iteration < count; iteration++) {
    const loops = new Map([...run.loops, [loop, { iteration, states }]]);
    const inner = { ...run, loops, finals: new Map() };
    for (const part of body) evaluate(part, inner);
    const masks = conditions.map((held) => run.values.get(held)!);
    states = next.map((value, k) =>
      run.values.get(value)!.map((x, i) => (masks.every((mask) => mask[i] !== 0) ? x : states[k]![i]!)),
    );
  }
  run.finals.set(loop, states);
  return states;
}

/** Results of a graph by name. */
export type Interpreted = {
  readonly outputs: Readonly<Record<string, Float64Array>>;
  readonly updates: Readonly<Record<string, Float64Array>>;
};

/**
 * Evaluates `graph` in float64.
 *
 * @param given values of every input, state and scalar by name; a scalar is an array of one number
 * @throws UsageError if a value is missing or has the wrong number of elements
 */
export function interpret(graph: Graph, given: Given): Interpreted {
  const values = new Map<Node, Values>();
  const run: Run = { given, values, loops: new Map(), finals: new Map() };
  for (const node of nodesOf(graph)) if (!isInBody(node)) evaluate(node, run);
  const collect = (nodes: Readonly<Record<string, Node>>): Record<string, Float64Array> =>
    Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, values.get(node)!]));
  return { outputs: collect(graph.outputs), updates: collect(graph.updates) };
}
