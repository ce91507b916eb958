// The `ohmic` command as users meet it: spawned, killed, interrupted, given wrong settings and damaged files. Everything
// runs on one WebAssembly thread with the smallest settings that still train, unless the compiler is the subject.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { parseRecord } from '../src/report/json.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../src/train/checkpoint.ts';
import { commandIn, MAIN, type Outcome, type SpawnOptions } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ohmic = commandIn(folder);

const place = (name: string): string => join(folder, name);
const bytes = (...path: string[]): Buffer => readFileSync(place(join(...path)));

const data = ['--dataset', 'synthetic', '--train-images', '100', '--test-images', '20'];
const model = ['--model', 'small-cnn', '--backend', 'wasm', '--threads', '1'];
// Five steps an epoch; a checkpoint after every step.
const tiny = [...data, ...model, '--epochs', '4', '--batch-size', '20', '--noise', '0.04', '--clip', '2'];
const train = (out: string, ...more: string[]): string[] => [
  'train',
  ...tiny,
  '--checkpoint-minutes',
  '1e-9',
  '--out',
  out,
  ...more,
];

/** Kills the command as soon as it says something; what it does then goes on for long. */
function killAt(said: RegExp, signal: NodeJS.Signals): SpawnOptions {
  let isSent = false;
  return {
    onErr: (child, err) => {
      // A second signal would end it at once.
      if (!isSent && said.test(err)) isSent = child.kill(signal);
    },
  };
}

before(async () => {
  const { code, err } = await ohmic(train('reference'));
  assert.equal(code, 0, err);
});

test('a training that is killed again and again ends with the same bytes as one that is left alone', async () => {
  for (const epoch of [1, 2, 3]) {
    const resume = existsSync(place('killed/settings.json')) ? ['--resume'] : [];
    const killed = await ohmic(
      train('killed', ...resume),
      killAt(new RegExp(`epoch ${epoch} of`), 'SIGKILL'),
    );
    assert.equal(killed.code, null, `it ended before it was killed: ${killed.err}`);
  }
  const { code, err } = await ohmic(['train', '--out', 'killed', '--resume', '--threads', '1']);
  assert.equal(code, 0, err);
  assert.match(err, /continuing after step/);
  assert.deepEqual(bytes('killed', 'weights.safetensors'), bytes('reference', 'weights.safetensors'));
  assert.deepEqual(bytes('killed', 'history.json'), bytes('reference', 'history.json'));
  assert.deepEqual(
    readdirSync(place('killed')),
    readdirSync(place('reference')),
    'nothing half-written is left',
  );
});

test('Ctrl-C leaves a checkpoint, says how to continue, and the continued run ends with the same bytes', async () => {
  const stopped = await ohmic(train('stopped'), killAt(/epoch 1 of/, 'SIGINT'));
  assert.equal(stopped.code, 130, stopped.err);
  // The command as it was typed, so that what the settings do not hold (data, threads) is said again.
  assert.match(stopped.err, /Continue with:\n {2}ohmic train .*--threads 1 .*--out stopped --resume\n/);
  assert.ok(existsSync(place('stopped/checkpoint.safetensors')));
  assert.ok(!existsSync(place('stopped/weights.safetensors')));
  // As an earlier version would have left it: nothing is lost by a new one.
  const file = place('stopped/checkpoint.safetensors');
  const { state, provenance } = await decodeCheckpoint(file, readFileSync(file));
  writeFileSync(file, await encodeCheckpoint({ state, provenance: { ...provenance, ohmic: '0.0.1' } }));
  const { code, err } = await ohmic(['train', '--out', 'stopped', '--resume', '--threads', '1']);
  assert.equal(code, 0, err);
  assert.match(err, /note: begun by ohmic 0\.0\.1, .*, continued by ohmic .*: the last bits may differ/);
  assert.deepEqual(bytes('stopped', 'weights.safetensors'), bytes('reference', 'weights.safetensors'));
});

