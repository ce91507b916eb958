// `--set path=value`, and the hardware that flags choose and change.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hermes256, ideal, joshi2020 } from '../crossbar/presets.ts';
import { hardwareFromFlags } from './hardware-flag.ts';
import { below, located, parseSettings, settingsTree } from './set-flag.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-set-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('values are YAML, names with dots stand in quotes', () => {
  const texts = ['adc.bits=4', 'a={b: [1, x]}', 'layers."stage1.*"=digital', 'c = a=b', 'd='];
  assert.deepEqual(
    parseSettings(texts).map(({ path, value }) => [path, value]),
    [
      [['adc', 'bits'], 4],
      [['a'], { b: [1, 'x'] }],
      [['layers', 'stage1.*'], 'digital'],
      [['c'], 'a=b'],
      [['d'], null],
    ],
  );
  assert.throws(() => parseSettings(['adc.bits', '=4', 'a={b']), {
    message:
      /^--set: 3 faults\n {2}- expected path=value, got "adc\.bits".*\n.*got "=4".*\n.*the value is no YAML/,
  });
});

test('a path begins with a field of one of several trees, the first that has it', () => {
  const roots = [
    { fields: ['seed', 'training'], at: [] },
    { fields: ['epochs', 'seed'], at: ['training'] },
  ];
  const settings = located(parseSettings(['seed=1', 'epochs=2', 'training.rule.kind=adam']), roots);
  assert.deepEqual(settingsTree(settings), { seed: 1, training: { epochs: 2, rule: { kind: 'adam' } } });
  const { inside, others } = below(['training'], settings);
  assert.deepEqual(settingsTree(inside), { epochs: 2, rule: { kind: 'adam' } });
  assert.deepEqual(settingsTree(others), { seed: 1 });
  assert.equal(settingsTree([]), undefined);
  assert.throws(() => located(parseSettings(['epoch=2']), roots), {
    message: '--set: "epoch=2": expected one of seed, training, epochs, got "epoch"; did you mean "epochs"?',
  });
});

test('of two values for one field the later holds', () => {
  const roots = [{ fields: ['adc'], at: [] }];
  assert.deepEqual(settingsTree(located(parseSettings(['adc.bits=4', 'adc.bits=5']), roots)), {
    adc: { bits: 5 },
  });
});

test('flags choose hardware, change it, and its name tells how', () => {
  assert.equal(hardwareFromFlags({ hardware: 'hermes256' }), hermes256);
  const changed = hardwareFromFlags({
    hardware: 'hermes256',
    set: ['adc.bits=4', 'hardware.dac.bits=5'],
    keepDigital: 'stem*, dense',
  });
  assert.deepEqual(changed, {
    ...hermes256,
    name: 'hermes256 (adc.bits=4; dac.bits=5; digital stem*, dense)',
    adc: { ...hermes256.adc, bits: 4 },
    dac: { kind: 'uniform', bits: 5 },
    layers: { 'stem*': 'digital', dense: 'digital' },
  });
  assert.equal(hardwareFromFlags({ hardware: 'hermes256', set: ['name=mine'] }).name, 'mine');
  assert.deepEqual(hardwareFromFlags({ hardware: 'hermes256', set: ['adc.kind=ideal'] }).adc, {
    kind: 'ideal',
  });
  // Without hardware: what is digital on hardware that is ideal in everything else.
  assert.deepEqual(hardwareFromFlags({ keepDigital: 'dense' }), {
    ...ideal,
    name: 'ideal (digital dense)',
    layers: { dense: 'digital' },
  });
});

test('patterns of flags come before those of a file', () => {
  const file = join(folder, 'chip.yaml');
  writeFileSync(
    file,
    "preset: joshi2020\nlayers: { '*': { mapping: { scale: per-column } }, dense: digital }\n",
  );
  const { layers, cell } = hardwareFromFlags({ hardware: file, keepDigital: 'stem' });
  assert.deepEqual(Object.keys(layers!), ['stem', '*', 'dense']);
  assert.deepEqual(cell, joshi2020.cell);
});

test('hardware that does not exist, and changes that do not fit, are refused with all faults', () => {
  assert.throws(
    () => hardwareFromFlags({ hardware: 'joshi' }),
    /--hardware: there is no file of that name; expected one of .*; did you mean "joshi2020"\?/,
  );
  assert.throws(() => hardwareFromFlags({ hardware: 'hermes256', set: ['adc.bits=1', 'tile.rows=0'] }), {
    message: /hardware: 2 faults\n {2}- tile\.rows: .*got 0\n {2}- adc\.bits: .*got 1/,
  });
  assert.throws(
    () => hardwareFromFlags({ hardware: 'hermes256', set: ['tiles.rows=1'] }),
    /--set: "tiles\.rows=1": .*did you mean "tile"\?/,
  );
});
