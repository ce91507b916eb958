// The two parts of an adversarial pair for images as modules: a generator of transposed convolutions and a discriminator
// of convolutions with stride. `gan` in train/gan.ts makes a network of them. Left out: labels as a condition.

import { UsageError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import {
  activation,
  batchNormalization,
  convolution,
  dense,
  flatten,
  leakyRelu,
  type Module,
  reshape,
  sequence,
  transposedConvolution,
} from './modules.ts';

/** Slope of the discriminator below 0: Radford et al. 2016, Section 3. */
const SLOPE = 0.2;

/** Filters of 4 x 4 with stride 2 and padding 1 halve or double an image exactly. */
const RESIZING = { size: 4, stride: 2, padding: 1 } as const;

/** Options of both parts. */
export type ImagePartOptions = {
  /** (height, width, channels) of the images, height and width divisible by 4. */
  readonly imageShape: Shape;
  /** Filters at half the size of the images; there are twice as many at a quarter. */
  readonly filters: number;
};

/**
 * A generator, (latent) → (h, w, c) in 0 … 1: `generator.dense` to (h/4, w/4, 2 f), `generator.up1` to (h/2, w/2, f),
 * `generator.up2` to (h, w, c), sigmoid. Batch normalisation and relu follow the first two, as `generator.norm0` and
 * `generator.norm1`.
 *
 * @throws UsageError if the images are not (height, width, channels) with sides divisible by 4
 * @source A. Radford et al., ICLR 2016 (arXiv 1511.06434), Section 3, the guidelines, but for the sigmoid; sizes are ours
 */
export function imageGenerator({ imageShape, filters }: ImagePartOptions): Module {
  const [height, width, channels] = quarterable('imageGenerator', imageShape);
  const start = [height / 4, width / 4, 2 * filters] as const;
  return sequence([
    dense({ name: 'generator.dense', outputs: start[0] * start[1] * start[2] }),
    reshape(start),
    batchNormalization('generator.norm0'),
    activation('relu'),
    transposedConvolution({ name: 'generator.up1', filters, ...RESIZING }),
    batchNormalization('generator.norm1'),
    activation('relu'),
    transposedConvolution({ name: 'generator.up2', filters: channels, ...RESIZING, bias: true }),
    activation('sigmoid'),
  ]);
}

/**
 * A discriminator, (h, w, c) → (1), above 0 for "real": `discriminator.conv1` to (h/2, w/2, f), `discriminator.conv2` to
 * (h/4, w/4, 2 f), both with leaky relu of slope 0.2, and `discriminator.dense`. Batch normalisation,
 * `discriminator.norm2`, follows the second: without it plain descent needs smaller rates and makes worse images.
 *
 * @throws UsageError if the images are not (height, width, channels) with sides divisible by 4
 * @source A. Radford et al., ICLR 2016 (arXiv 1511.06434), Section 3, the guidelines; sizes are ours
 */
export function imageDiscriminator({ imageShape, filters }: ImagePartOptions): Module {
  quarterable('imageDiscriminator', imageShape);
  return sequence([
    convolution({ name: 'discriminator.conv1', filters, ...RESIZING, bias: true }),
    leakyRelu(SLOPE),
    convolution({ name: 'discriminator.conv2', filters: 2 * filters, ...RESIZING }),
    batchNormalization('discriminator.norm2'),
    leakyRelu(SLOPE),
    flatten,
    dense({ name: 'discriminator.dense', outputs: 1 }),
  ]);
}

function quarterable(where: string, shape: Shape): readonly [number, number, number] {
  const [height, width, channels] = shape;
  const isFit = shape.length === 3 && shape.every((size) => Number.isInteger(size) && size > 0);
  if (!isFit || height! % 4 !== 0 || width! % 4 !== 0) {
    throw new UsageError(
      `${where}: expected images of (height, width, channels) with sides divisible by 4, got ${formatShape(shape)}`,
    );
  }
  return [height!, width!, channels!];
}
