// One device: what exact reads give back, and that noisy ones give it without bias.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { fitDevice, growthOf } from './fit-device.ts';
import type { MeasuredDevice } from './measurements.ts';

const READ = 250e-9;
const times = [20, 20, 60, 200, 1000, 5000, 40_000];

const device = (conductances: readonly number[], at: readonly number[] = times): MeasuredDevice => ({
  name: 'd',
  target: 5,
  times: at,
  conductances,
});

test('reads without noise give conductance and exponent back, and leave nothing over', () => {
  const { curve, squares, freedom, first, firstReads } = fitDevice(
    device(times.map((t) => 4.5 * (t / 20) ** -0.06)),
    20,
    READ,
  );
  assert.ok(Math.abs(curve!.g0 - 4.5) < 1e-9 && Math.abs(curve!.nu - 0.06) < 1e-9);
  assert.ok(squares < 1e-18 && freedom === 5 && firstReads === 2 && Math.abs(first - 4.5) < 1e-12);
  assert.ok(Math.abs(curve!.curvature!) < 1e-9);
});

test('a curved drift shows as curvature', () => {
  const bent = fitDevice(
    device(times.map((t) => 4.5 * Math.exp(-0.06 * Math.log(t / 20) + 1e-4 * Math.log(t / 20) ** 2))),
    20,
    READ,
  );
  assert.ok(Math.abs(bent.curve!.curvature! / 1e-4 - 1) < 0.02);
});

test('with one time there is no curve, and repeats tell the scatter', () => {
  const { curve, squares, freedom } = fitDevice(device([4, 5, 6], [20, 20, 20]), 20, undefined);
  assert.equal(curve, undefined);
  assert.equal(freedom, 2);
  assert.ok(Math.abs(squares - 2 * 0.2 ** 2) < 1e-12);
  const single = fitDevice(device([4], [20]), 20, undefined);
  assert.deepEqual([single.squares, single.freedom, single.first], [0, 0, 4]);
});

test('a device that reads 0 throughout has neither curve nor scatter', () => {
  const { curve, squares, freedom, zeros, first } = fitDevice(device(times.map(() => 0)), 20, READ);
  assert.deepEqual([curve, squares, freedom, zeros, first], [undefined, 0, 0, times.length, 0]);
});

test('reads of 0 among others are taken as they are', () => {
  const { curve, zeros } = fitDevice(device([4, 0, 3, 2, 0, 1, 1]), 20, READ);
  assert.equal(zeros, 2);
  assert.ok(Number.isFinite(curve!.nu) && curve!.nu > 0);
});

// 20,000 devices of strength 0.04 (17 to 19 % a read), seed 3; 5 σ on three statistics: false alarm 2e-6. A regression
// of the logarithms would be off by Q²/2 = 0.0008, which is 4 standard errors of the mean.
test('noise of the model biases neither exponents nor strength, and variances are as predicted', () => {
  const draw = randomSequence(keyFromSeed(3));
  const [n, q, nu] = [20_000, 0.04, 0.06];
  const fits = Array.from({ length: n }, () =>
    fitDevice(
      device(times.map((t) => 5 * (t / 20) ** -nu * (1 + q * Math.sqrt(growthOf(t, READ)) * draw.normal()))),
      20,
      READ,
    ),
  );
  const predicted = q * Math.sqrt(fits[0]!.curve!.nuVariance);
  const mean = fits.reduce((sum, { curve }) => sum + curve!.nu, 0) / n;
  const variance = fits.reduce((sum, { curve }) => sum + (curve!.nu - mean) ** 2, 0) / n;
  const squares = fits.reduce((sum, fit) => sum + fit.squares, 0) / (n * fits[0]!.freedom);
  assert.ok(Math.abs(mean - nu) < 5 * (predicted / Math.sqrt(n)), `mean ${mean}`);
  // To second order a fit is not linear in the noise: σ² / degrees of freedom is 1 % here, on top of chance.
  assert.ok(Math.abs(variance / predicted ** 2 - 1) < 0.03 + 5 * Math.sqrt(2 / n), `variance ${variance}`);
  assert.ok(
    Math.abs(squares / q ** 2 - 1) < 0.03 + 5 * Math.sqrt(2 / (n * fits[0]!.freedom)),
    `strength ${squares}`,
  );
});
