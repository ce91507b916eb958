// The `ohmic` command on adversarial pairs as users meet it: training, interruption, pictures, distances, and what is
// refused. Everything runs on one WebAssembly thread with four steps an epoch.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { writeWhole } from '../src/cli/files.ts';
import { decodeWeights, encodeWeights, type TrainedNetwork } from '../src/train/checkpoint.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-generate-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);
const place = (...path: string[]): string => join(folder, ...path);
const weightsOf = (run: string): string => join(run, 'weights.safetensors');
const bytes = (...path: string[]): Buffer => readFileSync(place(...path));

const machine = ['--backend', 'wasm', '--threads', '1'];
const images = ['--dataset', 'synthetic', '--train-images', '64', '--test-images', '20'];
const training = ['--batch-size', '16', '--epochs', '2', '--rule', 'sgd', '--lr', '0.05', '--momentum', '0'];
const train = (model: string, out: string, ...more: string[]): string[] => [
  'train',
  ...['--model', model, ...images, ...training, ...machine, '--out', out, ...more],
];
const generate = (...args: string[]): string[] => ['generate', ...args, ...machine];

/** What the command says when it refuses. */
async function refused(args: readonly string[]): Promise<string> {
  const { code, out, err } = await ohmic(args);
  assert.equal(code, 1, err);
  assert.equal(out, '');
  return err;
}

/** A copy of a run's weights whose provenance says something else. */
async function changedWeights(
  run: string,
  name: string,
  provenance: Partial<TrainedNetwork['provenance']>,
): Promise<string> {
  const trained = await decodeWeights(run, new Uint8Array(bytes(weightsOf(run))));
  const changed = { ...trained, provenance: { ...trained.provenance, ...provenance } };
  writeWhole(place(name), await encodeWeights(changed));
  return name;
}

/** Height, width, channels and pixels of a PNG without filters. */
function readPng(file: string): { height: number; width: number; channels: number; pixels: Buffer } {
  const png = bytes(file);
  const [width, height, channels] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25] === 2 ? 3 : 1];
  // Signature 8, IHDR 25, then length and type of IDAT.
  const length = png.readUInt32BE(33);
  const rows = inflateSync(png.subarray(41, 41 + length));
  const row = 1 + width * channels;
  assert.equal(rows.length, height * row);
  return { height, width, channels, pixels: Buffer.from(rows.filter((_, at) => at % row !== 0)) };
}

before(async () => {
  const { code, err } = await ohmic(train('gan', 'whole'));
  assert.equal(code, 0, err);
  assert.match(err, /training gan on synthetic \(64 images\)/);
  assert.match(err, /epoch 2 of 2: loss \S+, training told apart \S+ %, test told apart \S+ %/);
  assert.doesNotMatch(err, /accuracy|augmentation/);
  const judge = await ohmic(train('lenet5', 'judge'));
  assert.equal(judge.code, 0, judge.err);
});

test('weights of a pair tell their own score and that images were not changed', async () => {
  const { out } = await ohmic(['inspect', 'weights', weightsOf('whole')]);
  assert.match(out, /^gan, trained on synthetic by/);
  assert.match(out, /2 epochs, training loss \S+, test told apart \d+\.\d\d %/);
  assert.match(out, /"augmentation":\{"cropPadding":0,"flip":false,"cutout":0\}/);
});

test('a training of a pair that is stopped continues to the same bytes', async () => {
  let isSent = false;
  const stopped = await ohmic(train('gan', 'stopped', '--checkpoint-minutes', '1e-9'), {
    onErr: (child, err) => {
      if (!isSent && err.includes('epoch 1 of 2')) isSent = child.kill('SIGINT');
    },
  });
  assert.equal(stopped.code, 130, stopped.err);
  assert.equal(existsSync(place(weightsOf('stopped'))), false);
  const resumed = await ohmic(['train', '--out', 'stopped', '--resume', '--threads', '1']);
  assert.equal(resumed.code, 0, resumed.err);
  assert.match(resumed.err, /continuing after step/);
  assert.ok(bytes(weightsOf('stopped')).equals(bytes(weightsOf('whole'))));
  const again = await ohmic(['train', '--out', 'stopped', '--resume', '--threads', '1']);
  assert.match(again.err, /done already/);
});

test('a picture has its images in rows; image k depends on the seed and k alone', async () => {
  const { code, out, err } = await ohmic(
    generate(weightsOf('whole'), '--count', '7', '--columns', '3', '--out', 'pictures/seven.png'),
  );
  assert.equal(code, 0, err);
  assert.equal(out, '7 images of gan, trained on synthetic, seed 0: pictures/seven.png\n');
  const seven = readPng('pictures/seven.png');
  // Three rows of three images of 32 x 32, with lines of a pixel between and around them.
  assert.deepEqual([seven.height, seven.width, seven.channels], [100, 100, 3]);
  assert.deepEqual(readdirSync(place('pictures')), ['seven.png'], 'nothing half-written is left');
  const rows = async (...more: string[]): Promise<Buffer> => {
    const made = await ohmic(
      generate(weightsOf('whole'), '--count', '3', '--columns', '3', '--out', 'three.png', ...more),
    );
    assert.equal(made.code, 0, made.err);
    return readPng('three.png').pixels;
  };
  const three = await rows();
  assert.ok(three.equals(seven.pixels.subarray(0, three.length)));
  assert.equal((await rows('--seed', '1')).equals(three), false);
});

