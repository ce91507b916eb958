// Photos as they are customarily seen: size and changes of trainings on ImageNet. Other sizes and changes are
// settings; what they mean is in photo-view.ts.

import type { Augmentation } from './image-set.ts';
import type { PhotoSize } from './photo-view.ts';

/** The size of torchvision's recipes for ImageNet: references/classification/presets.py, ClassificationPresetEval. */
export const usualPhotoSize: PhotoSize = { side: 224, shorterSide: 256 };

/** What a training does with photos unless it says otherwise: defaults of torchvision's RandomResizedCrop, and mirroring. */
export const photosAugmentation: Augmentation = {
  cropPadding: 0,
  flip: true,
  cutout: 0,
  resizedCrop: { smallestArea: 0.08, largestAspect: 4 / 3 },
};

/** The shorter side that customarily goes with a side: 256 with 224, and in proportion. */
export function usualShorterSide(side: number): number {
  return Math.round((side * usualPhotoSize.shorterSide) / usualPhotoSize.side);
}
