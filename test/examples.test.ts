// Every example runs as its reader runs it, in a process of its own, and its last line is the answer that it promises.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Json } from '../src/base/schema.ts';
import { checkRunSettings, checkTextRunSettings } from '../src/cli/check-settings.ts';
import { readSettingsFile } from '../src/cli/files.ts';

const run = promisify(execFile);
/** Of 365 days, as the settings have it. */
const [DAY, YEAR] = [86_400, 31_536_000];
const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'examples');

const SHARE = String.raw`(\d+\.\d) %`;
const CHANCE = 50;

/** The last line of each example, and what must hold of the numbers in it. */
const answers: Readonly<Record<string, readonly [RegExp, (...numbers: number[]) => boolean]>> = {
  'own-network.ts': [
    new RegExp(`^digital ${SHARE}, on a chip after an hour ${SHARE}$`),
    (digital, chip) => digital! > 90 && chip! > 85,
  ],
  'depthwise.ts': [
    new RegExp(`^all layers on the chip: ${SHARE} \\(digital ${SHARE}\\)$`),
    (chip, digital) => digital! > 85 && chip! > CHANCE,
  ],
  'lstm.ts': [
    new RegExp(`^digital ${SHARE}, on a chip after an hour ${SHARE}$`),
    (digital, chip) => digital! > 85 && chip! > 75,
  ],
  'own-cell.ts': [
    new RegExp(`^after a day ${SHARE}, with drift compensation ${SHARE}$`),
    (without, compensated) => compensated! > without! && compensated! > 85,
  ],
  'digital-layers.ts': [
    new RegExp(`^first and last digital: ${SHARE} after a day, mean of 5 chips$`),
    (mean) => mean! > 85,
  ],
  'converters-in-training.ts': [
    new RegExp(`^on a chip of 4 bits: ${SHARE}, trained for it ${SHARE}$`),
    (before, after) => after! > before! + 5,
  ],
  'loss-budget.ts': [
    /^1 day, global: the chip costs (-?[\d.]+) ± ([\d.]+) percentage points[.;]/,
    (loss, halfWidth) => loss! > -2 && loss! < 20 && halfWidth! > 0,
  ],
  'import-pytorch.ts': [/^logits (\d+), (\d+)$/, (first, second) => first === 7 && second === 41],
  'sweep.ts': [
    new RegExp(`^best: noise ${SHARE}, ${SHARE} after a day$`),
    (noise, mean) => [0, 4, 8].includes(noise!) && mean! > 80,
  ],
  'own-update-rule.ts': [new RegExp(`^signum: ${SHARE}$`), (accuracy) => accuracy! > 70],
  'compensation.ts': [
    new RegExp(`^adabs +${SHARE}  ${SHARE}  ${SHARE}  ${SHARE}$`),
    (...accuracies) => accuracies.every((accuracy) => accuracy > 80),
  ],
  'chips-as-values.ts': [
    /^mean conductance ([\d.]+), ([\d.]+), ([\d.]+) µS: at once, after an hour, after a day$/,
    (atOnce, hour, day) => atOnce! > hour! && hour! > day!,
  ],
};

/** What other examples import. */
const shared = ['textures.ts', 'waveforms.ts'];
const scripts = readdirSync(folder).filter((name) => name.endsWith('.ts'));

test('every example is listed, here and in the table for readers', () => {
  assert.deepEqual(scripts.toSorted(), [...Object.keys(answers), ...shared].toSorted());
  const table = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const name of scripts) assert.ok(table.includes(`[${name}](${name})`), name);
});

test('settings of runs that come as examples are complete, and evaluate ten chips over ten years', () => {
  const read = (name: string): Json => readSettingsFile(join(folder, name));
  const runs = [
    checkTextRunSettings('gpt', read('char-gpt.yaml')),
    checkRunSettings('vit', read('vit.yaml')),
  ];
  for (const { training, noiseTraining, evaluation } of runs) {
    assert.equal(training.rule.kind, 'adamw');
    assert.equal(noiseTraining!.hardware!.name, 'hermes256');
    assert.equal(evaluation.chips, 10);
    assert.deepEqual(evaluation.timesSeconds, [25, DAY, YEAR, 10 * YEAR]);
    assert.equal(evaluation.lora!.rank, 8);
  }
  const table = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const name of ['char-gpt.yaml', 'vit.yaml']) assert.ok(table.includes(`[${name}](${name})`), name);
});

test('examples use public names alone, and begin with their question', () => {
  for (const name of scripts) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, from] of text.matchAll(/from '([^']+)'/g))
      assert.match(from!, /^(ohmic|ohmic\/node|\.\/(textures|waveforms)\.ts)$/, name);
    assert.match(text.split('\n\n')[0]!, /^\/\/ .*\?/s, name);
    assert.ok(text.split('\n').length <= 70, `${name} is longer than 70 lines`);
  }
});

for (const [name, [line, holds]] of Object.entries(answers)) {
  test(`example ${name}`, async () => {
    const { stdout } = await run(process.execPath, ['--conditions=ohmic-source', join(folder, name)], {
      cwd: root,
    });
    const last = stdout.trimEnd().split('\n').at(-1)!;
    const found = line.exec(last.replaceAll('−', '-'));
    assert.ok(found !== null, `last line: ${last}`);
    assert.ok(holds(...found.slice(1).map(Number)), last);
  });
}
