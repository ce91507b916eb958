// Learning rates over a run: pure functions of the step.

import type { LearningRate } from './settings.ts';

/** Learning rate at step `step` of a run with `stepsPerEpoch` steps in an epoch. */
export function learningRateAt(
  { learningRate, epochs }: { readonly learningRate: LearningRate; readonly epochs: number },
  step: number,
  stepsPerEpoch: number,
): number {
  if (learningRate.kind === 'step') {
    const epoch = Math.floor(step / stepsPerEpoch);
    const drops = learningRate.atEpochs.filter((at) => epoch >= at).length;
    return learningRate.initial * learningRate.factor ** drops;
  }
  const warmup = learningRate.warmupEpochs * stepsPerEpoch;
  // A warm-up that ends in the middle of a step must not exceed the initial rate in that step.
  if (step < warmup) return learningRate.initial * Math.min(1, (step + 1) / warmup);
  const bounds = [...(learningRate.restartEpochs ?? []), epochs].map((epoch) => epoch * stepsPerEpoch);
  const start = Math.max(warmup, ...bounds.filter((bound) => bound <= step));
  const end = Math.min(epochs * stepsPerEpoch, ...bounds.filter((bound) => bound > step));
  const progress = (step - start) / Math.max(1, end - start);
  return 0.5 * learningRate.initial * (1 + Math.cos(Math.PI * progress));
}
