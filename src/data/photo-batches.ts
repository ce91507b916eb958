// Batches of photos: each is decoded, cut and resized (photo-view.ts), then changed and normalized as images in memory are
// (batches.ts). Draws belong to photos, so neither the order of decoding nor its threads change a bit.

import { throwFaults } from '../base/errors.ts';
import { augmentationKey, type BatchSource, batchFaults, imagePlacer } from './batches.ts';
import type { PhotoSet } from './photo-set.ts';
import { centreView, cropView, drawnCrop } from './photo-view.ts';

/** Photos that are decoded at a time: enough for a decoder's threads, few in memory. */
const LANES = 4;

/**
 * Fills a batch with photos: the middle of each, or with `resizedCrop` in its augmentation a random rectangle.
 *
 * @param images (batch, side, side, 3), overwritten
 * @param labels (batch), overwritten
 * @throws UsageError, listing all faults, if a size does not fit or a setting is impossible; or if a photo can't be
 *   decoded, with the name of its file
 */
export async function fillPhotosInto(
  images: Float32Array,
  labels: Float32Array,
  source: BatchSource<PhotoSet>,
): Promise<void> {
  const { set, indices, augment } = source;
  throwFaults('fillPhotosInto', batchFaults(images, labels, source));
  const put = imagePlacer(images, source);
  const { resizedCrop: crop = 'none' } = augment?.settings ?? {};
  const epochKey = augment && augmentationKey(augment.key, augment.epoch);
  const viewOf = async (index: number): Promise<Uint8Array> => {
    const photo = await set.decode(index);
    return crop === 'none' || epochKey === undefined
      ? centreView(photo, set)
      : cropView(photo, drawnCrop(photo, crop, epochKey, index), set);
  };
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < indices.length) {
      const place = next++;
      const index = indices[place]!;
      put(place, index, await viewOf(index));
      labels[place] = set.labels[index]!;
    }
  };
  const lanes = Array.from({ length: LANES }, lane);
  try {
    await Promise.all(lanes);
  } finally {
    // After a failure the other lanes end as well.
    next = indices.length;
    await Promise.allSettled(lanes);
  }
}
