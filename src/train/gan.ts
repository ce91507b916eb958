// Images to be generated: the adversarial pair `gan`, its task from a data set, and the scale between pixels and the
// generator's output. The objectives are in adversarial.ts, the score of the images in experiment/frechet.ts.

import type { Shape } from '../base/shape.ts';
import type { DataSplit, ImageSet } from '../data/image-set.ts';
import { imageDiscriminator, imageGenerator } from '../nn/generative.ts';
import type { Network } from '../nn/network.ts';
import { adversarial, adversarialPair } from './adversarial.ts';
import type { TaskInMemory } from './task.ts';

/** Names of the pairs that are known by name. */
export type PairName = 'gan';

/** All names of pairs. */
export const pairNames: readonly PairName[] = ['gan'];

/** True if `name` is the name of a pair. */
export function isPairName(name: string): name is PairName {
  return pairNames.some((known) => known === name);
}

/** Options of `gan`. */
export type GanOptions = {
  /** (height, width, channels), height and width divisible by 4. */
  readonly imageShape: Shape;
  /** Numbers of noise that an image is made from. */
  readonly latent?: number;
  /** Filters at half the size of the images; there are twice as many at a quarter. */
  readonly filters?: number;
};

/**
 * The pair `gan` of convolutional networks for small images, `imageGenerator` and `imageDiscriminator`. The sizes are
 * ours.
 *
 * @throws UsageError if the images are not (height, width, channels) with sides divisible by 4
 */
export function gan({ imageShape, latent = 64, filters = 32 }: GanOptions): Network {
  return adversarialPair({
    name: 'gan' satisfies PairName,
    latent,
    sampleShape: imageShape,
    generator: imageGenerator({ imageShape, filters }),
    discriminator: imageDiscriminator({ imageShape, filters }),
  });
}

/** The task of a `gan` on the images of a data set, scaled by `imageSamples`; labels are not used. */
export function imageGeneration(
  { train, test }: DataSplit,
  { latent = 64 }: Pick<GanOptions, 'latent'> = {},
): TaskInMemory {
  return adversarial({
    latent,
    sampleShape: [train.height, train.width, train.channels],
    train: imageSamples(train),
    test: imageSamples(test),
  });
}

/**
 * Pixels as a generator's sigmoid makes them: p / 255, (count, height, width, channels). Black is 0, so that plain descent
 * bears rates twice as large as on a scale of −1 … 1, where most inputs of the discriminator are −1.
 */
export function imageSamples({ pixels }: Pick<ImageSet, 'pixels'>): Float32Array {
  return Float32Array.from(pixels, (pixel) => pixel / 255);
}

/** Pixels of samples, the nearest of 0 … 255: the inverse of `imageSamples`. */
export function samplePixels(samples: Float32Array): Uint8Array {
  return Uint8Array.from(Uint8ClampedArray.from(samples, (value) => value * 255));
}
