// The `ohmic` command on texts as users meet it: training by characters, interruption, scores on chips, and what is
// refused. Everything runs on one WebAssembly thread with windows of four characters.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decodeCheckpoint } from '../src/train/checkpoint.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-text-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);
const place = (...path: string[]): string => join(folder, ...path);

writeFileSync(place('song.txt'), 'row, row, row your boat\n'.repeat(60));
const small = ['--model', 'char-lstm-small', '--backend', 'wasm', '--threads', '1'];
const train = (out: string, ...more: string[]): string[] => [
  'train',
  ...small,
  ...['--context', '4', '--batch-size', '8', '--epochs', '2', '--rule', 'adam', '--lr', '0.01'],
  ...['--out', out, ...more],
];
const onSong = ['--dataset', 'song.txt'];

/** The one line of what the command refused. */
async function refused(args: readonly string[]): Promise<string> {
  const { code, err } = await ohmic(args);
  assert.equal(code, 1, err);
  return err;
}

test('a text is trained on and scored on chips in bits per character, never in per cent', async () => {
  const trained = await ohmic(train('whole', ...onSong));
  assert.equal(trained.code, 0, trained.err);
  assert.match(trained.err, /on song\.txt \(1296 characters, 11 different ones\)/);
  assert.match(trained.err, /windows of 4 characters in 8 streams; states are carried from window to window/);
  assert.match(
    trained.err,
    /epoch 2 of 2: loss \S+, training \S+ bits per character, test \S+ bits per character/,
  );
  const weights = place('whole', 'weights.safetensors');
  const inspected = await ohmic(['inspect', 'weights', weights]);
  assert.match(inspected.out, /2 epochs, training loss \S+, test \S+ bits per character/);
  const evaluate = [
    'evaluate',
    '--weights',
    weights,
    '--chips',
    '2',
    '--times',
    '25s',
    '--methods',
    'none,global',
  ];
  const workplace = ['--backend', 'wasm', '--threads', '1', '--calibration-images', '50'];
  const scored = await ohmic([...evaluate, ...workplace, ...onSong, '--out', 'chips']);
  assert.equal(scored.code, 0, scored.err);
  assert.match(scored.out, /^bits per character on song\.txt\n\ndigital \(digital \d\.\d{4}, 2 chips\)\n/);
  for (const text of [trained.err, inspected.out.split('settings:')[0]!, scored.out])
    assert.doesNotMatch(text, /accuracy|%/);
  const record = JSON.parse(readFileSync(place('chips', 'scores.json'), 'utf8')) as {
    format: string;
    score: object;
    networks: { digitalScore: number; deployed: { mean: number; scores: number[] }[] }[];
  };
  assert.deepEqual([record.format, record.score], ['ohmic-scores-1', { name: 'bits per character' }]);
  const [network] = record.networks;
  assert.deepEqual(
    network!.deployed.map(({ scores }) => scores.length),
    [2, 2],
  );
  const lines = readFileSync(place('chips', 'scores.csv'), 'utf8').trim().split('\n');
  assert.equal(lines.length, 1 + 2 * 2);
  assert.ok(lines[1]!.endsWith(String(network!.deployed[0]!.scores[0])));
  assert.match(
    await refused([...evaluate, ...workplace, '--out', 'other']),
    /the network was trained on the file song\.txt; name it with --dataset/,
  );
  assert.match(
    await refused([...evaluate, ...workplace, '--dataset', 'sentences', '--out', 'other']),
    /expected the 11 characters that it was trained on, "\\n ,abortuwy", got a text with 25/,
  );
  assert.match(
    await refused([...evaluate, ...workplace, ...onSong, '--test-images', '5', '--out', 'other']),
    /--train-images, --test-images: a text has none/,
  );
});

