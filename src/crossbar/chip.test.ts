// A chip from programming to compensation, through the interpreter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correlation } from '../../test/correlation.ts';
import { UsageError } from '../base/errors.ts';
import type { HostTensor } from '../base/parameters.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { DAY, HOUR, YEAR } from '../base/units.ts';
import type { CellSpec } from '../cells/cell.ts';
import { pcmNandakumar2019 } from '../cells/published-cells.ts';
import { interpret } from '../graph/interpret.ts';
import {
  type Chip,
  collectChip,
  collectReading,
  type LayerReading,
  type ProgrammedLayer,
  type Reading,
  readingInputs,
} from './chip.ts';
import { compensationFactors, type DriftCompensation } from './compensation.ts';
import type { HardwareSpec } from './hardware.ts';
import { ideal, joshi2020 } from './presets.ts';
import { traceProgramming, traceReading } from './program-and-read.ts';

const layers = [
  { name: 'stem', shape: [3, 3, 2, 8] },
  { name: 'fc', shape: [40, 10] },
];
const { normal } = randomSequence(keyFromSeed(9));
const weights = {
  'stem.weights': Float64Array.from({ length: 144 }, normal),
  'fc.weights': Float64Array.from({ length: 400 }, normal),
};

function program(hardware: HardwareSpec, seed = 1): Chip {
  const graph = traceProgramming(layers, hardware);
  const { outputs } = interpret(graph, { ...weights, 'program.0': [seed], 'program.1': [0] });
  return collectChip({ hardware, seed, number: 0, layers, outputs });
}

