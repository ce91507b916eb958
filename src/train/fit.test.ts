// Training runs: the same bits however often they are interrupted, images in the order that the seed says, and an end
// where nothing can be learnt any more.

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
  tinyTask,
  watch,
} from '../../test/tiny.ts';
import { hostTensor } from '../base/parameters.ts';
import { deriveKey, keyFromSeed } from '../base/random.ts';
import { joshi2020 } from '../crossbar/presets.ts';
import { batchOrder, fillBatch } from '../data/batches.ts';
import type { Engine } from '../engine.ts';
import { classifier } from '../nn/define-network.ts';
import { type Module, withoutParameters } from '../nn/module.ts';
import { batchNormalization, convolution, dense, flatten, sequence } from '../nn/modules.ts';
import { initialParameters, isTrained } from '../nn/network.ts';
import { mlp } from '../nn/networks.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { classification } from './classification.ts';
import { type FitOptions, prepareFit, type TrainingEvent } from './fit.ts';
import type { TrainingSettings } from './settings.ts';
import type { EpochRecord, TrainingState } from './training-state.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const data = tinySplit();
const SEED = 11;
/** Three epochs of four steps. */
const STEPS = 12;

type Choice = Partial<Omit<FitOptions, 'engine' | 'data'>>;

function optionsOn(engine: Engine, choice: Choice = {}): FitOptions {
  return { engine, network: tinyConvolutional, data, settings: fullSettings, seed: SEED, ...choice };
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
    return { events, state: await fitting.snapshot() };
  } finally {
    fitting.free();
  }
}

function isAfterStep(step: number): (event: TrainingEvent) => boolean {
  return (event) => event.kind === 'step' && event.step === step;
}

/** The state of a run that has not begun. */
async function beginningOf(options: FitOptions): Promise<TrainingState> {
  return (await follow({ ...options, signal: AbortSignal.abort() })).state;
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
            ? { events: [], state: await beginningOf(optionsOn(engine)) }
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
      let state = await beginningOf(optionsOn(engine));
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
    assert.deepEqual([state.step, state.history, state.running], [0, [], {}]);
    const fitting = await prepareFit(optionsOn(engine));
    assert.deepEqual(await fitting.snapshot(), state);
    fitting.free();
  });
});

// What a seed says.

test('a run starts from the parameters of its seed, with zero momenta', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const { tensors, step, history, running } = await beginningOf(optionsOn(engine));
    const expected = initialParameters(tinyConvolutional, deriveKey(keyFromSeed(SEED), 'parameters'));
    const momenta = Object.keys(tensors).filter((name) => name.endsWith('.momentum'));
    assert.equal(Object.keys(tensors).length, momenta.length + tinyConvolutional.parameters.length);
    assert.equal(momenta.length, tinyConvolutional.parameters.filter(isTrained).length);
    for (const [name, { data: values }] of Object.entries(tensors)) {
      if (momenta.includes(name)) assert.ok(values.every((value) => value === 0));
      else assert.deepEqual(values, expected[name]!.data);
    }
    assert.deepEqual({ step, history, running }, { step: 0, history: [], running: {} });
  });
});

test('the same seed gives the same run, another seed another', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = { ...fullSettings, epochs: 1 };
    const first = await follow(optionsOn(engine, { settings }));
    assert.deepEqual(await follow(optionsOn(engine, { settings })), first);
    const other = await follow(optionsOn(engine, { settings, seed: SEED + 1 }));
    assert.notDeepEqual(lossesOf(other.events), lossesOf(first.events));
    for (const { name } of tinyConvolutional.layers)
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
    await follow(optionsOn(watched.engine, { settings, network: tinyPerceptron }));
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
    const { events } = await follow(optionsOn(watched.engine, { settings, network: tinyPerceptron }));
    const given = watched.calls.filter(({ scalars }) => scalars?.['learningRate'] !== undefined);
    for (const [step, { scalars, keys }] of given.entries()) {
      assert.deepEqual(scalars, { learningRate: step < 4 ? 0.2 : 0.1, noiseScale: 0.04, step });
      const root = keyFromSeed(SEED);
      assert.deepEqual(keys, { noise: deriveKey(root, 'noise', step), rule: deriveKey(root, 'rule', step) });
    }
    const told = events.flatMap((event) => (event.kind === 'step' ? [event.learningRate] : []));
    assert.deepEqual(told, [0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1]);
  });
});

