// Reverse rules against central differences of the float64 interpreter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { deriveKey, keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { gradients, reverseRules } from './gradients.ts';
import { interpret } from './interpret.ts';
import { fullGeometry, type Graph, nodesOf } from './node.ts';
import { apply, concat, constant, customGradient, iota, straightThrough, type Tensor } from './tensor.ts';
import { trace } from './trace.ts';

type Values = Readonly<Record<string, readonly number[]>>;

/** A function of some inputs, and the values at which its derivatives are taken. */
type Case = {
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly of: (inputs: Readonly<Record<string, Tensor>>) => Tensor;
  /** Applied to standard normal draws, where a function is not defined, or has an edge, everywhere. */
  readonly at?: (draw: number) => number;
};

const A: Shape = [2, 3];
const positive = (draw: number): number => 0.3 + Math.abs(draw);
/** Far from whole numbers, from zero and from one another. */
const scattered = (draw: number): number => draw + (draw < 0 ? -0.01 : 0.01);

function convolution(
  image: Shape,
  filter: Shape,
  stride: number,
  padding: number,
  rows?: readonly [number, number],
): Case {
  return {
    shapes: { x: image, filter },
    of: ({ x, filter: w }) =>
      x!.convolve(w!, { stride: [stride, stride], padding: [padding, padding] }, rows),
  };
}

