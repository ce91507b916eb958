// Commands that only print: presets, schemas, JSON in place of tables.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { check } from '../src/base/schema.ts';
import { cellSchema } from '../src/cells/cell-schema.ts';
import { hermesOneDevice } from '../src/cells/published-cells.ts';
import { checkHardware } from '../src/crossbar/hardware-schema.ts';
import { hermes256 } from '../src/crossbar/presets.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-print-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);

test('a preset is printed as a file in which one field can be changed; cells too', async () => {
  const [list, hardware, cell, json, unknown] = await Promise.all([
    ohmic(['presets']),
    ohmic(['presets', 'hermes256']),
    ohmic(['presets', 'hermes-one-device']),
    ohmic(['presets', '--json']),
    ohmic(['presets', 'hermes25']),
  ]);
  assert.match(list.out, /^ideal +hardware +definition\n/);
  assert.match(list.out, /\npcm-nandakumar-2019 +cell +S\. R\. Nandakumar/);
  assert.match(hardware.out, /^# .*--hardware FILE/);
  assert.deepEqual(checkHardware(parse(hardware.out)), hermes256);
  assert.deepEqual(check(cellSchema, 'cell', parse(cell.out)), hermesOneDevice);
  const names = (JSON.parse(json.out) as { name: string }[]).map(({ name }) => name);
  assert.ok(names.includes('standardEvaluation') && names.includes('ideal-cell'));
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /presets: expected one of .*did you mean "hermes256"\?/);
});

test('reproductions come as JSON, schemas of every record are JSON', async () => {
  const names = [
    'run',
    'train',
    'twins',
    'hardware',
    'cell',
    'evaluation',
    'record',
    'twin-record',
    'cost',
    'pareto',
  ];
  const [list, wrong, ...schemas] = await Promise.all([
    ohmic(['reproduce', '--json']),
    ohmic(['schema', 'evaluations']),
    ...names.map((name) => ohmic(['schema', name])),
  ]);
  const [joshi, ...others] = JSON.parse(list!.out) as { readonly name: string }[];
  assert.deepEqual(joshi, {
    name: 'joshi2020',
    model: 'resnet32',
    dataset: 'cifar10',
    publication: 'V. Joshi et al., Nat. Commun. 11:2473 (2020)',
  });
  // Twins have a line for each part.
  assert.deepEqual(
    others.find(({ name }) => name === 'nandakumar2020 --only mlp'),
    {
      name: 'nandakumar2020 --only mlp',
      model: 'mlp',
      dataset: 'mnist',
      publication: 'S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020)',
    },
  );
  assert.match(wrong!.err, /schema: expected one of .*did you mean "evaluation"\?/);
  for (const [k, { out }] of schemas.entries())
    assert.equal((JSON.parse(out) as { type: string }).type, 'object', names[k]);
});

test('help of train shows defaults and examples, and hardware may be any of three things in its settings', async () => {
  const [help, schema] = await Promise.all([ohmic(['train', '--help']), ohmic(['schema', 'train'])]);
  assert.match(
    help.out.replaceAll(/\s+/g, ' '),
    /--batch-size <n> images of a step, or streams of a text \(default: 128\)/,
  );
  const { properties } = JSON.parse(schema.out) as {
    properties: { training: { properties: { hardware: { anyOf: unknown[] } } } };
  };
  assert.equal(properties.training.properties.hardware.anyOf.length, 3);
});

test('changes of a reproduction are checked, and printed with what they leave', async () => {
  const [changed, wrong] = await Promise.all([
    ohmic(['reproduce', 'joshi2020', '--print-settings', '--set', 'evaluation.chips=2', '--set', 'adc={kind: uniform, bits: 6, range: {kind: calibrated}}']),
    ohmic(['reproduce', 'joshi2020', '--print-settings', '--set', 'evaluation.chip=2']),
  ]); // biome-ignore format: flags and values in pairs
  const settings = parse(changed.out) as { hardware: object; evaluation: { chips: number } };
  assert.equal(settings.evaluation.chips, 2);
  assert.deepEqual(settings.hardware, {
    preset: 'joshi2020',
    adc: { kind: 'uniform', bits: 6, range: { kind: 'calibrated' } },
    name: 'joshi2020 (adc={"kind":"uniform","bits":6,"range":{"kind":"calibrated"}})',
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /evaluation: Unrecognized key: "chip"/);
});

test('a file of hardware whose cell is a file of its own works in settings too', async () => {
  const cell = await ohmic(['presets', 'hermes-one-device']);
  writeFileSync(join(folder, 'cell.yaml'), cell.out.replace('name: hermes-one-device', 'name: mine'));
  writeFileSync(
    join(folder, 'run.yaml'),
    'data: { dataset: synthetic }\nmodel: mlp\ntraining: { epochs: 1 }\nhardware: { preset: hermes256, cell: cell.yaml, adc: { bits: 1 } }\n',
  );
  const { code, err } = await ohmic(['run', 'run.yaml', '--out', 'run']);
  assert.equal(code, 1);
  // The cell was read: the only fault is the other one.
  assert.match(err, /^ohmic: run\.yaml: hardware\.adc\.bits: expected number to be >=2, got 1\n$/);
});
