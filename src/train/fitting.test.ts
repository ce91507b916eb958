// A run under way, as it is followed: one loop at a time, from where it stands; what it trains with; what it leaves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import {
  fullSettings,
  nesterovRule,
  plainSettings,
  randomParameters,
  tinyConvolutional,
  tinyPerceptron,
  tinySplit,
  watch,
} from '../../test/tiny.ts';
import { byLayer } from '../crossbar/hardware.ts';
import { hermes256, standardEvaluation } from '../crossbar/presets.ts';
import type { Engine } from '../engine.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import { decodeWeights, encodeCheckpoint, isKept } from './checkpoint.ts';
import { type FitOptions, prepareFit, type TrainingEvent } from './fit.ts';
import type { Provenance } from './provenance.ts';
import type { TrainingSettings } from './settings.ts';
import { noiseScaleAt } from './settings.ts';
import { teacherState } from './step.ts';
import type { TrainingState } from './training-state.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const data = tinySplit();

function optionsOn(engine: Engine, choice: Partial<FitOptions> = {}): FitOptions {
  return { engine, network: tinyConvolutional, data, settings: fullSettings, seed: 11, ...choice };
}

/** The state that a run ends with. */
async function resultOf(options: FitOptions): Promise<TrainingState> {
  const fitting = await prepareFit(options);
  try {
    return await fitting.result();
  } finally {
    fitting.free();
  }
}

test('a run can be followed by one loop at a time', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const fitting = await prepareFit(optionsOn(engine));
    const first = fitting.events();
    assert.equal((await first.next()).done, false);
    const message = 'train: the run is being followed already; end that loop before you begin another';
    await assert.rejects(fitting.events().next(), { name: 'UsageError', message });
    await assert.rejects(fitting.result(), { name: 'UsageError', message });
    // The refusal has not touched the first loop.
    const { value } = await first.next();
    assert.equal((value as TrainingEvent).step, 2);
    await first.return();
    assert.equal((await fitting.result()).step, fitting.steps);
    fitting.free();
  });
});

test('after a break a run goes on from where it stands, to the same bits', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const whole = await prepareFit(optionsOn(engine));
    const expected: TrainingEvent[] = [];
    for await (const event of whole.events()) expected.push(event);
    const end = await whole.snapshot();
    whole.free();
    const fitting = await prepareFit(optionsOn(engine));
    const events: TrainingEvent[] = [];
    for (let piece = 0; piece < 100; piece++) {
      const before = events.length;
      for await (const event of fitting.events()) {
        events.push(event);
        // Breaks after 1, 2, 3, 1, 2, 3 … events: after steps and after epochs.
        if (events.length - before > piece % 3) break;
      }
      if (events.length === before) break;
    }
    assert.deepEqual(events, expected);
    assert.deepEqual(await fitting.snapshot(), end);
    // It has ended, and stays so.
    assert.deepEqual(await fitting.result(), end);
    fitting.free();
  });
});

test('the result of a run is its state at the end, or where its signal stopped it', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const controller = new AbortController();
    const fitting = await prepareFit(optionsOn(engine, { signal: controller.signal }));
    for await (const event of fitting.events()) {
      if (event.step === 3) controller.abort();
    }
    const { step } = await fitting.result();
    assert.equal(step, 3);
    fitting.free();
    const whole = await resultOf(optionsOn(engine));
    assert.deepEqual([whole.step, whole.history.length, whole.running], [12, 3, {}]);
  });
});

test('settings are completed, and known of the run', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const fitting = await prepareFit(optionsOn(engine, { settings: { epochs: 2, batchSize: 20 } }));
    assert.deepEqual([fitting.stepsPerEpoch, fitting.steps], [3, 6]);
    const { kind } = fitting.settings.rule;
    assert.deepEqual([kind, fitting.settings.learningRate.kind], ['sgd', 'cosine']);
    fitting.free();
  });
});

