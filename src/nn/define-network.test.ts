// Networks of any wiring: several inputs and outputs, parts that are used twice, and what does not fit, all at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Operator, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { classifier, defineNetwork } from './define-network.ts';
import { batchNormalization, dense, flatten, sequence } from './modules.ts';
import type { Context, Network } from './network.ts';
import { mlp } from './networks.ts';

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof UsageError && message.test(error.message);

/** Two images of two pixels, embedded alike: their sum, and how much of a third input the first one is. */
const twins: Network = defineNetwork({
  name: 'twins',
  inputs: { left: [2], right: [2], gate: [3] },
  outputs: { sum: [3], gated: [1] },
  parts: {
    embed: { module: dense({ name: 'embed', outputs: 3 }), inputShape: [2] },
    judge: {
      module: sequence([batchNormalization('norm'), dense({ name: 'judge', outputs: 1 })]),
      inputShape: [3],
    },
  },
  connect: ({ left, right, gate }, { embed, judge }) => {
    const [a, b] = [embed(left!), embed(right!)];
    return { sum: a.add(b), gated: judge(a.multiply(gate!)) };
  },
});

/** Everything as inputs. */
function contextOf(
  t: Trace,
  network: Network,
  operator: (weights: Parameters<typeof digital>[0]) => Operator = digital,
): Context {
  const tensors = (shapes: readonly (readonly [string, readonly number[]])[]): Record<string, Tensor> =>
    Object.fromEntries(shapes.map(([name, shape]) => [name, t.input(name, shape)]));
  const parameters = tensors(network.parameters.map(({ name, shape }) => [name, shape]));
  return {
    inputs: tensors(Object.entries(network.inputs).map(([name, shape]) => [name, [2, ...shape]])),
    parameters,
    operator: operator((layer) => parameters[weightsOf(layer)]!),
    mode: { kind: 'inference' },
  };
}

/** Two examples, and parameters that are whole numbers. */
const values = {
  left: [1, 0, 2, 1],
  right: [0, 1, 1, 1],
  gate: [1, 0, 1, 2, 1, 0],
  'embed.weights': [1, 2, 3, 4, 5, 6],
  'embed.bias': [10, 20, 30],
  'norm.scale': [1, 1, 2],
  'norm.shift': [0, 0, 1],
  'norm.runningMean': [1, 2, 3],
  'norm.runningVariance': [1 - 1e-5, 4 - 1e-5, 1 - 1e-5],
  'judge.weights': [1, 2, 3],
  'judge.bias': [0.5],
};

test('a network has its inputs, outputs, parameters and layers in the order of its parts', () => {
  assert.deepEqual(
    twins.parameters.map(({ name }) => name),
    Object.keys(values).slice(3),
  );
  assert.deepEqual(twins.layers, [
    { name: 'embed', kind: 'dense', shape: [2, 3] },
    { name: 'judge', kind: 'dense', shape: [3, 1] },
  ]);
  assert.deepEqual(twins.normalizationLayers, ['norm']);
});

test('outputs are what the wiring makes of the inputs; a part called twice uses its parameters twice', () => {
  const asked: string[] = [];
  const graph = trace((t) => {
    const context = contextOf(t, twins, (weights) => ({
      multiply: (x, layer, geometry) => {
        asked.push(layer.name);
        return digital(weights).multiply(x, layer, geometry);
      },
    }));
    const { outputs, statistics } = twins.apply(context);
    assert.deepEqual(statistics, {});
    return { outputs };
  });
  assert.deepEqual(asked, ['embed', 'embed', 'judge']);
  const { sum, gated } = interpret(graph, values).outputs;
  // embed: left (11, 22, 33) and (16, 29, 42); right (14, 25, 36) and (15, 27, 39).
  assert.deepEqual([...sum!], [25, 47, 69, 31, 56, 81]);
  // Gated (11, 0, 33) and (32, 29, 0); normalised (10, -1, 61) and (31, 13.5, -5).
  const expected = [10 - 2 + 183 + 0.5, 31 + 27 - 15 + 0.5];
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(gated![i]! - value) < 1e-12, `${gated}`);
});

test('in training mode the statistics of every part are reported', () => {
  const graph = trace((t) => {
    const { statistics } = twins.apply({ ...contextOf(t, twins), mode: { kind: 'training' } });
    return { outputs: statistics };
  });
  const { outputs } = interpret(graph, values);
  assert.deepEqual(Object.keys(outputs), ['norm.runningMean', 'norm.runningVariance']);
  assert.deepEqual([...outputs['norm.runningMean']!], [21.5, 14.5, 16.5]);
});

