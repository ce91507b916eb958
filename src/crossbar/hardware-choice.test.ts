// Hardware as settings name it: presets, whole specifications, presets with changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../base/schema.ts';
import {
  type ChangedPreset,
  type HardwareChoice,
  hardwareChoiceSchema,
  hardwareNames,
  hardwarePresets,
  resolveHardware,
} from './hardware-choice.ts';
import { hermes256, joshi2020, standardEvaluation } from './presets.ts';

test('a preset is found by its name, which is its own', () => {
  for (const name of hardwareNames) {
    assert.equal(resolveHardware(name), hardwarePresets[name]);
    assert.equal(hardwarePresets[name].name, name);
  }
});

test('a whole specification is itself', () => {
  const own = { ...joshi2020, name: 'own' };
  assert.deepEqual(resolveHardware(own), own);
});

test('changes of a preset are laid on it; what is not said stays', () => {
  const { adc } = hermes256;
  assert.ok(adc.kind === 'uniform');
  assert.deepEqual(resolveHardware({ preset: 'hermes256', adc: { bits: 6 } }), {
    ...hermes256,
    adc: { ...adc, bits: 6 },
  });
  assert.deepEqual(resolveHardware({ preset: 'joshi2020' }), joshi2020);
  assert.deepEqual(resolveHardware({ preset: 'joshi2020', cell: { gMaxMicrosiemens: 20 } }), {
    ...joshi2020,
    cell: { ...joshi2020.cell, gMaxMicrosiemens: 20 },
  });
});

test('another kind replaces what the preset has', () => {
  const { outputNoise, adc } = resolveHardware({
    preset: 'standardEvaluation',
    outputNoise: { kind: 'none' },
    adc: { range: { kind: 'calibrated' } },
  });
  assert.deepEqual(outputNoise, { kind: 'none' });
  assert.deepEqual(adc, { ...standardEvaluation.adc, range: { kind: 'calibrated' } });
});

test('layers of a preset are changed by pattern', () => {
  const { layers, ...rest } = resolveHardware({ preset: 'hermes256', layers: { 'stem*': 'digital' } });
  assert.deepEqual(layers, { 'stem*': 'digital' });
  assert.deepEqual(rest, hermes256);
});

test('faults of changes are listed at once, with their places', () => {
  const wrong = { preset: 'hermes256', adc: { bits: 1 }, dac: { kind: 'magic' }, colour: 'red' };
  assert.throws(() => resolveHardware(wrong as unknown as ChangedPreset), {
    name: 'UsageError',
    message: /^hardware: 3 faults\n[\s\S]*adc\.bits: expected number to be >=2, got 1/,
  });
  // Another kind without the fields that it needs.
  assert.throws(() => resolveHardware({ preset: 'joshi2020', dac: { kind: 'uniform' } }), {
    name: 'UsageError',
    message: 'hardware: dac.bits: expected number, got nothing',
  });
  assert.throws(() => resolveHardware({ preset: 'hermes265' } as unknown as ChangedPreset), {
    name: 'UsageError',
    message:
      'hardware: preset: expected one of ideal, joshi2020, hermes256, hermes256OnePhase, standardEvaluation, inCellTraining, got "hermes265"; did you mean "hermes256"?',
  });
});

test('settings may hold a name, a whole specification or a preset with changes', () => {
  const choices: readonly HardwareChoice[] = [
    'ideal',
    joshi2020,
    { preset: 'hermes256', adc: { bits: 6 } },
    { ...hermes256, layers: { fc: 'digital' } },
  ];
  for (const choice of choices) assert.deepEqual(check(hardwareChoiceSchema, 'here', choice), choice);
});

test('a name that is unknown is told which is near', () => {
  assert.throws(() => check(hardwareChoiceSchema, 'here', 'joshi2021'), {
    name: 'UsageError',
    message:
      'here: expected one of ideal, joshi2020, hermes256, hermes256OnePhase, standardEvaluation, inCellTraining, got "joshi2021"; did you mean "joshi2020"?',
  });
});