test('noise rises over its ramp, step by step', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const watched = watch(engine);
    const noise = { kind: 'gaussian', relativeToMax: 0.04, rampEpochs: 1.5 } as const;
    const settings: TrainingSettings = { ...fullSettings, noise };
    await resultOf(optionsOn(watched.engine, { settings, network: tinyPerceptron }));
    const given = watched.calls.flatMap(({ scalars }) => scalars?.['noiseScale'] ?? []);
    assert.deepEqual(
      given,
      Array.from({ length: 12 }, (_, step) => noiseScaleAt(noise, step, 4)),
    );
    assert.deepEqual([given[0], given[5], given[11]], [0.04 * (1 / 6), 0.04, 0.04]);
  });
});

for (const rule of [
  { kind: 'adam', beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 },
  { kind: 'adamw', beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01 },
] as const) {
  test(`a run of ${rule.kind} learns, and continues to the same bits`, async () => {
    await withEngine(wasm, 1, async (engine) => {
      const settings: TrainingSettings = {
        ...plainSettings,
        epochs: 15,
        learningRate: { kind: 'cosine', initial: 0.05, warmupEpochs: 0 },
        rule,
      };
      const whole = await resultOf(optionsOn(engine, { settings }));
      assert.ok(whole.history[14]!.trainLoss < 0.2 * whole.history[0]!.trainLoss);
      // 60 test images of 4 classes.
      assert.ok(whole.history[14]!.testAccuracy! > 0.85);
      const begun = await prepareFit(optionsOn(engine, { settings }));
      for await (const { step } of begun.events()) if (step === 7) break;
      const state = await begun.snapshot();
      begun.free();
      assert.deepEqual(await resultOf(optionsOn(engine, { settings, state })), whole);
    });
  });
}

test('a rule of one’s own moves the weights, and its state is a part of the run', async () => {
  // Moves against the sign of the gradient, and counts its steps.
  const countName = (parameter: string): string => `${parameter}.steps`;
  const signs: UpdateRule = {
    name: 'signs',
    states: ({ name }) => [{ name: countName(name), shape: [] }],
    scalars: (step) => ({ 'signs.step': step }),
    update: ({ parameter, weights, gradient, learningRate, state, scalar }) => {
      const sign = gradient.less(0).select(1, 0).subtract(gradient.negate().less(0).select(1, 0));
      const seen = scalar('signs.step').multiply(0).add(1);
      return {
        weights: weights.add(sign.multiply(learningRate)),
        states: { [countName(parameter.name)]: state(countName(parameter.name)).add(seen) },
      };
    },
  };
  await withEngine(wasm, 1, async (engine) => {
    const initial = randomParameters(tinyPerceptron);
    const settings: TrainingSettings = {
      ...plainSettings,
      epochs: 1,
      batchSize: 32,
      learningRate: { kind: 'step', initial: 0.25, factor: 1, atEpochs: [] },
    };
    const network = tinyPerceptron;
    const { tensors } = await resultOf(optionsOn(engine, { settings, network, initial, rule: signs }));
    for (const { name } of network.parameters) {
      assert.deepEqual([...tensors[countName(name)]!.data], [2]);
      for (const [i, value] of tensors[name]!.data.entries()) {
        const moved = Math.abs(value - initial[name]!.data[i]!);
        // Two steps of −0.25, 0 or 0.25; weights of size 1 are rounded by 6e-8.
        assert.ok(
          [0, 0.25, 0.5].some((distance) => Math.abs(moved - distance) < 1e-6),
          `${name}: ${moved}`,
        );
      }
    }
    assert.equal(tensors['dense1.weights.momentum'], undefined);
  });
});

// Hardware in the forward pass