const cases: Readonly<Record<string, Case>> = {
  negate: { shapes: { x: A }, of: ({ x }) => x!.negate() },
  abs: { shapes: { x: A }, of: ({ x }) => x!.abs(), at: scattered },
  exp: { shapes: { x: A }, of: ({ x }) => x!.exp() },
  log: { shapes: { x: A }, of: ({ x }) => x!.log(), at: positive },
  sqrt: { shapes: { x: A }, of: ({ x }) => x!.sqrt(), at: positive },
  tanh: { shapes: { x: A }, of: ({ x }) => x!.tanh() },
  cos: { shapes: { x: A }, of: ({ x }) => x!.cos() },
  sigmoid: { shapes: { x: A }, of: ({ x }) => x!.sigmoid() },
  'add, stretched': { shapes: { x: A, y: [3] }, of: ({ x, y }) => x!.add(y!) },
  'subtract, stretched': { shapes: { x: [2, 1], y: [3] }, of: ({ x, y }) => x!.subtract(y!) },
  multiply: { shapes: { x: A, y: A }, of: ({ x, y }) => x!.multiply(y!) },
  square: { shapes: { x: A }, of: ({ x }) => x!.square() },
  divide: { shapes: { x: A, y: [] }, of: ({ x, y }) => x!.divide(y!), at: positive },
  maximum: { shapes: { x: A, y: A }, of: ({ x, y }) => x!.maximum(y!) },
  minimum: { shapes: { x: A, y: A }, of: ({ x, y }) => x!.minimum(y!) },
  relu: { shapes: { x: [4, 5] }, of: ({ x }) => x!.relu(), at: scattered },
  'relu of a scalar': { shapes: { x: [] }, of: ({ x }) => x!.relu(), at: positive },
  clip: { shapes: { x: [4, 5] }, of: ({ x }) => x!.clip(-0.5, 0.7), at: scattered },
  'clip to tensors': {
    shapes: { x: [4, 5], high: [] },
    of: ({ x, high }) => x!.clip(high!.abs().negate(), high!.abs()),
    at: scattered,
  },
  select: { shapes: { x: A, y: A, z: A }, of: ({ x, y, z }) => z!.less(x!).select(x!, y!) },
  reshape: { shapes: { x: [2, 6] }, of: ({ x }) => x!.reshape([3, -1]) },
  transpose: { shapes: { x: [2, 3, 4] }, of: ({ x }) => x!.transpose([1, 2, 0]) },
  broadcast: { shapes: { x: [2, 1, 3] }, of: ({ x }) => x!.broadcastTo([4, 2, 5, 3]) },
  slice: { shapes: { x: [4, 5] }, of: ({ x }) => x!.slice([1, 0], [3, 4]) },
  pad: { shapes: { x: A }, of: ({ x }) => x!.pad([1, 0], [0, 2]) },
  concat: {
    shapes: { x: A, y: [2, 1], z: [2, 2] },
    of: ({ x, y, z }) => concat([y!, x!, y!, z!], 1),
  },
  gather: {
    shapes: { x: [4, 2] },
    of: ({ x }) => x!.gather(iota(x!, [3, 2], 0).multiply(2).subtract(1)),
  },
  'gather of what was looked up': {
    shapes: { x: [4] },
    of: ({ x }) => x!.gather(iota(x!, [3], 0).add(1)).gather(constant(x!, 1, 'i32')),
  },
  'sum over all': { shapes: { x: A }, of: ({ x }) => x!.sum() },
  'sum over inner axes': { shapes: { x: [2, 3, 4] }, of: ({ x }) => x!.sum([1], true) },
  mean: { shapes: { x: [2, 3, 4] }, of: ({ x }) => x!.mean([0, -1]) },
  'reduceMax over rows': { shapes: { x: [3, 4] }, of: ({ x }) => x!.max([0]) },
  'reduceMax over all': { shapes: { x: [3, 4] }, of: ({ x }) => x!.max() },
  matmul: { shapes: { x: [2, 4], y: [4, 3] }, of: ({ x, y }) => x!.matmul(y!) },
  'matmul over rows': { shapes: { x: [2, 5], y: [5, 3] }, of: ({ x, y }) => x!.matmul(y!, [1, 4]) },
  'matmul of stacks': { shapes: { x: [2, 3, 4], y: [2, 4, 2] }, of: ({ x, y }) => x!.matmul(y!) },
  'matmul of stacks, stretched, over rows': {
    shapes: { x: [2, 1, 3, 4], y: [3, 4, 2] },
    of: ({ x, y }) => x!.matmul(y!, [1, 3]),
  },
  'matmul of a stack and a matrix': { shapes: { x: [2, 3, 4], y: [4, 2] }, of: ({ x, y }) => x!.matmul(y!) },
  'convolution 1x1': convolution([2, 3, 3, 2], [1, 1, 2, 3], 1, 0),
  'convolution 3x3': convolution([2, 4, 3, 2], [3, 3, 2, 3], 1, 1),
  'convolution, stride 2': convolution([1, 5, 6, 2], [3, 3, 2, 2], 2, 1),
  'convolution, stride 3, pixels left over': convolution([1, 7, 6, 1], [2, 2, 1, 2], 3, 0),
  'convolution, wide padding': convolution([1, 2, 3, 1], [3, 3, 1, 2], 2, 2),
  'convolution, uneven geometry': {
    shapes: { x: [1, 5, 4, 1], filter: [3, 2, 1, 2] },
    of: ({ x, filter }) => x!.convolve(filter!, { stride: [2, 1], padding: [0, 1] }),
  },
  'convolution, uneven margins': {
    shapes: { x: [1, 4, 3, 1], filter: [2, 3, 1, 2] },
    of: ({ x, filter }) =>
      x!.convolve(filter!, {
        stride: [1, 2],
        padding: [
          [0, 2],
          [3, 1],
        ],
      }),
  },
  'convolution, dilated': {
    shapes: { x: [1, 6, 5, 2], filter: [3, 2, 2, 2] },
    of: ({ x, filter }) => x!.convolve(filter!, { stride: [2, 1], padding: [1, 2], dilation: [2, 3] }),
  },
  'convolution, in groups': {
    shapes: { x: [2, 3, 4, 4], filter: [2, 2, 2, 6] },
    of: ({ x, filter }) => x!.convolve(filter!, { stride: [1, 2], padding: [1, 0], groups: 2 }),
  },
  'convolution, depthwise, over rows': {
    shapes: { x: [1, 4, 3, 3], filter: [3, 3, 1, 3] },
    of: ({ x, filter }) => x!.convolve(filter!, { stride: [1, 1], padding: [1, 1], groups: 3 }, [2, 7]),
  },
  'convolution of signals': {
    shapes: { x: [2, 6, 2], filter: [3, 2, 3] },
    of: ({ x, filter }) => x!.convolve1d(filter!, { stride: 2, padding: [2, 0] }, [1, 6]),
  },
  'transposed convolution': {
    shapes: { x: [1, 3, 2, 2], filter: [3, 4, 2, 3] },
    of: ({ x, filter }) =>
      x!.convolveTransposed(filter!, { stride: [2, 3], padding: [1, [0, 2]], outputPadding: [1, 2] }),
  },
  'transposed convolution, dilated beyond its stride, over rows': {
    shapes: { x: [1, 3, 2, 2], filter: [2, 2, 2, 2] },
    of: ({ x, filter }) =>
      x!.convolveTransposed(
        filter!,
        { stride: [1, 2], padding: [0, 1], dilation: [3, 1], outputPadding: [2, 0] },
        [1, 6],
      ),
  },
  'transposed convolution, in groups': {
    shapes: { x: [2, 2, 2, 4], filter: [2, 3, 2, 6] },
    of: ({ x, filter }) => x!.convolveTransposed(filter!, { stride: [2, 1], padding: [0, 1], groups: 2 }),
  },
  'convolution over rows': convolution([1, 3, 4, 2], [3, 3, 2, 2], 1, 1, [5, 12]),
  'convolution over first rows': convolution([1, 3, 4, 2], [3, 3, 2, 2], 2, 1, [0, 7]),
  'custom, as its own rule says': {
    shapes: { x: A, y: [3] },
    of: ({ x, y }) =>
      customGradient('product', x!.multiply(y!), [x!, y!], (g, [a, b]) => [
        g.multiply(b!),
        g.multiply(a!).sum([0]),
      ]),
  },
};

