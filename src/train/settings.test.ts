// The faults of training settings, each on its own and all at once; their defaults; noise that rises.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullSettings, plainSettings } from '../../test/tiny.ts';
import { check, faultsIn } from '../base/schema.ts';
import { standardEvaluation } from '../crossbar/presets.ts';
import {
  noiseScaleAt,
  rangeLearningDefaults,
  readSecondsAt,
  type TrainingSettings,
  trainingSchema,
} from './settings.ts';

function faultsOf(settings: unknown): string[] {
  const { error } = trainingSchema.safeParse(settings);
  return error === undefined ? [] : faultsIn(error, settings);
}

/** What rules in cells do not refuse. */
const inCells = { noise: { kind: 'none' }, clipping: { kind: 'none' } };

const faulty: readonly (readonly [change: Readonly<Record<string, unknown>>, fault: string])[] = [
  [{ epochs: 1.5 }, 'epochs: expected int, got 1.5'],
  [{ epochs: -1 }, 'epochs: expected number to be >=0, got -1'],
  [{ batchSize: 0.5 }, 'batchSize: expected int, got 0.5'],
  [{ batchSize: 0 }, 'batchSize: expected number to be >=1, got 0'],
  [
    { learningRate: { kind: 'cosine', initial: 0, warmupEpochs: 0 } },
    'learningRate.initial: expected number to be >0, got 0',
  ],
  [
    { learningRate: { kind: 'cosine', initial: 1, warmupEpochs: 0, restartEpochs: [99] } },
    'learningRate.restartEpochs must be whole numbers after the warm-up and below epochs, got 99',
  ],
  [
    { learningRate: { kind: 'cosine', initial: 1, warmupEpochs: 1, restartEpochs: [0] } },
    'learningRate.restartEpochs.0: expected number to be >=1, got 0',
  ],
  [
    { learningRate: { kind: 'cosine', initial: 1, warmupEpochs: 4 } },
    'learningRate.warmupEpochs must be between 0 and epochs, got 4',
  ],
  [
    { learningRate: { kind: 'cosine', initial: Number.POSITIVE_INFINITY, warmupEpochs: 0 } },
    'learningRate.initial: expected number, got Infinity',
  ],
  [
    { learningRate: { kind: 'step', initial: 1, factor: 0, atEpochs: [] } },
    'learningRate.factor: expected number to be >0, got 0',
  ],
  [
    { learningRate: { kind: 'step', initial: 1, factor: 0.1, atEpochs: [1, 1.5] } },
    'learningRate.atEpochs.1: expected int, got 1.5',
  ],
  [{ rule: { kind: 'sgd', momentum: 1 } }, 'rule.momentum: expected number to be <1, got 1'],
  [{ rule: { kind: 'sgd', weightDecay: -1e-4 } }, 'rule.weightDecay: expected number to be >=0, got -0.0001'],
  [{ rule: { kind: 'adam', beta2: 1 } }, 'rule.beta2: expected number to be <1, got 1'],
  [{ rule: { kind: 'adamw', epsilon: 0 } }, 'rule.epsilon: expected number to be >0, got 0'],
  [{ rule: { kind: 'adam', momentum: 0.9 } }, 'rule: Unrecognized key: "momentum"'],
  [
    { rule: { kind: 'sdg' } },
    'rule.kind: expected one of sgd, adam, adamw, mixed-precision, pulsed, tiki-taka, got "sdg"',
  ],
  [
    { ...inCells, rule: { kind: 'mixed-precision' }, noise: { kind: 'gaussian', relativeToMax: 0.1 } },
    'noise has no effect with the rule "mixed-precision", whose weights are in cells; leave it out',
  ],
  [
    { ...inCells, rule: { kind: 'pulsed' }, clipping: { kind: 'standard-deviations', alpha: 2 } },
    'clipping has no effect with the rule "pulsed", whose weights are in cells; leave it out',
  ],
  [
    { ...inCells, rule: { kind: 'tiki-taka' }, dropConnect: 0.1 },
    'dropConnect has no effect with the rule "tiki-taka", whose weights are in cells; leave it out',
  ],
  [
    { ...inCells, rule: { kind: 'tiki-taka' }, gradientNorm: 1 },
    'gradientNorm has no effect with the rule "tiki-taka", whose weights are in cells; leave it out',
  ],
  [{ momentum: 0.9 }, 'Unrecognized key: "momentum"'],
  [{ labelSmoothing: Number.NaN }, 'labelSmoothing: expected number, got NaN'],
  [{ statisticsMomentum: 0 }, 'statisticsMomentum: expected number to be >0, got 0'],
  [
    { augmentation: { cropPadding: -2, flip: false, cutout: 0 } },
    'augmentation.cropPadding: expected number to be >=0, got -2',
  ],
  [
    { augmentation: { cropPadding: 0, flip: false, cutout: 1.5 } },
    'augmentation.cutout: expected int, got 1.5',
  ],
  [
    { noise: { kind: 'gaussian', relativeToMax: -0.1 } },
    'noise.relativeToMax: expected number to be >=0, got -0.1',
  ],
  [
    { noise: { kind: 'gaussian', relativeToMax: 0.1, rampEpochs: 4 } },
    'noise.rampEpochs must be at most epochs, got 4',
  ],
  [{ dropConnect: 1 }, 'dropConnect: expected number to be <1, got 1'],
  [
    { clipping: { kind: 'standard-deviations', alpha: 0 } },
    'clipping.alpha: expected number to be >0, got 0',
  ],
  [
    { hardware: { ...standardEvaluation, dac: { kind: 'uniform', bits: 1 } } },
    'hardware.dac.bits: expected number to be >=2, got 1',
  ],
  [{ ranges: { shareInside: 2 } }, 'ranges.shareInside: expected number to be <=1, got 2'],
  [{ distillation: { temperature: 0 } }, 'distillation.temperature: expected number to be >0, got 0'],
];

