// Published figures that the model must give again. Each test says in a sentence what it proves, because many of them prove
// little: totals that are put in come out again, and a fitted model fits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, YEAR } from '../base/units.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256, hermes256OnePhase, standardEvaluation } from '../crossbar/presets.ts';
import { classifier } from '../nn/define-network.ts';
import {
  activation,
  convolution,
  dense,
  globalAveragePool,
  identity,
  type Module,
  maxPool,
  residual,
  sequence,
} from '../nn/modules.ts';
import { networkByName } from '../nn/networks.ts';
import { resnet } from '../nn/resnet.ts';
import { surveyAdc, zigzagAdc, zigzagAdcNanoseconds } from './adc.ts';
import type { BottomUpTile, Constant, HardwareCost } from './cost-spec.ts';
import { countNetwork } from './count.ts';
import { energyScaling, HOROWITZ, OPERATIONS } from './digital.ts';
import { arrayPicojoules, productEnergy } from './energy.ts';
import { type CostEstimate, estimateCost } from './estimate.ts';
import { productNanoseconds } from './latency.ts';
import { bottomUp14, burr2023, hermes, hermesCore, tile14 } from './published-costs.ts';
import { trainingEnergy } from './training-energy.ts';

/** `value` is within a share of `expected`. */
function near(value: number, expected: number, share: number, what = ''): void {
  assert.ok(
    Math.abs(value / expected - 1) <= share,
    `${what} ${value}, expected ${expected} ± ${100 * share} %`,
  );
}

/** `value` is at most `factor` times as large or as small as `expected`. */
function within(value: number, expected: number, factor: number, what = ''): void {
  const ratio = value / expected;
  assert.ok(ratio <= factor && ratio >= 1 / factor, `${what} ${value} is ${ratio} of ${expected}`);
}

const cifar = { inputShape: [32, 32, 3], classes: 10 } as const;
/** As AnalogNAS takes it: 16/32/64 channels, projections. */
const wideResnet32 = resnet({ ...cifar, depth: 32, widths: [16, 32, 64], shortcut: 'projection' });

function estimated(hardware: HardwareSpec, cost: HardwareCost): CostEstimate {
  return estimateCost({ count: countNetwork(wideResnet32, hardware), hardware, cost });
}

test('R1, R2: published totals of the HERMES chip and core come out again', () => {
  // Proves that the constants were derived and are added up correctly, nothing more: they are those figures.
  const published = [
    { cost: hermes, hardware: hermes256OnePhase, cores: 64, tops: 63.1, perWatt: 9.76, perArea: 1.55 },
    { cost: hermes, hardware: hermes256, cores: 64, tops: 16.1, perWatt: 2.48, perArea: 0.4 },
    { cost: hermesCore, hardware: hermes256OnePhase, cores: 1, tops: 1.008, perWatt: 10.5, perArea: 1.59 },
  ];
  for (const { cost, hardware, cores, tops, perWatt, perArea } of published) {
    const { efficiency, area, tilesPlaced } = estimated(hardware, cost);
    const own = (efficiency.peakTops! * cores) / tilesPlaced;
    near(own, tops, 0.01, 'TOPS');
    near(efficiency.peakTopsPerWatt!, perWatt, 0.01, 'TOPS/W');
    near(efficiency.peakTops! / area.tilesSquareMillimeters!, perArea, 0.02, 'TOPS/mm²');
  }
  const energies = [hermes, hermesCore].map((cost) => productPicojoules(cost, hermes256OnePhase));
  near(energies[0]!, energies[1]!, 0.1, 'chip and core');
  assert.equal(productNanoseconds(hermesCore, hermes256OnePhase), 130);
});

function productPicojoules(cost: HardwareCost, hardware: HardwareSpec): number {
  const { rows, columns } = hardware.tile as { rows: number; columns: number };
  const { terms } = productEnergy(cost, hardware, { rows, columns, drivenRows: rows });
  return terms.reduce((sum, { picojoules }) => sum + picojoules!, 0);
}

