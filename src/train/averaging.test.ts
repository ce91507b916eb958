// Averaged weights: they follow their recursion, leave the steps as they are, and are what a run gives.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { fullSettings, nesterovRule, plainSettings, tinyConvolutional, tinySplit } from '../../test/tiny.ts';
import type { Parameters } from '../base/parameters.ts';
import { keyFromSeed } from '../base/random.ts';
import { meanOf } from '../base/statistics.ts';
import { noAugmentation } from '../data/batches.ts';
import type { Engine } from '../engine.ts';
import { descent } from '../rules/descent.ts';
import { averageShareAt, ITERATE } from './averaging.ts';
import { decodeWeights, encodeCheckpoint } from './checkpoint.ts';
import { classification } from './classification.ts';
import { type FitOptions, prepareFit } from './fit.ts';
import { digitalScore } from './score.ts';
import type { TrainingSettings } from './settings.ts';
import type { TrainingState } from './training-state.ts';

const data = tinySplit();
/** Three epochs of four steps: the average is plain for five, exponential from there on. */
const averaging = { decay: 0.8 };

function optionsOn(engine: Engine, settings: Partial<TrainingSettings>): FitOptions {
  return { engine, network: tinyConvolutional, data, settings: { ...fullSettings, ...settings }, seed: 3 };
}

/** The state before the first step and after each step. */
async function statesOf(options: FitOptions): Promise<TrainingState[]> {
  const fitting = await prepareFit(options);
  try {
    const states = [await fitting.snapshot()];
    for await (const { kind } of fitting.events()) if (kind === 'step') states.push(await fitting.snapshot());
    return states;
  } finally {
    fitting.free();
  }
}

const isStatistic = (name: string): boolean => /\.running(Mean|Variance)$/.test(name);

const parametersOf = (tensors: Parameters, ending = ''): Record<string, Float32Array> =>
  Object.fromEntries(tinyConvolutional.parameters.map(({ name }) => [name, tensors[name + ending]!.data]));

for (const choice of backends) {
  test(`iterates are those of a run without averaging, and averages follow the recursion on ${choice.name}`, async () => {
    await withEngine(choice, 2, async (engine) => {
      const plain = await statesOf(optionsOn(engine, {}));
      const averaged = await statesOf(optionsOn(engine, { averaging }));
      assert.equal(averaged.length, 13);
      const expected: Record<string, Float64Array> = Object.fromEntries(
        Object.entries(parametersOf(plain[0]!.tensors)).map(([name, data]) => [
          name,
          Float64Array.from(data),
        ]),
      );
      for (const [step, { tensors }] of averaged.entries()) {
        assert.deepEqual(parametersOf(tensors, ITERATE), parametersOf(plain[step]!.tensors), `step ${step}`);
        if (step === 0) continue;
        const share = Math.max(0.2, 1 / step);
        for (const [name, values] of Object.entries(parametersOf(tensors))) {
          if (isStatistic(name)) continue;
          const iterate = plain[step]!.tensors[name]!.data;
          for (const [at, value] of values.entries()) {
            const average = expected[name]![at]!;
            expected[name]![at] = average + share * (iterate[at]! - average);
            const bound = 1e-5 * Math.max(1, Math.abs(average), Math.abs(iterate[at]!));
            assert.ok(Math.abs(value - expected[name]![at]!) <= bound, `${name} at ${at}, step ${step}`);
          }
        }
      }
      const last = averaged.at(-1)!;
      assert.notDeepEqual(parametersOf(last.tensors), parametersOf(plain.at(-1)!.tensors));
      // The steps see the same, so the losses are the same; the test examples are scored with the average.
      assert.deepEqual(
        last.history.map(({ trainLoss }) => trainLoss),
        plain.at(-1)!.history.map(({ trainLoss }) => trainLoss),
      );
    });
  });
}

test('what is kept and scored is the average, and a checkpoint continues to the same bits', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const options = optionsOn(engine, { averaging });
    const states = await statesOf(options);
    const end = await finished(options);
    for (const step of [1, 6, 11])
      assert.deepEqual(await finished({ ...options, state: states[step]! }), end, `from step ${step}`);
    const provenance = {
      ohmic: '0.0.0',
      model: tinyConvolutional.name,
      dataset: 'tiny',
      settings: { ...fullSettings, averaging },
      seed: 3,
      backend: 'any',
      history: [],
    };
    const { parameters } = await decodeWeights('f', await encodeCheckpoint({ state: end, provenance }));
    assert.deepEqual(
      Object.keys(parameters).filter((name) => name.endsWith(ITERATE)),
      [],
    );
    assert.deepEqual(parametersOf(parameters), parametersOf(end.tensors));
    const score = await digitalScore({
      engine,
      network: tinyConvolutional,
      parameters,
      task: classification(data),
    });
    assert.equal(end.history.at(-1)!.testAccuracy, score);
  });
});

