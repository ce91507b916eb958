// Tails of χ² against closed forms and published percentage points.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chiSquareTail } from './chi-square.ts';
import { normalQuantile } from './statistics.ts';

test('with two degrees of freedom the tail is exp(−χ²/2), with four (1 + χ²/2) exp(−χ²/2)', () => {
  for (const x of [0, 0.01, 1, 2.9, 3.1, 10, 40, 200]) {
    const half = x / 2;
    assert.ok(Math.abs(chiSquareTail(x, 2) / Math.exp(-half) - 1) < 1e-12);
    assert.ok(Math.abs(chiSquareTail(x, 4) / ((1 + half) * Math.exp(-half)) - 1) < 1e-12);
  }
});

test('with one degree of freedom the tail is that of a squared normal draw', () => {
  for (const p of [0.6, 0.9, 0.975, 0.9999]) {
    assert.ok(Math.abs(chiSquareTail(normalQuantile(p) ** 2, 1) - 2 * (1 - p)) < 1e-12);
  }
});

// Abramowitz and Stegun, table 26.8, percentage points of χ², to the six digits printed.
test('percentage points are those of the tables', () => {
  for (const [degrees, p, chiSquare] of [
    [5, 0.05, 11.0705],
    [10, 0.01, 23.2093],
    [30, 0.995, 13.7867],
    [100, 0.001, 149.449],
  ] as const) {
    assert.ok(Math.abs(chiSquareTail(chiSquare, degrees) / p - 1) < 1e-4);
  }
});

test('impossible arguments are refused', () => {
  for (const [chiSquare, degrees] of [
    [-1, 3],
    [1, 0],
    [Number.NaN, 3],
  ] as const) {
    assert.throws(() => chiSquareTail(chiSquare, degrees), {
      name: 'UsageError',
      message: /^chiSquareTail: expected χ² of at least 0 and degrees of freedom above 0, got /,
    });
  }
});
