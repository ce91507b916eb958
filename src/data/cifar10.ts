// CIFAR-10, binary version: bytes of the data batches → an image set. Where the bytes come from, and whether
// they are the official ones, is the business of named-sets.ts.

import { throwFaults } from '../base/errors.ts';
import type { NamedBytes } from './archive.ts';
import { type ImageSet, imageSet } from './image-set.ts';

const SIDE = 32;
const CHANNELS = 3;
const PLANE_BYTES = SIDE * SIDE;
const RECORD_BYTES = 1 + CHANNELS * PLANE_BYTES;

/** Class names in label order, as in the official `batches.meta.txt`. */
export const cifar10Classes: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/**
 * Images of one or more CIFAR-10 binary batches, in file order.
 *
 * A record is one label byte, then 1,024 bytes each of red, green and blue, row by row; the result is NHWC.
 *
 * @param recordsPerFile images that every file must hold
 * @throws UsageError, listing all faults, if a file has another size or a label above 9
 * @source A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"
 */
export function parseCifar10(
  name: string,
  files: readonly NamedBytes[],
  { recordsPerFile = 10_000 }: { readonly recordsPerFile?: number } = {},
): ImageSet {
  throwFaults(
    name,
    files.flatMap((file) => faultsOf(file, recordsPerFile)),
  );
  const count = files.length * recordsPerFile;
  const pixels = new Uint8Array(count * CHANNELS * PLANE_BYTES);
  const labels = new Uint8Array(count);
  for (const [position, { bytes }] of files.entries()) {
    for (let record = 0; record < recordsPerFile; record++) {
      const image = position * recordsPerFile + record;
      const from = record * RECORD_BYTES;
      labels[image] = bytes[from]!;
      interleaveInto(pixels, image * CHANNELS * PLANE_BYTES, bytes, from + 1);
    }
  }
  return imageSet({
    name,
    classNames: cifar10Classes,
    height: SIDE,
    width: SIDE,
    channels: CHANNELS,
    pixels,
    labels,
  });
}

function faultsOf({ name, bytes }: NamedBytes, records: number): string[] {
  const expected = records * RECORD_BYTES;
  if (bytes.length !== expected) {
    return [
      `${name}: expected ${expected} bytes (${records} records of ${RECORD_BYTES}), got ${bytes.length}; ` +
        'the file is truncated or not of the binary version: fetch and unpack cifar-10-binary.tar.gz again',
    ];
  }
  for (let record = 0; record < records; record++) {
    const label = bytes[record * RECORD_BYTES]!;
    if (label >= cifar10Classes.length) {
      return [
        `${name}: expected labels 0 … 9, got ${label} in record ${record} (byte ${record * RECORD_BYTES}); ` +
          'the file is damaged or not of the binary version: fetch and unpack cifar-10-binary.tar.gz again',
      ];
    }
  }
  return [];
}

/** Three planes → interleaved pixels. */
function interleaveInto(pixels: Uint8Array, to: number, planes: Uint8Array, from: number): void {
  let at = to;
  for (let pixel = from; pixel < from + PLANE_BYTES; pixel++) {
    pixels[at] = planes[pixel]!;
    pixels[at + 1] = planes[pixel + PLANE_BYTES]!;
    pixels[at + 2] = planes[pixel + 2 * PLANE_BYTES]!;
    at += 3;
  }
}
