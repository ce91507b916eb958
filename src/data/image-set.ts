// Labelled images and their split into training and test. The door of the pipeline: readers (cifar10, idx, synthetic)
// produce these records, batches.ts consumes them. Pixels in memory stay bytes until a batch is filled; those of photos
// (photo-set.ts) are decoded then. Left out: labels other than one class per image.

import { echo } from '../base/echo.ts';
import { throwFaults, UsageError } from '../base/errors.ts';
import { isPhotoSet, type PhotoSet, photoSetFaults } from './photo-set.ts';
import { type ResizedCrop, resizedCropFaults } from './photo-view.ts';

/** Random changes of a training image; 0 pixels change nothing. */
export type Augmentation = {
  /** The image is padded by so many black pixels on each side, then cropped at random to its size. */
  readonly cropPadding: number;
  /** Mirrored left to right with probability 1/2. */
  readonly flip: boolean;
  /** Side of a square, centred on a random pixel, that is set to the mean colour; it may stick out. */
  readonly cutout: number;
  /** Of photos: a random rectangle is resized; the other changes come after it. `none` or absent: the middle is. */
  readonly resizedCrop?: ResizedCrop | 'none' | undefined;
};

/** Labelled images of one size in memory, as bytes. */
export type ImageSet = {
  readonly kind?: 'in memory';
  readonly name: string;
  /** Name of each class; a label is an index into it. */
  readonly classNames: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly count: number;
  /** (count, height, width, channels), row-major, 0 … 255 */
  readonly pixels: Uint8Array;
  /** (count) */
  readonly labels: Uint8Array;
};

/** Mean and standard deviation of each channel, in units where a pixel runs from 0 to 1. */
export type Normalization = { readonly mean: readonly number[]; readonly std: readonly number[] };

/** Labelled images, in memory or as photos in files. */
export type LabelledImages = ImageSet | PhotoSet;

/** Training and test images, and their normalization, which is that of the training images unless a set says otherwise. */
export type DataSplit<Images extends LabelledImages = ImageSet> = {
  readonly train: Images;
  readonly test: Images;
  readonly normalization: Normalization;
  /** Changes that keep what images of this set show; a training makes them unless its settings say otherwise. */
  readonly augmentation?: Augmentation | undefined;
};

/**
 * An image set whose sizes agree.
 *
 * @param fields everything but `count`, which is the number of labels
 * @throws UsageError, listing all faults, if a size is no positive integer, the pixels do not fill
 *   (count, height, width, channels), or a label names no class
 */
export function imageSet(fields: Omit<ImageSet, 'count'>): ImageSet {
  const set = { ...fields, count: fields.labels?.length };
  throwFaults(`image set "${fields.name}"`, imageSetFaults(set));
  return set;
}

/** What makes an image set none; the values themselves may come from anywhere. */
export function imageSetFaults(set: ImageSet): string[] {
  if (typeof set !== 'object' || set === null) return ['expected an image set, got none'];
  const { classNames, height, width, channels, count, pixels, labels } = set;
  const isOfBytes = pixels instanceof Uint8Array && labels instanceof Uint8Array;
  if (!isOfBytes) return ['pixels and labels must be bytes (Uint8Array)'];
  const faults: string[] = [];
  if (!Array.isArray(classNames) || !classNames.every((one) => typeof one === 'string'))
    return ['classNames must be a list of names'];
  if (count !== labels.length)
    faults.push(`count must be the number of labels, ${labels.length}, got ${echo(count)}`);
  const isSized = [height, width, channels].every((size) => Number.isInteger(size) && size > 0);
  if (!isSized) {
    const sizes = [height, width, channels].map(echo).join(', ');
    faults.push(`an image needs positive sizes, got (${sizes})`);
  }
  const expected = labels.length * height * width * channels;
  if (isSized && pixels.length !== expected) {
    faults.push(
      `${labels.length} images of (${height}, ${width}, ${channels}) need ${expected} bytes, got ${pixels.length}`,
    );
  }
  const stray = labels.findIndex((label) => label >= classNames.length);
  if (stray >= 0) {
    faults.push(`labels must lie in 0 … ${classNames.length - 1}, image ${stray} has ${labels[stray]}`);
  }
  return faults;
}

/** What makes changes of images impossible. */
export function augmentationFaults(augmentation: Augmentation): string[] {
  if (typeof augmentation !== 'object' || augmentation === null)
    return [`augmentation must be fields with values, got ${echo(augmentation)}`];
  const { cropPadding, flip, cutout, resizedCrop } = augmentation;
  return [
    ...(resizedCrop === undefined || resizedCrop === 'none' ? [] : resizedCropFaults(resizedCrop)),
    ...Object.entries({ cropPadding, cutout })
      .filter(([, pixels]) => !Number.isInteger(pixels) || pixels < 0)
      .map(([name, pixels]) => `${name} must be an integer of at least 0 pixels, got ${echo(pixels)}`),
    ...(typeof flip === 'boolean' ? [] : [`flip must be true or false, got ${echo(flip)}`]),
  ];
}

