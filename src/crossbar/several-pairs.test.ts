// Weights that several differential pairs hold: their mean, with errors that average out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InterpretedChip, placedOn, programmedChip, readingAt } from '../../test/interpreted-chip.ts';
import { plainSettings } from '../../test/tiny.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { check } from '../base/schema.ts';
import { DAY } from '../base/units.ts';
import { pcmNandakumar2018 } from '../cells/published-pulse-devices.ts';
import { pulseModel } from '../cells/pulse-device.ts';
import { layerSummaries } from '../experiment/summarize.ts';
import { interpret } from '../graph/interpret.ts';
import type { Layer } from '../graph/operator.ts';
import { trainingSchema } from '../train/settings.ts';
import { arrayName, pairsOf } from './arrays.ts';
import { chipTensors, readingTensors } from './chip.ts';
import type { HardwareSpec } from './hardware.ts';
import { checkHardware } from './hardware-schema.ts';
import { learningCellsOf, tensorsOfLearningCells } from './learning-cells.ts';
import { ideal, inCellTraining, joshi2020 } from './presets.ts';
import { traceTrainedArrays } from './trained-arrays.ts';

const layer: Layer = { name: 'fc', kind: 'dense', shape: [200, 50] };
const { normal } = randomSequence(keyFromSeed(3));
const weights = Float64Array.from({ length: 10_000 }, normal);

function withPairs(hardware: HardwareSpec, pairs: number): HardwareSpec {
  return { ...hardware, mapping: { ...hardware.mapping, pairs } };
}

function program(hardware: HardwareSpec): InterpretedChip {
  return programmedChip(hardware, [layer], { 'fc.weights': weights }, { seed: 1, key: [1, 0] });
}

/** Root mean square of the weight error after a day, relative to the largest weight. */
function weightError(hardware: HardwareSpec): number {
  const programmed = program(hardware);
  const reading = readingAt(programmed, DAY, [2, 0]);
  const parameters = { 'fc.weights': { shape: layer.shape, data: Float32Array.from(weights) } };
  const [summary] = layerSummaries(programmed.chip, parameters, reading, [reading]);
  return summary!.weightErrors[0]!.none;
}

test('the arrays of two pairs have half the significance and names of their own', () => {
  assert.deepEqual(pairsOf({ pairs: 2 }), [
    { polarity: 'plus', significance: 0.5 },
    { polarity: 'minus', significance: 0.5 },
    { polarity: 'plus', significance: 0.5, pair: 2 },
    { polarity: 'minus', significance: 0.5, pair: 2 },
  ]);
  assert.deepEqual(pairsOf({ pairs: 2 }).map(arrayName), ['plus', 'minus', 'plus2', 'minus2']);
  const [placed] = placedOn(withPairs(joshi2020, 2), [layer]);
  const programmed = chipTensors([placed!]);
  assert.ok(programmed.includes('fc.arrays.minus2.driftExponent'));
  assert.equal(programmed.length, 4 * 3 + 1);
  assert.deepEqual(readingTensors([placed!]), [
    'fc.sensed.plus.conductance',
    'fc.sensed.minus.conductance',
    'fc.sensed.plus2.conductance',
    'fc.sensed.minus2.conductance',
    'fc.sensed.readOut',
    'fc.arrays.scale',
  ]);
});

test('one pair is what hardware has without the field, and the first of several has the same draws', () => {
  const [usual, one, three] = [joshi2020, withPairs(joshi2020, 1), withPairs(joshi2020, 3)].map(
    (hardware) => program(hardware).chip.layers['fc']!,
  );
  assert.deepEqual(one, usual);
  assert.equal(three!.cells.length, 6);
  for (const k of [0, 1]) {
    const { significance, ...first } = three!.cells[k]!;
    assert.equal(significance, 1 / 3);
    assert.deepEqual({ ...first, significance: 1 }, usual!.cells[k]);
  }
  const [plus, , second] = three!.cells;
  assert.deepEqual(second!.target, plus!.target);
  assert.notDeepEqual(second!.conductance, plus!.conductance);
  assert.notDeepEqual(second!.driftExponent, plus!.driftExponent);
});

test('pairs without noise are the weight again', () => {
  assert.ok(weightError(withPairs(ideal, 3)) < 1e-6);
});

