// Learning rates over a run, step by step.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learningRateAt } from './learning-rate.ts';
import type { LearningRate } from './settings.ts';

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

test('a step schedule with a warm-up rises in equal parts, and drops within it too', () => {
  const rates = ratesOf({ kind: 'step', initial: 1, factor: 0.5, atEpochs: [1], warmupEpochs: 2 }, 3);
  for (let step = 0; step < 10; step++) near(rates[step]!, ((step + 1) / 10) * (step < 5 ? 1 : 0.5));
  for (let step = 10; step < 15; step++) near(rates[step]!, 0.5);
});

test('a step schedule drops at the start of each epoch it names, in any order', () => {
  const rates = ratesOf({ kind: 'step', initial: 1, factor: 0.5, atEpochs: [3, 1] }, 4);
  assert.deepEqual(
    rates,
    [1, 0.5, 0.5, 0.25].flatMap((rate) => new Array<number>(STEPS_PER_EPOCH).fill(rate)),
  );
});