const normals = (shape: Shape, name: string): number[] => {
  const draw = randomSequence(deriveKey(keyFromSeed(7), name));
  return Array.from({ length: elementCount(shape) }, () => draw.normal());
};

/** The loss Σ weights · f(x)² + weights · f(x), its gradients, and with `order` 2 gradients of what is built from these. */
function traceLoss({ shapes, of }: Case, order: 1 | 2): Graph {
  return trace((t) => {
    const inputs = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, t.input(name, shape)]),
    );
    const wrt = Object.values(inputs);
    const weighted = (values: readonly Tensor[]): Tensor =>
      values
        .map((value, k) =>
          value
            .multiply(t.scalar(`weight${k}`))
            .add(value.square())
            .multiply(
              iota(t, [elementCount(value.shape)], 0)
                .cast('f32')
                .add(1)
                .reshape(value.shape),
            )
            .sum(),
        )
        .reduce((sum, part) => sum.add(part));
    const first = weighted([of(inputs)]);
    const loss = order === 1 ? first : weighted(gradients(first, wrt));
    const slopes = gradients(loss, wrt);
    return {
      outputs: { loss, ...Object.fromEntries(Object.keys(shapes).map((name, k) => [name, slopes[k]!])) },
    };
  });
}

/**
 * Central differences (L(x + h) − L(x − h)) / 2h with h = 1e-5: their own error, h² L‴/6 and 2^-53 L/h, is near 1e-9 for
 * losses of order 10 to 100.
 */