// 10,000 independent errors: a ratio of two root mean squares is within 3 % of its expectation, false alarm below 1e-4.
// Programming noise cut at zero has a mean, which pairs of equal cells take away but for the used cell: it is small.
test('errors of four pairs are half those of one, for programming and read noise alike', () => {
  const { drift: _, ...cell } = joshi2020.cell;
  const steady = { ...joshi2020, cell: { ...cell, drift: { kind: 'none' as const } } };
  const { programmingNoise, readNoise } = cell;
  assert.ok(programmingNoise.kind !== 'none' && readNoise.kind !== 'none');
  for (const noise of [
    { programmingNoise: { kind: 'none' as const } },
    { readNoise: { kind: 'none' as const } },
  ]) {
    const hardware = { ...steady, cell: { ...steady.cell, ...noise } };
    const ratio = weightError(withPairs(hardware, 4)) / weightError(hardware);
    assert.ok(Math.abs(ratio - 0.5) < 0.05, `${Object.keys(noise)[0]} left out: ${ratio}`);
  }
});

test('variances of products with read noise add up', () => {
  const hardware = (pairs: number): HardwareSpec => ({
    ...withPairs(joshi2020, pairs),
    readNoise: { kind: 'per-product' },
  });
  const varianceOf = (pairs: number): number => {
    const { variance } = readingAt(program(hardware(pairs)), DAY, [2, 0]).layers['fc']!;
    return variance!.data.reduce((sum, value) => sum + value, 0);
  };
  const ratio = varianceOf(4) / varianceOf(1);
  assert.ok(Math.abs(ratio - 0.25) < 0.01, `${ratio}`);
});

test('a file gives the number of pairs, from 1 to 16', () => {
  assert.deepEqual(checkHardware(withPairs(joshi2020, 2)).mapping, { scale: 'per-layer', pairs: 2 });
  for (const pairs of [0, 1.5, 17])
    assert.throws(
      () => checkHardware(withPairs(joshi2020, pairs)),
      /^UsageError: hardware: .*mapping\.pairs/s,
    );
});

test('cells that learn have several pairs with mixed precision on one-sided devices alone', () => {
  const hardware = {
    ...inCellTraining,
    layers: { fc: { mapping: { scale: 'per-layer' as const, pairs: 2 } } },
  };
  const checked = (rule: object): unknown =>
    check(trainingSchema, 'training', { ...plainSettings, rule, hardware });
  const where = 'hardware: layers."fc".mapping.pairs must be 1';
  for (const [rule, why] of [
    [{ kind: 'pulsed', device: 'pcm-nandakumar-2018' }, 'with the rule "pulsed"'],
    [{ kind: 'tiki-taka' }, 'with the rule "tiki-taka"'],
    [{ kind: 'mixed-precision', device: 'ecram' }, 'with "ecram", which moves both ways and is in no pair'],
  ] as const)
    assert.throws(() => checked(rule), new RegExp(`${where} ${why}, got 2; leave it out`));
  checked({ kind: 'mixed-precision' });
});

test('a chip of trained cells with several pairs holds the weights that they hold', () => {
  const pairs = 3;
  const device = pulseModel(pcmNandakumar2018);
  const [placed] = placedOn(withPairs(inCellTraining, pairs), [layer]);
  const specs = learningCellsOf(layer, device, { pairs });
  const { uniform } = randomSequence(keyFromSeed(8));
  const states = Object.fromEntries(
    tensorsOfLearningCells(specs).map(({ name, shape }) => [
      name,
      Float64Array.from({ length: shape.reduce((p, n) => p * n, 1) }, () =>
        shape[0] === 1 ? 0.02 : uniform(),
      ),
    ]),
  );
  const { updates } = interpret(traceTrainedArrays([placed!], device), {
    ...states,
    'program.0': [1],
    'program.1': [2],
  });
  const sumOf = (chosen: Readonly<Record<string, ArrayLike<number>>>, name: (array: string) => string) =>
    pairsOf({ pairs }).map((array) => ({ array, values: chosen[name(arrayName(array))]! }));
  const programmed = sumOf(updates, (array) => `fc.arrays.${array}.conductance`);
  const learned = sumOf(states, (array) => `fc.cells.${array}.value`);
  const weight = (all: typeof learned, i: number, scale: number, share: number): number =>
    all.reduce(
      (sum, { array, values }) => sum + scale * share * (array.polarity === 'plus' ? 1 : -1) * values[i]!,
      0,
    );
  const scale = updates['fc.arrays.scale']![0]!;
  for (let i = 0; i < 10_000; i++) {
    const expected = weight(learned, i, 0.02, 1);
    // A chip's weight is the mean of its pairs.
    assert.ok(Math.abs(weight(programmed, i, scale, 1 / pairs) - expected) < 1e-9, `weight ${i}`);
  }
});