test('a folder that holds a run is neither overwritten nor continued with other settings', async () => {
  const again = await ohmic(train('reference'));
  assert.equal(again.code, 1);
  assert.match(
    again.err,
    /^ohmic: reference holds a run already; continue it with --resume, or choose another --out\n$/,
  );
  const other = await ohmic(train('reference', '--resume', '--lr', '0.3', '--seed', '5'));
  assert.equal(other.code, 1);
  assert.match(other.err, /seed: 0 there, 5 here/);
  assert.match(other.err, /training\.learningRate\.initial: 0\.1 there, 0\.3 here/);
  const none = await ohmic(train('nowhere', '--resume'));
  assert.equal(none.code, 1);
  assert.match(none.err, /no such folder; leave out --resume/);
});

test('a damaged checkpoint is refused, whichever part of it is damaged', async () => {
  const checkpoint = bytes('reference', 'checkpoint.safetensors');
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(checkpoint);
    copy[at] = copy[at]! ^ 1;
    return copy;
  };
  const damages = {
    truncated: checkpoint.subarray(0, checkpoint.length >> 1),
    empty: checkpoint.subarray(0, 0),
    'a flipped weight': flipped(checkpoint.length - 100),
    'a flipped digit of the settings': flipped(checkpoint.indexOf('batchSize') + 'batchSize\\":'.length),
    'a flipped brace': flipped(checkpoint.indexOf('{\\"ohmic')),
  };
  const attempts = Object.entries(damages).map(async ([damage, content], number) => {
    const out = `damaged-${number}`;
    mkdirSync(place(out));
    writeFileSync(place(join(out, 'settings.json')), bytes('reference', 'settings.json'));
    writeFileSync(place(join(out, 'checkpoint.safetensors')), content);
    const { code, err } = await ohmic(['train', '--out', out, '--resume', '--threads', '1']);
    assert.equal(code, 1, `${damage}: ${err}`);
    assert.match(err, /ohmic: damaged-\d\/checkpoint\.safetensors: .*damaged/, damage);
    assert.doesNotMatch(err, /\n {4}at /, `${damage}: no stack trace`);
  });
  await Promise.all(attempts);
});

test('all impossible settings are listed at once, unknown names with a suggestion', async () => {
  const { code, err } = await ohmic([
    'train', '--out', 'impossible', '--dataset', 'cifar', '--model', 'resnet-32', '--epochs', 'many', '--batch-size', '0',
    '--lr', '-1', '--momentum', '1', '--noise', '-0.1', '--clip', '0', '--cutout', '1.5', '--seed', '-3', '--backend', 'nativ',
  ]); // biome-ignore format: flags and values in pairs
  assert.equal(code, 1);
  for (const expected of [
    '11 faults',
    'data.dataset: expected one of cifar10, mnist, fashion-mnist, synthetic, digits, photos, ptb-characters, shakespeare, sentences, got "cifar"; did you mean "cifar10"?',
    'did you mean "resnet32"?',
    'did you mean "native"?',
    'training.epochs: expected number, got "many"',
    'training.batchSize:',
    'training.learningRate.initial:',
    'training.rule.momentum:',
    'training.noise.relativeToMax:',
    'training.clipping.alpha:',
    'training.augmentation.cutout:',
    'seed:',
  ]) {
    assert.ok(err.includes(expected), `"${expected}" in\n${err}`);
  }
  assert.ok(!existsSync(place('impossible')), 'nothing is written');
});

test('conditions between fields are faults too, and a settings file is checked like flags', async () => {
  writeFileSync(
    place('warm.yaml'),
    'data: { dataset: synthetic }\nmodel: small-cnn\ntraining:\n  epochs: 2\n  learningRate: { kind: cosine, warmupEpochs: 3 }\n',
  );
  const { code, err } = await ohmic(['train', '--config', 'warm.yaml', '--out', 'warm']);
  assert.equal(code, 1);
  assert.match(err, /warmupEpochs must be between 0 and epochs, got 3/);
  writeFileSync(place('broken.yaml'), 'data: { dataset: synthetic\n');
  const broken = await ohmic(['run', 'broken.yaml']);
  assert.equal(broken.code, 1);
  assert.match(broken.err, /broken\.yaml: neither JSON nor YAML/);
});

