// Residual networks for photos: K. He et al., "Deep residual learning for image recognition", CVPR 2016 (arXiv
// 1512.03385), Section 3.3 and Table 1. Layers have the names of torchvision, so that its weights match by name. Left out:
// bottleneck blocks (50 layers and more); small images are for resnet.ts.

import { UsageError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import { classifier, type ImageTask } from './define-network.ts';
import {
  activation,
  batchNormalization,
  convolution,
  dense,
  globalAveragePool,
  identity,
  type Module,
  maxPool,
  residual,
  sequence,
} from './modules.ts';
import type { Network } from './network.ts';

/** Channels of the four stages: arXiv 1512.03385, Table 1. */
const WIDTHS = [64, 128, 256, 512] as const;
/** Both sides are halved five times. */
const SMALLEST_SIDE = 32;

/** Blocks of each stage. */
type Blocks = readonly [number, number, number, number];

/**
 * ResNet-18: 7x7 convolution with stride 2 → maximum over 3 x 3 with stride 2 → four stages of two basic blocks with 64,
 * 128, 256 and 512 channels, all but the first halving the image → global average → dense. A block is
 * relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)); a shortcut that changes the shape is a 1x1 convolution with batch
 * normalisation (option B).
 *
 * Layers are named as in torchvision: `conv1`, `bn1`, `layer1.0.conv1`, …, `layer2.0.downsample.0`,
 * `layer2.0.downsample.1`, `fc`. For (224, 224, 3) and 1,000 classes it has 11,689,512 parameters without running
 * statistics, 1.8 billion multiply-adds an image.
 *
 * @throws UsageError for images with a side below 32
 */
export function resnet18(task: ImageTask): Network {
  return photoResnet('resnet18', [2, 2, 2, 2], task);
}

/**
 * ResNet-34: as `resnet18`, with 3, 4, 6 and 3 blocks. For (224, 224, 3) and 1,000 classes it has 21,797,672 parameters
 * without running statistics, 3.7 billion multiply-adds an image. The network for ImageNet of V. Joshi et al., Nat. Commun.
 * 11:2473 (2020).
 *
 * @throws UsageError for images with a side below 32
 */
export function resnet34(task: ImageTask): Network {
  return photoResnet('resnet34', [3, 4, 6, 3], task);
}

function photoResnet(name: string, blocks: Blocks, { inputShape, classes }: ImageTask): Network {
  if (Math.min(...inputShape.slice(0, 2)) < SMALLEST_SIDE)
    throw new UsageError(
      `model "${name}": expected images of at least ${SMALLEST_SIDE} x ${SMALLEST_SIDE} pixels, got ${formatShape(inputShape)}; for small images there are resnet20 and resnet32`,
    );
  const stages = WIDTHS.flatMap((width, stage) =>
    Array.from({ length: blocks[stage]! }, (_, block) =>
      basicBlock(`layer${stage + 1}.${block}`, width, stage > 0 && block === 0),
    ),
  );
  const module = sequence([
    convolution({ name: 'conv1', filters: WIDTHS[0], size: 7, stride: 2, padding: 3 }),
    batchNormalization('bn1'),
    activation('relu'),
    maxPool({ size: 3, stride: 2, padding: 1 }),
    ...stages,
    globalAveragePool,
    dense({ name: 'fc', outputs: classes }),
  ]);
  return classifier({ name, inputShape, classes, module });
}

function basicBlock(prefix: string, width: number, halves: boolean): Module {
  const stride = halves ? 2 : 1;
  const body = sequence([
    convolution({ name: `${prefix}.conv1`, filters: width, size: 3, stride, padding: 1 }),
    batchNormalization(`${prefix}.bn1`),
    activation('relu'),
    convolution({ name: `${prefix}.conv2`, filters: width, size: 3, padding: 1 }),
    batchNormalization(`${prefix}.bn2`),
  ]);
  const shortcut = halves
    ? sequence([
        convolution({ name: `${prefix}.downsample.0`, filters: width, size: 1, stride: 2 }),
        batchNormalization(`${prefix}.downsample.1`),
      ])
    : identity;
  return sequence([residual({ body, shortcut }), activation('relu')]);
}
