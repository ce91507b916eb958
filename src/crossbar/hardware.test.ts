// Hardware specifications at the door.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import {
  byLayer,
  type HardwareSpec,
  hardwareOf,
  hasIdealPeriphery,
  hasReadNoiseInProducts,
  matchesPattern,
  patternFaults,
} from './hardware.ts';
import { checkHardware } from './hardware-schema.ts';
import {
  hermes256,
  hermes256OnePhase,
  ideal,
  inCellTraining,
  joshi2020,
  standardEvaluation,
} from './presets.ts';

const presets = [ideal, joshi2020, hermes256, hermes256OnePhase, standardEvaluation, inCellTraining];

test('every preset passes its own check, also through JSON', () => {
  for (const preset of presets) {
    assert.deepEqual(checkHardware(JSON.parse(JSON.stringify(preset))), preset);
  }
});

test('presets have distinct names and say where they come from', () => {
  assert.equal(new Set(presets.map(({ name }) => name)).size, presets.length);
  assert.ok(presets.every(({ source, cell }) => source.length > 0 && cell.source.length > 0));
});

test('only hardware without converters and output noise has an ideal periphery', () => {
  assert.deepEqual(presets.map(hasIdealPeriphery), [true, true, false, false, false, false]);
});

test('read noise is drawn per read unless the hardware says per product and its cells have any', () => {
  for (const preset of presets) {
    const perRead = { ...preset, readNoise: { kind: 'per-read' } } as const;
    const perProduct = { ...preset, readNoise: { kind: 'per-product' } } as const;
    for (const hardware of [perRead, perProduct])
      assert.deepEqual(checkHardware(JSON.parse(JSON.stringify(hardware))), hardware);
    assert.equal(hasReadNoiseInProducts(preset), false);
    assert.equal(hasReadNoiseInProducts(perRead), false);
    assert.equal(hasReadNoiseInProducts(perProduct), preset !== ideal);
  }
});

for (const [readNoise, place] of [
  [{ kind: 'per-row' }, 'readNoise.kind'],
  [{ kind: 'per-product', colour: 'red' }, 'readNoise'],
  ['per-product', 'readNoise'],
  [null, 'readNoise'],
] as const) {
  test(`read noise ${JSON.stringify(readNoise)} is refused`, () => {
    assert.throws(() => checkHardware({ ...joshi2020, readNoise }), {
      name: 'UsageError',
      message: new RegExp(`^hardware: ${place}: `),
    });
  });
}

test('all faults of a specification are listed at once, with place and value', () => {
  const faulty = {
    ...standardEvaluation,
    cell: { ...standardEvaluation.cell, gMaxMicrosiemens: -25 },
    tile: { kind: 'limited', rows: 0, columns: 512 },
    adc: { kind: 'uniform', bits: 1.5, range: { kind: 'calibrated' } },
    dac: { kind: 'magic' },
    colour: 'red',
  };
  assert.throws(
    () => checkHardware(faulty),
    (error: unknown) => {
      assert.ok(error instanceof UsageError);
      const lines = error.message.split('\n').slice(1);
      assert.match(error.message, /^hardware: \d faults/);
      for (const place of ['cell.gMaxMicrosiemens', 'tile.rows', 'adc.bits', 'dac.kind', 'colour']) {
        assert.ok(
          lines.some((line) => line.includes(place)),
          `${place} in\n${error.message}`,
        );
      }
      assert.match(error.message, /got -25/);
      return true;
    },
  );
});

test('something that is no specification at all is refused', () => {
  assert.throws(() => checkHardware(null), {
    name: 'UsageError',
    message: 'hardware: expected object, got null',
  });
});

// Layers that differ

test('a pattern fits names in which * stands for any text', () => {
  const fits: readonly (readonly [name: string, pattern: string])[] = [
    ['stem', 'stem'],
    ['stem', '*'],
    ['', '*'],
    ['stem', 'st*'],
    ['stem', '*em'],
    ['stem', 's*e*m'],
    ['stem', 'stem*'],
    ['stage1.block0.conv1', 'stage*.conv1'],
    ['stage1.block0.conv1', '*block*conv*'],
    ['aa', 'a*a'],
    ['abcabc', '*abc'],
    ['a**', 'a*'],
    ['anything', '**'],
  ];
  for (const [name, pattern] of fits) assert.ok(matchesPattern(name, pattern), `${name} ${pattern}`);
});

