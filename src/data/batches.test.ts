import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import type { Key } from '../base/random.ts';
import {
  augmentationKey,
  type BatchSource,
  batchOrder,
  fillBatch,
  fillBatchInto,
  imageChange,
  noAugmentation,
} from './batches.ts';
import type { Augmentation } from './image-set.ts';
import { type ImageSet, imageSet } from './image-set.ts';

const key: Key = [11, 22];

/** Images of 7 rows and 9 columns whose bytes are all kinds; labels 0 … 3 in turn. */
function someImages({ count = 12, channels = 3 } = {}): ImageSet {
  return imageSet({
    name: 'some',
    classNames: ['a', 'b', 'c', 'd'],
    height: 7,
    width: 9,
    channels,
    pixels: Uint8Array.from({ length: count * 63 * channels }, (_, at) => (at * 7919) >>> 3),
    labels: Uint8Array.from({ length: count }, (_, index) => index % 4),
  });
}

const normalizationOf = (channels: number): BatchSource['normalization'] => ({
  mean: [0.4, 0.5, 0.6].slice(0, channels),
  std: [0.2, 0.25, 0.3].slice(0, channels),
});

/** The definition, pixel by pixel, for one value of one augmented image. */
function referenceValue(
  source: BatchSource,
  index: number,
  place: readonly [number, number, number],
): number {
  const { set, normalization, augment } = source;
  const [y, x, c] = place;
  const { settings, key, epoch } = augment ?? { settings: noAugmentation, key: [0, 0], epoch: 0 };
  const change = imageChange(settings, set, augmentationKey(key, epoch), index);
  const before = settings.cutout >> 1;
  const isIn = (at: number, centre: number): boolean =>
    at >= centre - before && at < centre - before + settings.cutout;
  if (isIn(y, change.cutoutRow) && isIn(x, change.cutoutColumn)) {
    return 0;
  }
  const row = y + change.rowShift;
  const column = (change.isFlipped ? set.width - 1 - x : x) + change.columnShift;
  const isInside = row >= 0 && row < set.height && column >= 0 && column < set.width;
  const at = ((index * set.height + row) * set.width + column) * set.channels + c;
  return ((isInside ? set.pixels[at]! : 0) / 255 - normalization.mean[c]!) / normalization.std[c]!;
}

test('every value of a batch is what its definition says, for all augmentations and channel counts', () => {
  const settings: readonly (Augmentation | undefined)[] = [
    undefined,
    noAugmentation,
    { cropPadding: 4, flip: true, cutout: 0 },
    { cropPadding: 0, flip: true, cutout: 3 },
    { cropPadding: 2, flip: false, cutout: 4 },
    // Shifts beyond the image and a square larger than it.
    { cropPadding: 12, flip: true, cutout: 1 },
    { cropPadding: 1, flip: true, cutout: 40 },
  ];
  for (const channels of [1, 2, 3]) {
    const set = someImages({ channels });
    for (const setting of settings) {
      const augment = setting && { settings: setting, key, epoch: 5 };
      const source = { set, indices: [3, 0, 11, 7], normalization: normalizationOf(channels), augment };
      const { images, labels } = fillBatch(source);
      assert.deepEqual([...labels], [3, 0, 3, 3]);
      let at = 0;
      for (const index of source.indices) {
        for (let y = 0; y < set.height; y++) {
          for (let x = 0; x < set.width; x++) {
            for (let c = 0; c < channels; c++) {
              assert.equal(images[at++], Math.fround(referenceValue(source, index, [y, x, c])));
            }
          }
        }
      }
    }
  }
});

test('an image of a batch depends on key, epoch and index, not on how the epoch is cut or what the batch held', () => {
  const set = someImages();
  const augment = { settings: { cropPadding: 4, flip: true, cutout: 3 }, key, epoch: 2 };
  const shared = { set, normalization: normalizationOf(3), augment };
  const order = batchOrder(key, 2, set.count);
  const whole = fillBatch({ ...shared, indices: order }).images;
  const imageLength = whole.length / set.count;
  const half = new Float32Array(whole.length / 2).fill(Number.NaN);
  fillBatchInto(half, new Float32Array(6), { ...shared, indices: order.subarray(6) });
  assert.deepEqual(half, whole.slice(6 * imageLength));
  const later = fillBatch({ ...shared, indices: order, augment: { ...augment, epoch: 3 } }).images;
  assert.notDeepEqual(later, whole);
});

