import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Layer, type Operator, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import {
  activation,
  averagePool,
  batchNormalization,
  convolution,
  dense,
  flatten,
  globalAveragePool,
  identity,
  type Module,
  maxPool,
  paddedShortcut,
  residual,
  sequence,
} from './modules.ts';
import type { Mode } from './network.ts';

type Values = Readonly<Record<string, ArrayLike<number>>>;
type RunOptions = { readonly parameters?: Values; readonly batch?: number; readonly mode?: Mode };

const counting = (shape: Shape): number[] => Array.from({ length: elementCount(shape) }, (_, i) => i);

/** Evaluates a module on the counting numbers; checks the shape it promised. */
function run(module: Module, inputShape: Shape, options: RunOptions = {}): Record<string, Float64Array> {
  const { parameters = {}, batch = 1, mode = { kind: 'inference' } } = options;
  const placed = module(inputShape);
  const shape = [batch, ...inputShape];
  const graph = trace((t) => {
    const tensors = Object.fromEntries(
      placed.parameters.map((spec) => [spec.name, t.input(spec.name, spec.shape)]),
    );
    const { value, statistics } = placed.apply(t.input('x', shape), {
      parameters: tensors,
      operator: digital((layer) => tensors[weightsOf(layer)]!),
      mode,
    });
    assert.deepEqual(value.shape, [batch, ...placed.outputShape]);
    return { outputs: { value, ...statistics } };
  });
  return interpret(graph, { x: counting(shape), ...parameters }).outputs;
}

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof UsageError && message.test(error.message);

test('a dense layer multiplies and adds its bias', () => {
  const parameters = { 'fc.weights': [1, 2, 3, 4, 5, 6], 'fc.bias': [10, 20] };
  const { value } = run(dense({ name: 'fc', outputs: 2 }), [3], { parameters, batch: 2 });
  // x = (0, 1, 2) and (3, 4, 5)
  assert.deepEqual([...value!], [0 + 3 + 10 + 10, 0 + 4 + 12 + 20, 3 + 12 + 25 + 10, 6 + 16 + 30 + 20]);
});

test('a convolution has a bias only if asked', () => {
  const plain = convolution({ name: 'c', filters: 1, size: 2, stride: 2 });
  const biased = convolution({ name: 'c', filters: 1, size: 2, stride: 2, bias: true });
  const parameters = { 'c.weights': [1, 1, 1, 1], 'c.bias': [0.5] };
  assert.deepEqual([...run(plain, [2, 4, 1], { parameters })['value']!], [0 + 1 + 4 + 5, 2 + 3 + 6 + 7]);
  assert.deepEqual([...run(biased, [2, 4, 1], { parameters })['value']!], [10.5, 18.5]);
  assert.deepEqual(
    plain([2, 4, 1]).parameters.map(({ name }) => name),
    ['c.weights'],
  );
});

test('weights are multiplied through the given operator, by layers that the module lists', () => {
  const seen: Layer[] = [];
  const convolved = convolution({ name: 'a.conv', filters: 2, size: 3, padding: 1 });
  const placed = sequence([convolved, flatten, dense({ name: 'fc', outputs: 2 })])([2, 2, 1]);
  trace((t) => {
    const parameters = Object.fromEntries(
      placed.parameters.map((spec) => [spec.name, t.input(spec.name, spec.shape)]),
    );
    const exact = digital((layer) => parameters[weightsOf(layer)]!);
    const spy: Operator = {
      multiply: (x, layer, geometry) => {
        seen.push(layer);
        return exact.multiply(x, layer, geometry);
      },
    };
    const { value } = placed.apply(t.input('x', [1, 2, 2, 1]), {
      parameters,
      operator: spy,
      mode: { kind: 'inference' },
    });
    return { outputs: { value } };
  });
  assert.deepEqual(seen, [
    { name: 'a.conv', kind: 'convolution', shape: [3, 3, 1, 2] },
    { name: 'fc', kind: 'dense', shape: [8, 2] },
  ]);
  assert.deepEqual(placed.layers, seen);
});

test('pooling takes windows that do not overlap and drops what does not fill one', () => {
  // Rows 0 1 2 | 3 4 5 | 6 7 8: the only whole window is 0 1 3 4.
  assert.deepEqual([...run(averagePool(2), [3, 3, 1])['value']!], [2]);
  assert.deepEqual([...run(maxPool(2), [3, 3, 1])['value']!], [4]);
  // Two channels stay apart: even numbers are channel 0.
  assert.deepEqual([...run(maxPool(2), [2, 4, 2])['value']!], [10, 11, 14, 15]);
  assert.deepEqual([...run(averagePool(2), [2, 4, 2])['value']!], [5, 6, 9, 10]);
  assert.deepEqual([...run(globalAveragePool, [2, 2, 2], { batch: 2 })['value']!], [3, 4, 11, 12]);
});

