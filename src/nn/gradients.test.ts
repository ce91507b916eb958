// Derivatives of layers and losses against central differences of the float64 interpreter: facts between the formulas
// of this folder and the reverse rules of graph/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { softmax } from './attention.ts';
import { softmaxCrossEntropy, squaredError } from './losses.ts';
import { averagePool, maxPool, paddedShortcut, transformerBlock } from './modules.ts';
import { initialParameters, isTrained } from './network.ts';
import { normalizeByBatch, normalizeIn } from './normalization.ts';
import { lstmStep } from './recurrent.ts';
import { resnet } from './resnet.ts';

type Tensors = Readonly<Record<string, Tensor>>;
const none = digital(() => assert.fail('no layer multiplies'));

type Values = Readonly<Record<string, readonly number[]>>;

const normals = (shape: Shape, seed: number): number[] => {
  const draw = randomSequence(keyFromSeed(seed));
  return Array.from({ length: elementCount(shape) }, () => draw.normal());
};

/**
 * Compares the gradient of `loss` with (L(x + h) − L(x − h)) / 2h for a few elements of every input in `wrt`. With
 * h = 1e-5 the rule's error h² L‴/6 and its rounding 2^-53 L / h are both near 1e-10.
 */
function assertGradients(
  shapes: Readonly<Record<string, Shape>>,
  loss: (inputs: Tensors) => Tensor,
  { wrt, given = {}, elements = 5 }: { wrt: readonly string[]; given?: Values; elements?: number },
): void {
  const graph = trace((t) => {
    const inputs = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, t.input(name, shape)]),
    );
    const value = loss(inputs);
    const slopes = gradients(
      value,
      wrt.map((name) => inputs[name]!),
    );
    return { outputs: { value, ...Object.fromEntries(wrt.map((name, i) => [name, slopes[i]!])) } };
  });
  const lossOnly = { ...graph, outputs: { value: graph.outputs['value']! } };
  const values: Values = {
    ...Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, normals(shape, i)])),
    ...given,
  };
  const { outputs } = interpret(graph, values);
  const h = 1e-5;
  for (const name of wrt) {
    const start = values[name]!;
    const step = Math.max(1, Math.floor(start.length / elements));
    for (let i = 0; i < start.length; i += step) {
      const at = (x: number): number =>
        interpret(lossOnly, { ...values, [name]: start.with(i, x) }).outputs['value']![0]!;
      const slope = (at(start[i]! + h) - at(start[i]! - h)) / (2 * h);
      const error = Math.abs(outputs[name]![i]! - slope);
      assert.ok(error < 1e-7 * (1 + Math.abs(slope)), `${name}[${i}]: ${outputs[name]![i]} is not ${slope}`);
    }
  }
}

test('batch normalisation has the gradient of its formula, the origin of its moments included', () => {
  assertGradients(
    { x: [2, 2, 2, 2], scale: [2], shift: [2], target: [2, 2, 2, 2] },
    ({ x, scale, shift, target }) =>
      squaredError(normalizeByBatch(x!, { scale: scale!, shift: shift! }).y, target!),
    { wrt: ['x', 'scale', 'shift'], elements: 16 },
  );
});

test('cross-entropy has the gradient of its formula, with and without smoothing', () => {
  for (const smoothing of [0, 0.1]) {
    assertGradients(
      { logits: [3, 4], labels: [3] },
      ({ logits, labels }) => softmaxCrossEntropy(logits!, labels!, { smoothing }),
      { wrt: ['logits'], given: { labels: [2, 0, 3] }, elements: 12 },
    );
  }
});

test('pooling and the padded shortcut have the gradients of their formulas', () => {
  for (const module of [averagePool(2), maxPool(2), paddedShortcut(3)]) {
    const { apply } = module([3, 4, 1]);
    assertGradients(
      { x: [2, 3, 4, 1] },
      ({ x }) =>
        apply(x!, { parameters: {}, operator: none, mode: { kind: 'inference' } })
          .value.square()
          .sum(),
      { wrt: ['x'], elements: 24 },
    );
  }
});

test('by running statistics only inputs, scale and shift have gradients', () => {
  assertGradients(
    { x: [5, 3], scale: [3], shift: [3], mean: [3], root: [3], target: [5, 3] },
    ({ x, scale, shift, mean, root, target }) => {
      const running = { mean: mean!.detach(), variance: root!.square().detach() };
      const mode = { kind: 'training', normalizesBy: 'running' } as const;
      return squaredError(normalizeIn(mode, x!, { scale: scale!, shift: shift! }, running).y, target!);
    },
    { wrt: ['x', 'scale', 'shift'], elements: 3 },
  );
});

test('the softmax and a causal transformer block have the gradients of their formulas', () => {
  assertGradients({ x: [2, 3], y: [2, 3] }, ({ x, y }) => softmax(x!).multiply(y!).sum(), {
    wrt: ['x', 'y'],
    elements: 6,
  });
  const block = transformerBlock({ name: 'b', heads: 2, hidden: 5, causal: true })([3, 4]);
  const shapes = Object.fromEntries(block.parameters.map(({ name, shape }) => [name, shape]));
  assertGradients(
    { ...shapes, x: [2, 3, 4], target: [2, 3, 4] },
    ({ x, target, ...parameters }) => {
      const operator = digital((layer) => parameters[weightsOf(layer)]!);
      const { value } = block.apply(x!, { parameters, operator, mode: { kind: 'training' } });
      return squaredError(value, target!);
    },
    { wrt: ['x', ...Object.keys(shapes)], elements: 3 },
  );
});

test('two LSTM steps have the gradient of their equations', () => {
  assertGradients(
    {
      x: [2, 2],
      hidden: [2, 2],
      cell: [2, 2],
      'lstm.input.weights': [2, 8],
      'lstm.hidden.weights': [2, 8],
      'lstm.bias': [8],
    },
    ({ x, hidden, cell, ...parameters }) => {
      const operator = digital((layer) => parameters[weightsOf(layer)]!);
      const step = (state: { hidden: Tensor; cell: Tensor }): { hidden: Tensor; cell: Tensor } =>
        lstmStep({ layer: 'lstm', x: x!, state, parameters, operator });
      return step(step({ hidden: hidden!, cell: cell! }))
        .hidden.square()
        .sum();
    },
    { wrt: ['x', 'hidden', 'cell', 'lstm.input.weights', 'lstm.hidden.weights', 'lstm.bias'] },
  );
});

test('the loss of a whole residual network has the gradient of its forward pass', () => {
  const network = resnet({
    inputShape: [4, 4, 1],
    classes: 3,
    depth: 8,
    widths: [2, 3, 4],
    shortcut: 'projection',
  });
  const shapes = Object.fromEntries(network.parameters.map(({ name, shape }) => [name, shape]));
  const start = Object.entries(initialParameters(network, keyFromSeed(3))).map(([name, { data }]) => [
    name,
    [...data],
  ]);
  assertGradients(
    { ...shapes, images: [3, 4, 4, 1], labels: [3] },
    ({ images, labels, ...parameters }) => {
      const operator = digital((layer) => parameters[weightsOf(layer)]!);
      const { outputs } = network.apply({
        inputs: { images: images! },
        parameters,
        operator,
        mode: { kind: 'training' },
      });
      return softmaxCrossEntropy(outputs['logits']!, labels!);
    },
    {
      wrt: network.parameters.filter(isTrained).map(({ name }) => name),
      given: { ...Object.fromEntries(start), labels: [2, 0, 1] },
      elements: 2,
    },
  );
});
