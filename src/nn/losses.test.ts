import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import {
  absoluteError,
  correctCount,
  logSoftmax,
  oneHot,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  squaredError,
} from './losses.ts';

const LOGITS = [1, 2, 0.5, -1, 3, 3];
const LABELS = [1, 0];

/** A loss of two rows of three logits. */
function evaluate(
  loss: (logits: Tensor, labels: Tensor) => Tensor,
  logits: readonly number[] = LOGITS,
  labels: readonly number[] = LABELS,
): Float64Array {
  const graph = trace((t) => ({
    outputs: { loss: loss(t.input('logits', [2, 3]), t.input('labels', [2])) },
  }));
  return interpret(graph, { logits, labels }).outputs['loss']!;
}

function logProbabilities(row: readonly number[]): number[] {
  const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
  return row.map((z) => Math.log(Math.exp(z) / total));
}

const close = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-14, `${actual} is not ${expected}`);

test('cross-entropy is the mean negative logarithm of the probability of the label', () => {
  const [first, second] = [logProbabilities(LOGITS.slice(0, 3)), logProbabilities(LOGITS.slice(3))];
  close(evaluate(softmaxCrossEntropy)[0]!, -(first[1]! + second[0]!) / 2);
});

test('smoothing moves its share of the target to all classes evenly', () => {
  const rows = [logProbabilities(LOGITS.slice(0, 3)), logProbabilities(LOGITS.slice(3))];
  const expected = rows.map((row, i) =>
    row.reduce((sum, logP, k) => sum - logP * ((k === LABELS[i] ? 0.9 : 0) + 0.1 / 3), 0),
  );
  const loss = evaluate((logits, labels) => softmaxCrossEntropy(logits, labels, { smoothing: 0.1 }));
  close(loss[0]!, (expected[0]! + expected[1]!) / 2);
});

test('log-softmax survives logits whose exponentials do not', () => {
  const shifted = evaluate(
    logSoftmax,
    LOGITS.map((z) => z + 4096),
  );
  const expected = [...logProbabilities(LOGITS.slice(0, 3)), ...logProbabilities(LOGITS.slice(3))];
  // The logits are multiples of 1/2, so the shift itself is exact.
  for (const [i, value] of expected.entries()) close(shifted[i]!, value);
});

test('squared error is the mean over all elements', () => {
  const loss = evaluate((logits, labels) => squaredError(logits, oneHot(labels, 3)));
  close(loss[0]!, (1 + 1 + 0.25 + 4 + 9 + 9) / 6);
});

test('one-hot rows have their one at the label, and none for a label of no class', () => {
  assert.deepEqual([...evaluate((_, labels) => oneHot(labels, 3), LOGITS, [2, -1])], [0, 0, 1, 0, 0, 0]);
});

test('a row is correct if its label has the maximum, as the first if others have it too', () => {
  assert.equal(evaluate(correctCount)[0], 1);
  assert.equal(evaluate(correctCount, LOGITS, [1, 1])[0], 2);
  assert.equal(evaluate(correctCount, LOGITS, [1, 2])[0], 1);
  assert.equal(evaluate(correctCount, LOGITS, [0, 0])[0], 0);
});

test('a network that answers alike for every class is right for the first class only', () => {
  assert.equal(evaluate(correctCount, [0, 0, 0, 0, 0, 0], [0, 2])[0], 1);
  assert.equal(evaluate(correctCount, [0, 0, 0, 0, 0, 0], [1, 2])[0], 0);
});

test('a row without a class or with a NaN at the label is never correct', () => {
  assert.equal(evaluate(correctCount, [0, 0, 0, 0, 0, 0], [-1, 3])[0], 0);
  assert.equal(evaluate(correctCount, [Number.NaN, 0, 0, 1, 0, 0], [0, 0])[0], 1);
});

test('a row without a class adds nothing to the cross-entropy', () => {
  const [first] = [logProbabilities(LOGITS.slice(0, 3))];
  close(evaluate(softmaxCrossEntropy, LOGITS, [1, -1])[0]!, -first[1]! / 2);
});

test('losses refuse shapes and smoothing that make no sense', () => {
  const refused = (message: RegExp) => (error: unknown) =>
    error instanceof UsageError && message.test(error.message);
  trace((t) => {
    const [logits, labels] = [t.input('logits', [2, 3]), t.input('labels', [3])];
    const mismatch = /expected logits \(n, classes\) and labels \(n\), got \(2, 3\) and \(3\)$/;
    assert.throws(() => softmaxCrossEntropy(logits, labels), refused(mismatch));
    assert.throws(() => correctCount(logits, labels), refused(mismatch));
    assert.throws(
      () => squaredError(logits, labels),
      refused(/prediction \(2, 3\) and target \(3\) differ in shape$/),
    );
    for (const smoothing of [-0.1, 1, Number.NaN]) {
      assert.throws(
        () => softmaxCrossEntropy(logits, labels, { smoothing }),
        refused(/below 1, got (-0\.1|1|NaN)$/),
      );
    }
    return { outputs: {} };
  });
});

test('errors and the cross-entropy of yes and no are their definitions', () => {
  const [z, t] = [
    [0, 2, -3, 40, -800],
    [1, 0, 1, 1, 0],
  ];
  const graph = trace((g) => {
    const [logits, targets] = [g.input('z', [5]), g.input('t', [5])];
    const loss = sigmoidCrossEntropy(logits, targets);
    return {
      outputs: {
        loss,
        slope: gradients(loss, [logits])[0]!,
        alike: sigmoidCrossEntropy(logits, 1),
        absolute: absoluteError(logits, targets),
      },
    };
  });
  const { loss, slope, alike, absolute } = interpret(graph, { z, t }).outputs;
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  // −log σ(z) = log(1 + e^−z); −log(1 − σ(z)) = log(1 + e^z): what would overflow is 800 and 0.
  const yes = [
    Math.log(2),
    Math.log1p(Math.exp(-2)),
    Math.log1p(Math.exp(3)),
    Math.log1p(Math.exp(-40)),
    800,
  ];
  const wanted = [yes[0]!, Math.log1p(Math.exp(2)), yes[2]!, yes[3]!, 0];
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / 5;
  assert.ok(Math.abs(loss![0]! - mean(wanted)) < 1e-12);
  assert.ok(Math.abs(alike![0]! - mean(yes)) < 1e-12);
  assert.ok(Math.abs(absolute![0]! - mean([1, 2, 4, 39, 800])) < 1e-12);
  for (const [i, s] of slope!.entries())
    assert.ok(Math.abs(s - (sigmoid(z[i]!) - t[i]!) / 5) < 1e-12, `${i}`);
  for (const [name, error] of Object.entries({ squaredError, absoluteError, sigmoidCrossEntropy }))
    assert.throws(() => trace((g) => ({ outputs: { e: error(g.input('a', [2]), g.input('b', [3])) } })), {
      name: 'UsageError',
      message: `${name}: prediction (2) and target (3) differ in shape`,
    });
});
