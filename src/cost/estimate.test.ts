// What holds for every estimate, whatever the constants: sums, brackets, conservation; and what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import {
  hermes256,
  hermes256OnePhase,
  inCellTraining,
  joshi2020,
  standardEvaluation,
} from '../crossbar/presets.ts';
import { characterNetworkByName } from '../nn/character-networks.ts';
import { classifier } from '../nn/define-network.ts';
import { activation, convolution, dense, flatten, sequence } from '../nn/modules.ts';
import { networkByName } from '../nn/networks.ts';
import { checkCost } from './cost-schema.ts';
import type { HardwareCost } from './cost-spec.ts';
import { countNetwork } from './count.ts';
import { arrayPicojoules, evidenceOf, joined, sumOf } from './energy.ts';
import { type CostEstimate, estimateCost, type Replicas } from './estimate.ts';
import { estimateSchema } from './estimate-schema.ts';
import { bottomUp14, burr2023, costByName, hermes, publishedCosts } from './published-costs.ts';
import { programmingEnergy, trainingEnergy } from './training-energy.ts';

const task = { inputShape: [32, 32, 3], classes: 10 } as const;
const resnet32 = networkByName('resnet32', task);

function estimated(
  hardware: HardwareSpec,
  cost: HardwareCost,
  more: { readonly replicas?: Replicas; readonly arrays?: Record<string, number> } = {},
): CostEstimate {
  return estimateCost({ count: countNetwork(resnet32, hardware), hardware, cost, ...more });
}

/** Equal but for rounding: sums of some hundred terms. */
function same(a: number, b: number, what = ''): void {
  assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)), `${what}: ${a} is not ${b}`);
}

const all: readonly (readonly [HardwareSpec, HardwareCost])[] = [
  [hermes256, hermes],
  [hermes256OnePhase, hermes],
  [hermes256, bottomUp14],
  [standardEvaluation, bottomUp14],
  [standardEvaluation, burr2023],
];

for (const [hardware, cost] of all) {
  const estimate = estimated(hardware, cost);
  test(`${hardware.name}, ${cost.name}: energy adds up over layers and parts, and lies in its interval`, () => {
    const { layers, breakdown, energy, efficiency, utilisation } = estimate;
    const ofLayers = layers.reduce((sum, layer) => sum + layer.energy.picojoules, 0);
    same(ofLayers, energy.chip.picojoules, 'chip, as leakage is unknown');
    for (const layer of layers) same(sumOf(layer.breakdown), layer.energy.picojoules, layer.name);
    same(sumOf(breakdown), energy.system.picojoules, 'parts');
    for (const one of [energy.tile, energy.chip, energy.system, ...layers.map((layer) => layer.energy)])
      assert.ok(one.low <= one.picojoules * (1 + 1e-12) && one.picojoules <= one.high * (1 + 1e-12));
    assert.ok(efficiency.peakTopsPerWatt! >= efficiency.tileTopsPerWatt!);
    assert.ok(utilisation.cells > 0 && utilisation.cells <= 1 && utilisation.work <= 1);
  });
  test(`${hardware.name}, ${cost.name}: the estimate passes its schema, also through JSON`, () => {
    assert.deepEqual(estimateSchema.parse(JSON.parse(JSON.stringify(estimate))), estimate);
  });
}

test('multiply-adds do not depend on the tiles, and conversions grow as tiles get fewer rows', () => {
  const sizes = [16, 100, 256, 512, 4096].map((rows) => ({ rows, columns: 300 }));
  const counts = sizes.map((size) =>
    countNetwork(resnet32, { ...standardEvaluation, tile: { kind: 'limited', ...size } }),
  );
  const sum = (of: 'multiplyAdds' | 'conversions' | 'partialSums' | 'outputs'): number[] =>
    counts.map(({ layers }) => layers.reduce((all, layer) => all + layer[of], 0));
  assert.equal(new Set(sum('multiplyAdds')).size, 1);
  const conversions = sum('conversions');
  assert.deepEqual(
    conversions,
    conversions.toSorted((a, b) => b - a),
  );
  const [outputs, partial] = [sum('outputs'), sum('partialSums')];
  for (const [k, converted] of conversions.entries()) assert.equal(converted - partial[k]!, outputs[k]);
  for (const { layers } of counts)
    for (const layer of layers) {
      const cells = layer.tiles.reduce((all, { rows, columns }) => all + rows * columns, 0);
      assert.equal(cells, layer.rows * layer.columns, layer.name);
    }
});

