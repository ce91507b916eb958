// `ohmic twins` as users meet it: training, continuing, and what is refused before any training. Everything runs on one
// WebAssembly thread with eight steps an epoch.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeWhole } from '../src/cli/files.ts';
import type { TwinRecord } from '../src/experiment/twin-record.ts';
import { parseTwinRecord } from '../src/report/json.ts';
import { twinsPage } from '../src/report/twins-page.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-twins-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);
const place = (...path: string[]): string => join(folder, ...path);
const text = (...path: string[]): string => readFileSync(place(...path), 'utf8');

const data = { dataset: 'synthetic', trainImages: 64, testImages: 20 };
const training = {
  epochs: 1,
  batchSize: 8,
  learningRate: { kind: 'cosine', initial: 1 },
  rule: { kind: 'mixed-precision' },
};
const mlp = { data, model: 'mlp', seeds: [3, 5], training };
const afterwards = {
  chips: 2,
  timesSeconds: [25, 86_400],
  methods: ['none', 'global'],
  calibrationImages: 20,
};
const published = {
  source: 'A. Author (2001)',
  figures: [{ what: 'on the chip', score: 0.9, of: 'cells', locator: 'Fig. 1' }],
};

/** Writes settings with these parts and runs the command on them. */
function twins(
  name: string,
  parts: Readonly<Record<string, unknown>>,
  ...more: string[]
): ReturnType<typeof ohmic> {
  writeWhole(place(`${name}.json`), JSON.stringify({ name, backend: 'wasm', parts }));
  return ohmic(['twins', `${name}.json`, '--threads', '1', ...more]);
}

/** What the command says when it refuses, before it trains. */
async function refused(parts: Readonly<Record<string, unknown>>, ...more: string[]): Promise<string> {
  const { code, out, err } = await twins('refused', parts, ...more);
  assert.equal(code, 1, err);
  assert.equal(out, '');
  assert.ok(!existsSync(place('runs/refused')), 'a folder was made');
  return err;
}

let whole: TwinRecord;

before(async () => {
  const { code, out, err } = await twins('whole', { mlp: { ...mlp, afterwards, published } });
  assert.equal(code, 0, err);
  assert.match(err, /^mlp: mlp on synthetic \(64 images\), 2 seeds, in runs\/whole\/mlp$/m);
  assert.match(err, /mlp, seed 5, in floating point: epoch 1 of 1: loss /);
  assert.match(out, /^mlp: mlp on synthetic, trained in the cells: accuracy \(%\)$/m);
  assert.match(out, /^published, on the chip \(cells\): 90\.00, Fig\. 1$/m);
  assert.match(out, /^report: runs\/whole\/mlp\/report\.html$/m);
  whole = parseTwinRecord(text('runs/whole/mlp/record.json'));
});

test('the record has both trainings of every seed, the cells, and what became of them', () => {
  assert.deepEqual(
    whole.pairs.map(({ seed }) => seed),
    [3, 5],
  );
  for (const { inCells, inFloat } of whole.pairs) {
    assert.ok(inCells.history[0]!.pulses! > 0);
    assert.equal(inFloat.history[0]!.pulses, undefined);
    assert.equal(inCells.score, inCells.history.at(-1)!.testAccuracy);
    assert.notEqual(inCells.history[0]!.trainLoss, inFloat.history[0]!.trainLoss);
  }
  assert.equal(whole.settings.rule.kind, 'mixed-precision');
  const inCells = whole.cells!.layers.reduce((sum, { weights }) => sum + weights, 0);
  assert.equal(inCells, whole.network.analogWeights);
  const given = whole.cells!.layers.flatMap(({ arrays }) => arrays.map(({ pulsesGiven }) => pulsesGiven));
  // So short a training refreshes no pair: the devices have had the pulses of the epoch.
  assert.equal(whole.pairs[0]!.inCells.history[0]!.refreshes ?? 0, 0);
  assert.equal(
    given.reduce((sum, n) => sum + n, 0),
    whole.pairs[0]!.inCells.history[0]!.pulses,
  );
  assert.deepEqual(
    whole.afterwards!.map(({ label, deployed, evaluation }) => [label, deployed.length, evaluation!.chips]),
    [
      ['seed 3', 4, 2],
      ['seed 5', 4, 2],
    ],
  );
});

