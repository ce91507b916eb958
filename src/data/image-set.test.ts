import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { channelStatistics, dataSplit, type ImageSet, imageSet, subset } from './image-set.ts';

const twoClasses = ['left', 'right'];

function small(name = 'small'): ImageSet {
  const pixels = Uint8Array.from({ length: 3 * 2 * 2 * 2 }, (_, at) => (at % 2 === 0 ? at : 255));
  return imageSet({
    name,
    classNames: twoClasses,
    height: 2,
    width: 2,
    channels: 2,
    pixels,
    labels: Uint8Array.of(0, 1, 1),
  });
}

test('an image set counts its labels', () => {
  assert.equal(small().count, 3);
});

test('a malformed image set is refused with all its faults', () => {
  const fields = { name: 'odd', classNames: twoClasses, height: 2, width: 2, channels: 1 };
  assert.throws(
    () => imageSet({ ...fields, pixels: new Uint8Array(7), labels: Uint8Array.of(0, 2) }),
    (thrown) =>
      thrown instanceof UsageError &&
      /2 images of \(2, 2, 1\) need 8 bytes, got 7/.test(thrown.message) &&
      /labels must lie in 0 … 1, image 1 has 2/.test(thrown.message),
  );
  assert.throws(
    () => imageSet({ ...fields, height: 0, pixels: new Uint8Array(0), labels: Uint8Array.of(0) }),
    /positive sizes, got \(0, 2, 1\)/,
  );
});

test('a subset is the beginning of the set', () => {
  const set = small();
  const part = subset(set, 2);
  assert.equal(part.count, 2);
  assert.deepEqual([...part.labels], [0, 1]);
  assert.deepEqual([...part.pixels], [...set.pixels.slice(0, 16)]);
});

test('a subset outside 1 … count is refused', () => {
  for (const count of [0, 4, 1.5]) {
    assert.throws(() => subset(small(), count), new RegExp(`integer in 1 … 3, got ${count}`));
  }
});

test('channel statistics are the mean and deviation of each channel alone', () => {
  const { mean, std } = channelStatistics(small());
  // Channel 0 holds 0, 2, …, 22: mean 11, variance (12² − 1) / 12 · 2² = 143 / 3. Channel 1 is constant.
  assert.ok(Math.abs(mean[0]! - 11 / 255) < 1e-12);
  assert.ok(Math.abs(std[0]! - Math.sqrt(143 / 3) / 255) < 1e-12);
  assert.deepEqual([mean[1], std[1]], [1, 0]);
});

test('a split is normalized by its training images', () => {
  const train = small('train');
  assert.deepEqual(dataSplit(train, subset(train, 1)).normalization, channelStatistics(train));
});

test('a split of different forms is refused', () => {
  const train = small('train');
  assert.throws(
    () => dataSplit(train, { ...train, classNames: ['up', 'down'] }),
    /left, right, got \(2, 2, 2\).*up, down/,
  );
});
