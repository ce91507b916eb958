// An adversarial pair: each objective moves its own part, by the gradient of its own loss; together they bring generated
// samples to where the real ones are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { deriveKey, keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import { idealDevice } from '../cells/published-pulse-devices.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { pulsedDescent } from '../insitu/pulsed.ts';
import { activation, dense, identity, sequence } from '../nn/modules.ts';
import { initialParameters, isWeights } from '../nn/network.ts';
import { sgd } from '../rules/descent.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import { adversarial, adversarialPair } from './adversarial.ts';
import { prepareFit } from './fit.ts';
import { traceBegin, traceTrainingStep } from './step.ts';

const SHAPE = { latent: 2, sampleShape: [2] };
const network = adversarialPair({
  name: 'pair',
  ...SHAPE,
  generator: sequence([
    dense({ name: 'generator.a', outputs: 8 }),
    activation('tanh'),
    dense({ name: 'generator.b', outputs: 2 }),
  ]),
  discriminator: sequence([
    dense({ name: 'discriminator.a', outputs: 16 }),
    activation('leaky-relu'),
    dense({ name: 'discriminator.b', outputs: 1 }),
  ]),
});

/** Normal samples about (2, −1) with standard deviation 0.5. */
function samples(count: number, name: string): Float32Array {
  const draw = randomSequence(deriveKey(keyFromSeed(9), name));
  return Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 2 : -1) + 0.5 * draw.normal());
}
const task = adversarial({ ...SHAPE, train: samples(512, 'train'), test: samples(100, 'test') });
const wasm = backends.find(({ name }) => name === 'wasm')!;

/** Of a single step. */
const settings = {
  batchSize: 4,
  statisticsMomentum: 0.1,
  noise: { kind: 'none' },
  clipping: { kind: 'none' },
} as const;

test('a step moves each part against the gradient of its own objective', () => {
  const rule = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  const step = traceTrainingStep({ network, task, rule, settings });
  const slopes = trace((t) => {
    const parameters = Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
    );
    const operator = digital((layer) => parameters[weightsOf(layer)]!);
    const batch = {
      latent: t.input('latent', [4, 2]),
      samples: t.input('samples', [4, 2]),
      filled: t.input('filled', [4]),
    };
    const { objectives } = task.evaluate(
      (inputs) => network.apply({ inputs, parameters, operator, mode: { kind: 'training' } }).outputs,
      batch,
    );
    const all = objectives.flatMap(({ name, loss }) =>
      gradients(loss, Object.values(parameters)).map((slope, k) => [
        `${name} ${Object.keys(parameters)[k]}`,
        slope,
      ]),
    );
    return { outputs: Object.fromEntries(all) };
  });
  const batch = { latent: new Float32Array(8), samples: new Float32Array(8), filled: new Float32Array(4) };
  task.examples.fillTraining(batch, Uint32Array.of(5, 6, 7, 8), { key: keyFromSeed(1), epoch: 0 });
  assert.deepEqual([...batch.samples], [...samples(512, 'train').slice(10, 18)]);
  const start = initialParameters(network, keyFromSeed(2));
  const values = Object.fromEntries(Object.entries(start).map(([name, { data }]) => [name, data]));
  const momenta = Object.fromEntries(
    network.parameters.map(({ name }) => [`${name}.momentum`, new Float32Array(values[name]!.length)]),
  );
  const { updates } = interpret(step, { ...batch, ...values, ...momenta, learningRate: [0.5] });
  const found = interpret(slopes, { ...batch, ...values }).outputs;
  for (const { name } of network.parameters) {
    const part = name.split('.')[0]!;
    let largest = 0;
    for (const [i, moved] of updates[name]!.entries()) {
      const slope = found[`${part} ${name}`]![i]!;
      largest = Math.max(largest, Math.abs(slope));
      assert.ok(Math.abs(moved - (values[name]![i]! - 0.5 * slope)) < 1e-12, name);
    }
    assert.ok(largest > 0, `${name} has a gradient`);
  }
});

