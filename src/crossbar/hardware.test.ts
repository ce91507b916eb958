// Hardware specifications at the door.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { hasIdealPeriphery, hasReadNoiseInProducts } from './hardware.ts';
import { checkHardware } from './hardware-schema.ts';
import { hermes256, ideal, joshi2020, standardEvaluation } from './presets.ts';

const presets = [ideal, joshi2020, hermes256, standardEvaluation];

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
  assert.deepEqual(presets.map(hasIdealPeriphery), [true, true, false, false]);
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
    message: /hardware: the specification: .*got null/,
  });
});
