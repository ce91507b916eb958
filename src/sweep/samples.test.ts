import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_SAMPLED_AXES, samplePoints } from './samples.ts';

test('every projection of 2^m points of Sobol’s sequence has one point in each of 2^m intervals, however it is shifted', () => {
  for (const seed of [0, 1, 7]) {
    const points = samplePoints({ kind: 'sobol', count: 256, seed }, MOST_SAMPLED_AXES);
    for (let d = 0; d < MOST_SAMPLED_AXES; d++) {
      const places = points.map((point) => Math.floor(point[d]! * 256));
      assert.equal(new Set(places).size, 256, `dimension ${d}`);
    }
  }
});

test('the first points of Sobol’s sequence are those of its tables, but for the shift', () => {
  const [first, ...rest] = samplePoints({ kind: 'sobol', count: 4, seed: 0 }, 3);
  const unshifted = rest.map((point) =>
    point.map((value, d) => ((value * 2 ** 32) ^ (first![d]! * 2 ** 32)) >>> 0).map((word) => word / 2 ** 32),
  );
  // By hand: x = 1/2 in all; then Gray code 3, then 2.
  assert.deepEqual(unshifted, [
    [0.5, 0.5, 0.5],
    [0.75, 0.25, 0.25],
    [0.25, 0.75, 0.75],
  ]);
});

test('low-discrepancy points integrate better than random ones', () => {
  // ∫ Π (1 + (x_d − 1/2) / (d + 1)) = 1. Of 1024 random points the standard error is about 0.012, of these some 1e-4.
  const error = (kind: 'sobol' | 'halton' | 'random'): number => {
    const points = samplePoints({ kind, count: 1024, seed: 3 }, 5);
    const mean =
      points.reduce(
        (sum, point) => sum + point.reduce((product, x, d) => product * (1 + (x - 0.5) / (d + 1)), 1),
        0,
      ) / points.length;
    return Math.abs(mean - 1);
  };
  assert.ok(error('sobol') < 1e-3);
  assert.ok(error('halton') < 3e-3);
  // Five standard errors; the seed is fixed.
  assert.ok(error('random') < 0.06);
});

test('a longer sample begins with the shorter one, and another seed gives another sample', () => {
  for (const kind of ['sobol', 'halton', 'random'] as const) {
    const short = samplePoints({ kind, count: 5, seed: 1 }, 3);
    assert.deepEqual(samplePoints({ kind, count: 50, seed: 1 }, 3).slice(0, 5), short);
    assert.notDeepEqual(samplePoints({ kind, count: 5, seed: 2 }, 3), short);
    assert.ok(short.flat().every((x) => x >= 0 && x < 1));
  }
});

test('more axes than a sequence has are refused; random draws have room for all', () => {
  assert.throws(
    () => samplePoints({ kind: 'halton', count: 2, seed: 0 }, 13),
    /sample: expected at most 12 axes for halton, got 13; use kind: random/,
  );
  assert.equal(samplePoints({ kind: 'random', count: 1, seed: 0 }, 13)[0]!.length, 13);
});
