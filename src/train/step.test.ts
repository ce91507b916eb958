// The training step: what it moves against formulas written out in plain loops, its results on every backend against
// float64, and its noise. The update rules have tests of their own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, relativeError, withEngine } from '../../test/compare.ts';
import { float64Step, READ_SECONDS, type StepSetup, startOf, type Values } from '../../test/float64-step.ts';
import {
  fullSettings,
  nesterovRule,
  plainRule,
  plainSettings,
  randomParameters,
  tinyConvolutional,
  tinySplit,
} from '../../test/tiny.ts';
import type { Parameters } from '../base/parameters.ts';
import { deriveKey, type Key, keyFromSeed } from '../base/random.ts';
import { joshi2020, standardEvaluation } from '../crossbar/presets.ts';
import { fillBatch } from '../data/batches.ts';
import { interpret } from '../graph/interpret.ts';
import { updateRule } from '../insitu/update-rule.ts';
import { classifier } from '../nn/define-network.ts';
import { dense, flatten, sequence } from '../nn/modules.ts';
import { isTrained, type Network } from '../nn/network.ts';
import { classificationGoal } from './classification.ts';
import type { TrainingSettings } from './settings.ts';
import { initialTrainingState, traceTrainingStep, trainedParameters } from './step.ts';

const BATCH = 6;
const network = tinyConvolutional;
const { train, normalization } = tinySplit();

/** The batch of step `step`. */
function batchAt(step: number): { readonly images: Float32Array; readonly labels: Float32Array } {
  const indices = Array.from({ length: BATCH }, (_, i) => step * BATCH + i);
  return fillBatch({ set: train, indices, normalization });
}

function setupOf(settings: TrainingSettings): StepSetup {
  const task = classificationGoal(network.inputs['images']!, { labelSmoothing: settings.labelSmoothing });
  return { network, task, settings: { ...settings, batchSize: BATCH } };
}

/** States after one step in float64. */
function referenceStep(
  settings: TrainingSettings,
  states: Values,
  { rate, key, step = 0 }: { readonly rate: number; readonly key?: Key; readonly step?: number },
): { readonly states: Values; readonly loss: number } {
  const call = { batch: batchAt(step), rate, step, ...(key && { key }) };
  return float64Step(setupOf(settings), states, call);
}

const start = startOf(setupOf(plainSettings), randomParameters(network));
const trained = network.parameters.filter(isTrained);

function mapped(values: ArrayLike<number>, f: (value: number, i: number) => number): Float64Array {
  return Float64Array.from(values).map(f);
}

/** The gradient of every trained parameter, from a plain step of rate 1: g = w − w'. */
function gradientsAt(settings: TrainingSettings, states: Values): Record<string, Float64Array> {
  const { noise, labelSmoothing } = settings;
  const { states: after } = referenceStep({ ...plainSettings, noise, labelSmoothing }, states, { rate: 1 });
  const slopes = trained.map(({ name }) => [
    name,
    mapped(after[name]!, (value, i) => states[name]![i]! - value),
  ]);
  return Object.fromEntries(slopes);
}

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>, name: string): void {
  // Float64 throughout: what is left is the rounding of sums of some hundred terms.
  const error = relativeError(actual, expected, 1e-6);
  assert.ok(error < 1e-9, `${name}: relative error ${error}`);
}

// The rules, in float64.

test('a plain step without momentum is w − r g, and g is the slope of the loss', () => {
  const slopes = gradientsAt(plainSettings, start);
  const { states: after } = referenceStep(plainSettings, start, { rate: 0.3 });
  for (const { name } of trained) {
    assertNear(
      after[name]!,
      slopes[name]!.map((g, i) => start[name]![i]! - 0.3 * g),
      name,
    );
  }
  // Along the gradient of the bias, where the loss is smooth: the difference quotient's error is of order ε².
  const name = 'dense.bias';
  const lossAt = (shift: number): number => {
    const bias = slopes[name]!.map((g, i) => start[name]![i]! + shift * g);
    return referenceStep(plainSettings, { ...start, [name]: bias }, { rate: 0 }).loss;
  };
  const quotient = (lossAt(1e-4) - lossAt(-1e-4)) / 2e-4;
  const expected = slopes[name]!.reduce((sum, g) => sum + g * g, 0);
  assert.ok(Math.abs(quotient / expected - 1) < 1e-6);
});

