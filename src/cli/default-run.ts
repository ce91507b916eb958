// The built-in run: a small network on the generated set, trained with and without noise, programmed, and read over a
// year. It takes about three minutes on two processors; change the sizes first.

import { DAY, HOUR, MONTH, YEAR } from '../base/units.ts';
import { USUAL_METHODS } from '../experiment/compensation-method.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { RunSettings } from './settings-schema.ts';

const training: TrainingSettings = {
  epochs: 40,
  batchSize: 50,
  learningRate: { kind: 'cosine', initial: 0.4, warmupEpochs: 1 },
  rule: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
  labelSmoothing: 0,
  statisticsMomentum: 0.1,
  // The generated shapes are at random places of their images already, so crops would add nothing.
  augmentation: { cropPadding: 0, flip: true, cutout: 0 },
  noise: { kind: 'none' },
  clipping: { kind: 'none' },
};

/** Settings of `ohmic run` without a settings file. */
export const defaultRun: RunSettings = {
  name: 'synthetic-small-cnn',
  data: { dataset: 'synthetic' },
  model: 'small-cnn',
  seed: 1,
  backend: 'auto',
  training,
  noiseTraining: {
    ...training,
    epochs: 30,
    learningRate: { kind: 'cosine', initial: 0.1, warmupEpochs: 0 },
    // η = 3.8 % and α = 2: V. Joshi et al., Nat. Commun. 11:2473 (2020) [second hand], for the same cells.
    noise: { kind: 'gaussian', relativeToMax: 0.038 },
    clipping: { kind: 'standard-deviations', alpha: 2 },
  },
  hardware: 'joshi2020',
  evaluation: {
    chips: 5,
    timesSeconds: [25, HOUR, DAY, MONTH, YEAR],
    methods: USUAL_METHODS,
    adabs: { batches: 13, batchSize: 200, memory: 0.015 },
    calibrationImages: 250,
    ranges: { kind: 'root-mean-squares', count: 6 },
  },
};