test('of a tile that is full, both ends of the bracket are the measured total', () => {
  const full = classifier({
    name: 'full',
    inputShape: [512],
    classes: 256,
    module: sequence([dense({ name: 'dense', outputs: 256 })]),
  });
  const { energy, evidence, tiles } = estimateCost({
    count: countNetwork(full, hermes256),
    hardware: hermes256,
    cost: hermes,
  });
  assert.equal(tiles, 2);
  same(energy.tile.low, 2 * 52_810);
  same(energy.tile.high, 2 * 52_810);
  assert.equal(evidence, 'measured');
  assert.equal(estimated(hermes256, hermes).evidence, 'assumed', 'of tiles that are partly used');
});

test('a read in four phases needs at least as much energy and time as one in one phase', () => {
  for (const cost of [hermes, bottomUp14]) {
    const [one, four] = [estimated(hermes256OnePhase, cost), estimated(hermes256, cost)];
    assert.ok(four.energy.tile.low >= one.energy.tile.low && four.energy.tile.high >= one.energy.tile.high);
    assert.ok(four.latency.sequentialNanoseconds! >= one.latency.sequentialNanoseconds!);
  }
});

test('two copies of every layer leave energy, halve the bottleneck and double the area', () => {
  const [one, two] = [estimated(hermes256, hermes), estimated(hermes256, hermes, { replicas: { '*': 2 } })];
  assert.deepEqual(two.energy, one.energy);
  same(two.latency.bottleneckNanoseconds!, one.latency.bottleneckNanoseconds! / 2);
  same(two.area.tilesSquareMillimeters!, 2 * one.area.tilesSquareMillimeters!);
  assert.deepEqual([two.tiles, two.tilesPlaced], [one.tiles, 2 * one.tiles]);
  const stem = estimated(hermes256, hermes, { replicas: { stem: 4 } });
  assert.notEqual(stem.latency.bottleneck, 'stem');
  assert.equal(stem.tilesPlaced, one.tiles + 3);
});

test('arrays cost what conductances and pulses ask for: nothing without inputs, less after drift', () => {
  const cells = Float32Array.of(1, 2, 3, 4, 5, 6);
  // Rows of 3, 7 and 11 µS; V² µS ns = fJ.
  same(arrayPicojoules(cells, [10, 0, 2], 0.5), 0.25 * (3 * 10 + 11 * 2) * 1e-3);
  assert.equal(arrayPicojoules(cells, [0, 0, 0], 0.5), 0);
  const names = countNetwork(resnet32, hermes256).layers.map(({ name }) => name);
  const withArrays = (picojoules: number): CostEstimate =>
    estimated(hermes256, bottomUp14, {
      arrays: Object.fromEntries(names.map((name) => [name, picojoules])),
    });
  const [full, drifted, silent] = [withArrays(20), withArrays(12), withArrays(0)];
  const part = ({ breakdown }: CostEstimate, name: string): number =>
    breakdown.find((term) => term.part === name)!.picojoules!;
  same(part(drifted, 'array'), 0.6 * part(full, 'array'));
  assert.equal(part(silent, 'array'), 0);
  for (const name of ['dac', 'adc', 'digital', 'memory', 'links'])
    same(part(full, name), part(drifted, name));
  const vectors = full.layers.reduce((sum, layer) => sum + layer.vectors, 0);
  same(part(full, 'array'), 20 * vectors);
});

test('layers that stay digital need no tile, and their work is still counted', () => {
  const hardware: HardwareSpec = { ...hermes256, layers: { stem: 'digital', dense: 'digital' } };
  const mixed = estimated(hardware, hermes);
  const whole = estimated(hermes256, hermes);
  assert.equal(mixed.multiplyAdds, whole.multiplyAdds);
  assert.equal(mixed.tiles, whole.tiles - 2);
  const stem = mixed.layers.find(({ name }) => name === 'stem')!;
  assert.ok(stem.isDigital && stem.tiles === 0 && stem.energy.picojoules > 0 && stem.nanoseconds === null);
  assert.ok(mixed.gaps.includes('time of digital layers'));
});

test('a network that stays digital has finite figures', () => {
  const hardware: HardwareSpec = { ...hermes256, layers: { '*': 'digital' } };
  const { efficiency, tiles } = estimated(hardware, hermes);
  assert.equal(tiles, 0);
  assert.equal(efficiency.tileTopsPerWatt, 0);
  assert.ok(efficiency.chipTopsPerWatt! > 0);
});