for (const nesterov of [false, true]) {
  test(`${nesterov ? 'Nesterov' : 'plain'} momentum follows its formula; only weights decay`, () => {
    const [rate, mu, lambda] = [0.3, 0.8, 0.05];
    const settings: TrainingSettings = {
      ...plainSettings,
      rule: { kind: 'sgd', momentum: mu, weightDecay: lambda, nesterov },
      labelSmoothing: 0.1,
    };
    const momenta = trained.map(({ name }): [string, Float64Array] => [
      `${name}.momentum`,
      mapped(start[name]!, (value) => Math.sin(50 * value)),
    ]);
    const states: Values = { ...start, ...Object.fromEntries(momenta) };
    const slopes = gradientsAt(settings, states);
    const { states: after } = referenceStep(settings, states, { rate });
    for (const { name, role } of trained) {
      const w = states[name]!;
      const g = slopes[name]!.map((slope, i) => slope + (role === 'weights' ? lambda : 0) * w[i]!);
      const v = g.map((gradient, i) => mu * states[`${name}.momentum`]![i]! + gradient);
      const stepped = v.map((velocity, i) => w[i]! - rate * (nesterov ? g[i]! + mu * velocity : velocity));
      assertNear(after[`${name}.momentum`]!, v, `${name}.momentum`);
      assertNear(after[name]!, stepped, name);
    }
  });
}

test('factors of the rate: the first pattern that fits decides, without one it is 1, with 0 a parameter stays', () => {
  const factors: Record<string, number> = { 'conv1.weights': 0.5, 'conv*': 3, 'dense.*': 0 };
  const slopes = gradientsAt(plainSettings, start);
  const { states: after } = referenceStep({ ...plainSettings, rateFactors: factors }, start, { rate: 0.3 });
  for (const { name } of trained) {
    const factor = factors[name] ?? (name.startsWith('conv') ? 3 : name.startsWith('dense') ? 0 : 1);
    assertNear(
      after[name]!,
      slopes[name]!.map((g, i) => start[name]![i]! - 0.3 * factor * g),
      name,
    );
    if (factor === 0) assert.deepEqual(Array.from(after[name]!), Array.from(start[name]!));
  }
});

test('running statistics move by their share towards those of the batch', () => {
  const share = 0.15;
  const { states: batch } = referenceStep({ ...plainSettings, statisticsMomentum: 1 }, start, { rate: 0 });
  const { states: after } = referenceStep({ ...plainSettings, statisticsMomentum: share }, start, {
    rate: 0,
  });
  const running = network.parameters.filter((spec) => !isTrained(spec));
  assert.equal(running.length, 4);
  for (const { name } of running) {
    const expected = mapped(batch[name]!, (b, i) => (1 - share) * start[name]![i]! + share * b);
    assertNear(after[name]!, expected, name);
  }
});

// Clipping

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function largestOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((max, w) => Math.max(max, Math.abs(w)), 0);
}

test('weights, and nothing else, are limited to α standard deviations of their layer', () => {
  const alpha = 1.2;
  const clipping = { kind: 'standard-deviations', alpha } as const;
  let states: Values = start;
  for (let step = 0; step < 3; step++) {
    const options = { rate: 0.3, step };
    const { states: free } = referenceStep(plainSettings, states, options);
    const { states: clipped } = referenceStep({ ...plainSettings, clipping }, states, options);
    const byLayer = { ...clipping, scale: 'layer' } as const;
    assert.deepEqual(
      referenceStep({ ...plainSettings, clipping: byLayer }, states, options).states,
      clipped,
      'by layer is what is meant unless it is said',
    );
    for (const { name, role } of trained) {
      if (role !== 'weights') {
        assert.deepEqual(clipped[name], free[name], name);
        continue;
      }
      const limit = alpha * deviationOf(mapped(free[name]!, (w) => w));
      assertNear(
        clipped[name]!,
        mapped(free[name]!, (w) => Math.min(limit, Math.max(-limit, w))),
        name,
      );
      assert.ok(
        Math.abs(largestOf(clipped[name]!) / limit - 1) < 1e-12,
        `${name} holds no weight at its limit`,
      );
    }
    states = clipped;
  }
});

