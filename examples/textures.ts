// What several examples learn: is the object in a generated image striped or checkered? The images are those of the
// generated set, with two classes in place of ten, so that a small network learns them in seconds.

import {
  activation,
  batchNormalization,
  classifier,
  convolution,
  type DataSplit,
  dense,
  generateSynthetic,
  globalAveragePool,
  type ImageSet,
  imageSet,
  type Module,
  type Network,
  sequence,
} from 'ohmic';

const byTexture = (set: ImageSet): ImageSet =>
  imageSet({ ...set, classNames: ['striped', 'checkered'], labels: set.labels.map((label) => label % 2) });

/** Images of 32 x 32 pixels in colour, and their textures. */
export function textures(): DataSplit {
  const { train, test, ...rest } = generateSynthetic({ trainCount: 2000, testCount: 500 });
  return { ...rest, train: byTexture(train), test: byTexture(test) };
}

const block = (name: string, filters: number, stride: number): Module =>
  sequence([
    convolution({ name: `${name}.conv`, filters, size: 3, stride, padding: 'same' }),
    batchNormalization(`${name}.norm`),
    activation('relu'),
  ]);

/** Three convolutions and a dense layer: 10,000 weights. */
export const textureNetwork: Network = classifier({
  name: 'textures',
  inputShape: [32, 32, 3],
  classes: 2,
  module: sequence([
    block('first', 12, 2),
    block('second', 24, 1),
    block('third', 32, 2),
    globalAveragePool,
    dense({ name: 'last', outputs: 2 }),
  ]),
});

/** Settings with which it learns. */
export const textureSettings = {
  epochs: 8,
  batchSize: 50,
  learningRate: { kind: 'cosine', initial: 0.2, warmupEpochs: 1 },
} as const;

/** A share as people read it. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
