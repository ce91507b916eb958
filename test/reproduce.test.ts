// `ohmic reproduce` as users meet it: what comes with ohmic can be run, a tiny trial goes through all stages, may be
// killed on the way, and its kept weights give the same numbers again. One WebAssembly thread, generated images.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { settingsDifferences } from '../src/base/merge.ts';
import type { Json } from '../src/base/schema.ts';
import { checkRunSettings } from '../src/cli/check-settings.ts';
import { readSettingsFile } from '../src/cli/files.ts';
import { laySettings } from '../src/cli/lay-settings.ts';
import type { Progress } from '../src/cli/progress.ts';
import {
  type ReproduceFlags,
  reproduceCommand,
  reproductionFile,
  reproductionList,
  reproductionNames,
} from '../src/cli/reproduce-command.ts';
import { areTwins, checkTwinsSettings } from '../src/cli/twins-command.ts';
import { resolveHardware } from '../src/crossbar/hardware-choice.ts';
import type { ExperimentRecord, NetworkResult } from '../src/experiment/record.ts';
import { parseRecord } from '../src/report/json.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-reproduce-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);

const evaluation = { chips: 2, timesSeconds: [5, 1000, 86_400], methods: ['none', 'global', 'adabs'] };
const trial = {
  data: { dataset: 'synthetic', trainImages: 60, testImages: 20 },
  model: 'small-cnn',
  backend: 'wasm',
  training: { epochs: 1, batchSize: 20 },
  noiseTraining: { epochs: 1 },
  evaluation: { ...evaluation, adabs: { batches: 1, batchSize: 20 }, calibrationImages: 20 },
  controlEvaluation: { chips: 1 },
  noiseSweep: {
    relativeToMax: [0, 0.08],
    training: { epochs: 1 },
    evaluation: { chips: 1, timesSeconds: [5, 86_400], methods: ['global'] },
  },
};
writeFileSync(join(folder, 'trial.json'), JSON.stringify(trial));
const reproduce = ['reproduce', 'joshi2020', '--config', 'trial.json', '--threads', '1', '--out', 'run'];

const silent: Progress = {
  line: () => undefined,
  task: () => ({ update: () => undefined, end: () => undefined }),
};

/** The command in this process, with changes to its settings: for what fails before any work. */
function attempt(name: string, out: string, changes: object, flags: ReproduceFlags = {}): Promise<void> {
  const config = join(folder, `${out}.json`);
  writeFileSync(config, JSON.stringify(changes));
  return reproduceCommand(name, { ...flags, threads: 1, config, out: join(folder, out) }, silent);
}

const textOf = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');

const rawOf = (name: string): Json | undefined => readSettingsFile(reproductionFile(name));
/** Names of the reproductions that are runs; the others are twins. */
const runs = reproductionNames().filter((name) => !areTwins(rawOf(name)));

for (const name of reproductionNames().filter((each) => !runs.includes(each))) {
  test(`the settings of ${name} can be run, each part by itself`, () => {
    const { name: own, parts } = checkTwinsSettings(name, rawOf(name));
    assert.equal(own, name);
    assert.ok(Object.keys(parts).length > 0);
    for (const part of Object.keys(parts)) assert.ok(reproductionList().includes(`${name} --only ${part}`));
  });
}

for (const name of runs) {
  test(`the settings of ${name} can be run, and every published figure meets a result`, () => {
    const settings = checkRunSettings(name, rawOf(name));
    assert.equal(settings.name, name);
    for (const { network, onChips } of settings.published!.figures) {
      assert.ok(['digital', 'noise-trained'].includes(network), network);
      if (onChips === undefined) continue;
      assert.ok(settings.evaluation.timesSeconds.includes(onChips.timeSeconds));
      assert.ok(settings.evaluation.methods.includes(onChips.method));
    }
  });
}

test('joshi2020 is the published network, noise, clipping and calibration set', () => {
  const settings = checkRunSettings('joshi2020', readSettingsFile(reproductionFile('joshi2020')));
  const { noise, clipping, batchSize, augmentation } = settings.noiseTraining!;
  assert.deepEqual([settings.model, settings.hardware], ['resnet32', 'joshi2020']);
  assert.deepEqual([noise, clipping], [{ kind: 'gaussian', relativeToMax: 0.038 }, { kind: 'standard-deviations', alpha: 2 }]); // biome-ignore format: the two in one line
  assert.deepEqual([batchSize, augmentation], [128, { cropPadding: 4, flip: true, cutout: 8 }]);
  assert.equal(settings.evaluation.adabs.batches * settings.evaluation.adabs.batchSize, 2600);
  assert.equal(settings.controlEvaluation!.methods.length, 4, 'what the control does not say is inherited');
  assert.deepEqual(settings.noiseSweep!.training.clipping, clipping);
});