test('a training on a text that is stopped within an epoch continues to the same bytes', async () => {
  let isSent = false;
  const stopped = await ohmic(train('stopped', ...onSong, '--checkpoint-minutes', '1e-9'), {
    onErr: (child, err) => {
      if (!isSent && err.includes('epoch 1 of 2')) isSent = child.kill('SIGINT');
    },
  });
  assert.equal(stopped.code, 130, stopped.err);
  const checkpoint = readFileSync(place('stopped', 'checkpoint.safetensors'));
  const { state } = await decodeCheckpoint('checkpoint', new Uint8Array(checkpoint));
  assert.ok(state.tensors['lstm1.carried.cell']!.data.some((value) => value !== 0));
  const resumed = await ohmic(['train', '--out', 'stopped', '--resume', '--threads', '1']);
  assert.equal(resumed.code, 0, resumed.err);
  const weights = (run: string): Buffer => readFileSync(place(run, 'weights.safetensors'));
  assert.ok(weights('stopped').equals(weights('whole')));
});

test('settings name a file for each part', async () => {
  writeFileSync(place('other.txt'), 'row your boat\n'.repeat(20));
  writeFileSync(
    place('settings.yaml'),
    'data: { text: { train: song.txt, test: other.txt }, context: 5 }\nmodel: char-lstm-small\ntraining: { epochs: 1, batchSize: 4 }\n',
  );
  const { code, err } = await ohmic([
    'train',
    '--config',
    'settings.yaml',
    '--backend',
    'wasm',
    '--out',
    'parts',
  ]);
  assert.equal(code, 0, err);
  assert.match(err, /windows of 5 characters in 4 streams/);
});

const gptRun = {
  data: { text: 'song.txt', context: 8 },
  model: 'char-gpt-small',
  backend: 'wasm',
  training: {
    epochs: 1,
    batchSize: 8,
    learningRate: { initial: 0.003 },
    rule: { kind: 'adamw', weightDecay: 0.01 },
  },
  noiseTraining: { noise: { kind: 'gaussian', relativeToMax: 0.04 }, hardware: 'hermes256' },
  hardware: 'hermes256',
  evaluation: {
    chips: 2,
    timesSeconds: [25, 315_360_000],
    methods: ['none', 'global', 'per-column'],
    calibrationImages: 20,
  },
};

