// From bytes to the batches a network sees: order, normalization, augmentation. Every draw is a function of
// (key, epoch, image), so a batch depends neither on how an epoch is cut into batches nor on threads. Photos, which are
// decoded and resized first, are batched by photo-batches.ts. Left out: colour jitter, mixing of images.

import { throwFaults } from '../base/errors.ts';
import { deriveKey, type Key, permutation, threefry2x32 } from '../base/random.ts';
import {
  type Augmentation,
  augmentationFaults,
  type ImageSet,
  type LabelledImages,
  type Normalization,
  normalizationFaults,
} from './image-set.ts';

/** What is said of random rectangles of images that have one size already. */
export const RESIZED_CROP_OF_PHOTOS: string =
  'resizedCrop is for photos, whose sizes differ; leave it out for images in memory, crops of which are cropPadding';

/** No augmentation. */
export const noAugmentation: Augmentation = { cropPadding: 0, flip: false, cutout: 0 };

/** Which images go into a batch, and how. */
export type BatchSource<Images extends LabelledImages = ImageSet> = {
  readonly set: Images;
  /** Image of each place in the batch: a slice of `batchOrder`. */
  readonly indices: ArrayLike<number>;
  readonly normalization: Normalization;
  /** Augments, with draws from (key, epoch, image); absent: images as they are. */
  readonly augment?:
    | { readonly settings: Augmentation; readonly key: Key; readonly epoch: number }
    | undefined;
};

/** What one image undergoes: the crop's offset from the unpadded image, mirroring, the cutout's centre. */
export type ImageChange = {
  readonly rowShift: number;
  readonly columnShift: number;
  readonly isFlipped: boolean;
  readonly cutoutRow: number;
  readonly cutoutColumn: number;
};

const UNCHANGED: ImageChange = {
  rowShift: 0,
  columnShift: 0,
  isFlipped: false,
  cutoutRow: 0,
  cutoutColumn: 0,
};

/** The images 0 … count − 1 in the random order of an epoch. */
export function batchOrder(key: Key, epoch: number, count: number): Uint32Array {
  return permutation(deriveKey(key, 'order', epoch), count);
}

/** The key of an epoch's augmentation; `imageChange` counts images under it. */
export function augmentationKey(key: Key, epoch: number): Key {
  return deriveKey(key, 'augment', epoch);
}

/**
 * The change drawn for image `index`: shifts uniform in −cropPadding … cropPadding, cutout centre uniform over pixels.
 *
 * @param epochKey from `augmentationKey`
 */
export function imageChange(
  settings: Augmentation,
  { height, width }: { readonly height: number; readonly width: number },
  epochKey: Key,
  index: number,
): ImageChange {
  const [k0, k1] = epochKey;
  const { cropPadding, flip } = settings;
  const crop = threefry2x32(k0, k1, index, 0);
  const cutout = threefry2x32(k0, k1, index, 1);
  return {
    rowShift: below(crop[0], 2 * cropPadding + 1) - cropPadding,
    columnShift: below(crop[1], 2 * cropPadding + 1) - cropPadding,
    isFlipped: flip && threefry2x32(k0, k1, index, 2)[0] >= 0x80000000,
    cutoutRow: below(cutout[0], height),
    cutoutColumn: below(cutout[1], width),
  };
}

/**
 * Fills a batch: normalized (augmented) images and their labels.
 *
 *     images[n, y, x, c] = (pixel / 255 − mean[c]) / std[c]
 *
 * The order of changes is crop, mirror, normalize, cutout. Padding is black before normalization, as by
 * torchvision's RandomCrop on images; the cutout is 0 after it.
 *
 * @param images (batch, height, width, channels), overwritten
 * @param labels (batch), overwritten
 * @throws UsageError, listing all faults, if a size does not fit, an index is outside the set, a standard
 *   deviation is not positive, or an augmentation setting is no integer of at least 0
 * @source T. DeVries, G. W. Taylor, arXiv:1708.04552 (cutout)
 */
export function fillBatchInto(images: Float32Array, labels: Float32Array, source: BatchSource): void {
  const { set, indices } = source;
  throwFaults('fillBatchInto', [...batchFaults(images, labels, source), ...cropFaults(source)]);
  const put = imagePlacer(images, source);
  for (let place = 0; place < indices.length; place++) {
    const index = indices[place]!;
    labels[place] = set.labels[index]!;
    put(place, index, set.pixels.subarray(index * imageLength(set), (index + 1) * imageLength(set)));
  }
}

/**
 * A function that writes one image of a batch to its place: mirrored, shifted and cut out as drawn for its index, and
 * normalized.
 *
 * @param images the batch
 */
export function imagePlacer(
  images: Float32Array,
  { set, normalization, augment }: Omit<BatchSource<LabelledImages>, 'indices'>,
): (place: number, index: number, pixels: Uint8Array) => void {
  const table = normalizedValues(normalization, set.channels);
  const epochKey = augment && augmentationKey(augment.key, augment.epoch);
  const length = imageLength(set);
  const black = augment ? blackImage(table, set) : new Float32Array(0);
  return (place, index, pixels) => {
    const change = augment && epochKey ? imageChange(augment.settings, set, epochKey, index) : UNCHANGED;
    const to = place * length;
    if (change.rowShift !== 0 || change.columnShift !== 0) images.set(black, to);
    copyImageInto(images, to, { set, pixels, table, change });
    if (augment && augment.settings.cutout > 0) cutOutInto(images, to, set, augment.settings.cutout, change);
  };
}

