import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undominated } from './pareto-front.ts';

test('the Pareto front is what nothing beats', () => {
  const points = [
    { cost: 1, mean: 0.5 },
    { cost: 2, mean: 0.4 },
    { cost: 2, mean: 0.9 },
    { cost: 3, mean: 0.9 },
    { cost: 1, mean: 0.5 },
    { cost: 4, mean: 0.95 },
  ];
  const front = undominated(
    points,
    ({ cost }) => cost,
    ({ mean }) => mean,
  );
  assert.deepEqual(
    front.map((point) => points.indexOf(point)),
    [0, 4, 2, 5],
  );
});