test('the samples that a pulsed update writes are those of the objective that moves the layer', () => {
  const plain = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  const trains = { length: 31, isLengthManaged: true, isBalanced: true };
  const fullWeight = { kind: 'fixed', weight: 10 } as const;
  const written = pulsedDescent({
    device: idealDevice,
    fullWeight,
    trains,
    digital: plain,
    mapping: () => ({}),
  });
  const rule: UpdateRule = {
    ...written,
    update: (update) => {
      const { parameter, gradient } = update;
      if (!isWeights(parameter)) return written.update(update);
      const sum = update
        .factors()
        .map(({ x, delta }) => x.transpose().matmul(delta))
        .reduce((all, one) => all.add(one));
      const counts = { [parameter.name]: sum.subtract(gradient).square().sum() };
      return { ...written.update(update), counts };
    },
  };
  const setup = { network, task, rule, settings };
  const batch = { latent: new Float32Array(8), samples: new Float32Array(8), filled: new Float32Array(4) };
  task.examples.fillTraining(batch, Uint32Array.of(5, 6, 7, 8), { key: keyFromSeed(1), epoch: 0 });
  const start = Object.entries(initialParameters(network, keyFromSeed(2))).map(([name, { data }]) => [
    name,
    data,
  ]);
  const states = network.parameters
    .flatMap(rule.states)
    .map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]);
  const keys = {
    'begin.0': [1],
    'begin.1': [2],
    'noise.0': [3],
    'noise.1': [4],
    'rule.0': [5],
    'rule.1': [6],
  };
  const values = { ...batch, ...Object.fromEntries([...start, ...states]), ...keys, learningRate: [0.5] };
  const begun = interpret(traceBegin(setup)!, values).updates;
  const { outputs } = interpret(traceTrainingStep(setup), { ...values, ...begun });
  for (const { name } of network.layers)
    assert.ok(outputs[`rule.${name}.weights`]![0]! < 1e-20, `${name}: ${outputs[`rule.${name}.weights`]}`);
});

test('generated samples come to where the real ones are', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings = {
      epochs: 40,
      batchSize: 32,
      rule: { kind: 'adam', beta1: 0.5, weightDecay: 0 },
      learningRate: { kind: 'step', initial: 0.01 },
    } as const;
    const fitting = await prepareFit({ engine, network, task, settings, evaluateEveryEpochs: 40 });
    const start = await fitting.snapshot();
    const { tensors, history } = await fitting.result();
    fitting.free();
    const distance = (parameters: typeof tensors): number => {
      const graph = trace((t) => {
        const states = Object.fromEntries(
          network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
        );
        const { outputs } = network.apply({
          inputs: { latent: t.input('latent', [200, 2]), samples: t.input('samples', [200, 2]) },
          parameters: states,
          operator: digital((layer) => states[weightsOf(layer)]!),
          mode: { kind: 'inference' },
        });
        return { outputs: { mean: outputs['generated']!.mean([0]) } };
      });
      const draw = randomSequence(keyFromSeed(4));
      const latent = Float32Array.from({ length: 400 }, draw.normal);
      const states = Object.fromEntries(network.parameters.map(({ name }) => [name, parameters[name]!.data]));
      const { mean } = interpret(graph, { latent, samples: new Float32Array(400), ...states }).outputs;
      return Math.hypot(mean![0]! - 2, mean![1]! + 1);
    };
    assert.ok(distance(start.tensors) > 1.5);
    assert.ok(distance(tensors) < 0.5, `${distance(tensors)} away`);
    const told = history.at(-1)!.testAccuracy!;
    assert.ok(told >= 0.3 && told <= 0.9, `told apart ${told}`);
  });
});

test('parts with other names and samples that are not whole are refused', () => {
  assert.throws(
    () =>
      adversarialPair({
        name: 'odd',
        ...SHAPE,
        generator: dense({ name: 'g', outputs: 2 }),
        discriminator: identity,
      }),
    {
      name: 'UsageError',
      message:
        /^network "odd": 2 faults\n.*parameter "g\.weights" must be named "generator\.…"; rename its module\n.*"g\.bias"/,
    },
  );
  assert.throws(() => adversarial({ ...SHAPE, train: new Float32Array(4), test: new Float32Array(3) }), {
    name: 'UsageError',
    message: 'adversarial: test: expected samples of 2 numbers, got 3 numbers',
  });
});