function assertDerivatives(name: string, given: Case, order: 1 | 2): void {
  const graph = traceLoss(given, order);
  const values: Values = {
    ...Object.fromEntries(
      Object.entries(given.shapes).map(([input, shape]) => [
        input,
        normals(shape, input).map(given.at ?? ((x) => x)),
      ]),
    ),
    weight0: [0.7],
    weight1: [-0.4],
    weight2: [1.3],
  };
  const { outputs } = interpret(graph, values);
  const lossOnly = { ...graph, outputs: { loss: graph.outputs['loss']! } };
  const lossAt = (changed: Values): number =>
    interpret(lossOnly, { ...values, ...changed }).outputs['loss']![0]!;
  const h = 1e-5;
  for (const [input, shape] of Object.entries(given.shapes)) {
    const start = values[input]!;
    for (let i = 0; i < elementCount(shape); i++) {
      const slope =
        (lossAt({ [input]: start.with(i, start[i]! + h) }) -
          lossAt({ [input]: start.with(i, start[i]! - h) })) /
        (2 * h);
      const error = Math.abs(outputs[input]![i]! - slope);
      const size = 1 + Math.abs(slope) + Math.abs(outputs['loss']![0]!);
      assert.ok(
        error < 1e-7 * size,
        `${name}, order ${order}, ${input}[${i}]: ${outputs[input]![i]} is not ${slope}`,
      );
    }
  }
}

test('the reverse rule of every primitive agrees with central differences', () => {
  for (const [name, given] of Object.entries(cases)) assertDerivatives(name, given, 1);
});

test('so do the gradients of gradients, those of the convolution gradients among them', () => {
  for (const [name, given] of Object.entries(cases)) assertDerivatives(name, given, 2);
});

test('the cases above meet every primitive that has a reverse rule', () => {
  const met = new Set<string>();
  for (const given of Object.values(cases)) for (const node of nodesOf(traceLoss(given, 2))) met.add(node.op);
  const sources = ['input', 'constant', 'iota', 'uniform', 'normal', 'carried'];
  const bits = ['bitAnd', 'bitCount'];
  const flat = [
    'floor',
    'round',
    'cast',
    'less',
    'lessEqual',
    'equal',
    'detach',
    'item',
    'recurrence',
    ...bits,
  ];
  const missing = Object.keys(reverseRules).filter(
    (op) => !met.has(op) && !sources.includes(op) && !flat.includes(op),
  );
  assert.deepEqual(missing, []);
});

/** Gradients of Σ weights · of(x) at the given x, weights 1, 2, 3, … */
function slopesAt(x: readonly number[], of: (x: Tensor) => Tensor): number[] {
  const graph = trace((t) => {
    const input = t.input('x', [x.length]);
    const value = of(input);
    const weights = iota(t, value.shape, 0).cast('f32').add(1);
    return { outputs: { slope: gradients(value.multiply(weights).sum(), [input])[0]! } };
  });
  return [...interpret(graph, { x }).outputs['slope']!];
}

test('steps, comparisons, casts and detached values have no slope', () => {
  const flat: readonly ((x: Tensor) => Tensor)[] = [
    (x) => x.floor(),
    (x) => x.round(),
    (x) => x.detach(),
    (x) => x.less(0.5).cast('f32'),
    (x) => x.lessEqual(0.5).cast('f32'),
    (x) => x.equal(0.5).cast('f32'),
    (x) => x.cast('i32').cast('f32'),
  ];
  for (const of of flat) assert.deepEqual(slopesAt([0.2, 0.9], of), [0, 0]);
});

test('a detached factor is a constant to differentiation', () => {
  assert.deepEqual(
    slopesAt([2, 3], (x) => x.multiply(x.detach())),
    [2, 2 * 3],
  );
});

test('a straight-through value passes the gradient to its surrogate', () => {
  assert.deepEqual(
    slopesAt([0.2, 0.9], (x) => straightThrough(x.round(), x.multiply(3))),
    [3, 6],
  );
});

test('a custom rule may leave an input without a gradient', () => {
  assert.deepEqual(
    slopesAt([2, 3], (x) =>
      customGradient('first-only', x.multiply(x), [x, x.square()], (g) => [g, undefined]),
    ),
    [1, 2],
  );
});

test('equal maxima share the gradient', () => {
  assert.deepEqual(
    slopesAt([1, 4, 4, 2], (x) => x.max([0], true)),
    [0, 0.5, 0.5, 0],
  );
});