test('clipping by column limits every output to α standard deviations of its own weights', () => {
  const alpha = 1.2;
  const clipping = { kind: 'standard-deviations', alpha, scale: 'column' } as const;
  const { states: free } = referenceStep(plainSettings, start, { rate: 0.3 });
  const { states: clipped } = referenceStep({ ...plainSettings, clipping }, start, { rate: 0.3 });
  let limited = 0;
  for (const { name, role, shape } of trained) {
    if (role !== 'weights') {
      assert.deepEqual(clipped[name], free[name], name);
      continue;
    }
    const columns = shape.at(-1)!;
    for (let column = 0; column < columns; column++) {
      const own = (values: ArrayLike<number>): Float64Array =>
        Float64Array.from(values).filter((_, i) => i % columns === column);
      const limit = alpha * deviationOf(own(free[name]!));
      const expected = own(free[name]!).map((w) => Math.min(limit, Math.max(-limit, w)));
      assertNear(own(clipped[name]!), expected, `${name}, column ${column}`);
      if (largestOf(own(free[name]!)) > limit) limited++;
    }
  }
  assert.ok(limited > 10);
});

// States

test('a training keeps the state of its rule at zero, for trained parameters only', () => {
  for (const rule of [
    nesterovRule,
    { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  ] as const) {
    const settings: TrainingSettings = { ...plainSettings, rule };
    const state = initialTrainingState({ network, rule: updateRule(rule), settings });
    const endings = rule.kind === 'sgd' ? ['momentum'] : ['firstMoment', 'secondMoment'];
    assert.deepEqual(
      Object.keys(state),
      trained.flatMap(({ name }) => endings.map((ending) => `${name}.${ending}`)),
    );
    for (const { data } of Object.values(state)) assert.ok(data.every((value) => value === 0));
    for (const { name, shape } of trained)
      for (const ending of endings) assert.deepEqual(state[`${name}.${ending}`]!.shape, shape);
  }
});

test('with hardware the ranges of its converters are trained too, from 1', () => {
  const settings: TrainingSettings = {
    ...plainSettings,
    hardware: { ...standardEvaluation, layers: { conv2: 'digital' } },
  };
  const ranges = trainedParameters(network, settings).slice(trained.length);
  assert.deepEqual(
    ranges.map(({ name, shape, role }) => [name, shape, role]),
    [
      ['conv1.inputRange', [], 'range'],
      ['dense.inputRange', [], 'range'],
    ],
  );
  const state = initialTrainingState({ network, rule: updateRule(plainRule), settings });
  for (const { name } of ranges) {
    assert.deepEqual(state[name], { shape: [], data: Float32Array.of(1) });
    assert.deepEqual(state[`${name}.momentum`], { shape: [], data: Float32Array.of(0) });
  }
});

// Backends against float64.

const variants: { readonly [name: string]: TrainingSettings } = {
  'with all that a step can have': fullSettings,
  'plain, with momentum': {
    ...plainSettings,
    rule: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0 },
  },
  'of AdamW, with noise and clipping by column': {
    ...fullSettings,
    rule: { kind: 'adamw', beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.01 },
    noise: { kind: 'gaussian', relativeToMax: 0.04, scale: 'column' },
    dropConnect: 0.05,
    clipping: { kind: 'standard-deviations', alpha: 2, scale: 'column' },
  },
  'normalised by running statistics': { ...fullSettings, normalizesBy: 'running' },
  'with the noise of cells': {
    ...fullSettings,
    hardware: joshi2020,
    noise: { kind: 'cells', earliestSeconds: 25, latestSeconds: 86_400, compensation: 'per-column' },
  },
};

for (const choice of backends) {
  for (const [name, settings] of Object.entries(variants)) {
    test(`three steps ${name} agree with float64 on ${choice.name}`, async () => {
      await withEngine(choice, 2, async (engine) => {
        const setup = setupOf(settings);
        const rule = updateRule(settings.rule);
        const executable = await engine.compile(traceTrainingStep({ ...setup, rule }));
        const store = await engine.store({
          ...randomParameters(network),
          ...initialTrainingState({ network, rule, settings }),
        });
        let states: Values = startOf(setup, randomParameters(network));
        const noiseScale = settings.noise.kind === 'gaussian' ? settings.noise.relativeToMax : 0;
        for (let step = 0; step < 3; step++) {
          const rate = 0.1 / (step + 1);
          const noise = deriveKey(keyFromSeed(5), step);
          const reference = referenceStep(settings, states, { rate, key: noise, step });
          const outputs = await executable.run({
            inputs: batchAt(step),
            scalars: { ...rule.scalars(step), learningRate: rate, noiseScale, readSeconds: READ_SECONDS },
            keys: { noise },
            state: store,
          });
          states = reference.states;
          assert.ok(Math.abs(outputs['loss']![0]! / reference.loss - 1) < STEP_TOLERANCE);
          for (const [state, values] of Object.entries(await store.read())) {
            const error = relativeError(values.data, states[state]!, 1e-3);
            assert.ok(error < STEP_TOLERANCE, `step ${step + 1}, ${state}: relative error ${error}`);
          }
        }
      });
    });
  }
}

