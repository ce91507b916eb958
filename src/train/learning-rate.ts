// Learning rates over a run: pure functions of the step.

import type { LearningRate } from './settings.ts';

/** Learning rate at step `step` of a run with `stepsPerEpoch` steps in an epoch. */
export function learningRateAt(
  { learningRate, epochs }: { readonly learningRate: LearningRate; readonly epochs: number },
  step: number,
  stepsPerEpoch: number,
): number {
  const { warmupEpochs = 0 } = learningRate;
  const warmup = warmupEpochs * stepsPerEpoch;
  // A warm-up that ends in the middle of a step must not exceed the rate after it.
  const rise = step < warmup ? Math.min(1, (step + 1) / warmup) : 1;
  if (learningRate.kind === 'step') {
    const epoch = Math.floor(step / stepsPerEpoch);
    const drops = learningRate.atEpochs.filter((at) => epoch >= at).length;
    return learningRate.initial * learningRate.factor ** drops * rise;
  }
  if (step < warmup) return learningRate.initial * rise;
  const bounds = [...(learningRate.restartEpochs ?? []), epochs].map((epoch) => epoch * stepsPerEpoch);
  const start = Math.max(warmup, ...bounds.filter((bound) => bound <= step));
  const end = Math.min(epochs * stepsPerEpoch, ...bounds.filter((bound) => bound > step));
  const progress = (step - start) / Math.max(1, end - start);
  return 0.5 * learningRate.initial * (1 + Math.cos(Math.PI * progress));
}
