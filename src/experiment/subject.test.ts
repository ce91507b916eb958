// The subject of a pair: its task, what provenance keeps of it, its stage in a storage, and what is no pair.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { plainSettings, tinyConvolutional, tinySplit } from '../../test/tiny.ts';
import { memoryStorage } from '../base/storage.ts';
import { dataSplit, type ImageSet, imageSet } from '../data/image-set.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { gan } from '../train/gan.ts';
import { generationSubject } from './subject.ts';
import { type TrainStage, trainStage } from './train-stage.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const data = tinySplit();
const network = gan({ imageShape: [8, 8, 2], latent: 4, filters: 4 });

test('the subject of a pair has noise of the pair’s size, and its own score and no normalisation in the provenance', () => {
  const { task, score, origin, examples } = generationSubject({ network, dataset: 'tiny', data });
  const made = task(plainSettings);
  assert.deepEqual(made.batch['latent'], [4]);
  assert.deepEqual(made.batch['samples'], [8, 8, 2]);
  assert.equal(score, made.score);
  assert.deepEqual(origin, { trainImages: 64, score: { name: 'told apart', isShare: true } });
  assert.deepEqual(examples, { unit: 'images', size: '64 images' });
});

test('a stage that trains a pair and is stopped after an epoch continues to the same weights', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const stage = (signal?: AbortSignal): TrainStage => ({
      engine,
      storage,
      ohmic: '0.0.0',
      subject: generationSubject({ network, dataset: 'tiny', data }),
      settings: { ...plainSettings, epochs: 3 },
      seed: 5,
      signal,
    });
    let storage = memoryStorage();
    const followed = async (controller: AbortController, epochs: number): Promise<TrainedNetwork> => {
      const events = trainStage(stage(controller.signal));
      for (;;) {
        const { done, value } = await events.next();
        if (done === true) return value;
        if (value.kind === 'epoch' && value.record.epoch === epochs) controller.abort(new Error('enough'));
      }
    };
    const whole = await followed(new AbortController(), 99);
    assert.equal(whole.provenance.model, 'gan');
    assert.equal(whole.provenance.history.length, 3);
    storage = memoryStorage();
    await assert.rejects(followed(new AbortController(), 1), /enough/);
    const resumed = await followed(new AbortController(), 99);
    assert.deepEqual(resumed, whole);
  });
});

test('images of all sizes whose sides are multiples of 4 have a pair; others are refused', () => {
  const set = (side: number): ImageSet =>
    imageSet({
      name: 'blank',
      classNames: ['only'],
      height: side,
      width: side,
      channels: 1,
      pixels: new Uint8Array(2 * side * side).map((_, k) => k),
      labels: new Uint8Array(2),
    });
  for (const side of [8, 16, 28, 32]) {
    const pair = gan({ imageShape: [side, side, 1] });
    const subject = generationSubject({
      network: pair,
      dataset: 'blank',
      data: dataSplit(set(side), set(side)),
    });
    assert.deepEqual(subject.task(plainSettings).batch['samples'], pair.inputs['samples']);
  }
  assert.throws(() => gan({ imageShape: [30, 28, 1] }), {
    name: 'UsageError',
    message:
      'imageGenerator: expected images of (height, width, channels) with sides divisible by 4, got (30, 28, 1)',
  });
});

test('a network that is no pair is refused', () => {
  assert.throws(() => generationSubject({ network: tinyConvolutional, dataset: 'tiny', data }), {
    name: 'UsageError',
    message:
      'generationSubject: expected an adversarial pair, got the network "tiny-convolutional"; make one with `gan`',
  });
});
