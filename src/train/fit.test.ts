// Training runs: the same bits however often they are interrupted, images in the order that the seed says, and an end
// where nothing can be learnt any more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import {
  fullSettings,
  plainSettings,
  randomParameters,
  tinyConvolutional,
  tinyPerceptron,
  tinySplit,
  watch,
} from '../../test/tiny.ts';
import { hostTensor } from '../base/parameters.ts';
import { deriveKey, keyFromSeed } from '../base/random.ts';
import { batchOrder, fillBatch } from '../data/batches.ts';
import type { Engine } from '../engine.ts';
import { initialParameters } from '../nn/model.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import {
  type EpochRecord,
  type FitOptions,
  initialState,
  prepareFit,
  type TrainingEvent,
  type TrainingState,
} from './fit.ts';
import type { TrainingSettings } from './settings.ts';
import { momentumName } from './step.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const data = tinySplit();
const SEED = 11;
/** Three epochs of four steps. */
const STEPS = 12;

type Choice = Partial<Omit<FitOptions, 'engine' | 'data'>>;

function optionsOn(engine: Engine, choice: Choice = {}): FitOptions {
  return { engine, model: tinyConvolutional, data, settings: fullSettings, seed: SEED, ...choice };
}

/** What a run yields, and its state at the end, where `isEnough` ends it before. */
async function follow(
  options: FitOptions,
  isEnough: (event: TrainingEvent) => boolean = () => false,
): Promise<{ readonly events: TrainingEvent[]; readonly state: TrainingState }> {
  const fitting = await prepareFit(options);
  try {
    const events: TrainingEvent[] = [];
    for await (const event of fitting.events()) {
      events.push(event);
      if (isEnough(event)) break;
    }
    return { events, state: fitting.snapshot() };
  } finally {
    fitting.free();
  }
}

function isAfterStep(step: number): (event: TrainingEvent) => boolean {
  return (event) => event.kind === 'step' && event.step === step;
}

/** A state as it comes back from a file. */
async function throughFile(state: TrainingState): Promise<TrainingState> {
  const provenance = {
    ohmic: '0.0.0',
    model: tinyConvolutional.name,
    dataset: 'tiny',
    settings: fullSettings,
    seed: SEED,
    backend: 'wasm',
    history: [],
  };
  return (await decodeCheckpoint('f', await encodeCheckpoint({ state, provenance }))).state;
}

// Interruptions.

for (const choice of backends) {
  test(`a run interrupted after any step continues to the same bits on ${choice.name}`, async () => {
    await withEngine(choice, 2, async (engine) => {
      const whole = await follow(optionsOn(engine));
      assert.deepEqual([whole.state.step, whole.state.history.length], [STEPS, 3]);
      for (let step = 0; step <= STEPS; step++) {
        const begun =
          step === 0
            ? { events: [], state: initialState(tinyConvolutional, SEED) }
            : await follow(optionsOn(engine), isAfterStep(step));
        assert.equal(begun.state.step, step);
        const state = await throughFile(begun.state);
        const rest = await follow(optionsOn(engine, { state }));
        assert.deepEqual(rest.state, whole.state, `interrupted after step ${step}`);
        assert.deepEqual([...begun.events, ...rest.events], whole.events, `interrupted after step ${step}`);
      }
    });
  });

  test(`a run stopped by its signal, again and again, comes to the same bits on ${choice.name}`, async () => {
    await withEngine(choice, 2, async (engine) => {
      const whole = await follow(optionsOn(engine));
      let state = initialState(tinyConvolutional, SEED);
      let pieces = 0;
      while (state.history.length < 3) {
        const controller = new AbortController();
        const begun = await throughFile(state);
        const part = await follow(optionsOn(engine, { state: begun, signal: controller.signal }), (event) => {
          // Between steps, after the third step of each piece; the run ends by itself.
          if (event.step >= begun.step + 3) controller.abort();
          return false;
        });
        assert.ok(part.events.filter(({ kind }) => kind === 'step').length <= 3);
        state = part.state;
        pieces++;
      }
      assert.deepEqual(state, whole.state);
      assert.ok(pieces >= 4);
    });
  });
}

test('the number of threads changes no bit', async () => {
  const [one, two] = await Promise.all(
    [1, 2].map((threads) => withEngine(wasm, threads, (engine) => follow(optionsOn(engine)))),
  );
  assert.deepEqual(one, two);
});

test('a signal that has aborted stops a run before its first step', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const { events, state } = await follow(optionsOn(engine, { signal: AbortSignal.abort() }));
    assert.deepEqual(events, []);
    assert.deepEqual(state, initialState(tinyConvolutional, SEED));
  });
});

// What a seed says.

test('a run starts from the parameters of its seed, with zero momenta', () => {
  const { tensors, step, history, running } = initialState(tinyConvolutional, SEED);
  const expected = initialParameters(tinyConvolutional, deriveKey(keyFromSeed(SEED), 'parameters'));
  for (const [name, { data: values }] of Object.entries(tensors)) {
    if (name.endsWith(momentumName(''))) assert.ok(values.every((value) => value === 0));
    else assert.deepEqual(values, expected[name]!.data);
  }
  assert.deepEqual({ step, history, running }, { step: 0, history: [], running: { loss: 0, correct: 0 } });
});