test('efficiencies are unknown with a part of the tile, and where nothing is known to need energy', () => {
  const { tile } = bottomUp14;
  assert.ok(tile.kind === 'bottom-up');
  const withTile = (changes: Partial<typeof tile>): CostEstimate =>
    estimated(standardEvaluation, { ...bottomUp14, tile: { ...tile, ...changes } });
  const { efficiency } = withTile({
    array: { ...tile.array, conductance: { ...tile.array.conductance, value: null } },
  });
  assert.deepEqual([efficiency.peakTopsPerWatt, efficiency.tileTopsPerWatt], [null, null]);
  assert.ok(efficiency.chipTopsPerWatt! > 0);
  const nothing = { value: null, unit: 'pJ', source: 'nobody', evidence: 'assumed' } as const;
  const estimate = withTile({
    array: { ...tile.array, conductance: { ...tile.array.conductance, value: null } },
    dac: { ...tile.dac, energyPerBit: nothing },
    adc: { ...tile.adc, model: { kind: 'fixed', energy: nothing, area: { ...nothing, unit: 'µm²' } } },
  });
  assert.equal(estimate.energy.tile.picojoules, 0);
  assert.deepEqual(estimateSchema.parse(JSON.parse(JSON.stringify(estimate))), estimate);
});

test('products that bound management repeats are a gap, whichever layers have it', () => {
  const { adc } = standardEvaluation;
  assert.ok(adc.kind === 'uniform');
  const managed = { ...adc, boundManagement: { kind: 'iterative', halvings: 3 } } as const;
  for (const hardware of [
    { ...standardEvaluation, adc: managed },
    { ...standardEvaluation, layers: { stem: { adc: managed } } },
  ])
    assert.ok(estimated(hardware, bottomUp14).gaps.includes('products that bound management repeats'));
  const { gaps } = estimated({ ...standardEvaluation, layers: { stem: { adc } } }, bottomUp14);
  assert.ok(!gaps.includes('products that bound management repeats'));
});

test('a recurrent network is counted from its carried state on, an embedding drives one row', () => {
  const network = characterNetworkByName('char-lstm', { context: 3, symbols: 50 });
  const { layers } = countNetwork(network, hermes256);
  assert.deepEqual(
    layers.map(({ name, vectors }) => [name, vectors]),
    ['lstm1.input', 'lstm1.hidden', 'lstm2.input', 'lstm2.hidden', 'dense'].map((name) => [name, 3]),
  );
  const [embedding, hidden] = layers;
  assert.equal(embedding!.multiplyAdds, 3 * 2048);
  assert.equal(hidden!.multiplyAdds, 3 * 512 * 2048);
  assert.deepEqual(
    layers.map(({ isBackwards }) => isBackwards),
    [false, true, true, true, true],
  );
});

test('groups of a convolution have tiles of their own', () => {
  const depthwise = classifier({
    name: 'depthwise',
    inputShape: [4, 4, 8],
    classes: 10,
    module: sequence([
      convolution({ name: 'conv', filters: 8, size: 3, padding: 1, groups: 8 }),
      activation('relu'),
      flatten,
      dense({ name: 'dense', outputs: 10 }),
    ]),
  });
  const [conv] = countNetwork(depthwise, hermes256).layers;
  assert.equal(conv!.tiles.length, 8);
  assert.deepEqual(conv!.tiles[0], { rows: 9, columns: 1, drivenRows: 9 });
  assert.equal(conv!.multiplyAdds, 16 * 9 * 8);
});

test('only some layers: the generator of a pair', () => {
  const { layers } = countNetwork(resnet32, hermes256, { layers: ['stage1.*', 'dense'] });
  assert.equal(layers.length, 11);
  assert.throws(() => countNetwork(resnet32, hermes256, { layers: ['stage9.*'] }), {
    name: 'UsageError',
    message: /^layers: "stage9\.\*" fits no layer; there are stem, /,
  });
});

test('evidence is the weakest of the terms that make up nine tenths; unknown terms stay unknown', () => {
  const term = (
    part: 'array' | 'dac' | 'adc',
    picojoules: number | null,
    evidence: 'measured' | 'assumed',
  ) => ({
    part,
    picojoules,
    evidence,
  });
  assert.equal(evidenceOf([term('array', 95, 'measured'), term('adc', 5, 'assumed')]), 'measured');
  assert.equal(evidenceOf([term('array', 85, 'measured'), term('adc', 15, 'assumed')]), 'assumed');
  const [array] = joined([term('array', 3, 'measured'), term('array', null, 'assumed')]);
  assert.equal(array!.picojoules, null);
});

test('every published cost passes its check, also through JSON; names that are unknown do not', () => {
  for (const cost of Object.values(publishedCosts))
    assert.deepEqual(checkCost(JSON.parse(JSON.stringify(cost))), cost);
  assert.throws(() => costByName('hermez'), {
    name: 'UsageError',
    message: /^cost: expected one of hermes, .*got "hermez"; did you mean "hermes"\?/,
  });
});

