// What a report tells of a chip's inside: counts that lose no cell, and errors of weights.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { randomParameters, tinyConvolutional, tinySplit } from '../../test/tiny.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import type { Polarity } from '../crossbar/arrays.ts';
import type { Chip, ProgrammedLayer, Reading } from '../crossbar/chip.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { ideal, joshi2020 } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { countAnalogWeights } from '../nn/network.ts';
import { deploy } from './deploy.ts';
import { conductanceHistogram, layerSummaries } from './summarize.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const network = tinyConvolutional;
const parameters = randomParameters(network);
const TIMES = [0, 3600, 31_536_000];

type Inside = { readonly chip: Chip; readonly baseline: Reading; readonly readings: readonly Reading[] };

/** A programmed chip and its readings. */
async function insideOf(hardware: HardwareSpec, given: Parameters = parameters): Promise<Inside> {
  const deployment = await deploy({
    engine,
    network,
    parameters: given,
    data: tinySplit({ train: 8, test: 4 }),
    hardware,
    evaluation: {
      chips: 1,
      timesSeconds: TIMES,
      methods: ['none'],
      calibrationImages: 4,
    },
    seed: 1,
  });
  const chip = await deployment.chip(0);
  const baseline = await deployment.baseline(0);
  const readings: Reading[] = [];
  for (const timeSeconds of TIMES) readings.push(await deployment.reading({ chip: 0, timeSeconds }));
  deployment.free();
  return { chip, baseline, readings };
}

function summariesOf({ chip, baseline, readings }: Inside, given: Parameters = parameters) {
  return layerSummaries(chip, given, baseline, readings);
}

const noisy = await insideOf(joshi2020);

test('histograms count both cells of every weight, at every time', () => {
  const cells = 2 * countAnalogWeights(network);
  const { edgesMicrosiemens, target, programmed, read } = conductanceHistogram(noisy.chip, noisy.readings);
  const totals = [target, programmed, ...read.map(({ counts }) => counts)].map((counts) =>
    counts.reduce((sum, count) => sum + count, 0),
  );
  assert.deepEqual(totals, new Array<number>(2 + TIMES.length).fill(cells));
  assert.deepEqual(
    read.map(({ timeSeconds }) => timeSeconds),
    TIMES,
  );
  assert.equal(edgesMicrosiemens.length, target.length + 1);
  assert.deepEqual([edgesMicrosiemens[0], edgesMicrosiemens.at(-1)], [0, 1.2 * 25]);
});

test('drift moves the histogram down', () => {
  const { edgesMicrosiemens: edges, read } = conductanceHistogram(noisy.chip, noisy.readings);
  const means = read.map(({ counts }) => {
    const weighted = counts.map((count, bin) => count * (edges[bin]! + edges[bin + 1]!));
    return weighted.reduce((sum, value) => sum + value, 0);
  });
  assert.ok(means[0]! > means[1]! && means[1]! > means[2]!);
});

test('a conductance counts between its edges, one beyond the last edge in the last bin', () => {
  const at = (values: readonly number[]) => hostTensor([1, 2], Float32Array.from(values));
  const cell = (polarity: Polarity, target: readonly number[], conductance: readonly number[]) => ({
    polarity,
    significance: 1,
    target: at(target),
    conductance: at(conductance),
    driftExponent: at([0, 0]),
  });
  const layer: ProgrammedLayer = {
    name: 'one',
    kind: 'dense',
    shape: [1, 2],
    rows: 1,
    columns: 2,
    cells: [cell('plus', [0, 25], [0.49, 0.5]), cell('minus', [0, 0], [29.9, 1000])],
    scale: hostTensor([1, 1], Float32Array.of(1)),
  };
  const { target, programmed, read } = conductanceHistogram({ ...noisy.chip, layers: { one: layer } }, []);
  // Bins of 0.5 µS.
  const counted = (counts: readonly number[]): [number, number][] =>
    [...counts.entries()].filter(([, count]) => count > 0);
  assert.deepEqual(counted(target), [
    [0, 3],
    [50, 1],
  ]);
  assert.deepEqual(counted(programmed), [
    [0, 1],
    [1, 1],
    [59, 2],
  ]);
  assert.deepEqual(read, []);
});

for (const scale of ['per-layer', 'per-column'] as const) {
  test(`an ideal chip mapped ${scale} holds the weights, at every time`, async () => {
    for (const { name, weightErrors } of summariesOf(await insideOf({ ...ideal, mapping: { scale } }))) {
      assert.equal(weightErrors.length, TIMES.length);
      // A division and a product in f32.
      for (const { none, global } of weightErrors) assert.ok(none < 2e-7 && global < 2e-7, name);
    }
  });
}