async function finished(options: FitOptions): Promise<TrainingState> {
  const fitting = await prepareFit(options);
  try {
    return await fitting.result();
  } finally {
    fitting.free();
  }
}

/** What a convolution of 3 x 3 with a padding of 1 gives, its mean over all images and pixels, by channel. */
function meanOfConvolution(images: Float32Array, count: number, weights: Float32Array): number[] {
  const [side, channels] = [tinyConvolutional.inputs['images']![0]!, tinyConvolutional.inputs['images']![2]!];
  const filters = weights.length / (9 * channels);
  const sums = new Array<number>(filters).fill(0);
  const inside = (at: number): boolean => at >= 0 && at < side;
  for (let image = 0; image < count; image++)
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++)
        for (let tap = 0; tap < 9; tap++) {
          const [y, x] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
          if (!inside(y) || !inside(x)) continue;
          for (let channel = 0; channel < channels; channel++) {
            const pixel = images[((image * side + y) * side + x) * channels + channel]!;
            for (let filter = 0; filter < filters; filter++)
              sums[filter]! += pixel * weights[(tap * channels + channel) * filters + filter]!;
          }
        }
  return sums.map((sum) => sum / (count * side * side));
}

test('running statistics are those of the averaged weights, over the training examples', async () => {
  const exact = { noise: { kind: 'none' }, augmentation: noAugmentation, averaging } as const;
  await withEngine(backends[0]!, 2, async (engine) => {
    const { tensors } = await finished(optionsOn(engine, exact));
    const { examples } = classification(data, { ...fullSettings, ...exact });
    const count = examples.trainCount;
    const batch = { images: new Float32Array(count * 128), labels: new Float32Array(count) };
    const all = Uint32Array.from({ length: count }, (_, k) => k);
    await examples.fillTraining(batch, all, { key: keyFromSeed(0), epoch: 0 });
    // Four batches of 16 are all 64 images, so the mean over batches is that over the images.
    const means = (ending: string): number[] =>
      meanOfConvolution(batch.images, count, tensors[`conv1.weights${ending}`]!.data);
    const [kept, expected, ofIterate] = [tensors['norm1.runningMean']!.data, means(''), means(ITERATE)];
    const distance = (others: readonly number[]): number =>
      Math.max(...others.map((other, k) => Math.abs(other - kept[k]!)));
    assert.ok(distance(expected) < 1e-7, `${distance(expected)}`);
    assert.ok(distance(ofIterate) > 1e-4, `${distance(ofIterate)}`);
  });
});

test('statistics of averaged weights are gathered with the noise of the training', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const still = { augmentation: noAugmentation, averaging, learningRate: plainSettings.learningRate };
    const at = async (relativeToMax: number): Promise<Float32Array> => {
      const fitting = await prepareFit(
        optionsOn(engine, { ...still, noise: { kind: 'gaussian', relativeToMax }, epochs: 1 }),
      );
      try {
        return (await fitting.result()).tensors['norm2.runningVariance']!.data;
      } finally {
        fitting.free();
      }
    };
    const [little, much] = [await at(1e-6), await at(0.5)];
    // Noise of half the largest weight is larger than most weights.
    assert.ok(meanOf([...much]) > 1.5 * meanOf([...little]), `${much} ${little}`);
  });
});

test('without decay the average is the iterate', async () => {
  await withEngine(backends[0]!, 1, async (engine) => {
    const { tensors } = await finished(optionsOn(engine, { averaging: { decay: 0 } }));
    const [averages, iterates] = [parametersOf(tensors), parametersOf(tensors, ITERATE)];
    for (const [name, values] of Object.entries(averages).filter(([each]) => !isStatistic(each)))
      for (const [at, value] of values.entries())
        assert.ok(Math.abs(value - iterates[name]![at]!) <= 1e-6 * Math.abs(value), `${name} at ${at}`);
  });
});

test('the share is that of a plain average until the decay asks for less', () => {
  assert.deepEqual(
    [0, 1, 3, 4, 5, 100].map((step) => averageShareAt(averaging, step)),
    [1, 1 / 2, 1 / 4, 1 / 5, 1 - 0.8, 1 - 0.8],
  );
});

test('averages of weights that a rule keeps itself are refused', async () => {
  await withEngine(backends[0]!, 1, async (engine) => {
    const own = { ...descent(nesterovRule), upkeep: { everySteps: 2, update: () => undefined } };
    await assert.rejects(
      prepareFit({ ...optionsOn(engine, { averaging }), rule: own }),
      /averaging has no effect on a rule that keeps weights itself/,
    );
  });
});
