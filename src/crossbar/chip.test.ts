// A chip from programming to a read, through the interpreter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { correlation } from '../../test/correlation.ts';
import { type InterpretedChip, placedOn, programmedChip, readingAt } from '../../test/interpreted-chip.ts';
import { UsageError } from '../base/errors.ts';
import type { HostTensor } from '../base/parameters.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { HOUR, YEAR } from '../base/units.ts';
import { interpret } from '../graph/interpret.ts';
import type { Layer } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { arraysOf, type CellArray, netConductance, tensorsOfArrays } from './arrays.ts';
import { checkReadTime, chipTensors, LATEST_SECONDS, type Reading, readingTensors } from './chip.ts';
import type { HardwareSpec } from './hardware.ts';
import { hermes256, ideal, joshi2020 } from './presets.ts';
import { traceProgramming } from './programming.ts';
import { traceReading } from './reading.ts';

const layers: readonly Layer[] = [
  { name: 'stem', kind: 'convolution', shape: [3, 3, 2, 8] },
  { name: 'fc', kind: 'dense', shape: [40, 10] },
];
const { normal } = randomSequence(keyFromSeed(9));
const weights = {
  'stem.weights': Float64Array.from({ length: 144 }, normal),
  'fc.weights': Float64Array.from({ length: 400 }, normal),
};

function program(hardware: HardwareSpec, seed = 1): InterpretedChip {
  return programmedChip(hardware, layers, weights, { seed, key: [seed, 0] });
}

function read(chip: InterpretedChip, timeSeconds: number, seed = 2): Reading {
  return readingAt(chip, timeSeconds, [seed, 0]);
}

/** The cells that add, and those that take away. */
function pairOf<T>(cells: readonly T[]): readonly [T, T] {
  assert.equal(cells.length, 2);
  return cells as unknown as readonly [T, T];
}

test('a chip keeps every cell in the shape of its matrix', () => {
  const { chip } = program({ ...joshi2020, mapping: { scale: 'per-column' } });
  const { kind, seed, number, layers: programmed } = chip;
  assert.deepEqual([kind, seed, number, Object.keys(programmed)], ['programmed', 1, 0, ['stem', 'fc']]);
  const stem = programmed['stem']!;
  assert.deepEqual([stem.rows, stem.columns, stem.shape, stem.kind], [18, 8, [3, 3, 2, 8], 'convolution']);
  assert.deepEqual(
    stem.cells.map(({ polarity, significance }) => [polarity, significance]),
    [
      ['plus', 1],
      ['minus', 1],
    ],
  );
  for (const { target, conductance, driftExponent } of stem.cells) {
    for (const tensor of [target, conductance, driftExponent]) {
      assert.deepEqual([tensor.shape, tensor.data.length], [[18, 8], 144]);
      assert.ok(tensor.data.every((value) => value >= 0));
    }
  }
  assert.deepEqual(stem.scale.shape, [1, 8]);
});