function read(chip: Chip, timeSeconds: number, seed = 2): Reading {
  const graph = traceReading(layers, chip.hardware);
  const { outputs } = interpret(graph, {
    ...readingInputs(chip, timeSeconds),
    'read.0': [seed],
    'read.1': [0],
  });
  return collectReading(chip, timeSeconds, outputs);
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

test('a chip keeps every cell in the shape of its matrix', () => {
  const { kind, seed, layers: programmed } = program({ ...joshi2020, mapping: { scale: 'per-column' } });
  assert.deepEqual([kind, seed, Object.keys(programmed)], ['programmed', 1, ['stem', 'fc']]);
  const { stem } = programmed as { stem: ProgrammedLayer };
  assert.deepEqual([stem.rows, stem.columns, stem.shape], [18, 8, [3, 3, 2, 8]]);
  for (const tensor of [
    stem.targetPlus,
    stem.targetMinus,
    stem.gPlus,
    stem.gMinus,
    stem.nuPlus,
    stem.nuMinus,
  ]) {
    assert.deepEqual([tensor.shape, tensor.data.length], [[18, 8], 144]);
    assert.ok(tensor.data.every((value) => value >= 0));
  }
  assert.deepEqual(stem.scale.shape, [1, 8]);
});

test('an ideal chip reads its targets at any time', () => {
  const chip = program(ideal);
  const { timeSeconds, layers: sensed } = read(chip, YEAR);
  assert.equal(timeSeconds, YEAR);
  for (const [name, layer] of Object.entries(chip.layers)) {
    assert.deepEqual(sensed[name]!.gPlus, layer.targetPlus);
    assert.deepEqual(sensed[name]!.gMinus, layer.targetMinus);
  }
});

test('reading leaves the chip as it was, and every read senses anew', () => {
  const chip = program(joshi2020);
  const before = structuredClone(chip);
  const first = read(chip, HOUR, 2);
  assert.deepEqual(read(chip, HOUR, 2), first);
  assert.notDeepEqual(read(chip, HOUR, 3).layers, first.layers);
  assert.deepEqual(chip, before);
});

test('layers and polarities draw different noise, the same layer the same whatever its company', () => {
  const silentWeights = { 'a.weights': new Float64Array(400), 'b.weights': new Float64Array(400) };
  const key = { 'program.0': [4], 'program.1': [0] };
  const shape = [40, 10];
  const both = interpret(
    traceProgramming(
      [
        { name: 'a', shape },
        { name: 'b', shape },
      ],
      joshi2020,
    ),
    { ...silentWeights, ...key },
  );
  const alone = interpret(traceProgramming([{ name: 'b', shape }], joshi2020), { ...silentWeights, ...key });
  assert.deepEqual(alone.outputs['b.gPlus'], both.outputs['b.gPlus']);
  assert.notDeepEqual(both.outputs['a.gPlus'], both.outputs['b.gPlus']);
  assert.notDeepEqual(both.outputs['b.gMinus'], both.outputs['b.gPlus']);
});

// Correlation of independent samples: standard deviation 1/√n; n = 10 000, 4.5 σ, six pairs: false alarm 4e-5.
test('both polarities draw programming noise and drift exponents of their own', () => {
  const shape = [100, 100];
  // One weight sets the scale; all other cells are at RESET.
  const silent = new Float64Array(10_000).with(0, 1);
  const graph = traceProgramming([{ name: 'a', shape }], joshi2020);
  const { outputs } = interpret(graph, { 'a.weights': silent, 'program.0': [3], 'program.1': [4] });
  const samples = ['gPlus', 'gMinus', 'nuPlus', 'nuMinus'].map((name) => outputs[`a.${name}`]!.slice(1));
  for (const [k, one] of samples.entries()) {
    for (const other of samples.slice(k + 1))
      assert.ok(Math.abs(correlation(one, other)) < 4.5 / Math.sqrt(one.length));
  }
});

test('a time before programming ended, or beyond all sense, is refused', () => {
  const chip = program(ideal);
  for (const time of [-5, Number.NaN, Number.POSITIVE_INFINITY, 1e13]) {
    const message = `reading a chip: time must be from 0 to 1000000000000 s since programming, got ${time}`;
    assert.throws(() => readingInputs(chip, time), { name: UsageError.name, message });
    assert.throws(() => collectReading(chip, time, {}), { name: UsageError.name, message });
  }
});

test('outputs of another network are refused', () => {
  assert.throws(
    () =>
      collectChip({ hardware: ideal, seed: 1, number: 0, layers, outputs: { 'stem.targetPlus': [1, 2] } }),
    {
      name: UsageError.name,
      message: 'chip: "stem.targetPlus" needs 144 values, got 2; use the graph of the same layers',
    },
  );
  assert.throws(() => collectReading(program(ideal), 0, {}), {
    name: UsageError.name,
    message: 'chip: "stem.gPlus" needs 144 values, got none; use the graph of the same layers',
  });
});

// Compensation

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
    for (const { shape, data } of Object.values(factors({ kind }, hardware, DAY))) {
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
    for (const { data } of Object.values(factors({ kind }, { ...joshi2020, cell }, HOUR))) {
      assert.ok(data.every((factor) => factor >= 1));
    }
  });
}

test('global compensation is one factor, that of the mean read-out; none is one', () => {
  const { fc } = factors({ kind: 'global' }, joshi2020, HOUR) as { fc: HostTensor };
  assert.equal(new Set(fc.data).size, 1);
  assert.equal(fc.data.length, 10);
  const { stem } = factors({ kind: 'none' }, joshi2020, HOUR) as { stem: HostTensor };
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
  const { fc } = compensationFactors({ kind: 'per-column' }, empty, empty) as { fc: HostTensor };
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
    const { data } = compensationFactors({ kind }, baseline, current)['fc']!;
    for (const [column, factor] of data.entries())
      assert.ok(Math.abs(factor - expected[column]!) < 1e-6, `${kind}: ${data}`);
  }
});

test('a baseline of another chip is refused', () => {
  const reading = read(program(ideal), 0);
  assert.throws(() => compensationFactors({ kind: 'global' }, { ...reading, chip: 3 }, reading), {
    name: UsageError.name,
    message:
      'drift compensation: the baseline is of chip 3, the reading of chip 0; read the same chip for both',
  });
  assert.throws(() => compensationFactors({ kind: 'global' }, { ...reading, layers: {} }, reading), {
    name: UsageError.name,
    message: /2 faults\n {2}- layer "stem" has no baseline; read the same chip for both/,
  });
});