test('the page beside the record is made from it, the values have a line for each epoch', () => {
  assert.equal(text('runs/whole/mlp/report.html'), twinsPage(whole));
  assert.equal(text('runs/whole/mlp/twins.csv').trim().split('\r\n').length, 1 + 4);
});

test('twins that are run again, or whose last seed is lost, have the same record', async () => {
  const again = (): ReturnType<typeof ohmic> =>
    twins('whole', { mlp: { ...mlp, afterwards, published } }, '--json');
  const first = await again();
  assert.equal(first.code, 0, first.err);
  assert.doesNotMatch(first.err, /epoch 1 of 1/);
  const { command: _, ...results } = whole;
  const { command: __, ...repeated } = parseTwinRecord(first.out);
  assert.deepEqual(repeated, results);
  rmSync(place('runs/whole/mlp/seed-5/in-cells'), { recursive: true });
  const second = await again();
  assert.match(second.err, /mlp, seed 5, in cells: epoch 1 of 1/);
  const { command: ___, ...retrained } = parseTwinRecord(second.out);
  assert.deepEqual(retrained, results);
});

test('twins with other settings do not continue in the folder', async () => {
  const { code, err } = await twins('whole', { mlp: { ...mlp, seeds: [3] } });
  assert.equal(code, 1);
  assert.match(err, /the run in runs\/whole\/mlp has other settings/);
});

test('--only names parts; an unknown one is told which there are', async () => {
  assert.match(
    await refused({ mlp, other: mlp }, '--only', 'mlpp'),
    /twins: --only: expected one of mlp, other, got "mlpp"; did you mean "mlp"\?/,
  );
});

test('settings that are wrong are refused with their place', async () => {
  const sgd = { ...training, rule: { kind: 'sgd' } };
  assert.match(
    await refused({ mlp: { ...mlp, training: sgd } }),
    /parts\.mlp\.training\.rule\.kind: expected a rule of weights in cells, got sgd, which has no twin/,
  );
  assert.match(
    await refused({ mlp: { ...mlp, seeds: [3, 3] } }),
    /parts\.mlp\.seeds: expected different seeds/,
  );
  assert.match(
    await refused({ gan: { ...mlp, model: 'gan' } }),
    /parts\.gan\.classifier: gan generates images: expected a classifier that compares them, got none/,
  );
  assert.match(
    await refused({ mlp: { ...mlp, classifier: { model: 'lenet5', training: { epochs: 1 } } } }),
    /parts\.mlp\.classifier: expected none, since mlp generates no images/,
  );
  assert.match(await refused({ 'm/p': mlp }), /expected a name of letters, digits and -/);
});

test('what the trained cells cannot be asked is refused before the training', async () => {
  assert.match(
    await refused({ mlp: { ...mlp, afterwards: { ...afterwards, calibrationImages: 65 } } }),
    /parts\.mlp\.afterwards: calibrationImages must be a whole number from 1 to 64, got 65/,
  );
  assert.match(
    await refused({ mlp: { ...mlp, afterwards: { ...afterwards, methods: ['adabs'] } } }),
    /parts\.mlp\.afterwards: .*mlp has no batch normalisation/s,
  );
});

test('twins that generate images are scored by a classifier; their pictures lie beside the page', async () => {
  const gan = {
    data,
    model: 'gan',
    seeds: [1],
    training: { ...training, batchSize: 16, learningRate: { kind: 'cosine', initial: 0.05 } },
    classifier: { model: 'lenet5', training: { epochs: 1, batchSize: 16 } },
  };
  const { code, out, err } = await twins('images', { gan }, '--json');
  assert.equal(code, 0, err);
  const { score, historyScore, pictures, pairs } = parseTwinRecord(out);
  assert.deepEqual(score, { name: 'Fréchet distance', isShare: false, isBetter: 'lower' });
  assert.deepEqual(historyScore, { name: 'told apart', isShare: true });
  assert.ok(pairs[0]!.inCells.score > 0);
  assert.deepEqual(
    pictures!.map(({ file }) => file),
    ['seed-1-in-cells.png', 'seed-1-in-floating-point.png'],
  );
  for (const { file } of pictures!) {
    assert.ok(existsSync(place('runs/images/gan', file)), file);
    assert.ok(text('runs/images/gan/report.html').includes(`<img src="${file}"`), file);
  }
});