test('an ideal chip reads its targets at any time', () => {
  const chip = program(ideal);
  const { timeSeconds, layers: sensed } = read(chip, YEAR);
  assert.equal(timeSeconds, YEAR);
  for (const [name, { cells }] of Object.entries(chip.chip.layers)) {
    for (const [k, { target, polarity }] of cells.entries()) {
      assert.deepEqual(sensed[name]!.cells[k], { polarity, significance: 1, conductance: target });
    }
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

test('a reading knows its chip, its time and the scales that the chip was programmed with', () => {
  const chip = programmedChip(joshi2020, layers, weights, { seed: 1, number: 4, key: [1, 4] });
  const reading = read(chip, HOUR);
  assert.deepEqual([reading.kind, reading.chip, reading.timeSeconds], ['read', 4, HOUR]);
  for (const [name, { scale }] of Object.entries(chip.chip.layers))
    assert.deepEqual(reading.layers[name]!.scale, scale);
});

test('layers and polarities draw different noise, the same layer the same whatever its company', () => {
  const silentWeights = { 'a.weights': new Float64Array(400), 'b.weights': new Float64Array(400) };
  const key = { seed: 4, key: [4, 0] } as const;
  const [a, b] = ['a', 'b'].map((name): Layer => ({ name, kind: 'dense', shape: [40, 10] })) as [
    Layer,
    Layer,
  ];
  const both = programmedChip(joshi2020, [a, b], silentWeights, key).chip.layers;
  const alone = programmedChip(joshi2020, [b], silentWeights, key).chip.layers;
  assert.deepEqual(alone['b'], both['b']);
  const conductances = (name: string): HostTensor[] =>
    both[name]!.cells.map(({ conductance }) => conductance);
  const [ofA, ofB] = [pairOf(conductances('a')), pairOf(conductances('b'))];
  assert.notDeepEqual(ofA[0], ofB[0]);
  assert.notDeepEqual(ofB[1], ofB[0]);
});

// Correlation of independent samples: standard deviation 1/√n; n = 10 000, 4.5 σ, six pairs: false alarm 4e-5.
test('both polarities draw programming noise and drift exponents of their own', () => {
  const layer: Layer = { name: 'a', kind: 'dense', shape: [100, 100] };
  // One weight sets the scale; all other cells are at RESET.
  const silent = new Float64Array(10_000).with(0, 1);
  const { chip } = programmedChip(joshi2020, [layer], { 'a.weights': silent }, { seed: 3, key: [3, 4] });
  const [plus, minus] = pairOf(chip.layers['a']!.cells);
  const quantities = ({ conductance, driftExponent }: CellArray<HostTensor>): Float32Array[] => [
    conductance.data,
    driftExponent.data,
  ];
  const samples = [...quantities(plus), ...quantities(minus)].map((values) => values.slice(1));
  for (const [k, one] of samples.entries()) {
    for (const other of samples.slice(k + 1))
      assert.ok(Math.abs(correlation(one, other)) < 4.5 / Math.sqrt(one.length));
  }
});

test('a time before programming ended, or beyond all sense, is refused', () => {
  for (const time of [-5, Number.NaN, Number.POSITIVE_INFINITY, 1e13]) {
    const message = `reading a chip: time must be from 0 to 1000000000000 s since programming, got ${time}`;
    assert.throws(() => checkReadTime(time), { name: UsageError.name, message });
  }
  for (const time of [0, HOUR, LATEST_SECONDS]) checkReadTime(time);
});

// Arrays in a store

test('programming stores what a chip is made of, and reading what a reading is made of, nothing else', () => {
  for (const hardware of [
    joshi2020,
    hermes256,
    { ...joshi2020, readNoise: { kind: 'per-product' } } as const,
  ]) {
    const placed = placedOn(hardware, layers);
    const programming = traceProgramming(placed);
    const reading = traceReading(placed);
    assert.deepEqual(Object.keys(programming.updates), chipTensors(placed));
    const scales = layers.map(({ name }) => `${name}.arrays.scale`);
    assert.deepEqual(
      Object.keys(reading.updates),
      readingTensors(placed).filter((name) => !scales.includes(name)),
    );
    for (const { layer, hardware: own } of placed) {
      for (const { name, shape } of tensorsOfArrays(arraysOf(layer, own)))
        assert.deepEqual(programming.updates[name]!.shape, shape, name);
    }
  }
});

test('tensors of a chip are named by layer, polarity and quantity', () => {
  const [placed] = placedOn(joshi2020, layers);
  assert.deepEqual(chipTensors([placed!]), [
    'stem.arrays.plus.target',
    'stem.arrays.plus.conductance',
    'stem.arrays.plus.driftExponent',
    'stem.arrays.minus.target',
    'stem.arrays.minus.conductance',
    'stem.arrays.minus.driftExponent',
    'stem.arrays.scale',
  ]);
  assert.deepEqual(readingTensors([placed!]), [
    'stem.sensed.plus.conductance',
    'stem.sensed.minus.conductance',
    'stem.sensed.readOut',
    'stem.arrays.scale',
  ]);
});

test('a store that holds the arrays of other layers is refused', async () => {
  const wasm = backends.find(({ name }) => name === 'wasm')!;
  await withEngine(wasm, 1, async (engine) => {
    const { stored } = program(ideal);
    const store = await engine.store(stored);
    const other = placedOn(ideal, [{ name: 'fc', kind: 'dense', shape: [20, 10] }]);
    const reading = await engine.compile(traceReading(other));
    assert.throws(() => store.reserve(reading.states), {
      name: UsageError.name,
      message: 'store: "fc.arrays.plus.conductance" has shape (40, 10), got (20, 10)',
    });
    const call = { state: store, scalars: { timeSeconds: 0 }, keys: { read: [1, 2] as const } };
    await assert.rejects(reading.run(call), {
      name: UsageError.name,
      message:
        /^run: state "fc\.arrays\.plus\.conductance" needs shape \(20, 10\), the store holds 400 values$/,
    });
    const absent = placedOn(ideal, [{ name: 'gone', kind: 'dense', shape: [2, 2] }]);
    await assert.rejects(
      store.read(chipTensors(absent)),
      /^UsageError: store: no tensor "gone\.arrays\.plus\.target"/,
    );
  });
});

test('the net conductance adds and takes away each array by its polarity and significance', () => {
  const graph = trace((t) => {
    const of = (polarity: 'plus' | 'minus', significance: number, name: string) => ({
      polarity,
      significance,
      conductance: t.input(name, [2]),
    });
    const [a, b, c] = [of('plus', 1, 'a'), of('minus', 1, 'b'), of('minus', 4, 'c')];
    return {
      outputs: {
        pair: netConductance([a, b]),
        sliced: netConductance([c, a, b]),
        alone: netConductance([b]),
      },
    };
  });
  const { pair, sliced, alone } = interpret(graph, { a: [10, 20], b: [3, 5], c: [1, 2] }).outputs;
  assert.deepEqual(
    [[...pair!], [...sliced!], [...alone!]],
    [
      [7, 15],
      [3, 7],
      [-3, -5],
    ],
  );
});