test('with the noise of cells every step reads them at a time of its own', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const watched = watch(engine);
    const noise = { kind: 'cells', earliestSeconds: 25, latestSeconds: 1e6, compensation: 'global' } as const;
    const settings: TrainingSettings = { ...fullSettings, hardware: joshi2020, noise };
    const run = async (): Promise<number[]> => {
      watched.calls.length = 0;
      await follow(optionsOn(watched.engine, { settings }));
      return watched.calls.flatMap(({ scalars }) => scalars?.['readSeconds'] ?? []);
    };
    const times = await run();
    assert.equal(new Set(times).size, STEPS);
    assert.ok(times.every((time) => time >= 25 && time <= 1e6));
    assert.deepEqual(await run(), times);
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
      const { events } = await follow(optionsOn(engine, { settings, network: tinyPerceptron }));
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
    const settings: TrainingSettings = { ...plainSettings, epochs: 20, rule: nesterovRule };
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
      optionsOn(engine, { settings, initial: parameters, network: tinyPerceptron }),
    );
    assert.deepEqual(events, []);
    for (const [name, tensor] of Object.entries(parameters)) assert.deepEqual(state.tensors[name], tensor);
  });
});

test('a run that begins with given weights shows images in an order of its own, and continues to the same bits', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = { ...plainSettings, epochs: 3 };
    const initial = (await beginningOf(optionsOn(engine))).tensors;
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
      rule: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0 },
    };
    // Tested rarely, so that the loss is the first to tell.
    const options = { settings, network: tinyPerceptron, evaluateEveryEpochs: 10 };
    await assert.rejects(follow(optionsOn(engine, options)), {
      name: 'UsageError',
      message:
        /^train: the loss is (NaN|Infinity) at step \d+ of 40 \(epoch \d+, learning rate 1\.00e\+6\); lower the learning rate or the noise$/,
    });
  });
});

test('a test score that is no number ends the run; no record keeps it', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const task = classification(data);
    const never = { ...task, score: { name: 'luck', of: () => Number.NaN } };
    for (const [place, broken] of [
      ['training examples of epoch 1', never],
      [
        'test examples after epoch 1',
        // Batches of training are larger than the test set.
        { ...task, score: { ...never.score, of: (_: object, n: number) => (n > data.test.count ? 0 : NaN) } },
      ],
    ] as const)
      await assert.rejects(follow({ ...optionsOn(engine, { settings: plainSettings }), task: broken }), {
        name: 'UsageError',
        message: `train: ${place}: expected a number for the luck, got NaN; lower the learning rate or the noise`,
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
    await assert.rejects(follow(optionsOn(engine, { settings, network: tinyPerceptron })), {
      name: 'UsageError',
      message:
        'train: "dense1.weights" is not finite after the last step (1); lower the learning rate or the noise',
    });
  });
});

test('statistics that diverge end a run after their epoch, even where an activation hides them from the loss', async () => {
  await withEngine(wasm, 1, async (engine) => {
    // The convolution moves so far that squares of its outputs are infinite; of a NaN the activation makes 0.
    const hiding: Module = (shape) => withoutParameters(shape, (x) => x.negate().less(0).select(x, 0));
    const network = classifier({
      ...tinyTask,
      name: 'hiding',
      module: sequence([
        convolution({ name: 'conv1', filters: 6, size: 3 }),
        batchNormalization('norm1'),
        hiding,
        flatten,
        dense({ name: 'dense', outputs: tinyTask.classes }),
      ]),
    });
    const task = classification(data);
    const moving: typeof task = {
      ...task,
      evaluate: (...given) => {
        const { objectives, metrics } = task.evaluate(...given);
        const moves = (name: string): boolean => name === 'conv1.weights';
        return { objectives: objectives.map((one) => ({ ...one, moves })), metrics };
      },
    };
    const settings: TrainingSettings = {
      ...plainSettings,
      epochs: 3,
      learningRate: { kind: 'step', initial: 1e30, factor: 1, atEpochs: [] },
    };
    const seen: TrainingEvent[] = [];
    const options = optionsOn(engine, { settings, network, task: moving, evaluateEveryEpochs: 3 });
    const run = follow(options, (event) => {
      seen.push(event);
      return false;
    });
    await assert.rejects(run, {
      name: 'UsageError',
      message:
        'train: "norm1.runningMean" is not finite after epoch 1 of 3; lower the learning rate or the noise',
    });
    assert.equal(seen.length, 4);
    assert.ok(lossesOf(seen).length === 4 && lossesOf(seen).every(Number.isFinite));
  });
});

test('all faults of the settings are refused at once', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings = { ...plainSettings, epochs: -1, rule: { kind: 'sgd', momentum: 2 } } as const;
    await assert.rejects(prepareFit(optionsOn(engine, { settings })), {
      name: 'UsageError',
      message: `train: 2 faults
  - epochs: expected number to be >=0, got -1
  - rule.momentum: expected number to be <1, got 2`,
    });
  });
});

test('a batch larger than the set, a seed that is none and images of another shape are refused at once', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const network = mlp({ inputShape: [7, 8, 2], classes: 4, hidden: [], activation: 'relu' });
    const settings: TrainingSettings = { ...plainSettings, batchSize: 65, normalizesBy: 'running' };
    const choice = { settings, network, seed: Number.NaN, evaluateEveryEpochs: 0.5 };
    await assert.rejects(prepareFit(optionsOn(engine, choice)), {
      name: 'UsageError',
      message: `train: 5 faults
  - seed must be a whole number from 0 to 2^53 - 1, got NaN
  - evaluateEveryEpochs must be a whole number from 1, got 0.5
  - batchSize must be at most the 64 training examples, got 65
  - normalizesBy has no effect on mlp, which has no batch normalisation; leave it out
  - the network takes "images" (7, 8, 2), the data have (8, 8, 2)`,
    });
  });
});

