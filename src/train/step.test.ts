// The training step: its rules against formulas written out in plain loops, its results on every backend against
// float64, and its noise.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, relativeError, withEngine } from '../../test/compare.ts';
import {
  fullSettings,
  plainSettings,
  randomParameters,
  tinyConvolutional,
  tinySplit,
} from '../../test/tiny.ts';
import type { Parameters } from '../base/parameters.ts';
import { deriveKey, type Key, keyFromSeed } from '../base/random.ts';
import { noisyWeights } from '../crossbar/hardware-aware.ts';
import { fillBatch } from '../data/batches.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { classifier } from '../nn/classifier.ts';
import { dense, flatten, sequence } from '../nn/layers.ts';
import { isTrained, type Model, type ParameterSpec } from '../nn/model.ts';
import type { TrainingSettings } from './settings.ts';
import { initialMomenta, momentumName, traceTrainingStep } from './step.ts';

const BATCH = 6;
const model = tinyConvolutional;
const { train, normalization } = tinySplit();

/** The batch of step `step`. */
function batchAt(step: number): { readonly images: Float32Array; readonly labels: Float32Array } {
  const indices = Array.from({ length: BATCH }, (_, i) => step * BATCH + i);
  return fillBatch({ set: train, indices, normalization });
}

type Values = Readonly<Record<string, ArrayLike<number>>>;

/** Scalars as a graph without key objects wants them. */
function scalarsAt(rate: number, noise: TrainingSettings['noise'], [k0, k1]: Key): Values {
  const noiseScale = noise.kind === 'gaussian' ? [noise.relativeToMax] : [0];
  return { learningRate: [rate], noiseScale, 'noise.0': [k0], 'noise.1': [k1] };
}

function valuesOf(tensors: Parameters): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}

/** States after one step in float64. */
function referenceStep(
  settings: TrainingSettings,
  states: Values,
  { rate, key = [3, 4], step = 0 }: { readonly rate: number; readonly key?: Key; readonly step?: number },
): {
  readonly states: Record<string, Float64Array>;
  readonly loss: number;
} {
  const graph = traceTrainingStep(model, { ...settings, batchSize: BATCH });
  const given = { ...states, ...batchAt(step), ...scalarsAt(rate, settings.noise, key) };
  const { updates, outputs } = interpret(graph, given);
  return { states: updates, loss: outputs['loss']![0]! };
}

const start = valuesOf({ ...randomParameters(model), ...initialMomenta(model) });
const trained = model.parameters.filter(isTrained);

/** The gradient of every trained parameter, from a plain step of rate 1: g = w − w'. */
function gradientsAt(settings: TrainingSettings, states: Values): Record<string, Float64Array> {
  const { noise, labelSmoothing } = settings;
  const { states: after } = referenceStep({ ...plainSettings, noise, labelSmoothing }, states, { rate: 1 });
  const slopes = trained.map(({ name }) => [name, after[name]!.map((value, i) => states[name]![i]! - value)]);
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
      momentum: mu,
      weightDecay: lambda,
      nesterov,
      labelSmoothing: 0.1,
    };
    const momenta = trained.map(({ name }): [string, Float64Array] => [
      momentumName(name),
      Float64Array.from(start[name]!, (value) => Math.sin(50 * value)),
    ]);
    const states: Values = { ...start, ...Object.fromEntries(momenta) };
    const slopes = gradientsAt(settings, states);
    const { states: after } = referenceStep(settings, states, { rate });
    for (const { name, role } of trained) {
      const w = states[name]!;
      const g = slopes[name]!.map((slope, i) => slope + (role === 'weights' ? lambda : 0) * w[i]!);
      const v = g.map((gradient, i) => mu * states[momentumName(name)]![i]! + gradient);
      const stepped = v.map((velocity, i) => w[i]! - rate * (nesterov ? g[i]! + mu * velocity : velocity));
      assertNear(after[momentumName(name)]!, v, momentumName(name));
      assertNear(after[name]!, stepped, name);
    }
  });
}

test('running statistics move by their share towards those of the batch', () => {
  const share = 0.15;
  const { states: batch } = referenceStep({ ...plainSettings, statisticsMomentum: 1 }, start, { rate: 0 });
  const { states: after } = referenceStep({ ...plainSettings, statisticsMomentum: share }, start, {
    rate: 0,
  });
  const running = model.parameters.filter((spec) => !isTrained(spec));
  assert.equal(running.length, 4);
  for (const { name } of running) {
    const expected = batch[name]!.map((b, i) => (1 - share) * start[name]![i]! + share * b);
    assertNear(after[name]!, expected, name);
  }
});

test('weights, and nothing else, are limited to α standard deviations of their layer', () => {
  const alpha = 1.2;
  const clipping = { kind: 'standard-deviations', alpha } as const;
  let states: Values = start;
  for (let step = 0; step < 3; step++) {
    const options = { rate: 0.3, step };
    const { states: free } = referenceStep(plainSettings, states, options);
    const { states: clipped } = referenceStep({ ...plainSettings, clipping }, states, options);
    for (const { name, role } of trained) {
      if (role !== 'weights') {
        assert.deepEqual(clipped[name], free[name], name);
        continue;
      }
      const limit = alpha * deviationOf(free[name]!);
      assertNear(
        clipped[name]!,
        free[name]!.map((w) => Math.min(limit, Math.max(-limit, w))),
        name,
      );
      const largest = clipped[name]!.reduce((max, w) => Math.max(max, Math.abs(w)), 0);
      assert.ok(Math.abs(largest / limit - 1) < 1e-12, `${name} holds no weight at its limit`);
    }
    states = clipped;
  }
});

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