test('R3: ResNet-32 of AnalogNAS: 43 tiles, its latency, its energy within the bracket', () => {
  // A prediction of tiles and latency from the mapping; the energy only has to lie in a bracket 58 times as wide.
  const { tiles, latency, energy, layers } = estimated(standardEvaluation, burr2023);
  assert.equal(tiles, 43);
  within(latency.sequentialNanoseconds! / 1e3, 434, 1.5, 'µs');
  const microjoules = { low: energy.tile.low / 1e6, high: energy.tile.high / 1e6 };
  near(microjoules.low, 1.38, 0.01);
  near(microjoules.high, 80.5, 0.01);
  assert.ok(microjoules.low < 22.75 && 22.75 < microjoules.high);
  const sum = (of: (layer: CostEstimate['layers'][number]) => number): number =>
    layers.reduce((all, layer) => all + of(layer), 0);
  const isBesides = (name: string): boolean => name.endsWith('projection') || name === 'dense';
  assert.equal(
    sum(({ name, vectors }) => (isBesides(name) ? 0 : vectors)),
    14_464,
    'vectors one after another',
  );
  assert.equal(
    sum(({ vectors, tiles: own }) => vectors * own),
    15_361,
    'tiles at work',
  );
  near(
    sum(({ multiplyAdds }) => multiplyAdds),
    69.1e6,
    0.001,
    'multiply-adds',
  );
});

/** ResNet-18 for images of 256 x 256, 1000 classes; normalisation is no work of tiles. */
const resnet18 = classifier({
  name: 'resnet18',
  inputShape: [256, 256, 3],
  classes: 1000,
  module: sequence([
    convolution({ name: 'stem', filters: 64, size: 7, stride: 2, padding: 3 }),
    maxPool({ size: 3, stride: 2, padding: 1 }),
    ...[64, 128, 256, 512].flatMap((filters, stage) =>
      [0, 1].map((block): Module => {
        const name = `stage${stage + 1}.block${block}`;
        const halves = stage > 0 && block === 0;
        const body = sequence([
          convolution({ name: `${name}.conv1`, filters, size: 3, stride: halves ? 2 : 1, padding: 1 }),
          activation('relu'),
          convolution({ name: `${name}.conv2`, filters, size: 3, padding: 1 }),
        ]);
        const shortcut = halves
          ? convolution({ name: `${name}.projection`, filters, size: 1, stride: 2 })
          : identity;
        return residual({ body, shortcut });
      }),
    ),
    globalAveragePool,
    dense({ name: 'dense', outputs: 1000 }),
  ]),
});

test('R4: ResNet-18 of Bruschi: 201 tiles, its rate with copies of early layers, its energy within the bracket', () => {
  // A prediction of tiles and of the rate for the copies that the authors' rate asks for; the bracket uses a tile of the
  // same chip family as theirs, so its agreement is not independent.
  const count = countNetwork(resnet18, hermes256OnePhase);
  const estimate = (replicas: Record<string, number>): CostEstimate =>
    estimateCost({ count, hardware: hermes256OnePhase, cost: hermesCore, replicas });
  const plain = estimate({});
  assert.equal(plain.tiles, 201);
  near(plain.multiplyAdds, 2.37e9, 0.005);
  within(plain.latency.examplesPerSecond!, 470, 1.01, 'images/s without copies');
  const copied = estimate({ stem: 7, 'stage1.*': 2 });
  within(copied.latency.examplesPerSecond!, 3303, 1.5, 'images/s');
  const chip = estimateCost({ count, hardware: hermes256OnePhase, cost: hermes });
  near(chip.energy.tile.low / 1e9, 0.48, 0.02, 'mJ, by cells');
  near(chip.energy.tile.high / 1e9, 1.36, 0.02, 'mJ, by whole tiles');
  assert.ok(chip.energy.tile.low / 1e9 < 0.94 && 0.94 < chip.energy.tile.high / 1e9);
});

test('R5: ISAAC adds up from its parts', () => {
  // Shows that the parts of a bottom-up tile are composed and that the ADCs have the share that everybody quotes.
  const isaac: BottomUpTile = {
    ...tile14,
    nodeNanometers: 32,
    dac: { ...tile14.dac, energyPerBit: { ...tile14.dac.energyPerBit, value: 3.9e-6 * 100e-9 * 1e12 } },
    adc: {
      ...tile14.adc,
      columnsPerAdc: 128,
      model: { kind: 'fixed', energy: known(2e-3 / 1.28e9 / 1e-12, 'pJ'), area: known(1200, 'µm²') },
    },
  };
  const { readMode: _, ...unstated } = hermes256;
  const hardware: HardwareSpec = { ...unstated, dac: { kind: 'uniform', bits: 1 } };
  const use = { rows: 128, columns: 128, drivenRows: 128 };
  // 0.3 mW for 100 ns.
  const array = { picojoules: 30 };
  const { terms } = productEnergy({ ...bottomUp14, tile: isaac }, hardware, use, array);
  const milliwatts = (part: string): number =>
    (8 * terms.find((term) => term.part === part)!.picojoules!) / 100;
  near(milliwatts('adc'), 16, 1e-3);
  near(milliwatts('dac'), 4, 2e-3);
  const unit = milliwatts('adc') + milliwatts('dac') + milliwatts('array') + 0.2 + 1.24 + 0.23;
  near(unit, 24.1, 0.01);
  const tile = 12 * unit + 20.7 + 7 + 10.5;
  near(tile, 330, 0.02);
  const chip = (168 * tile) / 1000 + 10.4;
  near(chip, 65.8, 0.02);
  const ofTile = (12 * milliwatts('adc')) / tile;
  const ofChip = (168 * 12 * milliwatts('adc')) / 1000 / chip;
  assert.ok(ofTile < 0.59 && ofTile > ofChip && ofChip > 0.485, `${ofTile}, ${ofChip}`);
  near((41.3 * 1000) / 85.4, 479, 0.02, 'GOPS/mm²');
});