test('the same seed gives the same run, another seed another', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = { ...fullSettings, epochs: 1 };
    const first = await follow(optionsOn(engine, { settings }));
    assert.deepEqual(await follow(optionsOn(engine, { settings })), first);
    const other = await follow(optionsOn(engine, { settings, seed: SEED + 1 }));
    assert.notDeepEqual(lossesOf(other.events), lossesOf(first.events));
    for (const { name } of tinyConvolutional.analogLayers)
      assert.notDeepEqual(other.state.tensors[`${name}.weights`], first.state.tensors[`${name}.weights`]);
  });
});

function lossesOf(events: readonly TrainingEvent[]): number[] {
  return events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []));
}

test('the order of images depends on seed and epoch; each epoch shows an image at most once, with its label', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const batchSize = 20; // 64 images: 3 steps, and 4 images stay out of each epoch.
    const settings = { ...plainSettings, epochs: 2, batchSize };
    const key = deriveKey(keyFromSeed(SEED), 'order');
    const watched = watch(engine);
    await follow(optionsOn(watched.engine, { settings, model: tinyPerceptron }));
    const given = watched.calls.filter(({ scalars }) => scalars?.['learningRate'] !== undefined);
    assert.equal(given.length, 6);
    for (const [step, { inputs }] of given.entries()) {
      const order = batchOrder(key, Math.floor(step / 3), data.train.count);
      const first = (step % 3) * batchSize;
      const indices = order.subarray(first, first + batchSize);
      const expected = fillBatch({ set: data.train, indices, normalization: data.normalization });
      assert.deepEqual(inputs, expected);
      assert.deepEqual(
        [...expected.labels],
        Array.from(indices, (index) => data.train.labels[index]!),
      );
    }
    const [one, two] = [0, 1].map((epoch) => batchOrder(key, epoch, data.train.count));
    assert.notDeepEqual(one, two);
    assert.notDeepEqual(one, batchOrder(deriveKey(keyFromSeed(SEED + 1), 'order'), 0, data.train.count));
  });
});

test('learning rates, noise scale and keys are handed to each step as settings and seed say', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const watched = watch(engine);
    const settings: TrainingSettings = {
      ...fullSettings,
      epochs: 2,
      learningRate: { kind: 'step', initial: 0.2, factor: 0.5, atEpochs: [1] },
    };
    const { events } = await follow(optionsOn(watched.engine, { settings, model: tinyPerceptron }));
    const given = watched.calls.filter(({ scalars }) => scalars?.['learningRate'] !== undefined);
    for (const [step, { scalars, keys }] of given.entries()) {
      assert.deepEqual(scalars, { learningRate: step < 4 ? 0.2 : 0.1, noiseScale: 0.04 });
      assert.deepEqual(keys, { noise: deriveKey(keyFromSeed(SEED), 'noise', step) });
    }
    const told = events.flatMap((event) => (event.kind === 'step' ? [event.learningRate] : []));
    assert.deepEqual(told, [0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1]);
  });
});

test('every step draws its own training noise', async () => {
  await withEngine(wasm, 1, async (engine) => {
    // The whole set in every batch and a rate too small to move a weight: the losses of steps differ by noise alone.
    const still: TrainingSettings = {
      ...plainSettings,
      epochs: 6,
      batchSize: data.train.count,
      learningRate: { kind: 'step', initial: 1e-20, factor: 1, atEpochs: [] },
    };
    const noisy: TrainingSettings = { ...still, noise: { kind: 'gaussian', relativeToMax: 0.1 } };
    const spreadOf = async (settings: TrainingSettings): Promise<number> => {
      const { events } = await follow(optionsOn(engine, { settings, model: tinyPerceptron }));
      const losses = lossesOf(events);
      assert.equal(losses.length, 6);
      const gaps = losses.flatMap((a, i) => losses.slice(i + 1).map((b) => Math.abs(a - b)));
      return settings.noise.kind === 'none' ? Math.max(...gaps) : Math.min(...gaps);
    };
    // The images' order changes the rounding of a sum of 64 losses, by less than 64 · 2⁻²⁴.
    assert.ok((await spreadOf(still)) < 4e-6);
    assert.ok((await spreadOf(noisy)) > 4e-5);
  });
});

// Learning.

test('the loss of something learnable falls, and test images are recognised', async () => {
  await withEngine(wasm, 2, async (engine) => {
    const settings: TrainingSettings = { ...plainSettings, epochs: 20, momentum: 0.9, nesterov: true };
    const { state } = await follow(optionsOn(engine, { settings, evaluateEveryEpochs: 8 }));
    const { history } = state;
    assert.deepEqual(
      history.map(({ epoch }) => epoch),
      Array.from({ length: 20 }, (_, epoch) => epoch + 1),
    );
    assert.ok(history[19]!.trainLoss < 0.2 * history[0]!.trainLoss);
    // 60 test images of 4 classes.
    assert.ok(history[19]!.testAccuracy! > 0.85);
    const measured = history.filter((record) => record.testAccuracy !== undefined);
    assert.deepEqual(
      measured.map(({ epoch }) => epoch),
      [8, 16, 20],
    );
  });
});