test('momenta start at zero, for trained parameters only', () => {
  const momenta = initialMomenta(model);
  assert.deepEqual(
    Object.keys(momenta),
    trained.map(({ name }: ParameterSpec) => `${name}.momentum`),
  );
  for (const { data } of Object.values(momenta)) assert.ok(data.every((value) => value === 0));
});

// Backends against float64.

const variants: { readonly [name: string]: TrainingSettings } = {
  'with all that a step can have': { ...fullSettings, batchSize: BATCH },
  'plain, with momentum': { ...plainSettings, batchSize: BATCH, momentum: 0.9 },
};

for (const choice of backends) {
  for (const [name, settings] of Object.entries(variants)) {
    test(`three steps ${name} agree with float64 on ${choice.name}`, async () => {
      await withEngine(choice, 2, async (engine) => {
        const executable = await engine.compile(traceTrainingStep(model, settings));
        const store = await engine.store({ ...randomParameters(model), ...initialMomenta(model) });
        let states: Values = start;
        const noiseScale = settings.noise.kind === 'gaussian' ? settings.noise.relativeToMax : 0;
        for (let step = 0; step < 3; step++) {
          const rate = 0.1 / (step + 1);
          const noise = deriveKey(keyFromSeed(5), step);
          const reference = referenceStep(settings, states, { rate, key: noise, step });
          const outputs = await executable.run({
            inputs: batchAt(step),
            scalars: { learningRate: rate, noiseScale },
            keys: { noise },
            state: store,
          });
          states = { ...states, ...reference.states };
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
      const executable = await engine.compile(
        traceTrainingStep(model, variants['with all that a step can have']!),
      );
      const stateAfter = async (noise: Key, noiseScale: number): Promise<Parameters> => {
        const state = await engine.store({ ...randomParameters(model), ...initialMomenta(model) });
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
      for (const { name } of model.analogLayers)
        assert.notDeepEqual(second[`${name}.weights`], first[`${name}.weights`]);
      // Without noise the key has nothing to say.
      assert.deepEqual(
        await stateAfter(deriveKey(root, 'noise', 1), 0),
        await stateAfter(deriveKey(root, 'noise', 0), 0),
      );
    });
  });

  // 65 536 weights: standard deviation of the mean 0.0039 of the noise's, of its deviation 0.28 %; 5 σ each: false alarm
  // 1e-6 for both.
  test(`noisy weights have mean W and standard deviation η max|W| on ${choice.name}`, async () => {
    const [rows, columns, eta] = [256, 256, 0.038];
    const weights = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i));
    weights[1000] = -2.5;
    await withEngine(choice, 2, async (engine) => {
      const executable = await engine.compile(
        trace((t) => {
          const noise = { kind: 'gaussian', relativeToMax: t.scalar('eta') } as const;
          const matrix = t.input('weights', [rows, columns]);
          const largest = matrix.abs().max([0, 1], true);
          return { outputs: { noisy: noisyWeights(matrix, largest, noise, t.key('key')) } };
        }),
      );
      const { noisy } = await executable.run({
        inputs: { weights },
        scalars: { eta },
        keys: { key: [1, 2] },
      });
      const noise = Float64Array.from(noisy!, (value, i) => value - weights[i]!);
      const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
      assert.ok(Math.abs(mean) < 5 * 0.0039 * eta * 2.5, `mean ${mean}`);
      const ratio = deviationOf(noise) / (eta * 2.5);
      assert.ok(Math.abs(ratio - 1) < 5 * 0.0028, `deviation off by ${ratio}`);
    });
  });
}

/** Two weights, two logits: its loss tells their difference, noise included. */
const linear: Model = classifier({
  name: 'linear',
  inputShape: [1, 1, 1],
  classes: 2,
  layer: sequence([flatten, dense({ name: 'dense', outputs: 2 })]),
});

// 4 000 keys: standard deviation of the mean 1.6 % of the noise's, of its deviation 1.1 %; 5 σ each: false alarm 1e-6.
test('the noise of a whole training step has standard deviation η max|W|, drawn anew for every key', () => {
  const [largest, eta, keys] = [0.8, 0.1, 4000];
  const noise = { kind: 'gaussian', relativeToMax: eta } as const;
  const graph = traceTrainingStep(linear, { ...plainSettings, batchSize: 1, noise });
  const differences = Float64Array.from({ length: keys }, (_, step) => {
    const { outputs } = interpret(graph, {
      images: [1],
      labels: [0],
      'dense.weights': [largest, 0.3],
      'dense.bias': [0, 0],
      'dense.weights.momentum': [0, 0],
      'dense.bias.momentum': [0, 0],
      ...scalarsAt(0, noise, deriveKey(keyFromSeed(1), 'noise', step)),
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
