// Means, spreads and intervals: identities, tabulated quantiles, and how often an interval covers the truth.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './errors.ts';
import { keyFromSeed, randomSequence } from './random.ts';
import {
  confidenceInterval95,
  estimateOf,
  meanOf,
  normalQuantile,
  pairedDifference,
  standardDeviationOf,
  studentQuantile975,
} from './statistics.ts';

test('mean and standard deviation of known samples', () => {
  assert.equal(meanOf([1, 2, 3, 6]), 3);
  // Squared deviations 4 + 1 + 0 + 9 = 14, divisor 3.
  assert.equal(standardDeviationOf([1, 2, 3, 6]), Math.sqrt(14 / 3));
  assert.equal(standardDeviationOf(Float32Array.of(5)), 0);
});

test('a standard deviation keeps its digits far from zero', () => {
  const near = [1, 2, 3, 6];
  const far = near.map((value) => value + 2 ** 30);
  assert.ok(Math.abs(standardDeviationOf(far) - standardDeviationOf(near)) < 1e-6);
});

// Values as every printed table of Student's t has them, to four decimals.
const table: readonly (readonly [degrees: number, quantile: number])[] = [
  [1, 12.7062],
  [2, 4.3027],
  [3, 3.1824],
  [4, 2.7764],
  [5, 2.5706],
  [10, 2.2281],
  [24, 2.0639],
  [30, 2.0423],
  [100, 1.984],
];

for (const [degrees, quantile] of table) {
  test(`the quantile of Student's t for ${degrees} degrees of freedom is the tabulated one`, () => {
    // As documented: exact for 1 and 2, within 0.3 % from 3 on; the table itself is rounded to 5e-5.
    const tolerance = degrees <= 2 ? 5e-5 : 0.003 * quantile;
    assert.ok(Math.abs(studentQuantile975(degrees) - quantile) <= tolerance);
  });
}

test('quantiles fall with the degrees of freedom, to the normal quantile', () => {
  for (let degrees = 1; degrees < 200; degrees++)
    assert.ok(studentQuantile975(degrees + 1) < studentQuantile975(degrees), `at ${degrees}`);
  assert.ok(Math.abs(studentQuantile975(1e9) - 1.959963984540054) < 1e-8);
});

test('degrees of freedom that are no positive whole number are refused', () => {
  for (const degrees of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => studentQuantile975(degrees), {
      name: 'UsageError',
      message: `studentQuantile975: degrees of freedom must be a whole number from 1, got ${degrees}`,
    });
  }
});

test('fewer than two values have no interval, equal values one of width 0', () => {
  assert.equal(confidenceInterval95([]), undefined);
  assert.equal(confidenceInterval95([3]), undefined);
  assert.deepEqual(confidenceInterval95([3, 3, 3]), [3, 3]);
});

test('an interval moves and stretches with its sample', () => {
  const sample = [0.5, -1, 2, 0.25];
  const [low, high] = confidenceInterval95(sample)!;
  const [movedLow, movedHigh] = confidenceInterval95(sample.map((value) => 8 * value + 64))!;
  assert.ok(Math.abs(movedLow - (8 * low + 64)) < 1e-12 && Math.abs(movedHigh - (8 * high + 64)) < 1e-12);
});

// 20 000 samples for each size: the share has standard deviation √(0.95 · 0.05 / 20 000) = 0.0015; 5 σ: false alarm 6e-7
// for each size. The quantile's error of at most 0.3 % moves the coverage by less than 0.0005.
for (const size of [2, 3, 5, 25]) {
  test(`95 % of the intervals of ${size} normal values cover the mean`, () => {
    const samples = 20_000;
    const draw = randomSequence(keyFromSeed(size));
    let covered = 0;
    for (let sample = 0; sample < samples; sample++) {
      const values = Array.from({ length: size }, () => 7 + 3 * draw.normal());
      const [low, high] = confidenceInterval95(values)!;
      covered += Number(low <= 7 && 7 <= high);
    }
    assert.ok(Math.abs(covered / samples - 0.95) < 5 * 0.0015 + 0.0005, `${covered / samples}`);
  });
}

test('the normal quantile has the tabulated values, is odd, and refuses what it cannot give', () => {
  // To 16 digits, from both formulas: near 1/2 and further out.
  const known = [
    [0.5, 0],
    [0.9, 1.2815515655446004],
    [0.975, 1.959963984540054],
    [1e-3, -3.090232306167813],
    [1e-9, -5.9978070150076865],
  ] as const;
  for (const [p, quantile] of known) assert.ok(Math.abs(normalQuantile(p) - quantile) < 1e-14 + 1e-15 * p);
  for (let p = 0.01; p < 0.5; p += 0.01)
    assert.ok(Math.abs(normalQuantile(p) + normalQuantile(1 - p)) < 1e-14);
  for (const p of [0, 1, -1, Number.NaN]) assert.throws(() => normalQuantile(p), UsageError);
});

test('a paired difference has nothing of what both samples share', () => {
  const shared = [0.1, 0.9, 0.4, 0.6];
  const { mean, interval95 } = pairedDifference(
    shared.map((value) => value + 0.25),
    shared,
  );
  assert.ok(Math.abs(mean - 0.25) < 1e-15);
  assert.ok(interval95![1] - interval95![0] < 1e-15);
});

test('a paired difference is the estimate of the differences, of as many pairs as there are', () => {
  assert.deepEqual(pairedDifference([3, 5, 9, 100], [1, 2, 3]), estimateOf([2, 3, 6]));
  assert.deepEqual(estimateOf([2, 3, 6]).interval95, confidenceInterval95([2, 3, 6]));
  assert.deepEqual(pairedDifference([3], [1]), { mean: 2 });
  assert.throws(
    () => pairedDifference([], [1]),
    new UsageError('pairedDifference: expected at least one pair, got none'),
  );
});
