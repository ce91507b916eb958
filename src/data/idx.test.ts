import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parseIdx, parseIdxSet } from './idx.ts';

/** An IDX file of bytes 0, 1, 2, … */
function idx(shape: readonly number[], type = 8): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = Buffer.alloc(4 + 4 * shape.length + count);
  bytes.set([0, 0, type, shape.length]);
  for (const [axis, size] of shape.entries()) {
    bytes.writeUInt32BE(size, 4 + 4 * axis);
  }
  for (let at = 0; at < count; at++) {
    bytes[4 + 4 * shape.length + at] = at;
  }
  return new Uint8Array(bytes);
}

const named = (name: string, bytes: Uint8Array): { name: string; bytes: Uint8Array } => ({ name, bytes });

test('images and labels are read, gzipped or not', async () => {
  const files = {
    images: named('images.gz', new Uint8Array(gzipSync(idx([3, 2, 4])))),
    labels: named('labels', idx([3])),
  };
  const set = await parseIdxSet('tiny', ['zero', 'one', 'two'], files);
  assert.deepEqual([set.count, set.height, set.width, set.channels], [3, 2, 4, 1]);
  assert.deepEqual([...set.labels], [0, 1, 2]);
  assert.deepEqual(
    [...set.pixels],
    Array.from({ length: 24 }, (_, at) => at),
  );
});

test('a wrong magic number is refused, with what was expected', async () => {
  const expected = /labels: expected the magic number 0x00000801 .* got 0x00000803; check/;
  await assert.rejects(parseIdx(named('labels', idx([3, 2, 4])), 1), expected);
  await assert.rejects(parseIdx(named('labels', idx([3], 13)), 1), /got 0x00000d01/);
  await assert.rejects(parseIdx(named('labels', new Uint8Array(2)), 1), /got 2 bytes/);
});

test('a truncated or overlong file is refused, with both sizes', async () => {
  const bytes = idx([3, 2, 4]);
  const cut = bytes.subarray(0, 30);
  await assert.rejects(
    parseIdx(named('images', cut), 3),
    /expected 40 bytes for an array of \(3, 2, 4\), got 30/,
  );
  const longer = new Uint8Array([...bytes, 0]);
  await assert.rejects(parseIdx(named('images', longer), 3), /expected 40 bytes .* got 41/);
  await assert.rejects(
    parseIdx(named('images', bytes.subarray(0, 10)), 3),
    /expected a header of 16 bytes, got 10; the file is truncated/,
  );
});

test('as many labels as images are needed', async () => {
  const files = { images: named('images', idx([3, 2, 4])), labels: named('labels', idx([2])) };
  await assert.rejects(
    parseIdxSet('tiny', ['zero', 'one', 'two'], files),
    /tiny: images holds 3 images but labels holds 2 labels; take both from the same set/,
  );
});
