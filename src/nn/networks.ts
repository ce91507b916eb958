// Named networks other than the residual ones, and the table that finds a network by name.

import { throwFaults, UsageError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import { unknownName } from '../base/suggest.ts';
import { classifier, type ImageTask, taskFaults } from './define-network.ts';
import {
  activation,
  averagePool,
  batchNormalization,
  convolution,
  dense,
  flatten,
  globalAveragePool,
  type Module,
  maxPool,
  sequence,
} from './modules.ts';
import type { Network } from './network.ts';
import { withOutputScales } from './output-scales.ts';
import { resnet, resnet32, resnet32Wide } from './resnet.ts';
import { resnet18, resnet34 } from './resnet-photos.ts';
import { vit } from './vit.ts';

/** Options of a multilayer perceptron. */
export type MlpOptions = ImageTask & {
  /** Width of each hidden layer. */
  readonly hidden: readonly number[];
  readonly activation: 'relu' | 'sigmoid';
};

/** A multilayer perceptron: `dense1` … `denseN` with a non-linearity between them. */
export function mlp({ inputShape, classes, hidden, activation: kind }: MlpOptions): Network {
  const hiddenLayers = hidden.flatMap((outputs, k) => [
    dense({ name: `dense${k + 1}`, outputs }),
    activation(kind),
  ]);
  const last = dense({ name: `dense${hidden.length + 1}`, outputs: classes });
  return classifier({ name: 'mlp', inputShape, classes, module: sequence([flatten, ...hiddenLayers, last]) });
}

/**
 * LeNet-5 as it is commonly simplified: Y. LeCun et al., Proc. IEEE 86:2278 (1998), Fig. 2, with plain averages for the
 * trainable subsampling, all connections in the second convolution and a softmax for the radial basis functions.
 * 61,706 weights for one channel and 10 classes. Images below 32 x 32 are zero-padded to that size, as in the paper.
 *
 * @throws UsageError for images smaller than 28 x 28
 */
export function lenet5({ inputShape, classes }: ImageTask): Network {
  const smallest = Math.min(...inputShape.slice(0, 2));
  if (smallest < 28) {
    throw new UsageError(
      `model "lenet5": expected images of at least 28 x 28 pixels, got ${formatShape(inputShape)}`,
    );
  }
  const padding = Math.max(0, Math.ceil((32 - smallest) / 2));
  const module = sequence([
    convolution({ name: 'conv1', filters: 6, size: 5, padding, bias: true }),
    activation('tanh'),
    averagePool(2),
    convolution({ name: 'conv2', filters: 16, size: 5, bias: true }),
    activation('tanh'),
    averagePool(2),
    flatten,
    dense({ name: 'dense1', outputs: 120 }),
    activation('tanh'),
    dense({ name: 'dense2', outputs: 84 }),
    activation('tanh'),
    dense({ name: 'dense3', outputs: classes }),
  ]);
  return classifier({ name: 'lenet5', inputShape, classes, module });
}

/**
 * A small network for first experiments: four 3x3 convolutions (16, 32, 32, 64 filters, the second and fourth with
 * stride 2), each with batch normalisation, then a global average and a dense layer. 33,338 weights for three channels
 * and 10 classes.
 */
export function smallCnn({ inputShape, classes }: ImageTask): Network {
  const module = sequence([
    normalizedConvolution(1, 16, 1),
    normalizedConvolution(2, 32, 2),
    normalizedConvolution(3, 32, 1),
    normalizedConvolution(4, 64, 2),
    globalAveragePool,
    dense({ name: 'dense', outputs: classes }),
  ]);
  return classifier({ name: 'small-cnn', inputShape, classes, module });
}

/**
 * Four 3x3 convolutions (32, 32, 64, 64 filters) with a maximum over 2 x 2 after the second and the fourth, then dense
 * layers of 350 and of one output a class; batch normalisation after all but the last. 1,502,836 weights and biases for
 * 32 x 32 images of three channels and 10 classes, nearly all in the first dense layer, and 26 million multiply-adds an
 * image.
 *
 * The sizes are ours. They are those of a network that is said to have about 1.5 million weights, convolutions in the
 * manner of VGG (K. Simonyan, A. Zisserman, arXiv 1409.1556) and dense layers: the one for CIFAR-10 of S. R. Nandakumar et
 * al., Front. Neurosci. 14:406 (2020), whose layers we have not seen. Normalised, it learns by plain descent without
 * momentum, as weights in cells do.
 */
export function cnn({ inputShape, classes }: ImageTask): Network {
  const module = sequence([
    normalizedConvolution(1, 32, 1),
    normalizedConvolution(2, 32, 1),
    maxPool(2),
    normalizedConvolution(3, 64, 1),
    normalizedConvolution(4, 64, 1),
    maxPool(2),
    flatten,
    dense({ name: 'dense1', outputs: 350 }),
    batchNormalization('norm5'),
    activation('relu'),
    dense({ name: 'dense2', outputs: classes }),
  ]);
  return classifier({ name: 'cnn', inputShape, classes, module });
}

function normalizedConvolution(position: number, filters: number, stride: number): Module {
  return sequence([
    convolution({ name: `conv${position}`, filters, size: 3, stride, padding: 1 }),
    batchNormalization(`norm${position}`),
    activation('relu'),
  ]);
}

/** Names that `networkByName` knows. */
export type NetworkName =
  | 'mlp'
  | 'mlp-256-128'
  | 'mlp-256-128-scaled'
  | 'lenet5'
  | 'small-cnn'
  | 'cnn'
  | 'resnet8'
  | 'resnet20'
  | 'resnet32'
  | 'resnet32-wide'
  | 'resnet18'
  | 'resnet34'
  | 'vit';

const networks: { readonly [N in NetworkName]: (task: ImageTask) => Network } = {
  // A common size for MNIST; 198,760 weights and biases on 28 x 28 images.
  mlp: (task) => mlp({ ...task, hidden: [250], activation: 'sigmoid' }),
  // That of aihwkit's MNIST examples and of Z. Wu et al., arXiv 2406.12774; 235,146 weights and biases on 28 x 28 images.
  'mlp-256-128': (task) => ({
    ...mlp({ ...task, hidden: [256, 128], activation: 'sigmoid' }),
    name: 'mlp-256-128',
  }),
  // With a learned factor on each layer's products, as the scripts of Z. Wu et al. have it.
  'mlp-256-128-scaled': (task) => ({
    ...withOutputScales(networks['mlp-256-128'](task), 'per-layer'),
    name: 'mlp-256-128-scaled',
  }),
  lenet5,
  'small-cnn': smallCnn,
  cnn,
  resnet8: (task) => resnet({ ...task, depth: 8, widths: [16, 28, 56], shortcut: 'projection' }),
  resnet20: (task) => resnet({ ...task, depth: 20, widths: [16, 28, 56], shortcut: 'projection' }),
  resnet32,
  'resnet32-wide': resnet32Wide,
  resnet18,
  resnet34,
  // Sizes are ours: 6 blocks of 128 over patches of 4 x 4; 1,202,314 weights, biases and positions for 32 x 32 images of 3 channels, and 3,328 numbers in normalisations.
  vit: (task) => vit({ ...task, patch: 4, blocks: 6, width: 128, heads: 4, expansion: 4 }),
};

/** All names that `networkByName` knows, smallest networks of a family first. */
export const networkNames: readonly NetworkName[] = Object.keys(networks) as NetworkName[];

/**
 * The network of a name, for images of a shape.
 *
 * @throws UsageError if the name is unknown or the network cannot take the images
 */
export function networkByName(name: string, task: ImageTask): Network {
  const known = networkNames.find((candidate) => candidate === name);
  if (known === undefined) {
    throw new UsageError(`model: ${unknownName(name, networkNames)}`);
  }
  throwFaults(`model "${known}"`, taskFaults(task));
  return networks[known](task);
}