test('the record of an epoch is the mean over its steps', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const { events, state } = await follow(optionsOn(engine));
    for (const { epoch, trainLoss, trainAccuracy } of state.history) {
      const losses = events.flatMap((event) =>
        event.kind === 'step' && event.epoch === epoch ? [event.loss] : [],
      );
      assert.equal(losses.length, 4);
      assert.ok(Math.abs(trainLoss - losses.reduce((sum, loss) => sum + loss, 0) / 4) < 1e-12);
      // A share of the 64 images shown.
      assert.ok(Math.abs(trainAccuracy * 64 - Math.round(trainAccuracy * 64)) < 1e-9);
    }
    const records = events.flatMap((event): EpochRecord[] => (event.kind === 'epoch' ? [event.record] : []));
    assert.deepEqual(records, state.history);
  });
});

test('a run can start from given parameters', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const parameters = randomParameters(tinyPerceptron);
    const settings: TrainingSettings = { ...plainSettings, epochs: 0 };
    const { state, events } = await follow(
      optionsOn(engine, { settings, initial: parameters, model: tinyPerceptron }),
    );
    assert.deepEqual(events, []);
    for (const [name, tensor] of Object.entries(parameters)) assert.deepEqual(state.tensors[name], tensor);
  });
});

test('a run that begins with given weights shows images in an order of its own, and continues to the same bits', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = { ...plainSettings, epochs: 3 };
    const initial = initialState(tinyConvolutional, SEED).tensors;
    const labelsOf = async (choice: Choice): Promise<unknown[]> => {
      const watched = watch(engine);
      await follow(optionsOn(watched.engine, { settings, ...choice }));
      const steps = watched.calls.filter(({ scalars }) => scalars?.['learningRate'] !== undefined);
      return steps.map(({ inputs }) => inputs!['labels']);
    };
    const [anew, continued] = [await labelsOf({}), await labelsOf({ initial })];
    assert.equal(anew.length, STEPS);
    assert.notDeepEqual(anew[0], continued[0]);
    const whole = await follow(optionsOn(engine, { settings, initial }));
    const begun = await follow(optionsOn(engine, { settings, initial }), isAfterStep(5));
    const rest = await follow(optionsOn(engine, { settings, initial, state: begun.state }));
    assert.deepEqual(rest.state, whole.state);
  });
});

// Faults.

test('a run that diverges stops and names the step, the rate and what to do', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = {
      ...plainSettings,
      epochs: 10,
      learningRate: { kind: 'step', initial: 1e6, factor: 1, atEpochs: [] },
      momentum: 0.9,
    };
    await assert.rejects(follow(optionsOn(engine, { settings, model: tinyPerceptron })), {
      name: 'UsageError',
      message:
        /^train: the loss is (NaN|Infinity) at step \d+ of 40 \(epoch \d+, learning rate 1\.00e\+6\); lower the learning rate or the noise$/,
    });
  });
});

test('a run whose last step diverges does not end as if it were trained', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = {
      ...plainSettings,
      epochs: 1,
      batchSize: data.train.count,
      learningRate: { kind: 'step', initial: 1e45, factor: 1, atEpochs: [] },
    };
    await assert.rejects(follow(optionsOn(engine, { settings, model: tinyPerceptron })), {
      name: 'UsageError',
      message:
        'train: "dense1.weights" is not finite after the last step (1); lower the learning rate or the noise',
    });
  });
});

test('a batch larger than the set is refused together with all faults of the settings', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = { ...plainSettings, batchSize: 65, momentum: 2, epochs: -1 };
    await assert.rejects(prepareFit(optionsOn(engine, { settings })), {
      name: 'UsageError',
      message: `train: 3 faults
  - epochs must be a whole number from 0, got -1
  - momentum must be in [0, 1), got 2
  - batchSize must be at most the 64 training images, got 65`,
    });
  });
});

test('a batch may be as large as the set', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = { ...plainSettings, epochs: 2, batchSize: 64 };
    const { state } = await follow(optionsOn(engine, { settings, model: tinyPerceptron }));
    assert.equal(state.step, 2);
  });
});

test('a start with tensors of another network is refused, each named', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const { 'conv1.weights': _, ...others } = randomParameters(tinyConvolutional);
    const parameters = { ...others, 'dense.bias': hostTensor([1], new Float32Array(1)) };
    await assert.rejects(prepareFit(optionsOn(engine, { initial: parameters })), {
      name: 'UsageError',
      message: `train: not the parameters of tiny-convolutional: 2 faults
  - "conv1.weights" (3, 3, 2, 6) is missing
  - "dense.bias" must have shape (4), got (1)`,
    });
    const state = { ...initialState(tinyConvolutional, SEED), tensors: randomParameters(tinyConvolutional) };
    await assert.rejects(
      prepareFit(optionsOn(engine, { state })),
      /"conv1.weights.momentum" \(3, 3, 2, 6\) is missing/,
    );
  });
});