test('activations are the named functions', () => {
  const x = [0, 1, 2];
  for (const [kind, f] of [
    ['relu', (v: number) => Math.max(0, v)],
    ['sigmoid', (v: number) => 1 / (1 + Math.exp(-v))],
    ['tanh', Math.tanh],
  ] as const) {
    const { value } = run(activation(kind), [3]);
    for (const i of x) assert.ok(Math.abs(value![i]! - f(i)) < 1e-15, kind);
  }
});

test('a padded shortcut keeps every second pixel and adds zero channels on both sides', () => {
  // 3 x 3 pixels of one channel; the kept pixels are 0, 2, 6, 8. Three more channels: one before, two after.
  const { value } = run(paddedShortcut(4), [3, 3, 1]);
  assert.deepEqual([...value!], [0, 0, 0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0, 8, 0, 0]);
});

test('batch normalisation reports statistics in training mode only', () => {
  const parameters = { 'n.scale': [1], 'n.shift': [0], 'n.runningMean': [1], 'n.runningVariance': [4] };
  const layer = batchNormalization('n');
  const training = run(layer, [2, 2, 1], { parameters, mode: { kind: 'training' } });
  assert.deepEqual(Object.keys(training), ['value', 'n.runningMean', 'n.runningVariance']);
  assert.deepEqual([training['n.runningMean']![0], training['n.runningVariance']![0]], [1.5, 1.25]);
  const inference = run(layer, [2, 2, 1], { parameters });
  assert.deepEqual(Object.keys(inference), ['value']);
  for (const i of [0, 1, 2, 3]) {
    assert.ok(Math.abs(inference['value']![i]! - (i - 1) / Math.sqrt(4 + 1e-5)) < 1e-14);
  }
  // By running statistics the value is that of inference, and the statistics are still those of the batch.
  const running = run(layer, [2, 2, 1], { parameters, mode: { kind: 'training', normalizesBy: 'running' } });
  assert.deepEqual(running['value'], inference['value']);
  const { value: _, ...statistics } = running;
  const { value: __, ...expected } = training;
  assert.deepEqual(statistics, expected);
});

test('a residual adds its two paths and keeps the statistics of both', () => {
  const parameters = Object.fromEntries(
    ['a', 'b'].flatMap((n) => [
      [`${n}.scale`, [1]],
      [`${n}.shift`, [0]],
      [`${n}.runningMean`, [0]],
      [`${n}.runningVariance`, [1 - 1e-5]],
    ]),
  );
  const sum = residual({
    body: sequence([batchNormalization('a'), batchNormalization('b')]),
    shortcut: identity,
  });
  assert.deepEqual([...run(sum, [1, 3, 1], { parameters })['value']!], [0, 2, 4]);
  const { value: _, ...statistics } = run(sum, [1, 3, 1], { parameters, mode: { kind: 'training' } });
  assert.deepEqual(Object.keys(statistics), [
    'a.runningMean',
    'a.runningVariance',
    'b.runningMean',
    'b.runningVariance',
  ]);
});

test('a module refuses inputs that it cannot take', () => {
  assert.throws(
    () => dense({ name: 'fc', outputs: 2 })([2, 2, 1]),
    refused(/^dense "fc": .*\(2, 2, 1\); flatten it$/),
  );
  assert.throws(
    () => convolution({ name: 'c', filters: 1, size: 5 })([4, 4, 1]),
    refused(/^convolution "c": filter \(5, 5\) does not fit into an input of \(4, 4, 1\)/),
  );
  assert.throws(
    () => globalAveragePool([4]),
    refused(/^globalAveragePool: .*\(height, width, channels\), got \(4\)$/),
  );
  assert.throws(
    () => maxPool(3)([2, 5, 1]),
    refused(/^maxPool: a window of 3 x 3 does not fit into \(2, 5, 1\)$/),
  );
  assert.throws(
    () => paddedShortcut(2)([2, 2, 3]),
    refused(/^paddedShortcut: expected at least 3 .* got 2$/),
  );
  assert.throws(
    () => residual({ body: flatten, shortcut: identity })([2, 2, 1]),
    refused(/^residual: body \(4\) and shortcut \(2, 2, 1\) differ in shape/),
  );
});