function known<U extends string>(value: number, unit: U): Constant<U> {
  return { value, unit, source: 'test', evidence: 'designed' };
}

test('R6: NeuRRAM: two of its eight points fix two constants, the other six follow within 1.5', () => {
  // In-sample for the most part: it shows that converters that cost more with every bit have the right trend.
  const points = [
    [3, 1, 23.1], [4, 2, 24.6], [5, 3, 43.3], [6, 4, 62.4], [7, 5, 89.2], [8, 6, 108.9], [9, 7, 128.4], [10, 8, 153.9],
  ] as const; // biome-ignore format: a table
  const adc = (bits: number): number => zigzagAdc({ bits, voltage: 1 }).picojoules;
  const [first, last] = [points[2], points[7]];
  // a · bits in + s · adc(bits out), femtojoules a multiply-add.
  const determinant = first[1] * adc(last[0]) - last[1] * adc(first[0]);
  const perBit = (first[2] * adc(last[0]) - last[2] * adc(first[0])) / determinant;
  const square = (first[1] * last[2] - last[1] * first[2]) / determinant;
  const tile: BottomUpTile = {
    ...tile14,
    array: { ...tile14.array, conductance: known(0, 'µS') },
    dac: { ...tile14.dac, energyPerBit: known(perBit * 0.256, 'pJ') },
    adc: { ...tile14.adc, model: { kind: 'zigzag', voltage: known(Math.sqrt(square * 0.256), 'V') } },
  };
  const predicted = points.map(([output, input]) => {
    const { readMode: _, ...unstated } = hermes256;
    const hardware: HardwareSpec = {
      ...unstated,
      dac: { kind: 'uniform', bits: input },
      adc: { kind: 'uniform', bits: output, range: { kind: 'calibrated' } },
    };
    return (productPicojoules({ ...bottomUp14, tile }, hardware) * 1000) / 256 / 256;
  });
  for (const [k, [output, , femtojoules]] of points.entries()) {
    within(predicted[k]!, femtojoules, 1.5, `${output} bits out`);
    assert.ok(k === 0 || predicted[k]! > predicted[k - 1]!);
  }
});

test('R8: the ADC survey at its five points, and against the ADC of ISAAC', () => {
  // Shows that the formula is typed correctly. An ADC that was designed is 1.2 times cheaper and 5.4 times smaller.
  const points = [
    [8, 14, 7.7e6, 0.3617, 684.7],
    [8, 32, 100e6, 1.7113, 3937.7],
    [8, 32, 1.28e9, 1.9265, 6467.2],
    [10, 14, 7.7e6, 0.6984, 833.6],
    [6, 14, 7.7e6, 0.2249, 594.0],
  ] as const;
  for (const [bits, nodeNanometers, samplesPerSecond, energy, area] of points) {
    const { picojoules, squareMicrometers } = surveyAdc({ bits, nodeNanometers, samplesPerSecond });
    near(picojoules, energy, 1e-3);
    near(squareMicrometers, area, 1e-3);
  }
  const isaac = surveyAdc({ bits: 8, nodeNanometers: 32, samplesPerSecond: 1.28e9 });
  near(isaac.picojoules / (2e-3 / 1.28e9 / 1e-12), 1.2, 0.05);
  near(isaac.squareMicrometers / 1200, 5.4, 0.05);
  const zigzag = zigzagAdc({ bits: 8, voltage: 0.9 });
  near(zigzag.picojoules, 0.7, 0.01);
  near(zigzag.squareMicrometers, 2085, 0.01);
  near(zigzagAdcNanoseconds({ bits: 8, rows: 256 }), 18.5, 0.01);
  assert.throws(() => surveyAdc({ bits: 3, nodeNanometers: 14, samplesPerSecond: 1e6 }), {
    name: 'UsageError',
    message: /ADC survey: expected at least 4 bits/,
  });
});

