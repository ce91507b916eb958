// Views of photos against digests of what Pillow 12.3.0 and torchvision 0.29.1 made of the same pixels:
// hashlib.sha256(image.tobytes()).hexdigest()[:16] after Resize and CenterCrop, or after functional.resized_crop with
// InterpolationMode.BILINEAR and antialias=True.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../base/digest.ts';
import { keyFromSeed } from '../base/random.ts';
import { augmentationKey } from './batches.ts';
import { centreView, cropView, drawnCrop } from './photo-view.ts';
import { type Photo, resampled } from './resample.ts';

/** A pattern with edges, ramps and no symmetry. */
function pattern(height: number, width: number): Photo {
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const board = ((Math.floor(x / 9) + Math.floor(y / 7)) % 2) * 120;
      for (let c = 0; c < 3; c++)
        pixels[(y * width + x) * 3 + c] = y * 7 + x * 13 + c * 101 + ((x * y) % 31) * 5 + board;
    }
  }
  return { height, width, pixels };
}

const digest = async (pixels: Uint8Array): Promise<string> => (await sha256(pixels)).slice(0, 16);

const centres = [
  [375, 500, 224, 256, 'aa3f78feba933e1d'],
  [500, 333, 224, 256, 'd4e93f6ea65440e3'],
  [224, 224, 224, 256, '39e196f9dfe88aec'],
  [37, 53, 32, 36, '8dbdeefaa80849e5'],
  [1200, 90, 64, 73, '11b0832edcd5c9c3'],
  [256, 341, 224, 256, '391bb841ec91d87d'],
  [257, 300, 33, 64, '96c0c7b55597ca55'],
  [61, 45, 224, 256, '4c0019e2574aa614'],
  [100, 101, 100, 100, '902583a10177a14e'],
  [150, 100, 31, 64, '886a5aba05049328'],
] as const;

for (const [height, width, side, shorterSide, expected] of centres) {
  test(`the middle ${side} x ${side} of ${height} x ${width} at ${shorterSide} has the bits of torchvision`, async () => {
    const view = centreView(pattern(height, width), { side, shorterSide });
    assert.equal(view.length, side * side * 3);
    assert.equal(await digest(view), expected);
  });
}

const crops = [
  [375, 500, { top: 10, left: 20, height: 300, width: 400 }, 224, '3a49c2ad9d113bfe'],
  [375, 500, { top: 0, left: 0, height: 375, width: 500 }, 224, 'e6db9d5c6b7db67a'],
  [60, 80, { top: 13, left: 7, height: 21, width: 35 }, 32, '0a106108bbe44972'],
  [60, 80, { top: 59, left: 79, height: 1, width: 1 }, 8, 'd17acb828ae01c1d'],
  [500, 500, { top: 100, left: 3, height: 77, width: 203 }, 224, 'e070c430fd8d093e'],
  [90, 90, { top: 5, left: 6, height: 64, width: 64 }, 64, 'e208c7899bfcf2a3'],
] as const;

for (const [height, width, box, side, expected] of crops) {
  test(`${box.height} x ${box.width} of ${height} x ${width} at ${side} x ${side} has the bits of torchvision`, async () => {
    assert.equal(await digest(cropView(pattern(height, width), box, { side })), expected);
  });
}

test('a window of a resized image is that part of the whole', () => {
  const photo = pattern(50, 70);
  const from = { top: 3, left: 4, height: 41, width: 55 };
  const size = { height: 30, width: 44 };
  const whole = resampled(photo, { from, size, window: { top: 0, left: 0, ...size } });
  const window = { top: 7, left: 9, height: 5, width: 6 };
  const part = resampled(photo, { from, size, window });
  for (let y = 0; y < window.height; y++) {
    const start = ((y + window.top) * size.width + window.left) * 3;
    assert.deepEqual(
      part.subarray(y * window.width * 3, (y + 1) * window.width * 3),
      whole.subarray(start, start + window.width * 3),
    );
  }
});

test('an image of one colour keeps it at any size', () => {
  for (const value of [0, 1, 128, 254, 255]) {
    const photo = { height: 23, width: 31, pixels: new Uint8Array(23 * 31 * 3).fill(value) };
    for (const [side, shorterSide] of [
      [16, 17],
      [40, 61],
    ] as const)
      assert.ok(centreView(photo, { side, shorterSide }).every((one) => one === value));
  }
});

const usual = { smallestArea: 0.08, largestAspect: 4 / 3 };

test('random rectangles lie in the photo, have the areas and aspects of the settings, and fill their ranges', () => {
  const size = { height: 375, width: 500 };
  const key = augmentationKey(keyFromSeed(3), 0);
  const boxes = Array.from({ length: 5000 }, (_, index) => drawnCrop(size, usual, key, index));
  for (const { top, left, height, width } of boxes) {
    assert.ok(top >= 0 && left >= 0 && top + height <= size.height && left + width <= size.width);
    // Rounding moves an edge by at most half a pixel.
    const area = (height * width) / (size.height * size.width);
    assert.ok(area > 0.08 * 0.98 && area <= 1, `${area}`);
    assert.ok((width - 0.5) / (height + 0.5) <= 4 / 3 && (width + 0.5) / (height - 0.5) >= 3 / 4);
  }
  // Of accepted draws 1/8 lie between 0.08 and 0.195, or more, since large areas are refused more often: n = 5000, 5 σ.
  const small = boxes.filter(({ height, width }) => height * width < 0.195 * 375 * 500).length;
  assert.ok(small > 5000 / 8 - 5 * Math.sqrt(5000 * (1 / 8) * (7 / 8)), `${small}`);
  assert.ok(boxes.some(({ height }) => height > 360));
  assert.ok(boxes.some(({ top, height }) => top > 0 && top + height === 375));
});

test('a rectangle depends on key and image alone, and images differ', () => {
  const size = { height: 60, width: 80 };
  const [key, other] = [augmentationKey(keyFromSeed(1), 0), augmentationKey(keyFromSeed(1), 1)];
  assert.deepEqual(drawnCrop(size, usual, key, 7), drawnCrop(size, usual, key, 7));
  assert.notDeepEqual(drawnCrop(size, usual, key, 7), drawnCrop(size, usual, key, 8));
  assert.notDeepEqual(drawnCrop(size, usual, key, 7), drawnCrop(size, usual, other, 7));
});

test('if no draw fits, the largest central rectangle with an allowed aspect is taken', () => {
  // Nearly the whole of a strip is asked for, which no allowed aspect has.
  const settings = { smallestArea: 0.99, largestAspect: 4 / 3 };
  const key = augmentationKey(keyFromSeed(1), 0);
  assert.deepEqual(drawnCrop({ height: 30, width: 300 }, settings, key, 0), {
    ...{ height: 30, width: 40, top: 0, left: 130 },
  });
  assert.deepEqual(drawnCrop({ height: 301, width: 30 }, settings, key, 0), {
    ...{ height: 40, width: 30, top: 130, left: 0 },
  });
});