/** Standard deviations of pixels below this are none, in 32 bits; what they divide would be no number. */
const SMALLEST_DEVIATION = 1e-6;
const LARGEST_PIXEL = 1e6;

/** What makes a normalization impossible for images of so many channels. */
export function normalizationFaults(normalization: Normalization, channels: number): string[] {
  if (!Array.isArray(normalization?.mean) || !Array.isArray(normalization.std))
    return ['normalization must have lists of means and of standard deviations, `mean` and `std`'];
  const { mean, std } = normalization;
  const faults: string[] = [];
  if (mean.length !== channels || std.length !== channels)
    faults.push(
      `normalization must have ${channels} channels, got ${mean.length} means, ${std.length} deviations`,
    );
  if (!mean.every((value) => typeof value === 'number' && Math.abs(value) <= LARGEST_PIXEL))
    faults.push(
      `normalization: means must be numbers within ±${LARGEST_PIXEL}, got ${mean.map(echo).join(', ')}`,
    );
  if (
    !std.every((value) => typeof value === 'number' && value >= SMALLEST_DEVIATION && value <= LARGEST_PIXEL)
  )
    faults.push(
      `normalization: standard deviations must lie in ${SMALLEST_DEVIATION} … ${LARGEST_PIXEL}, got ${std.map(echo).join(', ')}`,
    );
  return faults;
}

/**
 * The first `count` images; shares memory with `set`.
 *
 * @throws UsageError if `count` is no integer in 1 … set.count
 */
export function subset<Images extends LabelledImages>(set: Images, count: number): Images;
export function subset(set: LabelledImages, count: number): LabelledImages {
  if (!Number.isInteger(count) || count < 1 || count > set.count) {
    throw new UsageError(
      `subset of "${set.name}": count must be an integer in 1 … ${set.count}, got ${count}`,
    );
  }
  if (isPhotoSet(set)) return { ...set, count, labels: set.labels.subarray(0, count) };
  const { height, width, channels } = set;
  return {
    ...set,
    count,
    pixels: set.pixels.subarray(0, count * height * width * channels),
    labels: set.labels.subarray(0, count),
  };
}

/** Exact mean and population standard deviation of each channel over all pixels, in 0 … 1 units. */
export function channelStatistics(set: ImageSet): Normalization {
  const { channels, pixels } = set;
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  for (let channel = 0; channel < channels; channel++) {
    const histogram = counts[channel]!;
    for (let at = channel; at < pixels.length; at += channels) {
      histogram[pixels[at]!]! += 1;
    }
  }
  const perChannel = pixels.length / channels;
  const mean = counts.map((histogram) => histogram.reduce((sum, n, v) => sum + n * v, 0) / perChannel);
  const std = counts.map((histogram, channel) =>
    Math.sqrt(histogram.reduce((sum, n, v) => sum + n * (v - mean[channel]!) ** 2, 0) / perChannel),
  );
  return { mean: mean.map((value) => value / 255), std: std.map((value) => value / 255) };
}

/**
 * Training and test images as one split, normalized by the training images.
 *
 * @throws UsageError if one of them is no image set or has no image, they differ in image size or classes, or the
 *   augmentation is impossible
 */
export function dataSplit(train: ImageSet, test: ImageSet, augmentation?: Augmentation): DataSplit {
  throwFaults('data split', [
    ...setFaults({ train, test }),
    ...(augmentation === undefined ? [] : augmentationFaults(augmentation)),
  ]);
  const form = (set: ImageSet): string =>
    `(${set.height}, ${set.width}, ${set.channels}) with classes ${set.classNames.join(', ')}`;
  if (form(train) !== form(test)) {
    throw new UsageError(
      `data split: test images must have the form of the training images, ${form(train)}, got ${form(test)}`,
    );
  }
  return {
    train,
    test,
    normalization: channelStatistics(train),
    ...(augmentation !== undefined && { augmentation }),
  };
}

/**
 * What makes a split impossible to learn from, and to test on; it may have been made by hand.
 *
 * @returns faults, none of them about the other part if one is no image set
 */
export function splitFaults(split: DataSplit<LabelledImages>): string[] {
  if (typeof split !== 'object' || split === null) return ['expected training and test images, got none'];
  const { train, test, normalization } = split;
  const faults = setFaults({ train, test });
  return faults.length > 0 ? faults : normalizationFaults(normalization, train.channels);
}

function setFaults(parts: Readonly<Record<'train' | 'test', LabelledImages>>): string[] {
  return Object.entries(parts).flatMap(([part, set]) => {
    const faults = isPhotoSet(set) ? photoSetFaults(set) : imageSetFaults(set);
    if (faults.length === 0 && set.count === 0) faults.push('expected at least one image, got none');
    return faults.map((fault) => `${part}: ${fault}`);
  });
}
