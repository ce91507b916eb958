import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tinySplit } from '../../test/tiny.ts';
import { keyFromSeed } from '../base/random.ts';
import { augmentationKey, emptyBatch } from '../data/batches.ts';
import { fillPhotosInto } from '../data/photo-batches.ts';
import { centreView, cropView, drawnCrop } from '../data/photo-view.ts';
import { usualPhotoSize } from '../data/usual-photos.ts';
import { classification } from '../train/classification.ts';
import type { TestBatch } from '../train/task.ts';
import { loadPhotos } from './photo-folder.ts';
import { greyPhoto, palettePhoto, rgbPhoto } from './photos.test-data.ts';

const root = mkdtempSync(join(tmpdir(), 'ohmic-photos-'));
after(() => rmSync(root, { recursive: true }));

/** A folder with these files. */
function folderOf(name: string, files: Readonly<Record<string, Uint8Array>>): string {
  const folder = join(root, name);
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}

const [rgb, grey, palette] = [rgbPhoto, greyPhoto, palettePhoto].map(({ bytes }) => bytes) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const small = { side: 16, shorterSide: 18 };
const folder = folderOf('whole', {
  'train/b/2.jpg': rgb,
  'train/b/1.JPEG': grey,
  'train/a/x.png': palette,
  'train/a/.hidden.jpg': rgb,
  'train/a/list.txt': new Uint8Array(3),
  'train/b/3.jpg': palette,
  'val/a/v.jpg': rgb,
  'val/b/w.jpg': grey,
  'val/b/x.jpg': palette,
  'readme.md': new Uint8Array(1),
});

test('classes are the folders in the order of their names, and photos of all classes come by turns', async () => {
  const { train, test: tested, normalization, augmentation } = await loadPhotos(folder, small);
  assert.deepEqual(train.classNames, ['a', 'b']);
  assert.deepEqual([...train.labels], [0, 1, 1, 1]);
  assert.deepEqual([...tested.labels], [0, 1, 1]);
  assert.deepEqual([train.height, train.width, train.channels, train.count], [16, 16, 3, 4]);
  assert.deepEqual(normalization.mean, [0.485, 0.456, 0.406]);
  assert.deepEqual(augmentation?.resizedCrop, { smallestArea: 0.08, largestAspect: 4 / 3 });
  // By name: a/x.png, b/1.JPEG, b/2.jpg, b/3.jpg.
  const [second, third] = [await train.decode(1), await train.decode(2)];
  assert.ok(
    second.pixels.every((value, k) => value === second.pixels[k - (k % 3)]),
    'grey',
  );
  assert.ok(!third.pixels.every((value, k) => value === third.pixels[k - (k % 3)]), 'colour');
  const some = await loadPhotos(folder, { ...small, trainImages: 2, testImages: 1 });
  assert.deepEqual([[...some.train.labels], [...some.test.labels]], [[0, 1], [0]]);
  const usual = await loadPhotos(folder);
  assert.deepEqual([usual.train.side, usual.train.shorterSide], Object.values(usualPhotoSize));
  assert.equal((await loadPhotos(folder, { side: 64 })).train.shorterSide, 73);
});

test('a batch has the middle of each photo, normalized, or with a random rectangle that of its key and number', async () => {
  const { train, normalization } = await loadPhotos(folder, small);
  const { images, labels } = emptyBatch(train, 4);
  await fillPhotosInto(images, labels, { set: train, indices: [3, 0, 2, 0], normalization });
  assert.deepEqual([...labels], [1, 0, 1, 0]);
  const { mean, std } = normalization;
  const normal = (pixels: Uint8Array): Float32Array =>
    Float32Array.from(pixels, (pixel, k) => (pixel / 255 - mean[k % 3]!) / std[k % 3]!);
  const size = 16 * 16 * 3;
  assert.deepEqual(images.subarray(0, size), normal(centreView(await train.decode(3), small)));
  assert.deepEqual(images.subarray(size, 2 * size), images.subarray(3 * size));

  const settings = {
    cropPadding: 0,
    flip: false,
    cutout: 0,
    resizedCrop: { smallestArea: 0.3, largestAspect: 2 },
  };
  const augment = { settings, key: keyFromSeed(5), epoch: 2 };
  await fillPhotosInto(images, labels, { set: train, indices: [3, 0, 2, 0], normalization, augment });
  const photo = await train.decode(2);
  const box = drawnCrop(photo, settings.resizedCrop, augmentationKey(augment.key, 2), 2);
  assert.deepEqual(images.subarray(2 * size, 3 * size), normal(cropView(photo, box, small)));
});

