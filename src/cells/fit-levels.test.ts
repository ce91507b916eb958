// Levels: how devices are gathered, how folding and the limit at 0 are undone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { type DeviceFit, fitDevice } from './fit-device.ts';
import { levelsFrom, levelsOf, unfold } from './fit-levels.ts';

const silent = (target: number, g: number): DeviceFit =>
  fitDevice({ name: 'd', target, times: [20, 40], conductances: [g, g] }, 20, undefined);

test('few targets are levels of their own, in order', () => {
  const devices = [5, 1, 5, 1, 5, 1, 5, 1].map((target) => silent(target, target));
  assert.deepEqual(
    levelsOf(devices).map((level) => level.map(({ target }) => target)),
    [
      [1, 1, 1, 1],
      [5, 5, 5, 5],
    ],
  );
});

test('targets of their own for every device are joined to levels of at least 20', () => {
  const devices = Array.from({ length: 505 }, (_, i) => silent(i / 100, i / 100));
  const levels = levelsOf(devices);
  assert.equal(levels.flat().length, 505);
  assert.ok(levels.length > 15 && levels.every((level) => level.length >= 20));
  assert.ok(levels.flat().every(({ target }, i, all) => i === 0 || target >= all[i - 1]!.target));
});

// 200,000 draws, seed 2: 5 σ on four statistics, false alarm 2e-6.
test('unfolding finds mean and spread of a Gaussian from those of its magnitudes', () => {
  const draw = randomSequence(keyFromSeed(2));
  const n = 200_000;
  for (const [mu, sigma] of [
    [0.1, 0.045],
    [0.06, 0.05],
  ] as const) {
    const values = Array.from({ length: n }, () => Math.abs(mu + sigma * draw.normal()));
    const mean = values.reduce((sum, x) => sum + x, 0) / n;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
    const found = unfold(mean, variance);
    // Folding costs precision: at μ = 1.2 σ the errors are some three times those of the Gaussian itself.
    assert.ok(Math.abs(found.mean - mu) < (15 * sigma) / Math.sqrt(n));
    assert.ok(Math.abs(Math.sqrt(found.variance) - sigma) < (15 * sigma) / Math.sqrt(n));
  }
});

test('far from 0, and with a variance of nothing or less, unfolding changes nothing', () => {
  assert.deepEqual(unfold(0.05, 1e-6), { mean: 0.05, variance: 1e-6 });
  assert.deepEqual(unfold(0.05, -1e-6), { mean: 0.05, variance: -1e-6 });
});

test('magnitudes more alike than folded ones can be are those of a mean of 0', () => {
  const { mean, variance } = unfold(0.01, 1);
  assert.ok(mean < 1e-6 && Math.abs(variance - 1.0001) < 1e-6);
});

// 50,000 devices at each of three targets, s = 0.3 µS, seed 8: 5 σ, false alarm 2e-6.
test('the spread of cells whose Gaussian is cut at 0 is that of the whole Gaussian', () => {
  const draw = randomSequence(keyFromSeed(8));
  for (const target of [0, 0.2, 0.6]) {
    const devices = Array.from({ length: 50_000 }, () =>
      silent(target, Math.max(0, target + 0.3 * draw.normal())),
    );
    const [level] = levelsFrom([devices], 20, undefined);
    const { spread, isCut } = level!.programmed;
    assert.ok(isCut);
    const error = Math.sqrt(spread.variance / (2 * spread.freedom));
    assert.ok(error < 0.004 && Math.abs(Math.sqrt(spread.variance) - 0.3) < 5 * error, `${target}`);
    assert.equal(level!.drift, undefined);
  }
});