for (const [preset, hasOutputRange] of [
  [standardEvaluation, false],
  [hermes256, true],
] as const) {
  test(`ranges are learned with the weights on ${preset.name}, stay above 0 and are kept`, async () => {
    await withEngine(wasm, 1, async (engine) => {
      const network = tinyPerceptron;
      const settings: TrainingSettings = {
        ...plainSettings,
        epochs: 10,
        rule: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
        hardware: byLayer(preset, network.layers, ({ name }) => (name === 'dense2' ? 'digital' : undefined)),
        ranges: { rateShare: 1, decay: 0.01, shareInside: 0.95, initialSteps: 8, initialDeviations: 3 },
      };
      const fitting = await prepareFit(optionsOn(engine, { settings, network }));
      const paths: number[] = [];
      for await (const event of fitting.events()) {
        if (event.kind !== 'step') continue;
        const { tensors } = await fitting.snapshot();
        paths.push(tensors['dense1.inputRange']!.data[0]!);
      }
      const state = await fitting.snapshot();
      fitting.free();
      assert.ok(paths.every((range) => range > 0));
      // Normalised images: three standard deviations are about 3, at once.
      assert.ok(paths[0]! > 2.5 && paths[0]! < 3.5, `${paths[0]}`);
      assert.ok(new Set(paths.slice(8)).size > 20, 'gradients move the range after the first steps');
      assert.ok(state.history[9]!.trainLoss < 0.6 * state.history[0]!.trainLoss);
      const ranges = Object.keys(state.tensors).filter((name) => name.endsWith('Range'));
      assert.deepEqual(ranges, ['dense1.inputRange', ...(hasOutputRange ? ['dense1.outputRange'] : [])]);
      assert.ok(ranges.every((name) => isKept(name) && state.tensors[name]!.data[0]! > 0));
      assert.ok(!isKept('dense1.inputRange.momentum'));

      // A weights file has them, and another run goes on from them.
      const { parameters } = await decodeWeights(
        'c',
        await encodeCheckpoint({ state, provenance: of(settings) }),
      );
      for (const name of ranges) assert.deepEqual(parameters[name], state.tensors[name]);
      assert.deepEqual(
        Object.keys(parameters).sort(),
        [...network.parameters.map(({ name }) => name), ...ranges].sort(),
      );
      const still = { ...settings, epochs: 0 };
      const next = await resultOf(optionsOn(engine, { settings: still, network, initial: parameters }));
      for (const name of ranges) assert.deepEqual(next.tensors[name], state.tensors[name]);
      const again = await resultOf(
        optionsOn(engine, { settings, network, state: await midway(engine, settings) }),
      );
      assert.deepEqual(again, state);
    });
  });
}

/** The state of a run on a perceptron in the middle of its fourth epoch. */
async function midway(engine: Engine, settings: TrainingSettings): Promise<TrainingState> {
  const fitting = await prepareFit(optionsOn(engine, { settings, network: tinyPerceptron }));
  for await (const { step } of fitting.events()) if (step === 14) break;
  const state = await fitting.snapshot();
  fitting.free();
  return state;
}

function of(settings: TrainingSettings): Provenance {
  return {
    ohmic: '0.0.0',
    model: 'tiny-perceptron',
    dataset: 'tiny',
    settings,
    seed: 11,
    backend: 'wasm',
    history: [],
  };
}

// A teacher

test('a student learns from a teacher alone what the teacher knows; the teacher stays out of its state', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = {
      ...plainSettings,
      epochs: 15,
      rule: nesterovRule,
    };
    const taught = await resultOf(optionsOn(engine, { settings }));
    const teacher = { network: tinyConvolutional, parameters: taught.tensors };
    // Nothing of the loss is of the labels.
    const distillation = { weight: 1, temperature: 2 };
    const student = await resultOf(
      optionsOn(engine, {
        settings: { ...settings, epochs: 25, distillation },
        network: tinyConvolutional,
        teacher,
        seed: 12,
      }),
    );
    assert.ok(student.history[24]!.testAccuracy! > 0.85, `${student.history[24]!.testAccuracy}`);
    for (const { name } of tinyConvolutional.parameters)
      assert.equal(student.tensors[teacherState(name)], undefined);
  });
});
