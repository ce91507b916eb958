// Sets of intervals, against sets of numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { type Interval, isCovered, isEmpty, joined, moved, without } from './interval.ts';

const numbersOf = (set: readonly Interval[]): number[] =>
  set
    .flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, k) => low + k))
    .sort((a, b) => a - b);

test('joining and taking away give the sets that they give number by number', () => {
  const draw = randomSequence(keyFromSeed(1));
  let set: readonly Interval[] = [];
  let numbers = new Set<number>();
  for (let round = 0; round < 500; round++) {
    const low = draw.below(60);
    const interval: Interval = [low, low + draw.below(9)];
    const inside = numbersOf([interval]);
    assert.equal(
      isCovered(set, interval),
      inside.every((n) => numbers.has(n)),
    );
    if (draw.below(2) === 0) {
      set = joined(set, interval);
      numbers = new Set([...numbers, ...inside]);
    } else {
      set = without(set, interval);
      numbers = new Set([...numbers].filter((n) => !inside.includes(n)));
    }
    assert.deepEqual(
      numbersOf(set),
      [...numbers].sort((a, b) => a - b),
    );
    assert.ok(set.every((one) => !isEmpty(one)));
  }
});

test('intervals with a small gap between them become one where that is asked for', () => {
  assert.deepEqual(joined([[0, 3]], [6, 8]), [
    [0, 3],
    [6, 8],
  ]);
  assert.deepEqual(joined([[0, 3]], [6, 8], 2), [[0, 8]]);
  assert.deepEqual(joined([[0, 3]], [7, 8], 2), [
    [0, 3],
    [7, 8],
  ]);
  assert.deepEqual(moved([2, 5], 3), [5, 8]);
});