for (const [change, fault] of faulty) {
  test(`settings are refused: ${fault}`, () => {
    assert.deepEqual(faultsOf({ ...fullSettings, ...change }), [fault]);
  });
}

test('all faults are listed at once', () => {
  const all = {
    ...fullSettings,
    epochs: 1.5,
    batchSize: 0.5,
    learningRate: { kind: 'step', initial: 1, factor: 0.1, atEpochs: [1, 1.5] },
    rule: { kind: 'sgd', momentum: 1, weightDecay: -1e-4 },
    labelSmoothing: Number.NaN,
    statisticsMomentum: 0,
    augmentation: { cropPadding: 0, flip: false, cutout: 1.5 },
    noise: { kind: 'gaussian', relativeToMax: -0.1 },
    clipping: { kind: 'standard-deviations', alpha: 0 },
  };
  const faults = [
    'epochs: expected int, got 1.5',
    'batchSize: expected int, got 0.5',
    'learningRate.atEpochs.1: expected int, got 1.5',
    'rule.momentum: expected number to be <1, got 1',
    'rule.weightDecay: expected number to be >=0, got -0.0001',
    'labelSmoothing: expected number, got NaN',
    'statisticsMomentum: expected number to be >0, got 0',
    'augmentation.cutout: expected int, got 1.5',
    'noise.relativeToMax: expected number to be >=0, got -0.1',
    'clipping.alpha: expected number to be >0, got 0',
  ];
  assert.deepEqual(faultsOf(all), faults);
  assert.throws(() => check(trainingSchema, 'train', all), {
    name: 'UsageError',
    message: `train: 10 faults\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
  });
});

test('a fault of one field is no contradiction with another', () => {
  const cosine = { kind: 'cosine', initial: 1, warmupEpochs: 0, restartEpochs: [1] };
  assert.deepEqual(faultsOf({ ...fullSettings, epochs: -1, learningRate: cosine }), [
    'epochs: expected number to be >=0, got -1',
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
    dropConnect: 0,
    ranges: { rateShare: 0, decay: 0, shareInside: 1, initialSteps: 0, initialDeviations: 1e-9 },
    distillation: { weight: 1, temperature: 1e-9 },
  };
  assert.deepEqual([...faultsOf(edges), ...faultsOf(fullSettings)], []);
  assert.deepEqual(check(trainingSchema, 'train', edges), edges);
});

test('everything but the number of epochs has a default', () => {
  assert.deepEqual(check(trainingSchema, 'train', { epochs: 2 }), {
    epochs: 2,
    batchSize: 128,
    learningRate: { kind: 'cosine', initial: 0.1, warmupEpochs: 0 },
    rule: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
    labelSmoothing: 0,
    statisticsMomentum: 0.1,
    augmentation: { cropPadding: 0, flip: false, cutout: 0 },
    noise: { kind: 'none' },
    clipping: { kind: 'none' },
  });
  assert.deepEqual(faultsOf({}), ['epochs: expected number, got nothing']);
});

test('a record that is begun takes the rest from its defaults', () => {
  const { rule, learningRate, ranges, distillation } = check(trainingSchema, 'train', {
    epochs: 2,
    rule: { kind: 'adamw', beta1: 0.8 },
    learningRate: { kind: 'step' },
    ranges: { decay: 0.01 },
    distillation: {},
  });
  assert.deepEqual(rule, { kind: 'adamw', beta1: 0.8, beta2: 0.999, epsilon: 1e-8, weightDecay: 5e-4 });
  assert.deepEqual(learningRate, { kind: 'step', initial: 0.1, factor: 0.1, atEpochs: [] });
  assert.deepEqual(ranges, { ...rangeLearningDefaults, decay: 0.01 });
  assert.deepEqual(distillation, { weight: 0.5, temperature: 2 });
});

// Noise

test('noise is as large as settings say from the first step, unless it rises', () => {
  const noise = { kind: 'gaussian', relativeToMax: 0.04 } as const;
  for (const step of [0, 1, 99]) {
    assert.equal(noiseScaleAt(noise, step, 5), 0.04);
    assert.equal(noiseScaleAt({ kind: 'none' }, step, 5), 0);
  }
});

test('noise rises in equal parts over its epochs and stays', () => {
  const noise = { kind: 'gaussian', relativeToMax: 0.04, rampEpochs: 2 } as const;
  for (let step = 0; step < 15; step++) {
    const expected = Math.min(0.04, 0.004 * (step + 1));
    assert.ok(Math.abs(noiseScaleAt(noise, step, 5) - expected) < 1e-15, `step ${step}`);
  }
  // A ramp that ends within a step does not overshoot.
  const short = { ...noise, rampEpochs: 0.5 };
  assert.deepEqual(
    [0, 1, 2, 3].map((step) => noiseScaleAt(short, step, 3) / 0.04),
    [1 / 1.5, 1, 1, 1],
  );
});

test('the time of a read is between both ends, uniform in its logarithm', () => {
  const noise = { kind: 'cells', earliestSeconds: 10, latestSeconds: 1e5, compensation: 'global' } as const;
  assert.deepEqual(
    [0, 0.25, 0.5, 1].map((uniform) => Math.round(readSecondsAt(noise, uniform))),
    [10, 100, 1000, 1e5],
  );
});