test('a batch may be as large as the set', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = { ...plainSettings, epochs: 2, batchSize: 64 };
    const { state } = await follow(optionsOn(engine, { settings, network: tinyPerceptron }));
    assert.equal(state.step, 2);
  });
});

test('a layer in cells that begins with zeros has no deviation to scale by; a fixed weight needs none', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const own = randomParameters(tinyConvolutional);
    const first = own['conv1.weights']!;
    const initial = { ...own, 'conv1.weights': hostTensor(first.shape, new Float32Array(first.data.length)) };
    const rule = { kind: 'mixed-precision' } as const;
    const settings = { ...plainSettings, epochs: 1 };
    await assert.rejects(prepareFit(optionsOn(engine, { initial, settings: { ...settings, rule } })), {
      name: 'UsageError',
      message:
        'train: rule.fullWeight: the weights of "conv1" are all 0 at the start, so they have no deviation; give the layer a weight of its own, as fullWeights: { conv1: { kind: fixed, weight: 1 } }',
    });
    const fixed = { ...rule, fullWeights: { conv1: { kind: 'fixed', weight: 1 } } } as const;
    const layers = { conv1: 'digital' } as const;
    for (const choice of [{ rule: fixed }, { rule, hardware: { ...joshi2020, layers } }])
      (await prepareFit(optionsOn(engine, { initial, settings: { ...settings, ...choice } }))).free();
  });
});

test('layers that are named as states of a training are refused: their weights would not be kept', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const network = classifier({
      name: 'own',
      inputShape: [7, 8, 2],
      classes: 4,
      module: sequence([flatten, dense({ name: 'slow.fast.dense', outputs: 4 })]),
    });
    await assert.rejects(prepareFit(optionsOn(engine, { network, settings: plainSettings })), {
      name: 'UsageError',
      message:
        /"slow\.fast\.dense\.weights" is named as a state of a training, which is not kept; rename the layer/,
    });
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
    const state = { step: 0, history: [], running: {}, tensors: randomParameters(tinyConvolutional) };
    await assert.rejects(
      prepareFit(optionsOn(engine, { state })),
      /"conv1.weights.momentum" \(3, 3, 2, 6\) is missing/,
    );
  });
});

test('weights of a transposed layout, and such that are no numbers, are refused with a hint', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const { 'dense1.weights': weights, ...others } = randomParameters(tinyPerceptron);
    const initial = {
      ...others,
      'dense1.weights': { ...weights!, shape: [24, 128] },
      'dense2.bias': hostTensor([4], Float32Array.of(0, Number.NaN, 1, 2)),
    };
    await assert.rejects(prepareFit(optionsOn(engine, { initial, network: tinyPerceptron })), {
      name: 'UsageError',
      message: `train: not the parameters of tiny-perceptron: 2 faults
  - "dense1.weights" must have shape (128, 24), got (24, 128) (transposed: weights are (in, out))
  - "dense2.bias" must be finite, got NaN at element 1`,
    });
  });
});

test('neither images nor a task, and a teacher without a place in the settings, are refused', async () => {
  await withEngine(wasm, 1, async (engine) => {
    await assert.rejects(prepareFit({ engine, network: tinyPerceptron, settings: { epochs: 1 } }), {
      name: 'UsageError',
      message: 'train: expected `data` or a `task`, got neither',
    });
    const teacher = { network: tinyPerceptron, parameters: randomParameters(tinyPerceptron) };
    await assert.rejects(prepareFit(optionsOn(engine, { teacher })), {
      name: 'UsageError',
      message: 'train: a teacher is given, but the settings have no `distillation`',
    });
    const settings: TrainingSettings = { ...plainSettings, distillation: { weight: 0.5, temperature: 2 } };
    await assert.rejects(prepareFit(optionsOn(engine, { settings })), {
      name: 'UsageError',
      message: 'train: the settings have `distillation`, but no teacher is given',
    });
    const other = mlp({ ...tinyTask, classes: 3, hidden: [5], activation: 'relu' });
    const parameters = randomParameters(other);
    await assert.rejects(
      prepareFit(optionsOn(engine, { settings, teacher: { network: other, parameters } })),
      {
        name: 'UsageError',
        message: 'train: the teacher mlp must have the outputs of the network, "logits" (4), got (3)',
      },
    );
    const { 'dense2.bias': _, ...some } = teacher.parameters;
    await assert.rejects(
      prepareFit(optionsOn(engine, { settings, teacher: { ...teacher, parameters: some } })),
      {
        name: 'UsageError',
        message: 'train: not the parameters of the teacher tiny-perceptron: "dense2.bias" (4) is missing',
      },
    );
  });
});
