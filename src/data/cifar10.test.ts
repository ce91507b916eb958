import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { parseCifar10 } from './cifar10.ts';

/** Two records; the byte of channel c, pixel p of record r is (r + 10 · c + p) mod 256. */
function batch(labels: readonly number[] = [3, 9]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  for (const [record, label] of labels.entries()) {
    bytes[record * 3073] = label;
    for (let at = 0; at < 3072; at++) {
      bytes[record * 3073 + 1 + at] = record + 10 * Math.floor(at / 1024) + (at % 1024);
    }
  }
  return bytes;
}

test('planes become interleaved pixels, files follow one another', () => {
  const files = [
    { name: 'a.bin', bytes: batch() },
    { name: 'b.bin', bytes: batch([0, 1]) },
  ];
  const set = parseCifar10('tiny', files, { recordsPerFile: 2 });
  assert.deepEqual([set.count, set.height, set.width, set.channels], [4, 32, 32, 3]);
  assert.deepEqual([...set.labels], [3, 9, 0, 1]);
  for (let image = 0; image < 4; image++) {
    for (let pixel = 0; pixel < 1024; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        const expected = ((image % 2) + 10 * channel + pixel) & 255;
        assert.equal(set.pixels[(image * 1024 + pixel) * 3 + channel], expected);
      }
    }
  }
});

test('truncated and damaged files are all named, with sizes and a remedy', () => {
  const files = [
    { name: 'short.bin', bytes: batch().subarray(0, 5000) },
    { name: 'odd.bin', bytes: batch([0, 10]) },
  ];
  assert.throws(
    () => parseCifar10('tiny', files, { recordsPerFile: 2 }),
    (thrown) =>
      thrown instanceof UsageError &&
      /short\.bin: expected 6146 bytes .* got 5000; .*fetch and unpack/.test(thrown.message) &&
      /odd\.bin: expected labels 0 … 9, got 10 in record 1 \(byte 3073\)/.test(thrown.message),
  );
});

test('an official batch has 30,730,000 bytes', () => {
  assert.throws(
    () => parseCifar10('tiny', [{ name: 'data_batch_1.bin', bytes: batch() }]),
    /data_batch_1\.bin: expected 30730000 bytes \(10000 records of 3073\), got 6146/,
  );
});