type Size = Pick<ImageSet, 'height' | 'width' | 'channels'>;

function imageLength({ height, width, channels }: Size): number {
  return height * width * channels;
}

/** Images (batch, height, width, channels) and labels (batch). */
export type LabelledBatch = { readonly images: Float32Array; readonly labels: Float32Array };

/** A batch of so many images of a set, to be filled. */
export function emptyBatch({ height, width, channels }: Size, size: number): LabelledBatch {
  return {
    images: new Float32Array(size * height * width * channels),
    labels: new Float32Array(size),
  };
}

/** A new batch, filled by `fillBatchInto`. */
export function fillBatch(source: BatchSource): LabelledBatch {
  const batch = emptyBatch(source.set, source.indices.length);
  fillBatchInto(batch.images, batch.labels, source);
  return batch;
}

/** What makes it impossible to fill a batch. */
export function batchFaults(
  images: Float32Array,
  labels: Float32Array,
  source: BatchSource<LabelledImages>,
): string[] {
  const { set, indices, normalization, augment } = source;
  const faults: string[] = [];
  const expected = indices.length * set.height * set.width * set.channels;
  if (images.length !== expected) {
    faults.push(`images must hold ${expected} values for ${indices.length} images, got ${images.length}`);
  }
  if (labels.length !== indices.length) {
    faults.push(`labels must hold ${indices.length} values, got ${labels.length}`);
  }
  for (let place = 0; place < indices.length; place++) {
    const index = indices[place]!;
    if (!(Number.isInteger(index) && index >= 0 && index < set.count)) {
      faults.push(`indices must be integers in 0 … ${set.count - 1}, got ${index} at place ${place}`);
      break;
    }
  }
  faults.push(...normalizationFaults(normalization, set.channels));
  if (augment) faults.push(...augmentationFaults(augment.settings));
  return faults;
}

/** Images in memory have one size already. */
function cropFaults({ augment }: Pick<BatchSource, 'augment'>): string[] {
  const { resizedCrop = 'none' } = augment?.settings ?? {};
  return resizedCrop === 'none' ? [] : [RESIZED_CROP_OF_PHOTOS];
}

/** Uniform integer in [0, bound) from a random word. */
function below(word: number, bound: number): number {
  return Math.floor((word / 2 ** 32) * bound);
}

/** The normalized value of every byte in every channel: (channels, 256). */
function normalizedValues({ mean, std }: Normalization, channels: number): Float32Array {
  const table = new Float32Array(channels * 256);
  for (let place = 0; place < table.length; place++) {
    const channel = place >> 8;
    table[place] = ((place & 255) / 255 - mean[channel]!) / std[channel]!;
  }
  return table;
}

function blackImage(table: Float32Array, { height, width, channels }: Size): Float32Array {
  const image = new Float32Array(height * width * channels);
  for (let at = 0; at < image.length; at += channels) {
    for (let channel = 0; channel < channels; channel++) {
      image[at + channel] = table[channel * 256]!;
    }
  }
  return image;
}

type Copied = {
  readonly set: Size;
  /** Of one image. */
  readonly pixels: Uint8Array;
  readonly table: Float32Array;
  readonly change: ImageChange;
};

function copyImageInto(images: Float32Array, to: number, { set, pixels, table, change }: Copied): void {
  const { height, width, channels } = set;
  const { rowShift, columnShift, isFlipped } = change;
  const rowLength = width * channels;
  // Rows top … bottom and columns left … right of the crop come from the image; a mirrored crop writes its
  // columns from right to left.
  const top = Math.max(0, -rowShift);
  const bottom = Math.min(height, height - rowShift);
  const left = Math.max(0, -columnShift);
  const right = Math.min(width, width - columnShift);
  const start = isFlipped ? width - 1 - left : left;
  const step = isFlipped ? -channels : channels;
  for (let channel = 0; channel < channels; channel++) {
    const entry = channel * 256;
    for (let row = top; row < bottom; row++) {
      let out = to + row * rowLength + start * channels + channel;
      let from = ((row + rowShift) * width + left + columnShift) * channels + channel;
      const end = from + (right - left) * channels;
      for (; from < end; from += channels) {
        images[out] = table[entry + pixels[from]!]!;
        out += step;
      }
    }
  }
}

function cutOutInto(images: Float32Array, to: number, set: Size, side: number, change: ImageChange): void {
  const { height, width, channels } = set;
  const top = change.cutoutRow - (side >> 1);
  const left = change.cutoutColumn - (side >> 1);
  const begin = Math.max(0, left) * channels;
  const end = Math.min(width, left + side) * channels;
  for (let row = Math.max(0, top); row < Math.min(height, top + side); row++) {
    const line = to + row * width * channels;
    images.fill(0, line + begin, line + end);
  }
}
