// Photos from folder to chips: bits that depend neither on threads nor on stops, and the command on a folder of photos.
// Small photos, small networks, WebAssembly.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { check } from '../src/base/schema.ts';
import { memoryStorage } from '../src/base/storage.ts';
import { joshi2020 } from '../src/crossbar/presets.ts';
import { engineOn } from '../src/engine.ts';
import { evaluate } from '../src/experiment/evaluate.ts';
import { imageSubject, imageTask } from '../src/experiment/subject.ts';
import { TRAINING_FILES, trainStage } from '../src/experiment/train-stage.ts';
import { networkByName } from '../src/nn/networks.ts';
import { loadPhotos } from '../src/node/photo-folder.ts';
import { greyPhoto, palettePhoto, rgbPhoto } from '../src/node/photos.test-data.ts';
import { parseRecord } from '../src/report/json.ts';
import type { TrainedNetwork } from '../src/train/checkpoint.ts';
import { trainingSchema } from '../src/train/settings.ts';
import { commandIn } from './command.ts';
import { backends } from './compare.ts';

const root = mkdtempSync(join(tmpdir(), 'ohmic-photos-'));
after(() => rmSync(root, { recursive: true, force: true }));
const folder = join(root, 'photos');
const files = [rgbPhoto, greyPhoto, palettePhoto];
for (const [part, count] of [
  ['train', 6],
  ['val', 4],
] as const) {
  for (const [k, name] of ['cat', 'dog'].entries()) {
    mkdirSync(join(folder, part, name), { recursive: true });
    for (let n = 0; n < count; n++)
      writeFileSync(join(folder, part, name, `${n}.jpg`), files[(n + k) % files.length]!.bytes);
  }
}

const data = await loadPhotos(folder, { side: 16 });
const network = networkByName('small-cnn', imageTask(data));
const settings = check(trainingSchema, 'test', {
  epochs: 2,
  batchSize: 4,
  noise: { kind: 'gaussian', relativeToMax: 0.03 },
  augmentation: { ...data.augmentation, cropPadding: 1, cutout: 3 },
});
const wasm = backends.find(({ name }) => name === 'wasm')!;

/** A training that is stopped after so many steps and continued; its weights and the bytes of their file. */
async function trained(threads: number, stopAfter?: number): Promise<[TrainedNetwork, Uint8Array]> {
  const engine = engineOn(await wasm.start(threads));
  const storage = memoryStorage();
  const subject = imageSubject({ network, dataset: 'photos', data });
  const stage = { engine, storage, ohmic: '0.0.0', subject, settings, seed: 7 };
  try {
    if (stopAfter !== undefined) {
      const stop = new AbortController();
      const events = trainStage({ ...stage, signal: stop.signal, isCheckpointDue: () => false });
      await assert.rejects(async () => {
        for await (const event of events) {
          if (event.kind === 'step' && event.step === stopAfter) stop.abort(new Error('stopped'));
        }
      }, /stopped/);
    }
    const events = trainStage(stage);
    for (;;) {
      const { done, value } = await events.next();
      if (done === true) return [value, (await storage.read(TRAINING_FILES.weights))!];
    }
  } finally {
    await engine.close();
  }
}

const [weights, bytes] = await trained(1);

test('a training on photos has the same bits on other threads, and stopped and continued', async () => {
  assert.equal(settings.augmentation.resizedCrop !== undefined, true, 'with random rectangles');
  assert.deepEqual((await trained(2))[0].parameters, weights.parameters);
  const [, continued] = await trained(1, 4);
  assert.deepEqual(continued, bytes);
});

test('the weights know the classes and the size of their photos', () => {
  assert.deepEqual(weights.provenance.photos, { side: 16, shorterSide: 18, classes: ['cat', 'dog'] });
});

test('photos are evaluated on chips, the same twice, with AdaBS on photos that are cut as in training', async () => {
  const engine = engineOn(await wasm.start(1));
  try {
    const one = () =>
      evaluate({
        ...{ engine, network, trained: weights, data, label: 'a', hardware: joshi2020, seed: 2 },
        evaluation: {
          chips: 2,
          timesSeconds: [0, 1e6],
          methods: ['none', 'adabs'],
          adabs: { batches: 2, batchSize: 5, augmentation: data.augmentation },
          calibrationImages: 6,
        },
      });
    const first = await one();
    assert.deepEqual(await one(), first);
    assert.equal(first.deployed.length, 4);
    // Of eight photos.
    for (const { accuracies } of first.deployed)
      assert.ok(accuracies.every((accuracy) => Number.isInteger(8 * accuracy)));
  } finally {
    await engine.close();
  }
});

const ohmic = commandIn(root);
const common = ['--data', folder, '--backend', 'wasm', '--threads', '1', '--quiet'];

test('ohmic train and ohmic evaluate take a folder of photos; other classes are refused', async () => {
  const out = ['--out', 'trained'];
  const settingsFlags = ['--photo-side', '16', '--model', 'small-cnn', '--epochs', '1', '--batch-size', '4'];
  const train = await ohmic(['train', '--dataset', 'photos', ...settingsFlags, ...common, ...out]);
  assert.equal(train.code, 0, train.err);
  const chips = ['--chips', '1', '--times', '0s', '--methods', 'none,adabs', '--adabs-batches', '1'];
  const evaluated = [
    'evaluate',
    '--weights',
    'trained/weights.safetensors',
    ...chips,
    '--adabs-batch-size',
    '4',
  ];
  const calibrated = ['--calibration-images', '4', '--out', 'evaluated'];
  const evaluation = await ohmic([...evaluated, ...calibrated, ...common]);
  assert.equal(evaluation.code, 0, evaluation.err);
  const record = parseRecord(readFileSync(join(root, 'evaluated/record.json'), 'utf8'));
  assert.deepEqual(record.dataset, { name: 'photos', trainImages: 12, testImages: 8, classes: 2 });
  const renamed = join(root, 'renamed');
  for (const part of ['train', 'val']) {
    for (const name of ['cat', 'fox']) {
      mkdirSync(join(renamed, part, name), { recursive: true });
      writeFileSync(join(renamed, part, name, '1.jpg'), rgbPhoto.bytes);
    }
  }
  const other = await ohmic([...evaluated, '--out', 'other', ...common, '--data', renamed]);
  assert.equal(other.code, 1, other.err);
  assert.match(
    other.err,
    /photos: digital: it was trained on 2 classes, the folder has 2, missing dog, added fox; use the classes of its training/,
  );
});

test('ohmic cost counts the named networks at 224 x 224', async () => {
  const { code, out, err } = await ohmic(['cost', '--model', 'resnet34', '--json']);
  assert.equal(code, 0, err);
  const { estimate } = JSON.parse(out) as { estimate: { layers: { name: string; rows: number }[] } };
  assert.equal(estimate.layers.length, 37);
  assert.equal(estimate.layers.at(-1)!.name, 'fc');
});

test('what is wrong with sizes and folders is said at once', async () => {
  const flags = ['train', '--model', 'small-cnn', '--epochs', '1', '--out', 'wrong', ...common];
  const sized = await ohmic([...flags, '--dataset', 'synthetic', '--photo-side', '64']);
  assert.equal(sized.code, 1);
  assert.match(sized.err, /data\.photos: only of the data set photos; leave it out/);
  const without = await ohmic([...flags, '--dataset', 'photos', '--data', join(root, 'nowhere')]);
  assert.equal(without.code, 1);
  assert.match(without.err, /photos: expected the folders train and val in .*nowhere/);
});