test('settings of version 0.1.0 are read; flags give numbers of a rule or a schedule without its name', async () => {
  writeFileSync(
    place('old.yaml'),
    'data: { dataset: synthetic, trainImages: 40, testImages: 20 }\nmodel: mlp\ntraining: { epochs: 0, batchSize: 20, momentum: 0.5, nesterov: false }\n',
  );
  const trainingOf = async (out: string, ...flags: string[]): Promise<Record<string, unknown>> => {
    const { code, err } = await ohmic([
      'train', '--config', 'old.yaml', '--backend', 'wasm', '--threads', '1', '--out', out, ...flags,
    ]); // biome-ignore format: flags and values in pairs
    assert.equal(code, 0, err);
    assert.ok(existsSync(place(`${out}/weights.safetensors`)), 'no epochs leave the first weights');
    return (JSON.parse(bytes(out, 'settings.json').toString()) as { training: Record<string, unknown> })
      .training;
  };
  const rule = { kind: 'sgd', momentum: 0.5, nesterov: false, weightDecay: 5e-4 };
  assert.deepEqual((await trainingOf('old'))['rule'], rule);
  const { rule: changed, learningRate } = await trainingOf('new', '--momentum', '0.3', '--drop-at', '3');
  assert.deepEqual(changed, { ...rule, momentum: 0.3 });
  assert.deepEqual(learningRate, { kind: 'step', initial: 0.1, factor: 0.1, atEpochs: [3] });
});

test('unknown commands, flags, hardware, methods and negative times are refused by name', async () => {
  const command = await ohmic(['trian']);
  assert.equal(command.code, 1);
  assert.match(command.err, /Did you mean train\?/);
  const flag = await ohmic(['train', '--out', 'x', '--epoch', '3']);
  assert.equal(flag.code, 1);
  assert.match(flag.err, /Did you mean --epochs\?/);
  const evaluate = await ohmic([
    'evaluate', '--weights', 'reference/weights.safetensors', '--out', 'e', '--hardware', 'joshi', '--times', '25s,-1h,3fortnights', '--methods', 'adabss', '--chips', '0',
  ]); // biome-ignore format: flags and values in pairs
  assert.equal(evaluate.code, 1);
  for (const expected of [
    'a time since programming must be at least 0 s, got "-1h"',
    'expected a number with one of s, min, h, d, month, y, got "3fortnights"',
    'did you mean "adabs"?',
    'did you mean "joshi2020"?',
    'chips:',
  ]) {
    assert.ok(evaluate.err.includes(expected), `"${expected}" in\n${evaluate.err}`);
  }
});

test('missing, truncated and foreign data are refused with what was expected', async () => {
  mkdirSync(place('data/mnist'), { recursive: true });
  const mnist = [
    'train',
    '--dataset',
    'mnist',
    '--model',
    'mlp',
    '--epochs',
    '1',
    '--backend',
    'wasm',
    '--threads',
    '1',
    '--out',
    'm',
    '--data',
  ];
  const absent = await ohmic([...mnist, 'no-such-folder']);
  assert.equal(absent.code, 1);
  assert.match(absent.err, /no-such-folder does not exist; correct --data or OHMIC_DATA/);
  const missing = await ohmic([...mnist, 'data']);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /missing train-images-idx3-ubyte\.gz, .* in folder data/);
  const names = [
    'train-images-idx3-ubyte',
    'train-labels-idx1-ubyte',
    't10k-images-idx3-ubyte',
    't10k-labels-idx1-ubyte',
  ];
  for (const name of names) writeFileSync(place(`data/mnist/${name}`), 'not the official file');
  const foreign = await ohmic([...mnist, 'data']);
  assert.equal(foreign.code, 1);
  assert.match(foreign.err, /4 faults/);
  assert.match(foreign.err, /expected SHA-256 ba891046\w+, got \w+ \(21 bytes\)/);
  writeFileSync(
    place('data/mnist/train-images-idx3-ubyte.gz'),
    Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2),
  );
  const truncated = await ohmic([...mnist, 'data']);
  assert.equal(truncated.code, 1);
  assert.match(truncated.err, /train-images-idx3-ubyte\.gz/);
});

