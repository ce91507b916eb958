// Pictures of generated images: the PNG format for grey and colour images of 8 bits, and a grid of images as one. It needs
// nothing but the web-standard CompressionStream. Left out: palettes, transparency, filters, reading.

import { throwFaults } from '../base/errors.ts';

/** An image of bytes. */
export type ByteImage = {
  readonly height: number;
  readonly width: number;
  /** 1: grey, 3: red, green and blue. */
  readonly channels: 1 | 3;
  /** (height, width, channels), row-major, 0 … 255 */
  readonly pixels: Uint8Array;
};

/**
 * An image as the bytes of a PNG file.
 *
 * @throws UsageError if the pixels do not fill the image
 * @source ISO/IEC 15948:2004, Portable Network Graphics, Sections 5, 9, 10 and 11.2
 */
export async function encodePng({ height, width, channels, pixels }: ByteImage): Promise<Uint8Array> {
  const isSized = [height, width].every((size) => Number.isInteger(size) && size > 0);
  throwFaults(
    'encodePng',
    isSized && (channels === 1 || channels === 3) && pixels.length === height * width * channels
      ? []
      : [
          `expected (height, width, 1 or 3) bytes, got ${pixels.length} bytes for (${height}, ${width}, ${channels})`,
        ],
  );
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, channels === 1 ? 0 : 2);
  const length = width * channels;
  // Each row begins with the number of its filter, 0 for none.
  const rows = new Uint8Array(height * (1 + length));
  for (let row = 0; row < height; row++)
    rows.set(pixels.subarray(row * length, (row + 1) * length), row * (1 + length) + 1);
  return joined([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', new Uint8Array(header.buffer)),
    chunk('IDAT', await deflated(rows)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** Images to be shown together. */
export type GridImages = Omit<ByteImage, 'pixels'> & {
  /** (count, height, width, channels), row-major, 0 … 255 */
  readonly pixels: Uint8Array;
};

/** Grey of the lines between images. */
const LINE = 96;

/**
 * Images side by side, row by row, with lines of one pixel between and around them, as the bytes of a PNG file. Places
 * that the last row leaves open have the colour of the lines.
 *
 * @throws UsageError if there is no image, the pixels fill no whole images, or columns is no whole number from 1
 */
export async function sampleGrid(
  { height, width, channels, pixels }: GridImages,
  columns: number,
): Promise<Uint8Array> {
  const size = height * width * channels;
  const count = pixels.length / size;
  throwFaults('sampleGrid', [
    ...(Number.isInteger(count) && count >= 1
      ? []
      : [`expected images of ${size} bytes, (${height}, ${width}, ${channels}), got ${pixels.length} bytes`]),
    ...(Number.isInteger(columns) && columns >= 1
      ? []
      : [`columns must be a whole number from 1, got ${columns}`]),
  ]);
  const grid = {
    height: Math.ceil(count / columns) * (height + 1) + 1,
    width: Math.min(columns, count) * (width + 1) + 1,
  };
  const all = new Uint8Array(grid.height * grid.width * channels).fill(LINE);
  const length = width * channels;
  for (let image = 0; image < count; image++) {
    const top = Math.floor(image / columns) * (height + 1) + 1;
    const left = (image % columns) * (width + 1) + 1;
    for (let row = 0; row < height; row++) {
      const from = image * size + row * length;
      all.set(pixels.subarray(from, from + length), ((top + row) * grid.width + left) * channels);
    }
  }
  return encodePng({ ...grid, channels, pixels: all });
}

/** Length, type, data and check of one chunk. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let k = 0; k < 4; k++) bytes[4 + k] = type.charCodeAt(k);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** The cyclic redundancy check of Annex D, bit by bit: pictures are small. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** In the format of zlib, which the stream calls `deflate`. */
async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