test('a run on a text trains a GPT with and without noise, and scores both on chips; again, it has nothing to do', async () => {
  writeFileSync(place('gpt.json'), JSON.stringify(gptRun));
  const run = ['run', 'gpt.json', '--threads', '1', '--out', 'gpt'];
  const first = await ohmic(run);
  assert.equal(first.code, 0, first.err);
  assert.match(first.err, /noise training: epoch 1 of 1: loss \S+, training \S+ bits per character/);
  assert.match(first.out, /^bits per character on song\.txt\n\ndigital \(digital .*\n\nnoise-trained \(/s);
  const scores = (): string => readFileSync(place('gpt', 'scores.json'), 'utf8');
  const record = JSON.parse(scores()) as {
    title: string;
    networks: { label: string; deployed: { scores: number[] }[] }[];
  };
  assert.equal(record.title, 'char-gpt-small on song.txt');
  assert.deepEqual(
    record.networks.map(({ label, deployed }) => [label, deployed.length, deployed[0]!.scores.length]),
    [
      ['digital', 6, 2],
      ['noise-trained', 6, 2],
    ],
  );
  const before = scores();
  const again = await ohmic([...run, '--resume']);
  assert.equal(again.code, 0, again.err);
  assert.match(again.err, /noise training: done already/);
  assert.equal(JSON.parse(scores()).networks.length, 2);
  const networksOf = (text: string): unknown => JSON.parse(text).networks;
  assert.deepEqual(networksOf(scores()), networksOf(before));
});

test('a GPT is exported as it was trained and as a chip was read, a network that carries states is not', async () => {
  const weights = place('gpt', 'noise-trained', 'weights.safetensors');
  const plain = await ohmic(['export', weights, '--out', 'gpt.onnx']);
  assert.equal(plain.code, 0, plain.err);
  assert.match(
    plain.out,
    /^char-gpt-small, as it was trained: gpt\.onnx\ntokens: 8 numbers a window, .*"\\n ,/,
  );
  // Converter ranges are calibrated on 250 windows.
  writeFileSync(place('long.txt'), 'row, row, row your boat\n'.repeat(100));
  const onLong = ['--dataset', 'long.txt'];
  const onChip = ['export', weights, '--hardware', 'joshi2020', '--time', '1y', '--method', 'lora'];
  const chip = await ohmic([
    ...onChip,
    ...onLong,
    '--backend',
    'wasm',
    '--threads',
    '1',
    '--out',
    'chip.onnx',
  ]);
  assert.equal(chip.code, 0, chip.err);
  assert.match(chip.out, /as chip 1 of joshi2020 is read 1y after programming, compensated by lora/);
  const [before, after] = ['gpt.onnx', 'chip.onnx'].map((file) => readFileSync(place(file)));
  assert.equal(after!.length, before!.length);
  assert.notDeepEqual(after, before);
  assert.match(
    await refused(['export', weights, '--hardware', 'joshi2020', '--out', 'x.onnx']),
    /export: the network was trained on the file song\.txt; name it with --dataset/,
  );
  assert.match(
    await refused(['export', place('whole', 'weights.safetensors'), '--out', 'x.onnx']),
    /export: char-lstm-small carries states from window to window/,
  );
});

test('a run on a text refuses what a text has not', async () => {
  writeFileSync(
    place('wrong.json'),
    JSON.stringify({
      ...gptRun,
      training: { ...gptRun.training, labelSmoothing: 0.1 },
      evaluation: { ...gptRun.evaluation, testImages: 5 },
    }),
  );
  const err = await refused(['run', 'wrong.json', '--out', 'wrong']);
  assert.match(err, /training\.labelSmoothing: a text has none; leave it out/);
  assert.match(err, /evaluation\.testImages: a text has none; leave it out/);
  writeFileSync(place('noText.json'), JSON.stringify({ ...gptRun, data: { dataset: 'mnist' } }));
  assert.match(
    await refused(['run', 'noText.json', '--out', 'wrong']),
    /data\.dataset: expected one of ptb-characters, shakespeare, sentences, got "mnist"/,
  );
  writeFileSync(place('both.json'), JSON.stringify({ ...gptRun, data: {} }));
  assert.match(
    await refused(['run', 'both.json', '--out', 'wrong']),
    /data: expected either `dataset` or `text`/,
  );
  assert.equal(existsSync(place('wrong')), false);
});

test('texts and settings that can not be are refused before anything is written', async () => {
  writeFileSync(place('odd.txt'), 'row\nrow ß\n');
  writeFileSync(place('empty.txt'), '');
  for (const [args, message] of [
    [[...onSong, '--context', '0'], /data\.context: expected number to be >=1, got 0/],
    [[...onSong, '--context', '400'], /test: expected at least two windows of 400 tokens, got 72 tokens/],
    [['--dataset', 'missing.txt'], /missing\.txt: can't be read/],
    [['--dataset', 'empty.txt'], /empty\.txt: expected text, got an empty file/],
    [['--dataset', 'shakespeer'], /data\.dataset: expected one of .*; did you mean "shakespeare"\?/],
    [
      ['--dataset', 'mnist'],
      /char-lstm-small reads a text, expected one of ptb-characters, .*got the images of mnist/,
    ],
    [[...onSong, '--label-smoothing', '0.1'], /training\.labelSmoothing: a text has none; leave it out/],
    [
      [...onSong, '--model', 'mlp'],
      /mlp classifies images, expected one of .*for a text use --model char-lstm or/,
    ],
    [
      ['--set', 'data.text.train=song.txt', '--set', 'data.text.test=odd.txt'],
      /odd\.txt: expected symbols of the training text alone, got "ß" \(U\+00DF\) at line 2, column 5; replace/,
    ],
    [[...onSong, '--set', 'data.dataset=sentences'], /data: expected `dataset` or `text`, got both/],
  ] as const) {
    assert.match(await refused(train('refused', ...args)), message);
  }
  assert.equal(existsSync(place('refused')), false);
  assert.match(
    await refused([
      'train',
      '--dataset',
      'synthetic',
      '--model',
      'mlp',
      '--context',
      '3',
      '--epochs',
      '1',
      '--out',
      'x',
    ]),
    /data\.context: images have no windows of characters; leave it out/,
  );
});