test('an order is a permutation that changes with key and epoch only', () => {
  const order = batchOrder(key, 0, 100);
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, index) => index),
  );
  assert.deepEqual(batchOrder(key, 0, 100), order);
  assert.notDeepEqual(batchOrder(key, 1, 100), order);
  assert.notDeepEqual(batchOrder([11, 23], 0, 100), order);
});

test('shifts, mirroring and cutout centres are uniform', () => {
  // Key (11, 22), epochs 0 and 1, n = 40 000 images. Each of 9 + 9 + 2 + 32 + 32 = 84 counts is binomial; a deviation
  // above 5.5 standard deviations in any has probability 84 · 3.8e-8 = 3e-6 (false-alarm rate).
  const n = 40_000;
  const size = { height: 32, width: 32 };
  const settings = { cropPadding: 4, flip: true, cutout: 8 };
  const counts = { row: tally(9), column: tally(9), flip: tally(2), cutRow: tally(32), cutColumn: tally(32) };
  for (let draw = 0; draw < n; draw++) {
    const change = imageChange(settings, size, augmentationKeys[draw & 1]!, draw >> 1);
    counts.row[change.rowShift + 4]! += 1;
    counts.column[change.columnShift + 4]! += 1;
    counts.flip[change.isFlipped ? 1 : 0]! += 1;
    counts.cutRow[change.cutoutRow]! += 1;
    counts.cutColumn[change.cutoutColumn]! += 1;
  }
  for (const [what, count] of Object.entries(counts)) {
    const p = 1 / count.length;
    for (const seen of count) {
      assert.ok(Math.abs(seen - n * p) < 5.5 * Math.sqrt(n * p * (1 - p)), `${what}: ${count.join(' ')}`);
    }
  }
});

test('the draws of one image are uncorrelated with each other and with the next image', () => {
  // Key (11, 22), epoch 0, n = 40 000 images: sample correlations have standard deviation 1 / √n = 0.005; |r| > 5 / √n
  // in any of 15 has probability 15 · 5.7e-7 = 9e-6 (false-alarm rate).
  const n = 40_000;
  const settings = { cropPadding: 4, flip: true, cutout: 8 };
  const draws = Array.from({ length: n + 1 }, (_, index) => {
    const change = imageChange(settings, { height: 32, width: 32 }, augmentationKeys[0]!, index);
    return [
      change.rowShift,
      change.columnShift,
      Number(change.isFlipped),
      change.cutoutRow,
      change.cutoutColumn,
    ];
  });
  for (let a = 0; a < 5; a++) {
    for (let b = a; b < 5; b++) {
      const isSame = a === b;
      const first = draws.slice(0, n).map((draw) => draw[a]!);
      const second = (isSame ? draws.slice(1) : draws.slice(0, n)).map((draw) => draw[b]!);
      assert.ok(Math.abs(correlation(first, second)) < 5 / Math.sqrt(n), `draws ${a} and ${b}`);
    }
  }
});

test('a source that does not fit is refused with all its faults', () => {
  const set = someImages();
  const source = {
    set,
    indices: [0, 12],
    normalization: { mean: [0], std: [0] },
    augment: { settings: { cropPadding: -1, flip: false, cutout: 2.5 }, key, epoch: 0 },
  };
  const faults = [
    'images must hold 378 values for 2 images, got 5',
    'labels must hold 2 values, got 3',
    'indices must be integers in 0 … 11, got 12 at place 1',
    'normalization must have 3 channels, got 1 means, 1 deviations',
    'standard deviations must lie in 0.000001 … 1000000, got 0',
    'cropPadding must be an integer of at least 0 pixels, got -1',
    'cutout must be an integer of at least 0 pixels, got 2.5',
  ];
  assert.throws(
    () => fillBatchInto(new Float32Array(5), new Float32Array(3), source),
    (thrown) => thrown instanceof UsageError && faults.every((fault) => thrown.message.includes(fault)),
  );
});

const augmentationKeys: readonly Key[] = [augmentationKey(key, 0), augmentationKey(key, 1)];

function tally(size: number): number[] {
  return new Array<number>(size).fill(0);
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const meanOf = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  const product = (x: readonly number[], mx: number, y: readonly number[], my: number): number =>
    x.reduce((sum, value, at) => sum + (value - mx) * (y[at]! - my), 0);
  return product(a, meanA, b, meanB) / Math.sqrt(product(a, meanA, a, meanA) * product(b, meanB, b, meanB));
}
