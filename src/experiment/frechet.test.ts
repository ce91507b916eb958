import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { frechetDistance } from './frechet.ts';

/**
 * Rows with exactly the mean and exactly the covariance of `rows`: ± each row of √(n − 1) / √2 · L about the mean, n = 2 d,
 * has the covariance Lᵀ L.
 */
function withMoments(mean: readonly number[], rows: readonly (readonly number[])[]): number[] {
  const scale = Math.sqrt((2 * rows.length - 1) / 2);
  return [1, -1].flatMap((sign) =>
    rows.flatMap((row) => row.map((value, k) => mean[k]! + sign * scale * value)),
  );
}

function normal(count: number, d: number, seed: number): number[] {
  const draw = randomSequence(keyFromSeed(seed));
  return Array.from({ length: count * d }, draw.normal);
}

const close = (a: number, b: number, tolerance = 1e-12): void =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test('of normal distributions along the axes it is |μ₁ − μ₂|² + Σ (σ₁ − σ₂)²', () => {
  const a = withMoments(
    [1, 2, 3],
    [
      [2, 0, 0],
      [0, 1, 0],
      [0, 0, 0.5],
    ],
  );
  const b = withMoments(
    [0, 2, 5],
    [
      [1, 0, 0],
      [0, 3, 0],
      [0, 0, 0],
    ],
  );
  close(frechetDistance(a, b, 3), 1 + 4 + 1 + 4 + 0.25);
  close(frechetDistance(b, a, 3), 10.25);
});

test('of covariances that do not commute it is tr Σ₁ + tr Σ₂ − 2 tr (Σ₁ Σ₂)^½', () => {
  // In two dimensions tr M^½ = √(tr M + 2 √det M).
  const [l1, l2] = [
    [
      [2, 1],
      [0, 1],
    ],
    [
      [1, -1],
      [0, 3],
    ],
  ] as const;
  const of = ([[a, b], [, d]]: typeof l1 | typeof l2): [number, number, number] => [
    a * a,
    a * b,
    b * b + d * d,
  ];
  const [s1, s2] = [of(l1), of(l2)];
  const trace = s1[0] * s2[0] + 2 * s1[1] * s2[1] + s1[2] * s2[2];
  const determinant = (s1[0] * s1[2] - s1[1] ** 2) * (s2[0] * s2[2] - s2[1] ** 2);
  const expected = s1[0] + s1[2] + s2[0] + s2[2] - 2 * Math.sqrt(trace + 2 * Math.sqrt(determinant));
  close(frechetDistance(withMoments([0, 0], l1), withMoments([0, 0], l2), 2), expected);
});

test('equal sets are at 0, in any order of their rows', () => {
  const a = normal(50, 6, 1);
  // A root of a rounding error of 1e-16 would be 1e-8; tr is linear in the eigenvalues here.
  close(frechetDistance(a, a, 6), 0);
  const turned = Array.from({ length: 50 }, (_, row) => a.slice((49 - row) * 6, (50 - row) * 6)).flat();
  close(frechetDistance(a, turned, 6), 0);
  const repeated = Array.from({ length: 20 }, () => [1, 2, 3]).flat();
  assert.equal(frechetDistance(repeated, repeated, 3), 0);
});

test('it does not change if both sets are rotated and moved alike', () => {
  const d = 4;
  const [a, b] = [normal(40, d, 2), normal(60, d, 3).map((value, k) => value * (1 + (k % d)))];
  const move = (values: readonly number[]): number[] => {
    const moved = [...values];
    for (let row = 0; row < values.length / d; row++) {
      for (const [p, q, angle] of [
        [0, 1, 0.3],
        [1, 2, 1.1],
        [2, 3, -0.8],
        [0, 3, 2],
      ] as const) {
        const [x, y] = [moved[row * d + p]!, moved[row * d + q]!];
        moved[row * d + p] = Math.cos(angle) * x - Math.sin(angle) * y;
        moved[row * d + q] = Math.sin(angle) * x + Math.cos(angle) * y;
      }
    }
    return moved.map((value, k) => value + (k % d));
  };
  close(frechetDistance(move(a), move(b), d), frechetDistance(a, b, d), 1e-11);
});

test('two sets of one distribution are apart by the bias of their moments', () => {
  const [d, n, pairs] = [5, 400, 400];
  const deviations = [3, 2, 1, 0.5, 0.1];
  const drawn = (seed: number): number[] => normal(n, d, seed).map((value, k) => value * deviations[k % d]!);
  const distances = Array.from({ length: pairs }, (_, k) =>
    frechetDistance(drawn(2 * k), drawn(2 * k + 1), d),
  );
  const values = deviations.map((sigma) => sigma ** 2);
  const expected =
    (2 * values.reduce((sum, value) => sum + value, 0) +
      values.reduce(
        (sum, x, i) => sum + values.reduce((all, y, j) => all + ((i === j ? 2 : 1) * x * y) / (x + y), 0),
        0,
      )) /
    n;
  const mean = distances.reduce((sum, value) => sum + value, 0) / pairs;
  const deviation = Math.sqrt(distances.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (pairs - 1));
  // 400 pairs of 400 rows, the seeds fixed; 5 σ of the mean, a false alarm in 1.7 million, and 2 % for terms in 1/n².
  const allowed = (5 * deviation) / Math.sqrt(pairs) + 0.02 * expected;
  close(mean, expected, allowed);
  assert.ok(allowed < expected / 3, 'the test would notice a wrong bias');
});

test('features that are no rows, too few or not finite are refused', () => {
  assert.throws(() => frechetDistance([1, 2, 3], [1, 2], 2), {
    name: 'UsageError',
    message:
      'frechetDistance: 2 faults\n  - a: expected at least 2 rows of 2 features, got 3 numbers\n  - b: expected at least 2 rows of 2 features, got 2 numbers',
  });
  assert.throws(() => frechetDistance([1, 2, 3, 4], [1, 2, Number.NaN, 4], 2), {
    name: 'UsageError',
    message: 'frechetDistance: b: features must be finite, got NaN in row 1',
  });
});