test('the task streams test batches, the same each time, with empty places at the end', async () => {
  const data = await loadPhotos(folder, small);
  const task = classification(data);
  const batches = task.examples.testBatches(2);
  const seen = async (): Promise<[number, number[], number[]][]> => {
    const all: [number, number[], number[]][] = [];
    // A batch holds until the next is asked for, so it is copied.
    for await (const { values, count } of batches as AsyncIterable<TestBatch>)
      all.push([count, [...values['labels']!], [...values['images']!.subarray(0, 5)]]);
    return all;
  };
  const first = await seen();
  assert.deepEqual(
    first.map(([count, labels]) => [count, labels]),
    [
      [2, [0, 1]],
      [1, [1, -1]],
    ],
  );
  assert.deepEqual(await seen(), first);
});

test('a damaged photo ends a batch with the name of its file', async () => {
  const damaged = folderOf('damaged', {
    'train/a/1.jpg': rgb,
    'train/b/1.jpg': rgb.subarray(0, 500),
    'val/a/1.jpg': rgb,
    'val/b/1.jpg': rgb,
  });
  const data = await loadPhotos(damaged, small);
  const { images, labels } = emptyBatch(data.train, 2);
  await assert.rejects(
    fillPhotosInto(images, labels, { set: data.train, indices: [0, 1], normalization: data.normalization }),
    /photo .*damaged\/train\/b\/1\.jpg: it can't be read \(.*premature end.*\); replace it/,
  );
});

test('a folder that holds no such classes is refused with all faults', async () => {
  await assert.rejects(
    loadPhotos(join(root, 'nowhere')),
    /photos: expected the folders train and val in .*nowhere, with a folder of photos for each class in them, got no train; correct --data or OHMIC_DATA/,
  );
  const faulty = folderOf('faulty', {
    'train/a/1.jpg': rgb,
    'train/b/1.bmp': rgb,
    'train/c/1.jpg': rgb,
    'val/a/1.jpg': rgb,
    'val/b/1.jpg': rgb,
    'val/d/1.jpg': rgb,
  });
  await assert.rejects(loadPhotos(faulty, { trainImages: 9 }), (error: Error) => {
    for (const part of [
      /val: expected the same classes in both parts, but it lacks c/,
      /train: expected the same classes in both parts, but it lacks d/,
      /train: expected photos \(\.jpg, .*\) in every class, got none in b/,
      /1\.bmp: expected photos that end in .*; convert or remove them/,
      /trainImages must be at most 2, got 9/,
    ])
      assert.match(error.message, part);
    return true;
  });
  await assert.rejects(
    loadPhotos(folder, { side: 64, shorterSide: 32 }),
    /photos: shorterSide must be at least the side, 64, got 32/,
  );
  await assert.rejects(loadPhotos(folder, { side: 0 }), /side must be a whole number from 1 to 4096, got 0/);
});

test('random rectangles of images in memory are refused', () => {
  const resizedCrop = { smallestArea: 0.08, largestAspect: 4 / 3 };
  assert.throws(
    () =>
      classification(tinySplit(), { augmentation: { cropPadding: 0, flip: false, cutout: 0, resizedCrop } }),
    /resizedCrop is for photos, whose sizes differ; leave it out for images in memory/,
  );
});