test('two parameters of one name are refused, also of different parts', () => {
  const part = { module: dense({ name: 'a', outputs: 1 }), inputShape: [1] };
  assert.throws(
    () =>
      defineNetwork({
        name: 'odd',
        inputs: { x: [1] },
        outputs: { y: [1] },
        parts: { one: part, two: part },
        connect: ({ x }, { one, two }) => ({ y: two(one(x!)) }),
      }),
    refused(
      /^network "odd": 2 faults\n.*two parameters are named "a\.weights"; rename a module\n.*named "a\.bias"/,
    ),
  );
});

test('inputs that are missing or do not fit are refused, all at once', () => {
  trace((t) => {
    const context = contextOf(t, twins);
    const { left: _, ...others } = context.inputs;
    assert.throws(
      () => twins.apply({ ...context, inputs: { ...others, gate: others['right']! } }),
      refused(
        /^network "twins": 2 faults\n.*expected input "left" \(n, 2\), got none\n.*expected input "gate" \(n, 3\), got \(2, 2\)$/,
      ),
    );
    return { outputs: {} };
  });
});

test('outputs that the wiring does not make are refused', () => {
  const forgetful: Network = defineNetwork({
    name: 'forgetful',
    inputs: { x: [2] },
    outputs: { y: [1], z: [2] },
    parts: {},
    connect: ({ x }) => ({ y: x! }),
  });
  trace((t) => {
    assert.throws(
      () => forgetful.apply(contextOf(t, forgetful)),
      refused(
        /^network "forgetful": 2 faults\n.*expected output "y" \(n, 1\), got \(2, 2\)\n.*expected output "z" \(n, 2\), got none$/,
      ),
    );
    return { outputs: {} };
  });
});

test('a classifier runs one module from images to logits', () => {
  const network = classifier({
    name: 'c',
    inputShape: [3],
    classes: 2,
    module: dense({ name: 'fc', outputs: 2 }),
  });
  assert.deepEqual([network.inputs, network.outputs], [{ images: [3] }, { logits: [2] }]);
  const graph = trace((t) => ({ outputs: network.apply(contextOf(t, network)).outputs }));
  const { logits } = interpret(graph, {
    images: [1, 2, 3, 0, 1, 0],
    'fc.weights': [1, 2, 3, 4, 5, 6],
    'fc.bias': [1, -1],
  }).outputs;
  assert.deepEqual([...logits!], [1 + 6 + 15 + 1, 2 + 8 + 18 - 1, 4, 3]);
});

test('a classifier must end in its classes and name its parameters apart', () => {
  const twice = sequence([batchNormalization('n'), batchNormalization('n'), flatten]);
  assert.throws(
    () => classifier({ name: 'odd', inputShape: [1, 1, 3], classes: 2, module: twice }),
    refused(/output \(3\) is not one logit for each of 2 classes[\s\S]*two parameters are named "n\.scale"/),
  );
});

test('a network refuses inputs and parameters that do not fit, all at once', () => {
  const network = mlp({ inputShape: [2, 2, 1], classes: 2, hidden: [3], activation: 'relu' });
  trace((t) => {
    const inputs = { images: t.input('images', [1, 3, 3, 1]) };
    const parameters = { 'dense1.bias': t.input('b', [2]) };
    const operator = digital(() => t.input('w', [2, 2]));
    assert.throws(
      () => network.apply({ inputs, parameters, operator, mode: { kind: 'inference' } }),
      refused(
        /^network "mlp": 3 faults\n.*expected input "images" \(n, 2, 2, 1\), got \(1, 3, 3, 1\)\n.*"dense1.bias" is \(2\), expected \(3\)\n.*"dense2.bias" \(2\) is missing$/,
      ),
    );
    return { outputs: {} };
  });
});

test('weights belong to the operator: the exact product refuses those of another layer', () => {
  const network = mlp({ inputShape: [2, 2, 1], classes: 2, hidden: [], activation: 'relu' });
  trace((t) => {
    const inputs = { images: t.input('images', [1, 2, 2, 1]) };
    const parameters = { 'dense1.bias': t.input('b', [2]) };
    const operator = digital(() => t.input('w', [2, 2]));
    assert.throws(
      () => network.apply({ inputs, parameters, operator, mode: { kind: 'inference' } }),
      refused(/\(1, 4\).*\(2, 2\)/),
    );
    return { outputs: {} };
  });
});
