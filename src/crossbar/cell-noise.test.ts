// Weights through cells in a training step: those of a chip, with gradients for the clean weights.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { programmedChip, readingAt } from '../../test/interpreted-chip.ts';
import { fixedRanges, normals } from '../../test/two-layers.ts';
import { meanOf } from '../base/statistics.ts';
import { DAY, YEAR } from '../base/units.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import type { Layer } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { compensationFactors, DRIFT_COMPENSATIONS, type DriftCompensation } from './compensation.ts';
import type { HardwareSpec } from './hardware.ts';
import { hardwareAware } from './hardware-aware.ts';
import { hermes256, ideal, joshi2020 } from './presets.ts';

const SIZE = 200;
const layer: Layer = { name: 'fc', kind: 'dense', shape: [SIZE, SIZE] };
const weights = normals(SIZE * SIZE);
const largest = weights.reduce((max, w) => Math.max(max, Math.abs(w)), 0);

/** The weights that multiply in a step, and d Σ y² / dW of a product y beside what it is of the weights that multiply. */
function stepWith(
  hardware: HardwareSpec,
  {
    time,
    compensation,
    key = 1,
    readNoise,
  }: { time: number; compensation: DriftCompensation; key?: number } & Pick<HardwareSpec, 'readNoise'>,
): Readonly<Record<'seen' | 'dw' | 'expected', Float64Array>> {
  const graph = trace((t) => {
    const w = t.input('weights', layer.shape);
    const { multiply } = hardwareAware({
      // The periphery has tests of its own.
      hardware: {
        ...ideal,
        cell: hardware.cell,
        mapping: hardware.mapping,
        ...(readNoise && { layers: { fc: { readNoise } } }),
      },
      weights: () => w,
      cells: { time: t.scalar('time'), compensation },
      ranges: fixedRanges(4),
      key: t.key('key'),
    });
    const x = t.input('x', [1, SIZE]);
    const y = multiply(x, layer);
    const [dw] = gradients(y.square().sum(), [w]);
    return {
      outputs: {
        seen: multiply(t.input('identity', layer.shape), layer),
        dw: dw!,
        expected: x.transpose().matmul(y.multiply(2)),
      },
    };
  });
  return interpret(graph, {
    weights,
    x: normals(SIZE),
    identity: Float64Array.from({ length: SIZE * SIZE }, (_, i) => Number(i % (SIZE + 1) === 0)),
    time: [time],
    'key.0': [key],
    'key.1': [2],
  }).outputs as Readonly<Record<'seen' | 'dw' | 'expected', Float64Array>>;
}

/** The weights of a programmed chip at a read, compensated. */
function chipWeights(
  hardware: HardwareSpec,
  { time, compensation }: { time: number; compensation: DriftCompensation },
): Float64Array {
  const chip = programmedChip(hardware, [layer], { 'fc.weights': weights }, { seed: 1, key: [7, 0] });
  const now = readingAt(chip, time, [9, 0]);
  const { data: factors } = compensationFactors(compensation, readingAt(chip, 0, [8, 0]), now)['fc']!;
  const { scale } = chip.chip.layers['fc']!;
  const [plus, minus] = now.layers['fc']!.cells.map(({ conductance }) => conductance.data);
  return Float64Array.from(weights, (_, i) => {
    const column = i % SIZE;
    return (plus![i]! - minus![i]!) * scale.data[column % scale.data.length]! * factors[column]!;
  });
}

test('cells without noise and drift leave the weights as they are', () => {
  for (const compensation of DRIFT_COMPENSATIONS) {
    const { seen } = stepWith(ideal, { time: YEAR, compensation });
    assert.ok(seen.every((value, i) => Math.abs(value - weights[i]!) < 1e-12 * largest));
  }
});

test('gradients are those of the weights that multiply, for the clean weights', () => {
  const { seen, dw, expected } = stepWith(joshi2020, { time: DAY, compensation: 'global' });
  assert.ok(seen.some((value, i) => Math.abs(value - weights[i]!) > 0.01 * largest));
  assert.ok(dw.every((value, i) => Math.abs(value - expected[i]!) < 1e-9));
});

test('hardware that draws read noise in every product has that of one read in a step', () => {
  const read = { time: DAY, compensation: 'global' } as const;
  const inStep = stepWith(joshi2020, { ...read, readNoise: { kind: 'per-product' } }).seen;
  assert.deepEqual(inStep, stepWith(joshi2020, read).seen);
});

// 40,000 weights in four groups by size, of which the smallest has more than 2,000. Kurtosis up to 6: standard deviation of a mean
// below 0.02 of the spread, of a spread below 2.1 %; both sides draw, so times √2. Bounds are 5 σ; 2 · 3 · 4 · 2 comparisons: false
// alarm 3e-5.
for (const hardware of [joshi2020, hermes256]) {
  for (const compensation of DRIFT_COMPENSATIONS) {
    test(`weights in a step have mean and spread of a chip of ${hardware.name}, ${compensation}`, () => {
      const time = 30 * DAY;
      const inStep = stepWith(hardware, { time, compensation }).seen;
      const onChip = chipWeights(hardware, { time, compensation });
      for (const [low, high] of [
        [0, 0.1],
        [0.1, 0.3],
        [0.3, 0.4],
        [0.4, 1],
      ] as const) {
        const group = [...weights.keys()].filter((i) => {
          const share = Math.abs(weights[i]!) / largest;
          return share >= low && share < high;
        });
        assert.ok(group.length > 2000, `${group.length}`);
        const of = (values: Float64Array): readonly [number, number] => {
          // Towards zero or away from it.
          const differences = group.map((i) => Math.sign(weights[i]!) * (values[i]! - weights[i]!));
          const mean = meanOf(differences);
          return [mean, Math.sqrt(meanOf(differences.map((d) => (d - mean) ** 2)))];
        };
        const [[mean, spread], [chipMean, chipSpread]] = [of(inStep), of(onChip)];
        const where = `${low} to ${high}: ${mean} ± ${spread}, chip ${chipMean} ± ${chipSpread}`;
        assert.ok(Math.abs(mean - chipMean) < 5 * 0.028 * chipSpread, where);
        assert.ok(Math.abs(spread / chipSpread - 1) < 5 * 0.03, where);
      }
    });
  }
}

test('another key is another chip, the same key the same weights', () => {
  const [one, again, other] = [1, 1, 2].map(
    (key) => stepWith(joshi2020, { time: 25, compensation: 'global', key }).seen,
  );
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, other);
});
