// Normalisations of images that many recipes share. Files of networks do not say with which of them they were trained, so
// whoever imports a network names one.

import type { Normalization } from './image-set.ts';

/** Names of normalisations. */
export type SharedNormalization = 'imagenet' | 'half' | 'none';

/** By name, for pixels from 0 to 1. One number is for all channels. */
export const sharedNormalizations: Readonly<Record<SharedNormalization, Normalization>> = {
  // Networks for ImageNet. torchvision, references/classification/presets.py, and the docs of its weights.
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  // transforms.Normalize(0.5, 0.5): pixels from −1 to 1.
  half: { mean: [0.5], std: [0.5] },
  // transforms.ToTensor() alone: pixels from 0 to 1.
  none: { mean: [0], std: [1] },
};

/** Their names. */
export const sharedNormalizationNames: readonly SharedNormalization[] = Object.keys(
  sharedNormalizations,
) as SharedNormalization[];
