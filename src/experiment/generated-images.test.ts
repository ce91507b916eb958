// Generated images and their score on a tiny pair, which a training of seconds brings near to its images.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { deriveKey, keyFromSeed, randomSequence } from '../base/random.ts';
import { type DataSplit, dataSplit, type ImageSet, imageSet } from '../data/image-set.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { classifier, feedForward } from '../nn/define-network.ts';
import { activation, dense, flatten, sequence } from '../nn/modules.ts';
import { initialParameters } from '../nn/network.ts';
import { prepareFit } from '../train/fit.ts';
import { gan, imageGeneration, imageSamples } from '../train/gan.ts';
import {
  classifierFeatures,
  generateSamples,
  generationDistance,
  sampleDistance,
} from './generated-images.ts';

const SIZE = 8;
const wasm = backends.find(({ name }) => name === 'wasm')!;

/** Grey images with a bright bar at one of two places. */
function bars(count: number, name: string): ImageSet {
  const draw = randomSequence(deriveKey(keyFromSeed(7), name));
  const labels = Uint8Array.from({ length: count }, () => (draw.uniform() < 0.5 ? 0 : 1));
  return imageSet({
    name,
    classNames: ['left', 'right'],
    height: SIZE,
    width: SIZE,
    channels: 1,
    labels,
    pixels: Uint8Array.from({ length: count * SIZE * SIZE }, (_, at) => {
      const x = at % SIZE;
      const isBar = Math.floor(x / 2) === (labels[Math.floor(at / SIZE ** 2)] === 0 ? 0 : 2);
      return (isBar ? 200 : 30) + 50 * draw.uniform();
    }),
  });
}

const data: DataSplit = dataSplit(bars(320, 'train'), bars(120, 'test'));
const imageShape = [SIZE, SIZE, 1];
const judge = classifier({
  name: 'judge',
  inputShape: imageShape,
  classes: 2,
  module: sequence([
    flatten,
    dense({ name: 'a', outputs: 6 }),
    activation('tanh'),
    dense({ name: 'b', outputs: 2 }),
  ]),
});
const judging = { network: judge, parameters: initialParameters(judge, keyFromSeed(3)) };
const network = gan({ imageShape, latent: 4, filters: 4 });
const start = initialParameters(network, keyFromSeed(4));

test('samples are the generator’s, with noise that depends on their number alone', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const pair = { engine, network, parameters: start };
    const samples = await generateSamples({ ...pair, count: 53, seed: 2 });
    assert.equal(samples.length, 53 * SIZE * SIZE);
    const few = await generateSamples({ ...pair, count: 3, seed: 2 });
    assert.deepEqual(few, samples.slice(0, few.length));
    assert.notDeepEqual(await generateSamples({ ...pair, count: 3, seed: 5 }), few);
    const graph = trace((t) => {
      const parameters = Object.fromEntries(
        network.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
      );
      const { outputs } = network.apply({
        inputs: { latent: t.input('latent', [1, 4]), samples: t.input('samples', [1, ...imageShape]) },
        parameters,
        operator: digital((layer) => parameters[weightsOf(layer)]!),
        mode: { kind: 'inference' },
      });
      return { outputs: { generated: outputs['generated']! } };
    });
    const draw = randomSequence(deriveKey(keyFromSeed(2), 'generate', 52));
    const latent = Array.from({ length: 4 }, draw.normal);
    const values = Object.fromEntries(Object.entries(start).map(([name, { data }]) => [name, data]));
    const { generated } = interpret(graph, { ...values, latent, samples: new Float32Array(64) }).outputs;
    // float32 against float64 over three layers of tens of terms, in 0 … 1.
    for (const [k, value] of generated!.entries())
      assert.ok(Math.abs(samples[52 * SIZE ** 2 + k]! - value) < 1e-5, `pixel ${k}`);
  });
});

test('features are what the last layer multiplies', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const { normalization, test: images } = data;
    const features = await classifierFeatures({ engine, ...judging, images, normalization });
    assert.equal(features.length, 120 * 6);
    const { weights, bias } = {
      weights: judging.parameters['a.weights']!.data,
      bias: judging.parameters['a.bias']!.data,
    };
    for (const image of [0, 119]) {
      for (let k = 0; k < 6; k++) {
        let sum = bias[k]!;
        for (let at = 0; at < 64; at++) {
          const x = (images.pixels[image * 64 + at]! / 255 - normalization.mean[0]!) / normalization.std[0]!;
          sum += x * weights[at * 6 + k]!;
        }
        assert.ok(Math.abs(features[image * 6 + k]! - Math.tanh(sum)) < 1e-5);
      }
    }
  });
});

test('test images are at 0 from themselves, near to training images, and a training brings generated ones nearer', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const score = { engine, classifier: judging, data };
    assert.ok((await sampleDistance({ ...score, samples: imageSamples(data.test) })) < 1e-9);
    const floor = await sampleDistance({ ...score, samples: imageSamples(data.train) });
    const settings = {
      epochs: 60,
      batchSize: 32,
      rule: { kind: 'adam', beta1: 0.5, weightDecay: 0 },
      learningRate: { kind: 'step', initial: 0.002 },
    } as const;
    const task = imageGeneration(data, { latent: 4 });
    const fitting = await prepareFit({
      engine,
      network,
      task,
      settings,
      initial: start,
      evaluateEveryEpochs: 60,
    });
    const { tensors } = await fitting.result();
    fitting.free();
    const trained = Object.fromEntries(network.parameters.map(({ name }) => [name, tensors[name]!]));
    const before = await generationDistance({ ...score, pair: { network, parameters: start } });
    const after = await generationDistance({ ...score, pair: { network, parameters: trained } });
    assert.ok(floor < 0.1 * before, `floor ${floor}, before ${before}`);
    assert.ok(after < 0.4 * before, `before ${before}, after ${after}`);
    const samples = await generateSamples({ engine, network, parameters: trained, count: 120 });
    assert.equal(after, await sampleDistance({ ...score, samples }));
  });
});

test('networks of another kind and samples that are no images are refused', async () => {
  await withEngine(wasm, 1, async (engine) => {
    await assert.rejects(generateSamples({ engine, ...judging, count: 0 }), {
      name: 'UsageError',
      message:
        'generateSamples: 2 faults\n  - expected an adversarial pair, got the network "judge"\n  - count must be a whole number from 1, got 0',
    });
    await assert.rejects(generateSamples({ engine, network, parameters: {}, count: 1 }), {
      name: 'UsageError',
      message: /^generateSamples: not the parameters of gan/,
    });
    const identity = feedForward({
      name: 'flat',
      input: { name: 'images', shape: imageShape },
      output: 'y',
      module: flatten,
    });
    await assert.rejects(
      classifierFeatures({
        engine,
        network: identity,
        parameters: {},
        images: data.test,
        normalization: data.normalization,
      }),
      {
        name: 'UsageError',
        message:
          'classifierFeatures: expected a classifier of images that ends in a dense layer, got the network "flat"',
      },
    );
    await assert.rejects(
      sampleDistance({ engine, classifier: judging, data, samples: new Float32Array(100) }),
      {
        name: 'UsageError',
        message: 'sampleDistance: expected at least 2 samples of (8, 8, 1), got 100 numbers',
      },
    );
  });
});
