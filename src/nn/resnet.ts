// Residual networks for small images: K. He et al., "Deep residual learning for image recognition", CVPR 2016
// (arXiv 1512.03385), Section 4.2. Three stages of basic blocks, activation after the addition.

import { throwFaults } from '../base/errors.ts';
import { classifier, type ImageTask } from './define-network.ts';
import {
  activation,
  batchNormalization,
  convolution,
  dense,
  globalAveragePool,
  identity,
  type Module,
  paddedShortcut,
  residual,
  sequence,
} from './modules.ts';
import type { Network } from './network.ts';

/**
 * The shortcut of a block that changes the shape: `projection`, a 1x1 convolution of stride 2 with batch normalisation
 * (option B; the convolution lives on crossbars), or `padded`, subsampling and zero channels (option A).
 */
export type Shortcut = 'projection' | 'padded';

/** Options of a residual network. */
export type ResnetOptions = ImageTask & {
  /** Number of layers with weights, projections not counted: 6 n + 2 for n blocks a stage. */
  readonly depth: number;
  /** Channels of the three stages. */
  readonly widths: readonly [number, number, number];
  readonly shortcut: Shortcut;
  readonly name?: string;
};

/**
 * stem (3x3) → 3 stages of (depth − 2) / 6 basic blocks, the second and third starting with stride 2 → global average
 * → dense. A block is relu(norm2(conv2(relu(norm1(conv1(x))))) + shortcut(x)).
 *
 * Layers are named `stem`, `stemNorm`, `stage1.block0.conv1`, `stage1.block0.norm1`, …, `stage2.block0.projection`,
 * `stage2.block0.projectionNorm`, `dense`.
 *
 * @throws UsageError if the depth is not 6 n + 2 with n ≥ 1, or a padded shortcut would have to drop channels
 */
export function resnet({
  depth,
  widths,
  shortcut,
  inputShape,
  classes,
  name = `resnet${depth}`,
}: ResnetOptions): Network {
  const blocks = (depth - 2) / 6;
  throwFaults(`resnet "${name}"`, [
    ...(Number.isInteger(blocks) && blocks >= 1
      ? []
      : [`expected a depth of 6 n + 2 (8, 14, 20, 26, 32, …), got ${depth}`]),
    ...(shortcut === 'projection' || (widths[0] <= widths[1] && widths[1] <= widths[2])
      ? []
      : [`padded shortcuts need widths that do not shrink, got ${widths.join('/')}; use projections`]),
  ]);
  const stages = widths.map((width, stage) => {
    const names = Array.from({ length: blocks }, (_, block) => `stage${stage + 1}.block${block}`);
    return sequence(
      names.map((prefix, block) => basicBlock({ prefix, width, shortcut, halves: stage > 0 && block === 0 })),
    );
  });
  const module = sequence([
    convolution({ name: 'stem', filters: widths[0], size: 3, padding: 1 }),
    batchNormalization('stemNorm'),
    activation('relu'),
    ...stages,
    globalAveragePool,
    dense({ name: 'dense', outputs: classes }),
  ]);
  return classifier({ name, inputShape, classes, module });
}

type BlockOptions = {
  readonly prefix: string;
  readonly width: number;
  readonly shortcut: Shortcut;
  /** True for the first block of a stage that halves the image. */
  readonly halves: boolean;
};

function basicBlock({ prefix, width, shortcut, halves }: BlockOptions): Module {
  const stride = halves ? 2 : 1;
  const body = sequence([
    convolution({ name: `${prefix}.conv1`, filters: width, size: 3, stride, padding: 1 }),
    batchNormalization(`${prefix}.norm1`),
    activation('relu'),
    convolution({ name: `${prefix}.conv2`, filters: width, size: 3, padding: 1 }),
    batchNormalization(`${prefix}.norm2`),
  ]);
  const side = halves ? shortcuts[shortcut](prefix, width) : identity;
  return sequence([residual({ body, shortcut: side }), activation('relu')]);
}

const shortcuts: { readonly [S in Shortcut]: (prefix: string, width: number) => Module } = {
  projection: (prefix, width) =>
    sequence([
      convolution({ name: `${prefix}.projection`, filters: width, size: 1, stride: 2 }),
      batchNormalization(`${prefix}.projectionNorm`),
    ]),
  padded: (_prefix, width) => paddedShortcut(width),
};

/**
 * The network of Joshi et al., Nat. Commun. 11:2473 (2020): widths 16/28/56 with projections. For (32, 32, 3) and
 * 10 classes it has 361,722 weights, the published number; the widths are inferred from that count.
 */
export function resnet32(task: ImageTask): Network {
  return resnet({ ...task, depth: 32, widths: [16, 28, 56], shortcut: 'projection' });
}

/**
 * The network of IBM's tutorial on hardware-aware training (aihwkit, notebooks/tutorial/hw_aware_training.ipynb):
 * widths 16/32/64 with padded shortcuts; 461,882 weights for (32, 32, 3) and 10 classes. (With projections it has
 * 464,442.)
 */
export function resnet32Wide(task: ImageTask): Network {
  return resnet({ ...task, depth: 32, widths: [16, 32, 64], shortcut: 'padded', name: 'resnet32-wide' });
}