test('a compiler that fails is named, a missing one is replaced by WebAssembly with one line', async () => {
  const script = (name: string, text: string): string => {
    writeFileSync(place(name), `#!/bin/sh\n${text}\n`);
    chmodSync(place(name), 0o755);
    return place(name);
  };
  const attempt = (out: string, env: Readonly<Record<string, string>>): Promise<Outcome> =>
    ohmic(
      [
        'train',
        ...data,
        '--model',
        'small-cnn',
        '--threads',
        '1',
        '--batch-size',
        '20',
        '--epochs',
        '0',
        '--out',
        out,
      ],
      { env: { ...env, OHMIC_CACHE: place('cache') } },
    );
  const broken = await attempt('cc1', { CC: script('broken-cc', 'exit 1') });
  assert.equal(broken.code, 1);
  assert.match(
    broken.err,
    /^ohmic: native backend: expected a C compiler in CC, but ".*broken-cc" does not work; set CC/,
  );
  const failing = await attempt('cc2', {
    CC: script(
      'failing-cc',
      'case "$*" in *-dM*) echo \'#define __VERSION__ "0"\';; *) echo "no headers" >&2; exit 1;; esac',
    ),
  });
  assert.equal(failing.code, 1);
  assert.match(
    failing.err,
    /the C compiler ".*failing-cc" failed; set CC to another compiler, or use --backend wasm/,
  );
  assert.match(failing.err, /no headers/);
  const none = await attempt('cc3', { PATH: place('empty') });
  assert.equal(none.code, 0, none.err);
  assert.equal(none.err.split('\n').filter((line) => line.startsWith('using WebAssembly')).length, 1);
  assert.match(none.err, /found none that works/);
});

