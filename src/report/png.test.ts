import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, inflateSync } from 'node:zlib';
import { type ByteImage, encodePng, sampleGrid } from './png.ts';

/** Reads a PNG of the kind that is written here, by Node's own zlib and checksum. */
function decodePng(file: Uint8Array): ByteImage {
  assert.deepEqual([...file.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  const view = new DataView(file.buffer, file.byteOffset);
  const chunks = new Map<string, Uint8Array>();
  for (let at = 8; at < file.length; ) {
    const length = view.getUint32(at);
    const type = Buffer.from(file.subarray(at + 4, at + 8)).toString('latin1');
    assert.equal(view.getUint32(at + 8 + length), crc32(file.subarray(at + 4, at + 8 + length)), type);
    chunks.set(type, file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  assert.deepEqual([...chunks.keys()], ['IHDR', 'IDAT', 'IEND']);
  const header = Buffer.from(chunks.get('IHDR')!);
  const [width, height, colour] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9]!];
  assert.deepEqual([header[8], header[10], header[11], header[12]], [8, 0, 0, 0]);
  const channels = colour === 0 ? 1 : 3;
  assert.equal(colour, channels === 1 ? 0 : 2);
  const rows = inflateSync(chunks.get('IDAT')!);
  const stride = 1 + width * channels;
  assert.equal(rows.length, height * stride);
  const lines = Array.from({ length: height }, (_, row) => {
    assert.equal(rows[row * stride], 0, 'no filter');
    return [...rows.subarray(row * stride + 1, (row + 1) * stride)];
  });
  return { height, width, channels, pixels: Uint8Array.from(lines.flat()) };
}

test('grey and colour images come back as they were', async () => {
  for (const channels of [1, 3] as const) {
    const image = {
      height: 5,
      width: 7,
      channels,
      pixels: new Uint8Array(35 * channels).map((_, k) => k * 37),
    };
    assert.deepEqual(decodePng(await encodePng(image)), image);
  }
});

test('a grid shows every image at its place, lines between them, and nothing else', async () => {
  const images = {
    height: 2,
    width: 3,
    channels: 1,
    pixels: Uint8Array.from({ length: 18 }, (_, k) => 100 + k),
  } as const;
  const { height, width, pixels } = decodePng(await sampleGrid(images, 2));
  assert.deepEqual([height, width], [7, 9]);
  const row = (y: number): number[] => [...pixels.subarray(y * width, (y + 1) * width)];
  const _ = 96;
  assert.deepEqual(
    Array.from({ length: 7 }, (_unused, y) => row(y)),
    [
      [_, _, _, _, _, _, _, _, _],
      [_, 100, 101, 102, _, 106, 107, 108, _],
      [_, 103, 104, 105, _, 109, 110, 111, _],
      [_, _, _, _, _, _, _, _, _],
      [_, 112, 113, 114, _, _, _, _, _],
      [_, 115, 116, 117, _, _, _, _, _],
      [_, _, _, _, _, _, _, _, _],
    ],
  );
});

test('a grid of fewer images than columns is as wide as they are', async () => {
  const { height, width, channels } = decodePng(
    await sampleGrid({ height: 4, width: 4, channels: 3, pixels: new Uint8Array(96) }, 10),
  );
  assert.deepEqual([height, width, channels], [6, 11, 3]);
});

test('pixels that fill no image are refused', async () => {
  await assert.rejects(encodePng({ height: 2, width: 2, channels: 1, pixels: new Uint8Array(5) }), {
    name: 'UsageError',
    message: 'encodePng: expected (height, width, 1 or 3) bytes, got 5 bytes for (2, 2, 1)',
  });
  await assert.rejects(sampleGrid({ height: 2, width: 2, channels: 1, pixels: new Uint8Array(5) }, 0), {
    name: 'UsageError',
    message:
      'sampleGrid: 2 faults\n  - expected images of 4 bytes, (2, 2, 1), got 5 bytes\n  - columns must be a whole number from 1, got 0',
  });
});
