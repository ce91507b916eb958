// Drift compensation by read-outs: exact where all cells drift alike, and of the same chip only.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InterpretedChip, programmedChip, readingAt } from '../../test/interpreted-chip.ts';
import { UsageError } from '../base/errors.ts';
import type { HostTensor } from '../base/parameters.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { DAY, HOUR } from '../base/units.ts';
import type { CellSpec } from '../cells/cell.ts';
import { pcmNandakumar2019 } from '../cells/published-cells.ts';
import { interpret } from '../graph/interpret.ts';
import type { Layer } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import type { LayerReading, Reading } from './chip.ts';
import {
  compensationFactors,
  DRIFT_COMPENSATIONS,
  type DriftCompensation,
  driftFactors,
  tracedDriftFactors,
} from './compensation.ts';
import type { HardwareSpec } from './hardware.ts';
import { ideal, joshi2020 } from './presets.ts';

const layers: readonly Layer[] = [
  { name: 'stem', kind: 'convolution', shape: [3, 3, 2, 8] },
  { name: 'fc', kind: 'dense', shape: [40, 10] },
];
const { normal } = randomSequence(keyFromSeed(9));
const weights = {
  'stem.weights': Float64Array.from({ length: 144 }, normal),
  'fc.weights': Float64Array.from({ length: 400 }, normal),
};

function program(hardware: HardwareSpec): InterpretedChip {
  return programmedChip(hardware, layers, weights, { seed: 1, key: [1, 0] });
}

function read(chip: InterpretedChip, timeSeconds: number, seed = 2): Reading {
  return readingAt(chip, timeSeconds, [seed, 0]);
}

/** A cell whose only fault is that all cells drift with the same exponent. */
const commonDrift: CellSpec = {
  ...pcmNandakumar2019,
  programmingNoise: { kind: 'none' },
  readNoise: { kind: 'none' },
  drift: {
    kind: 'power-law',
    exponentMean: { kind: 'polynomial', coefficients: [0.06] },
    exponentSpread: { kind: 'polynomial', coefficients: [0] },
    source: 'test',
  },
};

function factors(
  compensation: DriftCompensation,
  hardware: HardwareSpec,
  time: number,
): Record<string, HostTensor> {
  const chip = program(hardware);
  return compensationFactors(compensation, read(chip, 0, 5), read(chip, time, 6));
}

for (const kind of ['global', 'per-column'] as const) {
  test(`${kind} compensation of a drift that all cells share is exact`, () => {
    const hardware: HardwareSpec = { ...joshi2020, cell: commonDrift };
    const expected = ((DAY + 20) / 20) ** 0.06;
    for (const { shape, data } of Object.values(factors(kind, hardware, DAY))) {
      assert.equal(shape[0], 1);
      // Read-outs pass through float32: two roundings of 6e-8.
      assert.ok(data.every((factor) => Math.abs(factor / expected - 1) < 3e-7));
    }
  });

  test(`${kind} compensation of pure drift never attenuates`, () => {
    const cell: CellSpec = {
      ...pcmNandakumar2019,
      programmingNoise: { kind: 'none' },
      readNoise: { kind: 'none' },
    };
    for (const { data } of Object.values(factors(kind, { ...joshi2020, cell }, HOUR))) {
      assert.ok(data.every((factor) => factor >= 1));
    }
  });
}

test('global compensation is one factor, that of the mean read-out; none is one', () => {
  const { fc } = factors('global', joshi2020, HOUR) as { fc: HostTensor };
  assert.equal(new Set(fc.data).size, 1);
  assert.equal(fc.data.length, 10);
  const { stem } = factors('none', joshi2020, HOUR) as { stem: HostTensor };
  assert.deepEqual(stem.data, new Float32Array(8).fill(1));
});

test('a layer of zeros keeps a factor of 1 on exact cells', () => {
  const chip = program({ ...joshi2020, cell: commonDrift });
  const reading = read(chip, 0);
  const { fc: layer } = reading.layers as { fc: LayerReading };
  const empty: Reading = {
    ...reading,
    layers: { fc: { ...layer, readOut: { shape: [1, 10], data: new Float32Array(10) } } },
  };
  const { fc } = compensationFactors('per-column', empty, empty) as { fc: HostTensor };
  assert.deepEqual(fc.data, new Float32Array(10).fill(1));
});

test('global compensation takes the ratio of mean read-outs, per-column that of each column', () => {
  const reading = read(program(ideal), 0);
  const withReadOut = (...values: number[]): Reading => {
    const readOut = { shape: [1, 2], data: Float32Array.from(values) };
    return { ...reading, layers: { fc: { ...reading.layers['fc']!, columns: 2, readOut } } };
  };
  const [baseline, current] = [withReadOut(0.2, 0.4), withReadOut(0.1, 0.3)];
  for (const [kind, expected] of [
    ['global', [0.6 / 0.4, 0.6 / 0.4]],
    ['per-column', [2, 4 / 3]],
    ['none', [1, 1]],
  ] as const) {
    const { data } = compensationFactors(kind, baseline, current)['fc']!;
    for (const [column, factor] of data.entries())
      assert.ok(Math.abs(factor - expected[column]!) < 1e-6, `${kind}: ${data}`);
  }
});

test('a baseline of another chip is refused', () => {
  const reading = read(program(ideal), 0);
  assert.throws(() => compensationFactors('global', { ...reading, chip: 3 }, reading), {
    name: UsageError.name,
    message:
      'drift compensation: the baseline is of chip 3, the reading of chip 0; read the same chip for both',
  });
  assert.throws(() => compensationFactors('global', { ...reading, layers: {} }, reading), {
    name: UsageError.name,
    message: /2 faults\n {2}- layer "stem" has no baseline; read the same chip for both/,
  });
});

test('read-outs that are almost nothing count as 1e-4', () => {
  const [before, now] = [Float32Array.of(0.2, 0.2), Float32Array.of(0, 5e-5)];
  for (const factor of driftFactors('per-column', before, now)) assert.ok(Math.abs(factor / 2000 - 1) < 1e-6);
  assert.deepEqual(
    driftFactors('global', Float32Array.of(0, 1e-5), Float32Array.of(5e-5, 0)),
    Float32Array.of(1, 1),
  );
});

test('factors in a graph are those of the host', () => {
  const before = Float32Array.of(0.2, 0.5, 0, 1e-5, 0.3);
  const now = Float32Array.of(0.1, 0.6, 0.2, 0, 0.3);
  for (const compensation of DRIFT_COMPENSATIONS) {
    const graph = trace((t) => {
      const [from, to] = [t.input('before', [1, 5]), t.input('now', [1, 5])];
      return { outputs: { factors: tracedDriftFactors(compensation, from, to).broadcastTo([1, 5]) } };
    });
    const { factors: traced } = interpret(graph, { before, now }).outputs;
    const expected = driftFactors(compensation, before, now);
    assert.ok(traced!.every((factor, column) => Math.abs(factor / expected[column]! - 1) < 1e-6));
  }
});