/**
 * Relative error of a tensor after three steps, to which f32 rounding (1e-7) grows through sums of some hundred terms of
 * either sign, divisions by the deviations of six images, and three steps that each start from the last one's errors.
 */
const STEP_TOLERANCE = 2e-5;

// Noise.

for (const choice of backends) {
  test(`a step with the same key gives the same bits, with another key others, on ${choice.name}`, async () => {
    await withEngine(choice, 2, async (engine) => {
      const settings = variants['with all that a step can have']!;
      const rule = updateRule(settings.rule);
      const executable = await engine.compile(traceTrainingStep({ ...setupOf(settings), rule }));
      const stateAfter = async (noise: Key, noiseScale: number): Promise<Parameters> => {
        const state = await engine.store({
          ...randomParameters(network),
          ...initialTrainingState({ network, rule, settings }),
        });
        const scalars = { learningRate: 0.1, noiseScale };
        await executable.run({ inputs: batchAt(0), scalars, keys: { noise }, state });
        const tensors = await state.read();
        state.free();
        return tensors;
      };
      const root = keyFromSeed(9);
      const first = await stateAfter(deriveKey(root, 'noise', 0), 0.04);
      assert.deepEqual(await stateAfter(deriveKey(root, 'noise', 0), 0.04), first);
      const second = await stateAfter(deriveKey(root, 'noise', 1), 0.04);
      for (const { name } of network.layers)
        assert.notDeepEqual(second[`${name}.weights`], first[`${name}.weights`]);
      // Without noise the key has nothing to say.
      assert.deepEqual(
        await stateAfter(deriveKey(root, 'noise', 1), 0),
        await stateAfter(deriveKey(root, 'noise', 0), 0),
      );
    });
  });
}

/** Two weights, two logits: its loss tells their difference, noise included. */
const linear: Network = classifier({
  name: 'linear',
  inputShape: [1, 1, 1],
  classes: 2,
  module: sequence([flatten, dense({ name: 'dense', outputs: 2 })]),
});

// 4 000 keys: standard deviation of the mean 1.6 % of the noise's, of its deviation 1.1 %; 5 σ each: false alarm 1e-6.
test('the noise of a whole training step has standard deviation η max|W|, drawn anew for every key', () => {
  const [largest, eta, keys] = [0.8, 0.1, 4000];
  const noise = { kind: 'gaussian', relativeToMax: eta } as const;
  const graph = traceTrainingStep({
    network: linear,
    task: classificationGoal([1, 1, 1]),
    rule: updateRule(plainRule),
    settings: { ...plainSettings, batchSize: 1, noise },
  });
  const differences = Float64Array.from({ length: keys }, (_, step) => {
    const [k0, k1] = deriveKey(keyFromSeed(1), 'noise', step);
    const { outputs } = interpret(graph, {
      images: [1],
      labels: [0],
      'dense.weights': [largest, 0.3],
      'dense.bias': [0, 0],
      'dense.weights.momentum': [0, 0],
      'dense.bias.momentum': [0, 0],
      learningRate: [0],
      noiseScale: [eta],
      'noise.0': [k0],
      'noise.1': [k1],
    });
    // loss = ln(1 + exp(z₁ − z₀))
    return Math.log(Math.expm1(outputs['loss']![0]!)) + (largest - 0.3);
  });
  const expected = Math.SQRT2 * eta * largest;
  const mean = differences.reduce((sum, value) => sum + value, 0) / keys;
  assert.ok(Math.abs(mean) < 5 * 0.016 * expected, `mean ${mean}`);
  const ratio = deviationOf(differences) / expected;
  assert.ok(Math.abs(ratio - 1) < 5 * 0.011, `deviation off by ${ratio}`);
  assert.equal(new Set(differences).size, keys);
});
