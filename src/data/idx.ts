// IDX, the format of MNIST and its successors: bytes → images and labels. Files may be gzipped; that is seen
// from their first bytes, not from their names. Left out: element types other than unsigned bytes.

import { UsageError } from '../base/errors.ts';
import { elementCount, formatShape, type Shape } from '../base/shape.ts';
import { decompressed, type NamedBytes } from './archive.ts';
import { type ImageSet, imageSet } from './image-set.ts';

const UNSIGNED_BYTE = 0x08;

/** Unsigned bytes with a shape. */
export type IdxArray = { readonly shape: Shape; readonly data: Uint8Array };

/**
 * An IDX file of unsigned bytes.
 *
 * Header: 0, 0, type, rank (one byte each), then one big-endian 32-bit size per axis.
 *
 * @param file as stored or gzipped
 * @param rank axes the file must have: 1 for labels, 3 for images
 * @throws UsageError if the magic number or the size in bytes is wrong, or the gzip stream is damaged
 * @source Y. LeCun, http://yann.lecun.com/exdb/mnist/, "File formats"
 */
export async function parseIdx(file: NamedBytes, rank: number): Promise<IdxArray> {
  const bytes = await decompressed(file.name, file.bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length >= 4 ? view.getUint32(0) : undefined;
  const expectedMagic = UNSIGNED_BYTE * 256 + rank;
  if (magic !== expectedMagic) {
    const came = magic === undefined ? `${bytes.length} bytes` : hex(magic);
    throw new UsageError(
      `${file.name}: expected the magic number ${hex(expectedMagic)} (IDX, unsigned bytes, ${rank} axes), ` +
        `got ${came}; check that this is the right file`,
    );
  }
  const headerBytes = 4 + 4 * rank;
  const remedy = 'the file is truncated or damaged: fetch it again';
  if (bytes.length < headerBytes) {
    throw new UsageError(
      `${file.name}: expected a header of ${headerBytes} bytes, got ${bytes.length}; ${remedy}`,
    );
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = headerBytes + elementCount(shape);
  if (bytes.length !== expected) {
    throw new UsageError(
      `${file.name}: expected ${expected} bytes for an array of ${formatShape(shape)}, got ${bytes.length}; ${remedy}`,
    );
  }
  return { shape, data: bytes.subarray(headerBytes) };
}

/**
 * A set of greyscale images from an image file (count, height, width) and a label file (count).
 *
 * @throws UsageError if a file is malformed, the counts differ, or a label names no class
 */
export async function parseIdxSet(
  name: string,
  classNames: readonly string[],
  files: { readonly images: NamedBytes; readonly labels: NamedBytes },
): Promise<ImageSet> {
  const images = await parseIdx(files.images, 3);
  const labels = await parseIdx(files.labels, 1);
  const [count, height, width] = images.shape as [number, number, number];
  if (labels.shape[0] !== count) {
    throw new UsageError(
      `${name}: ${files.images.name} holds ${count} images but ${files.labels.name} holds ${labels.shape[0]} labels; ` +
        'take both from the same set',
    );
  }
  return imageSet({ name, classNames, height, width, channels: 1, pixels: images.data, labels: labels.data });
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, '0')}`;
}