test('node scaling gives the published factors, and refuses nodes without data', () => {
  const to = (nodeNanometers: number): number => energyScaling(HOROWITZ, { nodeNanometers, voltage: 0.8 });
  for (const [node, factor] of [[32, 0.54], [16, 0.142], [14, 0.114], [10, 0.097], [7, 0.077]] as const) // biome-ignore format: a table
    near(to(node), factor, 0.01, `${node} nm`);
  near(OPERATIONS.multiplyAdd8 * to(14), 0.026, 0.02, 'an int8 multiply-add at 14 nm');
  assert.ok(to(40) > to(32) && to(40) < to(45));
  assert.throws(() => to(5), /energy scaling: expected a node from 7 to 130 nm, got 5/);
});

test('R9: a designed 1024 x 1024 tile at 14 nm: the energy within 1.5, the time not', () => {
  // The array carries 95 % of the energy and its conductance is assumed, so this shows an order of magnitude only.
  const { readMode: _, ...unstated } = hermes256;
  const hardware: HardwareSpec = { ...unstated, tile: { kind: 'limited', rows: 1024, columns: 1024 } };
  within(productPicojoules(bottomUp14, hardware) / 1000, 12.8, 1.5, 'nJ');
  // 130 ns against 384 ns: what their product waits for is not known here.
  assert.ok(productNanoseconds(bottomUp14, hardware)! < 384 / 1.5);
});

test('R10: training a perceptron: products on tiles 83.2 nJ, digital 14.35 µJ, 172 times', () => {
  // A prediction of the number of products. The digital side is an estimate of ours at batch size 1; what the published
  // 83.2 nJ leave out is the accumulator, which costs more than all products together.
  const mlp = networkByName('mlp', { inputShape: [28, 28, 1], classes: 10 });
  const count = countNetwork(mlp, hermes256OnePhase);
  const work = { rule: 'mixed-precision', batchSize: 1, pulses: null, refreshes: null } as const;
  const { terms, digitalPicojoules, gaps } = trainingEnergy(count, hermes256OnePhase, hermes, work);
  const of = (step: string): number => terms.find((term) => term.step === step)!.picojoules!;
  near(of('forward'), 5 * 13_440, 1e-9, 'five tiles forwards');
  near(of('backward'), 13_440, 1e-9, 'one backwards');
  const analog = of('forward') + of('backward');
  within(analog / 1000, 83.2, 2, 'nJ');
  within(digitalPicojoules / 1e6, 14.35, 2, 'µJ');
  within(digitalPicojoules / analog, 172, 3, 'times');
  assert.ok(of('accumulator') > 10 * analog);
  assert.deepEqual(gaps, [
    'pulses of the update, whose energy or number is unknown',
    'pulses of refreshes, likewise',
  ]);
});

test('R11: a tile is more efficient than its chip, the chip more than the system', () => {
  // The order only: Ambrogio measured 20, 12.4 and 6.94 TOPS/W, for networks whose layers are not known here.
  const { energy, efficiency } = estimated(standardEvaluation, bottomUp14);
  assert.ok(
    energy.tile.picojoules < energy.chip.picojoules && energy.chip.picojoules < energy.system.picojoules,
  );
  assert.ok(efficiency.tileTopsPerWatt! > efficiency.chipTopsPerWatt!);
});

test('R12: drift raises the efficiency of a product, by 3 to 15 % for an array share of a tenth to a quarter', () => {
  // The sign holds always; the size is that of the publication only for shares of the array in this range, its own is
  // not known.
  const cells = new Float32Array(64).fill(5);
  const pulses = new Float32Array(8).fill(64);
  const drifted = (seconds: number): Float32Array => cells.map((g) => g * ((seconds + 20) / 20) ** -0.05);
  const before = arrayPicojoules(cells, pulses, 0.2);
  near(before, 0.2 ** 2 * 64 * 5 * 64 * 1e-3, 1e-6);
  for (const share of [0.1, 0.15, 0.22]) {
    const rest = before * (1 / share - 1);
    const gains = [DAY, 10 * YEAR].map(
      (seconds) => (before + rest) / (arrayPicojoules(drifted(seconds), pulses, 0.2) + rest) - 1,
    );
    assert.ok(gains[0]! > 0 && gains[1]! > gains[0]!);
    assert.ok(gains[0]! > 0.03 && gains[1]! < 0.15, `${share}: ${gains}`);
  }
});

test('the bottom-up tile names how much it is below the measured one', () => {
  for (const [mode, hardware] of [
    ['one-phase', hermes256OnePhase],
    ['four-phase', hermes256],
  ] as const) {
    const ratio = productPicojoules(hermes, hardware) / productPicojoules(bottomUp14, hardware);
    near(tile14.measuredOverEstimated[mode].value!, ratio, 2e-3, mode);
  }
});
