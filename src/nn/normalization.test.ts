import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import {
  NORMALIZATION_EPSILON,
  normalizeByBatch,
  normalizeByMoments,
  updatedStatistics,
} from './normalization.ts';

const SHAPE = [3, 2, 2, 2];
const CHANNELS = 2;
const gamma = [1.5, -0.5];
const beta = [0.25, 2];

const byBatch = trace((t) => {
  const scaleAndShift = { scale: t.input('gamma', [CHANNELS]), shift: t.input('beta', [CHANNELS]) };
  const { y, moments } = normalizeByBatch(t.input('x', SHAPE), scaleAndShift);
  return { outputs: { y, mean: moments.mean, variance: moments.variance } };
});

function images(offset: number): number[] {
  const draw = randomSequence(keyFromSeed(7));
  return Array.from({ length: 24 }, (_, i) => offset + (1 + (i % CHANNELS)) * draw.normal());
}

function direct(x: readonly number[]): { y: number[]; mean: number[]; variance: number[] } {
  const channels = [0, 1].map((c) => x.filter((_, i) => i % CHANNELS === c));
  const mean = channels.map((values) => values.reduce((sum, v) => sum + v, 0) / values.length);
  const variance = channels.map(
    (values, c) => values.reduce((sum, v) => sum + (v - mean[c]!) ** 2, 0) / values.length,
  );
  const y = x.map((v, i) => {
    const c = i % CHANNELS;
    return (gamma[c]! * (v - mean[c]!)) / Math.sqrt(variance[c]! + NORMALIZATION_EPSILON) + beta[c]!;
  });
  return { y, mean, variance };
}

function assertClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(actual[i]! - value) <= tolerance, `element ${i}: ${actual[i]} is not ${value}`);
  }
}

test('normalising by the batch equals the textbook formula, with population variance', () => {
  const x = images(0);
  const { outputs } = interpret(byBatch, { x, gamma, beta });
  const expected = direct(x);
  // A few dozen float64 operations on values near 1.
  assertClose(outputs['y']!, expected.y, 1e-13);
  assertClose(outputs['mean']!, expected.mean, 1e-13);
  assertClose(outputs['variance']!, expected.variance, 1e-13);
});

test('a large mean costs the digits of its subtraction and no more', () => {
  const offset = 2 ** 30;
  const x = images(offset);
  const { outputs } = interpret(byBatch, { x, gamma, beta });
  // Inputs carry an error of 2^30 · 2^-53 = 1e-7. Moments about zero would cancel 2^60: no digit of the variance left.
  assertClose(outputs['variance']!, direct(images(0)).variance, 1e-5);
});

test('a constant channel becomes its shift', () => {
  const x = images(0).map((value, i) => (i % CHANNELS === 0 ? 0.1 : value));
  const { outputs } = interpret(byBatch, { x, gamma, beta });
  assert.equal(outputs['variance']![0], 0);
  for (let i = 0; i < x.length; i += CHANNELS) assert.equal(outputs['y']![i], beta[0]);
});

test('a NaN among the activations reaches the variance', () => {
  const { outputs } = interpret(byBatch, { x: images(0).with(4, Number.NaN), gamma, beta });
  assert.ok(Number.isNaN(outputs['variance']![0]));
  assert.ok(!Number.isNaN(outputs['variance']![1]));
});

test('normalising by given moments equals normalising by the batch that has them', () => {
  const graph = trace((t) => {
    const scaleAndShift = { scale: t.input('gamma', [CHANNELS]), shift: t.input('beta', [CHANNELS]) };
    const moments = { mean: t.input('mean', [CHANNELS]), variance: t.input('variance', [CHANNELS]) };
    return { outputs: { y: normalizeByMoments(t.input('x', SHAPE), scaleAndShift, moments) } };
  });
  const x = images(3);
  const { y, mean, variance } = direct(x);
  assertClose(interpret(graph, { x, gamma, beta, mean, variance }).outputs['y']!, y, 1e-12);
});

test('a momentum of 1/k makes running statistics the average of all batches', () => {
  const graph = trace((t) => {
    const updated = updatedStatistics(t.input('running', [1]), t.input('batch', [1]), t.scalar('momentum'));
    return { outputs: { updated } };
  });
  const batches = [4, 7, 1, 0];
  let running = [99];
  for (const [k, batch] of batches.entries()) {
    const { outputs } = interpret(graph, { running, batch: [batch], momentum: [1 / (k + 1)] });
    running = [...outputs['updated']!];
  }
  assertClose(running, [3], 1e-13);
});