test('joshi2020-imagenet is ResNet-34 with digital ends, the published noise and the clipping of ImageNet', () => {
  const name = 'joshi2020-imagenet';
  const settings = checkRunSettings(name, rawOf(name));
  const { noise, clipping, epochs, hardware, augmentation } = settings.noiseTraining!;
  assert.deepEqual([settings.model, settings.data.dataset, epochs], ['resnet34', 'photos', 8]);
  assert.deepEqual(noise, { kind: 'gaussian', relativeToMax: 0.038 });
  assert.deepEqual(clipping, { kind: 'standard-deviations', alpha: 2.5 });
  assert.deepEqual(augmentation, settings.evaluation.adabs.augmentation);
  for (const one of [hardware, resolveHardware(settings.hardware)])
    assert.deepEqual(one?.layers, { conv1: 'digital', fc: 'digital' });
  assert.equal(settings.evaluation.adabs.batches * settings.evaluation.adabs.batchSize, 1300);
});

test('without a name the reproductions are listed, an unknown one is refused with a suggestion', async () => {
  assert.match(reproductionList(), /^joshi2020 +resnet32 on cifar10 +V\. Joshi et al\./m);
  await assert.rejects(
    attempt('joshi202', 'unknown', trial),
    /^UsageError: reproduce: expected one of joshi2020, joshi2020-imagenet, li2025, nandakumar2020, wu2024, got "joshi202"; did you mean "joshi2020"\?$/,
  );
});

test('printed settings are complete, hold the changes, and are a settings file', async () => {
  const { code, out, err } = await ohmic([...reproduce, '--print-settings']);
  assert.equal(code, 0, err);
  const printed = parse(out);
  assert.equal(printed.noiseTraining.batchSize, 20, 'the changes are inherited too');
  assert.equal(printed.noiseTraining.noise.relativeToMax, 0.038);
  assert.deepEqual(checkRunSettings('printed', printed), printed);
});

test('flags change the parts that are asked for, a field of the training or of its hardware by its own name', async () => {
  const mlp = ['reproduce', 'nandakumar2020', '--only', 'mlp', '--print-settings'];
  const changes = ['seeds=[7]', 'rule.granularity=2', 'mapping.pairs=4'].flatMap((one) => ['--set', one]);
  const [before, after] = await Promise.all([ohmic(mlp), ohmic([...mlp, ...changes, '--backend', 'wasm'])]);
  assert.equal(after.code, 0, after.err);
  const differences = settingsDifferences(parse(before.out), parse(after.out)).join('\n');
  for (const change of [/^backend: .*"wasm"/m, /parts\.mlp\.seeds/, /rule\.granularity: 1 there, 2 here/])
    assert.match(differences, change);
  assert.match(differences, /parts\.mlp\.training\.hardware\.mapping\.pairs: absent there, 4 here/);
  for (const [change, message] of [
    ['rule.granulaty=2', /parts\.mlp: training\.rule: Unrecognized key: "granulaty"/],
    ['mlp.seeds=[7]', /--set: "mlp\.seeds=\[7\]": expected one of data, model, seeds, .*got "mlp"/],
  ] as const) {
    const { code, err } = await ohmic([...mlp, '--set', change]);
    assert.equal(code, 1);
    assert.match(err, message);
  }
});

test('--faithful takes our departures away, and nothing else', async () => {
  const printed = async (...flags: string[]): Promise<Json> =>
    parse((await ohmic(['reproduce', 'joshi2020', '--print-settings', ...flags])).out);
  assert.deepEqual(settingsDifferences(await printed(), await printed('--faithful')).sort(), [
    'noiseSweep.training.averaging: "none" there, absent here',
    'noiseTraining.averaging: {"decay":0.9999} there, absent here',
    'noiseTraining.learningRate.atEpochs: [] there, absent here',
    'noiseTraining.learningRate.factor: 0.1 there, absent here',
    'noiseTraining.learningRate.initial: 0.01 there, 0.005 here',
    'noiseTraining.learningRate.kind: "step" there, "cosine" here',
    'noiseTraining.learningRate.warmupEpochs: absent there, 0 here',
  ]);
  const { code, err } = await ohmic(['reproduce', 'nandakumar2020', '--faithful', '--print-settings']);
  assert.notEqual(code, 0);
  assert.match(err, /reproduce: --faithful: nandakumar2020 has no better schedule of ours; leave it out/);
});

test('impossible changes are refused before anything is trained', async () => {
  const twice = { ...trial, noiseSweep: { relativeToMax: [0, 0] } };
  await assert.rejects(
    attempt('joshi2020', 'twice', twice),
    /noiseSweep\.relativeToMax: expected different amounts of noise/,
  );
  const large = { ...trial, controlEvaluation: { adabs: { batchSize: 61 } } };
  await assert.rejects(
    attempt('joshi2020', 'large', large),
    /run: controlEvaluation\.adabs\.batchSize must be a whole number from 1 to 60/,
  );
  assert.ok(!existsSync(join(folder, 'large')), 'nothing is written');
});