test('costs with faults are refused, all faults at once', () => {
  const { tile, ...rest } = hermes;
  const read = { energy: { value: -1, unit: 'nJ', source: 's', evidence: 'guessed' } };
  const wrong = { ...rest, tile: { ...tile, reads: { 'one-phase': read }, area: { value: 1, unit: 'cm²' } } };
  assert.throws(
    () => checkCost(wrong, 'my-cost.yaml'),
    (thrown: Error) => {
      assert.equal(thrown.name, 'UsageError');
      for (const line of [
        /tile\.reads\.one-phase\.energy\.value: .*>=0, got -1/,
        /tile\.reads\.one-phase\.energy\.evidence: expected one of .*got "guessed"/,
        /tile\.reads\.one-phase\.time: .*got nothing/,
        /tile\.area\.unit: expected "mm²", got "cm²"/,
      ])
        assert.match(thrown.message, line);
      return true;
    },
  );
});

/** What is refused, and why. */
const refusals: readonly (readonly [string, HardwareSpec, HardwareCost, Replicas, RegExp])[] = [
  [
    'a read mode without a cost',
    hermes256,
    costByName('hermes-core'),
    {},
    /^cost "hermes-core" for hardware "hermes256": readMode: expected one-phase, got four-phase; this cost was not measured/,
  ],
  [
    'no stated mode',
    standardEvaluation,
    hermes,
    {},
    /readMode: expected one-phase or four-phase, got unstated/,
  ],
  [
    'another tile',
    standardEvaluation,
    hermes,
    {},
    /tile: expected 256 x 256, got 512 x 512; a measured tile/,
  ],
  [
    'other bits',
    { ...hermes256, adc: { kind: 'uniform', bits: 6, range: { kind: 'calibrated' } } },
    hermes,
    {},
    /adc\.bits: expected 8, got 6; a measured tile tells nothing of others; use a bottom-up cost/,
  ],
  [
    'no limits',
    joshi2020,
    bottomUp14,
    {},
    /tile: expected one of a size, as a layer that fits no tile has no cost/,
  ],
  ['ideal converters', joshi2020, bottomUp14, {}, /dac: expected a converter with bits/],
  [
    'few bits',
    { ...inCellTraining, adc: { kind: 'uniform', bits: 3, range: { kind: 'calibrated' } } },
    bottomUp14,
    {},
    /adc\.bits: expected at least 4, where the survey has converters, got 3/,
  ],
  [
    'one layer that does not suit',
    { ...hermes256, layers: { stem: { dac: { kind: 'uniform', bits: 4 } } } },
    hermes,
    {},
    /: stem: dac\.bits: expected 8, got 4/,
  ],
  [
    'no copy',
    hermes256,
    hermes,
    { stem: 0 },
    /replicas: "stem": expected a whole number of copies from 1, got 0/,
  ],
  [
    'copies of nothing',
    hermes256,
    hermes,
    { 'conv*': 2 },
    /replicas: "conv\*" fits no layer; there are stem/,
  ],
];

for (const [what, hardware, cost, replicas, message] of refusals)
  test(`refused: ${what}`, () => {
    assert.throws(() => estimated(hardware, cost, { replicas }), { name: 'UsageError', message });
  });

test('training: impossible work is refused, pulses of unknown energy are a gap, known ones add up', () => {
  const mlp = networkByName('mlp', { inputShape: [28, 28, 1], classes: 10 });
  const count = countNetwork(mlp, inCellTraining);
  const work = { rule: 'mixed-precision', batchSize: 64, pulses: 3, refreshes: 0.5 } as const;
  assert.throws(
    () => trainingEnergy(count, inCellTraining, bottomUp14, { ...work, batchSize: 0, pulses: -1 }),
    /2 faults[\s\S]*batchSize: expected a whole number from 1, got 0[\s\S]*pulses: expected a number from 0/,
  );
  const blind = trainingEnergy(count, inCellTraining, bottomUp14, work);
  assert.deepEqual(blind.gaps, [
    'pulses of the update, whose energy or number is unknown',
    'pulses of refreshes, likewise',
  ]);
  const { writing } = bottomUp14;
  const told: HardwareCost = {
    ...bottomUp14,
    writing: {
      pulse: { ...writing.pulse, value: 2 },
      pulsesPerDevice: { ...writing.pulsesPerDevice, value: 10 },
    },
  };
  const known = trainingEnergy(count, inCellTraining, told, work);
  assert.deepEqual(known.gaps, []);
  same(known.picojoules - blind.picojoules, 3 * 2 + 2 * 0.5 * 2);
  assert.deepEqual(programmingEnergy(count, inCellTraining, told), {
    devices: 2 * 198_500,
    picojoules: 2 * 198_500 * 10 * 2,
    evidence: 'assumed',
  });
  assert.equal(programmingEnergy(count, inCellTraining, bottomUp14).picojoules, null);
  const pulsed = trainingEnergy(count, inCellTraining, told, { ...work, rule: 'pulsed' });
  assert.ok(pulsed.picojoules < known.picojoules, 'no accumulator');
});