test('a whole run, killed twice, ends with the same record as one that is left alone', async () => {
  const training = { epochs: 1, batchSize: 20 };
  const settings = {
    data: { dataset: 'synthetic', trainImages: 60, testImages: 20 },
    model: 'small-cnn',
    backend: 'wasm',
    training,
    noiseTraining: { noise: { kind: 'gaussian', relativeToMax: 0.04 } },
    hardware: 'joshi2020',
    evaluation: {
      chips: 2,
      timesSeconds: [25, 86_400],
      adabs: { batches: 1, batchSize: 20 },
      calibrationImages: 20,
    },
  };
  writeFileSync(place('run.json'), JSON.stringify(settings));
  const run = ['run', 'run.json', '--threads', '1', '--out', 'whole'];
  const alone = await ohmic(run);
  assert.equal(alone.code, 0, alone.err);
  assert.match(alone.out, /noise-trained \(digital/);
  assert.match(alone.out, /report: whole\/report\.html/);
  const record = parseRecord(bytes('whole', 'record.json').toString());
  assert.deepEqual(
    record.networks.map(({ label }) => label),
    ['digital', 'noise-trained'],
  );
  assert.ok(bytes('whole', 'report.html').length > 1000);
  assert.equal(bytes('whole', 'accuracies.csv').toString().trim().split('\n').length, 1 + 2 * 4 * 2 * 2);
  rmSync(place('whole'), { recursive: true });
  for (const [said, ...more] of [
    [/digital training: epoch 1/],
    [/noise training: epoch 1/, '--resume'],
  ] as const) {
    const killed = await ohmic([...run, ...more], killAt(said, 'SIGKILL'));
    assert.equal(killed.code, null, `it ended before it was killed: ${killed.err}`);
  }
  const last = await ohmic([...run, '--resume']);
  assert.equal(last.code, 0, last.err);
  assert.match(last.err, /digital training: done already/);
  assert.equal(JSON.stringify(parseRecord(bytes('whole', 'record.json').toString())), JSON.stringify(record));
});

test('SIGTERM stops like Ctrl-C, with a code of its own', async () => {
  const stopped = await ohmic(train('terminated'), killAt(/epoch 1 of/, 'SIGTERM'));
  assert.equal(stopped.code, 143, stopped.err);
  assert.ok(existsSync(place('terminated/checkpoint.safetensors')));
});

test('AdaBS alone, for a network that normalises nothing, is refused before it is trained', async () => {
  writeFileSync(
    place('plain.yaml'),
    'data: { dataset: synthetic, trainImages: 40, testImages: 20 }\nmodel: mlp\ntraining: { epochs: 1 }\nhardware: ideal\nevaluation: { methods: [adabs], adabs: { batchSize: 20 }, calibrationImages: 20 }\n',
  );
  const { code, err } = await ohmic(['run', 'plain.yaml', '--backend', 'wasm', '--out', 'plain']);
  assert.equal(code, 1);
  assert.match(err, /evaluation\.methods must name another than adabs: mlp has no batch normalisation/);
  assert.ok(!existsSync(place('plain')), 'nothing is written');
});

test('help shows examples, the version is that of the package, schemas are JSON', async () => {
  const [help, version, schema, ofRecord] = await Promise.all([
    ohmic(['train', '--help']),
    ohmic(['--version']),
    ohmic(['schema', 'run']),
    ohmic(['schema', 'record']),
  ]);
  assert.match(help.out, /Examples:\n {2}ohmic train/);
  const { version: expected } = JSON.parse(readFileSync(resolve(MAIN, '../../../package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal(version.out, `${expected}\n`);
  const { properties } = JSON.parse(schema.out) as {
    properties: { noiseTraining: { required?: string[] }; noiseSweep: { required?: string[] } };
  };
  // What may be left out is taken from another part.
  assert.equal(properties.noiseTraining.required, undefined);
  assert.deepEqual(properties.noiseSweep.required, ['relativeToMax']);
  assert.deepEqual(Object.keys(properties), [
    'name',
    'data',
    'model',
    'seed',
    'backend',
    'from',
    'training',
    'noiseTraining',
    'hardware',
    'evaluation',
    'controlEvaluation',
    'noiseSweep',
    'published',
  ]);
  const record = JSON.parse(ofRecord.out) as { required: string[] };
  assert.ok(['format', 'hardware', 'networks'].every((field) => record.required.includes(field)));
});

test('inspect tells provenance and layers, programs a chip, prints graph and kernels', async () => {
  const weights = 'reference/weights.safetensors';
  const shown = await ohmic(['inspect', 'weights', weights]);
  assert.match(shown.out, /^small-cnn, trained on synthetic by ohmic/);
  assert.match(shown.out, /conv2\.weights +\(3, 3, 16, 32\) +4608/);
  const chip = await ohmic([
    'inspect',
    'chip',
    weights,
    '--hardware',
    'hermes256',
    '--backend',
    'wasm',
    '--threads',
    '1',
  ]);
  assert.match(chip.out, /conv4 +288 x 64 +2 +14\.1 %/);
  const graph = await ohmic([
    'inspect',
    'graph',
    '--model',
    'mlp',
    '--dataset',
    'mnist',
    '--kind',
    'training',
  ]);
  assert.match(graph.out, /update dense1\.weights = %\d+/);
  const kernels = await ohmic(['inspect', 'kernels', '--model', 'mlp', '--dataset', 'mnist']);
  assert.match(kernels.out, /^plan: \d+ launches/);
  const verdict = await ohmic(['inspect', 'kernels', '--model', 'mlp', '--dataset', 'mnist', '--verify']);
  assert.match(verdict.out, /^\d+ launches of \d+ kernels: no faults\n$/);
});