test('the distance from the test images comes with the number of images, alone or beside a picture', async () => {
  const args = [weightsOf('whole'), '--classifier', weightsOf('judge'), '--test-images', '20'];
  const told = await ohmic(generate(...args));
  assert.equal(told.code, 0, told.err);
  const pattern =
    /^Fréchet distance (\S+): 20 generated images, as many test images of synthetic, features of lenet5\n$/;
  const [, text] = pattern.exec(told.out) ?? [];
  const both = await ohmic(generate(...args, '--out', 'both.png', '--json', '--quiet'));
  assert.equal(both.err, '');
  const record = JSON.parse(both.out) as {
    frechetDistance: number;
    samples: number;
    picture: object;
    classifier: { model: string; sha256: string };
  };
  assert.ok(record.frechetDistance > 0);
  assert.equal(record.frechetDistance.toPrecision(4), text);
  assert.deepEqual([record.samples, record.classifier.model], [20, 'lenet5']);
  assert.match(record.classifier.sha256, /^[0-9a-f]{64}$/);
  assert.deepEqual(record.picture, { file: 'both.png', count: 100, columns: 10 });
  assert.equal(readPng('both.png').width, 10 * 33 + 1);
});

test('a checkpoint has a generator too', async () => {
  const { code, err } = await ohmic(
    generate(join('whole', 'checkpoint.safetensors'), '--count', '1', '--out', 'one.png'),
  );
  assert.equal(code, 0, err);
  assert.equal(readPng('one.png').width, 34);
});

test('settings that do not suit a pair are refused with their reasons, before anything is written', async () => {
  for (const [args, message] of [
    [['--flip'], /training\.augmentation: a pair would learn to make the changed images; leave it out/],
    [['--cutout', '4'], /training\.augmentation: a pair would learn/],
    [['--label-smoothing', '0.1'], /training\.labelSmoothing: a pair does not use the labels; leave it out/],
    [
      ['--teacher', weightsOf('judge')],
      /training\.distillation: a pair gives no answers that a teacher could give; leave it out/,
    ],
    [['--context', '4'], /data\.context: images have no windows of characters; leave it out/],
    [
      ['--dataset', 'shakespeare'],
      /data: gan generates images, expected one of cifar10, .*got a text; for a text use --model char-lstm/,
    ],
    [['--from', weightsOf('judge')], /weights\.safetensors: not the parameters of gan: /],
  ] as const)
    assert.match(await refused(train('gan', 'refused', ...args)), message);
  assert.equal(existsSync(place('refused')), false);
});

test('weights and flags that can not be are refused', async () => {
  const [pair, judge] = [weightsOf('whole'), weightsOf('judge')];
  const mine = await changedWeights('whole', 'mine.safetensors', { dataset: 'mine' });
  const digits = await changedWeights('whole', 'digits.safetensors', { dataset: 'mnist' });
  const foreign = await changedWeights('judge', 'foreign.safetensors', { dataset: 'cifar10' });
  for (const [args, message] of [
    [[judge, '--out', 'x.png'], /expected weights of an adversarial pair, gan, got those of lenet5; train a/],
    [[mine, '--out', 'x.png'], /expected a pair that was trained on one of cifar10, .*got "mine", whose/],
    [[digits, '--out', 'x.png'], /digits\.safetensors: not the parameters of gan: /],
    [['missing', '--out', 'x.png'], /missing: expected weights, got no file; check the path/],
    [
      [pair, '--classifier', pair],
      /--classifier: .*: expected a network that classifies images, mlp, .*, got gan/,
    ],
    [
      [pair, '--classifier', foreign],
      /--classifier: foreign\.safetensors: expected a network that was trained on synthetic, as the pair was, got one of cifar10/,
    ],
    [[pair], /expected --out, for a picture, or --classifier, for a distance, got neither/],
    [
      [pair, '--out', 'x.jpg', '--count', '20k', '--seed', '-1'],
      /3 faults\n {2}- --seed: expected .*\n {2}- --out: expected a file that ends in \.png, got "x\.jpg"\n {2}- --count: expected at most 10000 images in a picture, got 20000/,
    ],
    [
      [pair, '--classifier', judge, '--columns', '3'],
      /--columns: expected --out beside it, got none; add --out picture\.png, or leave --columns out/,
    ],
    [
      [pair, '--out', 'x.png', '--test-images', '9'],
      /--test-images: expected --classifier beside it, got none; add/,
    ],
    [[pair, '--classifier', judge, '--test-images', '1'], /--test-images: expected at least 2, .*, got 1/],
  ] as const)
    assert.match(await refused(generate(...args)), message);
  assert.equal(existsSync(place('x.png')), false);
});

test('a pair has no score on chips: other commands say what to use', async () => {
  for (const command of ['evaluate', 'attribute'])
    assert.match(
      await refused([command, '--weights', weightsOf('whole'), ...machine, '--out', 'chips']),
      /--weights: .*: expected a network whose answers are scored, got the adversarial pair gan; see its images with ohmic generate/,
    );
  assert.equal(existsSync(place('chips')), false);
});