test('a pattern does not fit more than it says', () => {
  const misses: readonly (readonly [name: string, pattern: string])[] = [
    ['stem', 'ste'],
    ['stem', 'tem'],
    ['stem', '*e'],
    ['stem', 'stem.*'],
    ['a', 'a*a'],
    ['ab', 'ab*b'],
    ['stage1.conv1', 'stage*.block*.conv1'],
    ['conv1', 'conv1?'],
    ['convX1', 'conv.1'],
    ['ba', 'a*'],
    ['abc', '*c*b*'],
  ];
  for (const [name, pattern] of misses) assert.ok(!matchesPattern(name, pattern), `${name} ${pattern}`);
});

test('the first pattern that fits a layer decides; other layers have the hardware itself', () => {
  const hardware: HardwareSpec = {
    ...hermes256,
    layers: { stem: 'digital', 'stage1.*': { dac: { kind: 'uniform', bits: 4 } }, 's*': 'digital' },
  };
  assert.equal(hardwareOf(hardware, 'stem'), undefined);
  assert.equal(hardwareOf(hardware, 'stage2.conv'), undefined);
  assert.deepEqual(hardwareOf(hardware, 'fc'), hermes256);
  assert.deepEqual(hardwareOf(hardware, 'stage1.conv'), { ...hermes256, dac: { kind: 'uniform', bits: 4 } });
  assert.deepEqual(hardwareOf(hermes256, 'stem'), hermes256);
  // The hardware of a layer has no layers itself.
  assert.ok(!('layers' in hardwareOf(hardware, 'fc')!));
});

test('a function chooses the hardware of layers, before what the hardware says itself', () => {
  const layers = ['stem', 'body', 'dense'].map((name, depth) => ({ name, depth }));
  const own: HardwareSpec = { ...hermes256, layers: { body: { adc: { kind: 'ideal' } }, '*': 'digital' } };
  const chosen = byLayer(own, layers, ({ depth }) =>
    depth === 2 ? undefined : depth === 0 ? 'digital' : { dac: { kind: 'ideal' } },
  );
  assert.equal(hardwareOf(chosen, 'stem'), undefined);
  assert.deepEqual(hardwareOf(chosen, 'body'), { ...hermes256, dac: { kind: 'ideal' } });
  assert.equal(hardwareOf(chosen, 'dense'), undefined);
  assert.deepEqual(own.layers, { body: { adc: { kind: 'ideal' } }, '*': 'digital' });
  const untouched = byLayer(hermes256, layers, () => undefined);
  for (const { name } of layers) assert.deepEqual(hardwareOf(untouched, name), hermes256);
});

test('patterns that fit no layer are faults, each with the layers that there are', () => {
  const hardware: HardwareSpec = { ...ideal, layers: { 'stem*': 'digital', 'conv*': 'digital', fc: {} } };
  assert.deepEqual(patternFaults(hardware, ['stem', 'dense']), [
    'layers: "conv*" fits no layer; there are stem, dense',
    'layers: "fc" fits no layer; there are stem, dense',
  ]);
  assert.deepEqual(patternFaults(hardware, ['stem', 'conv1', 'fc']), []);
  assert.deepEqual(patternFaults(ideal, ['stem']), []);
});

test('layers pass the check, and their faults have their place', () => {
  const layers = {
    'stem*': 'digital',
    fc: { adc: { kind: 'ideal' }, mapping: { scale: 'per-layer' } },
  } as const;
  const hardware: HardwareSpec = { ...hermes256, layers };
  assert.deepEqual(checkHardware(JSON.parse(JSON.stringify(hardware))), hardware);
  for (const [wrong, message] of [
    [{ fc: 'analog' }, 'hardware: layers.fc: expected "digital", got "analog"'],
    [
      { fc: { adc: { kind: 'uniform', bits: 1 } } },
      /layers\.fc\.adc\.bits: expected number to be >=2, got 1/,
    ],
    [{ fc: { name: 'x' } }, 'hardware: layers.fc: Unrecognized key: "name"'],
    [{ '': 'digital' }, /layers/],
  ] as const)
    assert.throws(() => checkHardware({ ...hermes256, layers: wrong }), { name: 'UsageError', message });
});
