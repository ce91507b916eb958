// Learning rates over a run, and the faults of settings: each on its own, and all at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullSettings, plainSettings } from '../../test/tiny.ts';
import { type LearningRate, learningRateAt, type TrainingSettings, trainingFaults } from './settings.ts';

const STEPS_PER_EPOCH = 5;

/** The learning rate of every step of a run. */
function ratesOf(learningRate: LearningRate, epochs: number): number[] {
  return Array.from({ length: epochs * STEPS_PER_EPOCH }, (_, step) =>
    learningRateAt({ learningRate, epochs }, step, STEPS_PER_EPOCH),
  );
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);
}

test('a cosine without warm-up starts at the initial rate, is half of it at half time, and ends near 0', () => {
  const rates = ratesOf({ kind: 'cosine', initial: 0.4, warmupEpochs: 0 }, 4);
  near(rates[0]!, 0.4);
  near(rates[10]!, 0.2);
  // The last of 20 steps: 0.2 (1 + cos(19 π / 20)).
  near(rates[19]!, 0.2 * (1 - Math.cos(Math.PI / 20)));
  for (let step = 1; step < 20; step++) assert.ok(rates[step]! < rates[step - 1]!);
});

test('a warm-up rises in equal parts to the initial rate, from which the cosine starts', () => {
  const rates = ratesOf({ kind: 'cosine', initial: 0.4, warmupEpochs: 2 }, 6);
  for (let step = 0; step < 10; step++) near(rates[step]!, 0.04 * (step + 1));
  near(rates[10]!, 0.4);
  near(rates[20]!, 0.2);
});

test('a warm-up that ends within a step never exceeds the initial rate', () => {
  const rates = ratesOf({ kind: 'cosine', initial: 0.4, warmupEpochs: 0.5 }, 2);
  near(rates[1]!, (0.4 * 2) / 2.5);
  near(rates[2]!, 0.4);
  assert.ok(Math.max(...rates) <= 0.4);
});

test('a run that is nothing but warm-up rises to the end', () => {
  near(ratesOf({ kind: 'cosine', initial: 0.4, warmupEpochs: 2 }, 2)[9]!, 0.4);
});

test('a warm restart begins at the initial rate again and ends near 0 like the cycle before it', () => {
  const rates = ratesOf({ kind: 'cosine', initial: 0.4, warmupEpochs: 1, restartEpochs: [3] }, 5);
  near(rates[5]!, 0.4);
  near(rates[10]!, 0.2);
  near(rates[14]!, 0.2 * (1 - Math.cos(Math.PI / 10)));
  near(rates[15]!, 0.4);
  near(rates[20]!, 0.2);
  near(rates[24]!, rates[14]!);
});

test('a step schedule drops at the start of each epoch it names, in any order', () => {
  const rates = ratesOf({ kind: 'step', initial: 1, factor: 0.5, atEpochs: [3, 1] }, 4);
  assert.deepEqual(
    rates,
    [1, 0.5, 0.5, 0.25].flatMap((rate) => new Array<number>(STEPS_PER_EPOCH).fill(rate)),
  );
});

const faulty: readonly (readonly [change: Partial<TrainingSettings>, fault: string])[] = [
  [{ epochs: 1.5 }, 'epochs must be a whole number from 0, got 1.5'],
  [{ batchSize: 0.5 }, 'batchSize must be a whole number from 1, got 0.5'],
  [
    { learningRate: { kind: 'cosine', initial: 0, warmupEpochs: 0 } },
    'learningRate.initial must be above 0, got 0',
  ],
  [
    { learningRate: { kind: 'cosine', initial: 1, warmupEpochs: 0, restartEpochs: [99] } },
    'learningRate.restartEpochs must be whole numbers after the warm-up and below epochs, got 99',
  ],
  [
    { learningRate: { kind: 'cosine', initial: 1, warmupEpochs: 4 } },
    'learningRate.warmupEpochs must be between 0 and epochs, got 4',
  ],
  [
    { learningRate: { kind: 'cosine', initial: Number.POSITIVE_INFINITY, warmupEpochs: 0 } },
    'learningRate.initial must be finite, got Infinity',
  ],
  [
    { learningRate: { kind: 'step', initial: 1, factor: 0, atEpochs: [] } },
    'learningRate.factor must be above 0, got 0',
  ],
  [
    { learningRate: { kind: 'step', initial: 1, factor: 0.1, atEpochs: [1, 1.5] } },
    'learningRate.atEpochs must be whole numbers from 0, got 1.5',
  ],
  [{ momentum: 1 }, 'momentum must be in [0, 1), got 1'],
  [{ weightDecay: -1e-4 }, 'weightDecay must be at least 0, got -0.0001'],
  [{ labelSmoothing: Number.NaN }, 'labelSmoothing must be in [0, 1), got NaN'],
  [{ statisticsMomentum: 0 }, 'statisticsMomentum must be in (0, 1], got 0'],
  [
    { augmentation: { cropPadding: -2, flip: false, cutout: 0 } },
    'augmentation.cropPadding must be a whole number from 0, got -2',
  ],
  [
    { augmentation: { cropPadding: 0, flip: false, cutout: 1.5 } },
    'augmentation.cutout must be a whole number from 0, got 1.5',
  ],
  [{ noise: { kind: 'gaussian', relativeToMax: -0.1 } }, 'noise.relativeToMax must be at least 0, got -0.1'],
  [{ clipping: { kind: 'standard-deviations', alpha: 0 } }, 'clipping.alpha must be above 0, got 0'],
];

for (const [change, fault] of faulty) {
  test(`settings are refused: ${fault}`, () => {
    assert.deepEqual(trainingFaults({ ...fullSettings, ...change }), [fault]);
  });
}

test('all faults are listed at once', () => {
  // Of two changes to one setting the later one holds.
  const all = Object.assign({}, fullSettings, ...faulty.map(([change]) => change)) as TrainingSettings;
  assert.deepEqual(trainingFaults(all), [
    'epochs must be a whole number from 0, got 1.5',
    'batchSize must be a whole number from 1, got 0.5',
    'momentum must be in [0, 1), got 1',
    'weightDecay must be at least 0, got -0.0001',
    'labelSmoothing must be in [0, 1), got NaN',
    'statisticsMomentum must be in (0, 1], got 0',
    'augmentation.cutout must be a whole number from 0, got 1.5',
    'learningRate.atEpochs must be whole numbers from 0, got 1.5',
    'noise.relativeToMax must be at least 0, got -0.1',
    'clipping.alpha must be above 0, got 0',
  ]);
});

test('settings at the edges of what is allowed have no faults', () => {
  const edges: TrainingSettings = {
    ...plainSettings,
    epochs: 0,
    batchSize: 1,
    learningRate: { kind: 'cosine', initial: 1e-9, warmupEpochs: 0 },
    statisticsMomentum: 1,
    noise: { kind: 'gaussian', relativeToMax: 0 },
  };
  assert.deepEqual([...trainingFaults(edges), ...trainingFaults(fullSettings)], []);
});
