// Images from a trained pair, and their distance from real ones: samples of the generator, features of a classifier, the
// Fréchet distance of both sets of features. Samples are values, so those of a generator on a chip are scored alike.

import { throwFaults } from '../base/errors.ts';
import type { Parameters } from '../base/parameters.ts';
import { deriveKey, keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import type { DataSplit, ImageSet, Normalization } from '../data/image-set.ts';
import type { Engine } from '../engine.ts';
import type { Graph } from '../graph/node.ts';
import { digital, type Operator, weightsOf } from '../graph/operator.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import type { Network } from '../nn/network.ts';
import { checkParameters } from '../train/checkpoint.ts';
import { batchesOf } from '../train/classification.ts';
import { samplePixels } from '../train/gan.ts';
import { INFERENCE_BATCH } from '../train/score.ts';
import type { Batch, TestBatch } from '../train/task.ts';
import { frechetDistance } from './frechet.ts';

/** A network and parameters of it. */
export type NetworkWithParameters = { readonly network: Network; readonly parameters: Parameters };

/** Options of `generateSamples`. */
export type GenerationOptions = NetworkWithParameters & {
  readonly engine: Engine;
  readonly count: number;
  /** Determines the noise. */
  readonly seed?: number;
};

/**
 * Samples of the generator of an adversarial pair, in floating point with running statistics, from standard normal
 * noise. The noise of a sample depends on the seed and its number alone.
 *
 * @returns (count, …)
 * @throws UsageError if the network is no adversarial pair, the parameters are of another network, or count is no whole
 *         number from 1
 */
export async function generateSamples({
  engine,
  network,
  parameters,
  count,
  seed = 0,
}: GenerationOptions): Promise<Float32Array> {
  const { latent: latentShape, samples: sampleShape } = network.inputs;
  const isPair = latentShape !== undefined && sampleShape !== undefined && 'generated' in network.outputs;
  throwFaults('generateSamples', [
    ...(isPair ? [] : [`expected an adversarial pair, got the network "${network.name}"`]),
    ...(Number.isInteger(count) && count >= 1 ? [] : [`count must be a whole number from 1, got ${count}`]),
  ]);
  checkParameters('generateSamples', network, parameters);
  const latent = elementCount(latentShape!);
  const graph = traceInferred(network, (t, weights, infer) => {
    const noise = t.input('latent', [INFERENCE_BATCH, latent]);
    // Of the discriminator's verdicts, which need samples, nothing is computed.
    const samples = constant(noise, 0).broadcastTo([INFERENCE_BATCH, ...sampleShape!]);
    return infer(digital(weights), { latent: noise, samples })['generated']!;
  });
  const key = deriveKey(keyFromSeed(seed), 'generate');
  const batches = Array.from({ length: Math.ceil(count / INFERENCE_BATCH) }, (_, batch): TestBatch => {
    const values = new Float32Array(INFERENCE_BATCH * latent);
    for (let place = 0; place < INFERENCE_BATCH; place++) {
      const draw = randomSequence(deriveKey(key, batch * INFERENCE_BATCH + place));
      for (let k = 0; k < latent; k++) values[place * latent + k] = draw.normal();
    }
    return { values: { latent: values }, count: Math.min(INFERENCE_BATCH, count - batch * INFERENCE_BATCH) };
  });
  return rowsOf(engine, graph, parameters, batches);
}

/** Options of `classifierFeatures`. */
export type FeatureOptions = NetworkWithParameters & {
  readonly engine: Engine;
  readonly images: ImageSet;
  readonly normalization: Normalization;
};

/**
 * Features of images: what the last layer of a classifier multiplies by its weights, in floating point. Those of
 * `lenet5` are 84 numbers in −1 … 1.
 *
 * @returns (count, features)
 * @throws UsageError if the network takes no images or its last layer is not dense, or the parameters are of another one
 */
export async function classifierFeatures({
  engine,
  network,
  parameters,
  images,
  normalization,
}: FeatureOptions): Promise<Float32Array> {
  const last = network.layers.at(-1);
  throwFaults(
    'classifierFeatures',
    network.inputs['images'] !== undefined && last?.kind === 'dense'
      ? []
      : [`expected a classifier of images that ends in a dense layer, got the network "${network.name}"`],
  );
  checkParameters('classifierFeatures', network, parameters);
  const graph = traceInferred(network, (t, weights, infer) => {
    const multiplies = digital(weights);
    let features: Tensor | undefined;
    const listening: Operator = {
      multiply: (x, layer, geometry) => {
        if (layer.name === last!.name) features = x;
        return multiplies.multiply(x, layer, geometry);
      },
    };
    infer(listening, { images: t.input('images', [INFERENCE_BATCH, ...network.inputs['images']!]) });
    return features!;
  });
  const batches = batchesOf(images, normalization, INFERENCE_BATCH).map(({ values, count }) => ({
    values: { images: values['images']! },
    count,
  }));
  return rowsOf(engine, graph, parameters, batches);
}

/** Options of `sampleDistance`. */
export type SampleDistanceOptions = {
  readonly engine: Engine;
  /** A classifier of the data set, which gives the features. */
  readonly classifier: NetworkWithParameters;
  readonly data: DataSplit;
  /** Images as `imageSamples` scales them, (count, height, width, channels). */
  readonly samples: Float32Array;
};

/**
 * The `frechetDistance` of samples from the test images, in `classifierFeatures` of both, samples rounded to pixels.
 * Figures compare only if classifier, data and the number of samples are the same. Of as many real images as there are test
 * images it is the least that a generator can be expected to reach.
 *
 * @throws UsageError if the samples fill no whole images, or the classifier does not fit
 */
export async function sampleDistance({
  engine,
  classifier,
  data,
  samples,
}: SampleDistanceOptions): Promise<number> {
  const { test, normalization } = data;
  const count = samples.length / (test.height * test.width * test.channels);
  throwFaults(
    'sampleDistance',
    Number.isInteger(count) && count >= 2
      ? []
      : [
          `expected at least 2 samples of (${test.height}, ${test.width}, ${test.channels}), got ${samples.length} numbers`,
        ],
  );
  const generated: ImageSet = {
    ...test,
    name: 'generated',
    count,
    pixels: samplePixels(samples),
    // Features ask for no classes.
    labels: new Uint8Array(count),
  };
  const [real, made] = [
    await classifierFeatures({ engine, ...classifier, images: test, normalization }),
    await classifierFeatures({ engine, ...classifier, images: generated, normalization }),
  ];
  return frechetDistance(real, made, real.length / test.count);
}

/** Options of `generationDistance`. */
export type GenerationDistanceOptions = Omit<SampleDistanceOptions, 'samples'> & {
  /** The adversarial pair. */
  readonly pair: NetworkWithParameters;
  /** Determines the noise. */
  readonly seed?: number;
};

/** The `sampleDistance` of as many generated samples as there are test images. */
export async function generationDistance({
  pair,
  seed = 0,
  ...options
}: GenerationDistanceOptions): Promise<number> {
  const { engine, data } = options;
  return sampleDistance({
    ...options,
    samples: await generateSamples({ engine, ...pair, count: data.test.count, seed }),
  });
}

/** A graph with one output, `rows`, of a network in inference mode. */
function traceInferred(
  network: Network,
  compute: (
    t: Trace,
    weights: (layer: { readonly name: string }) => Tensor,
    infer: (operator: Operator, inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
  ) => Tensor,
): Graph {
  return trace((t) => {
    const parameters = Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
    );
    const rows = compute(
      t,
      (layer) => parameters[weightsOf(layer)]!,
      (operator, inputs) =>
        network.apply({ inputs, parameters, operator, mode: { kind: 'inference' } }).outputs,
    );
    return { outputs: { rows } };
  });
}

/** The rows of all batches, one after another. */
async function rowsOf(
  engine: Engine,
  graph: Graph,
  parameters: Parameters,
  batches: readonly { readonly values: Batch; readonly count: number }[],
): Promise<Float32Array> {
  const executable = await engine.compile(graph);
  const store = await engine.store(parameters);
  try {
    const parts: Float32Array[] = [];
    for (const { values, count } of batches) {
      const { rows } = await executable.run({ inputs: values, state: store });
      parts.push(rows!.subarray(0, (count * rows!.length) / INFERENCE_BATCH));
    }
    const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  } finally {
    store.free();
    executable.free();
  }
}