test('at its edge a rectifier has the slope 0', () => {
  assert.deepEqual(
    slopesAt([-1, 0, 1], (x) => x.relu()),
    [0, 0, 3],
  );
});

test('a value used twice collects both gradients, a value not used gets zeros', () => {
  const graph = trace((t) => {
    const [x, y] = [t.input('x', [2]), t.input('y', [3])];
    const [gx, gy] = gradients(x.add(x.multiply(x)).sum(), [x, y]);
    return { outputs: { gx: gx!, gy: gy! } };
  });
  const { outputs } = interpret(graph, { x: [1, 2], y: [1, 2, 3] });
  assert.deepEqual(outputs, { gx: Float64Array.of(3, 5), gy: new Float64Array(3) });
});

test('gradients may be taken for values in the middle of a graph', () => {
  const graph = trace((t) => {
    const middle = t.input('x', [2]).multiply(3);
    return { outputs: { slope: gradients(middle.square().sum(), [middle])[0]! } };
  });
  assert.deepEqual([...interpret(graph, { x: [1, 2] }).outputs['slope']!], [6, 12]);
});

test('a loss that is not a scalar is refused', () => {
  trace((t) => {
    const x = t.input('x', [2, 3]);
    assert.throws(
      () => gradients(x, [x]),
      new UsageError('gradients: the loss must be a scalar (), got (2, 3); sum or average it'),
    );
    return { outputs: {} };
  });
});

test('products over a share of the rows give no gradient to the other rows', () => {
  const graph = trace((t) => {
    const [x, w] = [t.input('x', [1, 4]), t.input('w', [4, 1])];
    const [gx, gw] = gradients(x.matmul(w, [1, 3]).sum(), [x, w]);
    return { outputs: { gx: gx!, gw: gw! } };
  });
  const { outputs } = interpret(graph, { x: [1, 2, 3, 4], w: [5, 6, 7, 8] });
  assert.deepEqual(outputs, { gx: Float64Array.of(0, 6, 7, 0), gw: Float64Array.of(0, 2, 3, 0) });
});

test('the gradient operators of a convolution are each other’s adjoints', () => {
  // ⟨conv(x, w), g⟩ = ⟨x, inputGradient(g, w)⟩ = ⟨w, weightGradient(x, g)⟩, to rounding of float64.
  const geometry = fullGeometry({ stride: [2, 1], padding: [1, 2] });
  const [imageShape, filterShape] = [[2, 5, 4, 3] as const, [3, 2, 3, 4] as const];
  const graph = trace((t) => {
    const [x, w] = [t.input('x', imageShape), t.input('w', filterShape)];
    const y = x.convolve(w, geometry);
    const g = t.input('g', y.shape);
    const inputGradient = apply(t.builder, 'convolutionInputGradient', [g, w], { ...geometry, imageShape });
    const weightGradient = apply(t.builder, 'convolutionWeightGradient', [x, g], {
      ...geometry,
      filterShape,
    });
    return {
      outputs: {
        y: y.multiply(g).sum(),
        x: x.multiply(inputGradient).sum(),
        w: w.multiply(weightGradient).sum(),
      },
    };
  });
  const values = Object.fromEntries(
    graph.inputs.map(({ attributes: { name, shape } }) => [name, normals(shape, name)]),
  );
  const { y, x, w } = interpret(graph, values).outputs;
  assert.ok(Math.abs(x![0]! - y![0]!) < 1e-11 && Math.abs(w![0]! - y![0]!) < 1e-11);
});

test('constants have zero gradients of their own shape', () => {
  const graph = trace((t) => {
    const c = constant(t, 2).broadcastTo([3]);
    return { outputs: { slope: gradients(t.input('x', []).multiply(2), [c])[0]! } };
  });
  assert.deepEqual([...interpret(graph, { x: [1] }).outputs['slope']!], [0, 0, 0]);
});