test('errors of weights grow with drift, less under global compensation', () => {
  for (const { weightErrors } of summariesOf(noisy)) {
    const [early, , late] = weightErrors;
    assert.ok(late!.none > early!.none);
    assert.ok(late!.global < late!.none);
    assert.ok(early!.none > 0.005 && early!.none < 0.1);
  }
});

test('the error of a weight matrix is the root mean square over its largest weight', () => {
  const { name, weightErrors } = summariesOf(noisy)[0]!;
  const weights = parameters[`${name}.weights`]!.data;
  const { cells, scale } = noisy.readings[1]!.layers[name]!;
  const [plus, minus] = ['plus', 'minus'].map(
    (wanted) => cells.find(({ polarity }) => polarity === wanted)!.conductance.data,
  );
  const squares = weights.map((w, i) => ((plus![i]! - minus![i]!) * scale.data[0]! - w) ** 2);
  const rootMean = Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / weights.length);
  const largest = Math.max(...weights.map(Math.abs));
  assert.ok(Math.abs(weightErrors[1]!.none / (rootMean / largest) - 1) < 1e-5);
});

test('errors contain read noise that products draw: its variance is added to the square', async () => {
  const inside = await insideOf({ ...joshi2020, readNoise: { kind: 'per-product' } });
  for (const [which, { name, rows, columns, weightErrors }] of summariesOf(inside).entries()) {
    const { variance, scale } = inside.readings[2]!.layers[name]!;
    const weights = parameters[`${name}.weights`]!.data;
    const largest = Math.max(...weights.map(Math.abs));
    const meanVariance = variance!.data.reduce((sum, v) => sum + v, 0) / (rows * columns);
    const silent = inside.readings.map(({ layers, ...reading }) => ({
      ...reading,
      layers: Object.fromEntries(
        Object.entries(layers).map(([one, { variance: _, ...layer }]) => [one, layer]),
      ),
    }));
    const without = summariesOf({ ...inside, readings: silent })[which]!.weightErrors[2]!.none;
    const added = weightErrors[2]!.none ** 2 - without ** 2;
    assert.ok(Math.abs((added * largest ** 2) / (meanVariance * scale.data[0]! ** 2) - 1) < 1e-5, name);
  }
});

test('a layer of zeros has finite errors', async () => {
  const name = 'conv1.weights';
  const { shape, data } = parameters[name]!;
  const empty = { ...parameters, [name]: hostTensor(shape, new Float32Array(data.length)) };
  const inside = await insideOf(joshi2020, empty);
  const [first, ...others] = summariesOf(inside, empty);
  assert.ok(first!.weightErrors.every(({ none, global }) => none === 0 && global === 0));
  for (const { weightErrors } of others)
    assert.ok(weightErrors.every(({ none, global }) => Number.isFinite(none) && Number.isFinite(global)));
  for (const layer of Object.values(inside.readings[2]!.layers))
    for (const { data: values } of [layer.scale, ...layer.cells.map(({ conductance }) => conductance)])
      assert.ok(values.every(Number.isFinite));
});

test('tiles and their use are those of the hardware', async () => {
  const hardware: HardwareSpec = { ...ideal, tile: { kind: 'limited', rows: 16, columns: 4 } };
  const found = summariesOf(await insideOf(hardware)).map(({ name, rows, columns, tiles, utilisation }) => ({
    name,
    rows,
    columns,
    tiles,
    used: utilisation * tiles * 16 * 4,
  }));
  assert.deepEqual(found, [
    { name: 'conv1', rows: 18, columns: 6, tiles: 4, used: 108 },
    { name: 'conv2', rows: 54, columns: 8, tiles: 8, used: 432 },
    { name: 'dense', rows: 8, columns: 4, tiles: 1, used: 32 },
  ]);
});

test('layers that stay digital are in no histogram and have no summary', async () => {
  const hardware: HardwareSpec = { ...joshi2020, layers: { 'conv*': 'digital' } };
  const inside = await insideOf(hardware);
  assert.deepEqual(
    summariesOf(inside).map(({ name }) => name),
    ['dense'],
  );
  const { programmed, target } = conductanceHistogram(inside.chip, inside.readings);
  for (const counts of [programmed, target])
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      2 * 8 * 4,
    );
});

test('each layer has the tiles of its own hardware', async () => {
  const layers = { conv2: { tile: { kind: 'limited', rows: 27, columns: 4 } } } as const;
  const found = summariesOf(await insideOf({ ...ideal, layers })).map(({ name, tiles }) => [name, tiles]);
  assert.deepEqual(found, [
    ['conv1', 1],
    ['conv2', 4],
    ['dense', 1],
  ]);
});