test('kept runs of a reproduction can be continued: they began with the settings of today', () => {
  // ImageNet is nobody's to hand on, so its reproduction has no kept run.
  const kept = runs.filter((name) => name !== 'joshi2020-imagenet');
  assert.ok(kept.includes('joshi2020'));
  for (const name of kept) {
    const faithful = resolve(import.meta.dirname, `../reproductions/faithful/${name}.yaml`);
    for (const folder of existsSync(faithful) ? [name, `${name}/faithful`] : [name]) {
      const stored = JSON.parse(
        readFileSync(resolve(import.meta.dirname, `../results/${folder}/settings.json`), 'utf8'),
      ) as Json;
      // Of whatever version they are: completed, they say what was asked for.
      const { backend, ...begun } = checkRunSettings(name, stored);
      const changes = folder === name ? undefined : readSettingsFile(faithful);
      const { backend: _, ...today } = checkRunSettings(name, laySettings(rawOf(name), changes));
      assert.deepEqual(settingsDifferences(begun as unknown as Json, today as unknown as Json), []);
      assert.equal(backend, 'native');
    }
  }
});

test('a trial goes through all stages; killed and continued, it ends with the same record', async () => {
  const alone = await ohmic(reproduce);
  assert.equal(alone.code, 0, alone.err);
  const record = parseRecord(textOf('run', 'record.json'));
  assert.match(alone.out, /noise-trained \(digital/);
  assert.match(alone.out, /amount of training noise \(1 epoch from the digital weights\)/);
  assert.match(alone.out, /beside V\. Joshi et al\., Nat\. Commun\. 11:2473 \(2020\)/);
  assert.match(alone.out, /on the chip over a day, AdaBS \(abstract\) +> 93\.5 % /);
  reportsEverything(record);
  renameSync(join(folder, 'run'), join(folder, 'alone'));
  const killed = await ohmic(reproduce, {
    onErr: (child, err) => void (/training with eta 0: epoch 1/.test(err) && child.kill('SIGKILL')),
  });
  assert.equal(killed.code, null, killed.err);
  const last = await ohmic(reproduce);
  assert.equal(last.code, 0, last.err);
  assert.match(last.err, /noise training: done already/);
  assert.match(last.err, /evaluating noise-trained: 2 of 2 chips are done already/);
  for (const file of ['record.json', 'accuracies.csv', 'report.html'])
    assert.equal(textOf('run', file), textOf('alone', file), file);
});

test('ohmic evaluate on the kept weights gives the numbers of the record', async () => {
  const { networks, noiseSweep } = parseRecord(textOf('alone', 'record.json'));
  const weights = ['digital', 'noise-trained', 'noise-sweep/eta-0.08'].map(
    (of) => `alone/${of}/weights.safetensors`,
  );
  const { code, err } = await ohmic([
    'evaluate', '--weights', ...weights, '--seed', '1', '--chips', '2', '--times', '5s,1000s,1d', '--methods', 'none,global,adabs',
    '--adabs-batches', '1', '--adabs-batch-size', '20', '--adabs-augmentation', '4,8', '--calibration-images', '20', '--train-images', '60', '--test-images', '20',
    '--backend', 'wasm', '--threads', '1', '--out', 'again',
  ]); // biome-ignore format: flags and values in pairs
  assert.equal(code, 0, err);
  const [digital, noisy, swept] = parseRecord(textOf('again', 'record.json')).networks;
  assert.deepEqual(noisy!.deployed, networks[1]!.deployed);
  // Of the control and of each amount of noise there is one chip; the latter only at some times, under some methods.
  assert.deepEqual(firstChip(networks[0]!), firstChip(digital!));
  const all = new Set(firstChip(swept!));
  assert.deepEqual(
    firstChip(noiseSweep!.points[1]!).filter((line) => !all.has(line)),
    [],
  );
});

test('other settings do not continue the run', async () => {
  await assert.rejects(
    attempt('joshi2020', 'alone', { ...trial, seed: 2 }),
    /the run in .*alone has other settings; leave them out, or choose another --out: seed: 1 there, 2 here$/,
  );
});

function firstChip({ deployed }: Pick<NetworkResult, 'deployed'>): readonly string[] {
  return deployed.map((one) => `${one.method}, ${one.timeSeconds} s: ${one.accuracies[0]}`);
}

function reportsEverything({ networks, noiseSweep, published }: ExperimentRecord): void {
  assert.deepEqual(
    networks.map(({ label, evaluation: own, deployed }) => [label, own?.chips, deployed[0]!.accuracies.length]),
    [['digital', 1, 1], ['noise-trained', undefined, 2]],
  ); // biome-ignore format: one network a line
  assert.deepEqual(
    noiseSweep!.points.map(({ relativeToMax, training }) => [relativeToMax, training.settings?.noise]),
    [0, 0.08].map((relativeToMax) => [relativeToMax, { kind: 'gaussian', relativeToMax }]),
  );
  const page = textOf('run', 'report.html');
  assert.match(page, /<h2[^>]*>Beside the publication<\/h2>/);
  assert.match(page, /<h2[^>]*>Amount of training noise<\/h2>/);
  const marks = [...page.matchAll(/<path class="published[^>]*><title>published, ([^:]+):/g)].map(
    ([, what]) => what,
  );
  for (const { what } of published!.figures) assert.ok(marks.includes(what), what);
  const lines = textOf('run', 'accuracies.csv').split('\r\n');
  assert.ok(lines.some((line) => /,eta 0\.08,[^,]+,[^,]+,0\.08,[^,]+,20,1,86400,global,/.test(line)));
}
