import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../base/random.ts';
import { dataSplit, imageSet } from '../data/image-set.ts';
import { gan, imageGeneration, imageSamples, samplePixels } from './gan.ts';

test('pixels come back from samples, and samples beyond the scale are its ends', () => {
  const pixels = Uint8Array.from({ length: 256 }, (_, k) => k);
  const samples = imageSamples({ pixels });
  assert.deepEqual([samples[0], samples[255]], [0, 1]);
  assert.deepEqual(samplePixels(samples), pixels);
  assert.deepEqual([...samplePixels(Float32Array.of(-3, 0.1, 7))], [0, 26, 255]);
});

test('the pair is for the images of its task, with batch normalisation in both parts', () => {
  const set = (count: number): ReturnType<typeof imageSet> =>
    imageSet({
      name: 'tiny',
      classNames: ['only'],
      height: 8,
      width: 4,
      channels: 1,
      pixels: new Uint8Array(count * 32).map((_, k) => k),
      labels: new Uint8Array(count),
    });
  const task = imageGeneration(dataSplit(set(6), set(3)), { latent: 5 });
  const network = gan({ imageShape: [8, 4, 1], latent: 5, filters: 2 });
  assert.deepEqual({ ...network.inputs, filled: [] }, task.batch);
  assert.deepEqual(network.normalizationLayers, [
    'generator.norm0',
    'generator.norm1',
    'discriminator.norm2',
  ]);
  assert.deepEqual(
    network.layers.map(({ name }) => name),
    [
      'generator.dense',
      'generator.up1',
      'generator.up2',
      'discriminator.conv1',
      'discriminator.conv2',
      'discriminator.dense',
    ],
  );
  assert.deepEqual([task.examples.trainCount, task.examples.testCount], [6, 3]);
  const batch = { latent: new Float32Array(5), samples: new Float32Array(32), filled: new Float32Array(1) };
  task.examples.fillTraining(batch, Uint32Array.of(4), { key: keyFromSeed(1), epoch: 0 });
  assert.deepEqual(samplePixels(batch.samples), set(6).pixels.slice(4 * 32, 5 * 32));
});
