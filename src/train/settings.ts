// What a training run is asked to do, as plain data: it is stored with the weights it produced.

import type { Augmentation } from '../data/batches.ts';

/** Learning rate over a run. */
export type LearningRate =
  /**
   * From `initial` down to 0 along half a cosine, after a linear rise over `warmupEpochs`; once more from `initial` at
   * the start of each epoch of `restartEpochs` (warm restarts: Loshchilov and Hutter, arXiv 1608.03983).
   */
  | {
      readonly kind: 'cosine';
      readonly initial: number;
      readonly warmupEpochs: number;
      readonly restartEpochs?: readonly number[] | undefined;
    }
  /** `initial`, multiplied by `factor` at the start of each epoch of `atEpochs`. */
  | {
      readonly kind: 'step';
      readonly initial: number;
      readonly factor: number;
      readonly atEpochs: readonly number[];
    };

/** Noise on the weights of every analog layer, drawn anew for every mini-batch. */
export type WeightNoise =
  | { readonly kind: 'none' }
  /** η = σ / max|W| of the layer. */
  | { readonly kind: 'gaussian'; readonly relativeToMax: number };

/** Limit on the weights of every analog layer, applied after every step. */
export type WeightClipping =
  | { readonly kind: 'none' }
  /** To ±alpha standard deviations of the layer's weights. */
  | { readonly kind: 'standard-deviations'; readonly alpha: number };

/** Settings of a training run. */
export type TrainingSettings = {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: LearningRate;
  /** Momentum of stochastic gradient descent. */
  readonly momentum: number;
  readonly nesterov: boolean;
  /** L2 penalty on the weights; biases and normalisation parameters are not decayed. */
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  /** Share of a batch's statistics in the running ones. */
  readonly statisticsMomentum: number;
  readonly augmentation: Augmentation;
  readonly noise: WeightNoise;
  readonly clipping: WeightClipping;
};

/** Learning rate at step `step` of a run with `stepsPerEpoch` steps in an epoch. */
export function learningRateAt(
  { learningRate, epochs }: Pick<TrainingSettings, 'learningRate' | 'epochs'>,
  step: number,
  stepsPerEpoch: number,
): number {
  if (learningRate.kind === 'step') {
    const epoch = Math.floor(step / stepsPerEpoch);
    const drops = learningRate.atEpochs.filter((at) => epoch >= at).length;
    return learningRate.initial * learningRate.factor ** drops;
  }
  const warmup = learningRate.warmupEpochs * stepsPerEpoch;
  // A warm-up that ends within a step must not overshoot in it.
  if (step < warmup) return learningRate.initial * Math.min(1, (step + 1) / warmup);
  const bounds = [...(learningRate.restartEpochs ?? []), epochs].map((epoch) => epoch * stepsPerEpoch);
  const start = Math.max(warmup, ...bounds.filter((bound) => bound <= step));
  const end = Math.min(epochs * stepsPerEpoch, ...bounds.filter((bound) => bound > step));
  const progress = (step - start) / Math.max(1, end - start);
  return 0.5 * learningRate.initial * (1 + Math.cos(Math.PI * progress));
}

/** All faults of the settings; none if they can be run. */
export function trainingFaults(settings: TrainingSettings): string[] {
  const faults: string[] = [];
  const expect = (holds: boolean, name: string, expected: string, value: number): void => {
    if (!holds) faults.push(`${name} must be ${expected}, got ${value}`);
    else if (!Number.isFinite(value)) faults.push(`${name} must be finite, got ${value}`);
  };
  const isWhole = (value: number, from: number): boolean => Number.isInteger(value) && value >= from;
  expect(isWhole(settings.epochs, 0), 'epochs', 'a whole number from 0', settings.epochs);
  expect(isWhole(settings.batchSize, 1), 'batchSize', 'a whole number from 1', settings.batchSize);
  expect(settings.learningRate.initial > 0, 'learningRate.initial', 'above 0', settings.learningRate.initial);
  expect(settings.momentum >= 0 && settings.momentum < 1, 'momentum', 'in [0, 1)', settings.momentum);
  expect(settings.weightDecay >= 0, 'weightDecay', 'at least 0', settings.weightDecay);
  expect(
    settings.labelSmoothing >= 0 && settings.labelSmoothing < 1,
    'labelSmoothing',
    'in [0, 1)',
    settings.labelSmoothing,
  );
  const { statisticsMomentum: share } = settings;
  expect(share > 0 && share <= 1, 'statisticsMomentum', 'in (0, 1]', share);
  expect(
    isWhole(settings.augmentation.cropPadding, 0),
    'augmentation.cropPadding',
    'a whole number from 0',
    settings.augmentation.cropPadding,
  );
  expect(
    isWhole(settings.augmentation.cutout, 0),
    'augmentation.cutout',
    'a whole number from 0',
    settings.augmentation.cutout,
  );
  if (settings.learningRate.kind === 'cosine') {
    const { warmupEpochs } = settings.learningRate;
    expect(
      warmupEpochs >= 0 && warmupEpochs <= settings.epochs,
      'learningRate.warmupEpochs',
      'between 0 and epochs',
      warmupEpochs,
    );
    for (const at of settings.learningRate.restartEpochs ?? []) {
      const holds = isWhole(at, 1) && at >= warmupEpochs && at < settings.epochs;
      expect(holds, 'learningRate.restartEpochs', 'whole numbers after the warm-up and below epochs', at);
    }
  } else {
    const { factor, atEpochs } = settings.learningRate;
    expect(factor > 0, 'learningRate.factor', 'above 0', factor);
    for (const at of atEpochs) expect(isWhole(at, 0), 'learningRate.atEpochs', 'whole numbers from 0', at);
  }
  if (settings.noise.kind === 'gaussian') {
    expect(
      settings.noise.relativeToMax >= 0,
      'noise.relativeToMax',
      'at least 0',
      settings.noise.relativeToMax,
    );
  }
  if (settings.clipping.kind === 'standard-deviations') {
    expect(settings.clipping.alpha > 0, 'clipping.alpha', 'above 0', settings.clipping.alpha);
  }
  return faults;
}
