// Images made smaller or larger, bit by bit as Pillow's `Image.resize(…, BILINEAR)`: a triangle filter as wide as an output
// pixel, so that shrinking averages and nothing aliases. photo-view.ts says which part of a photo to which size.

import { invariant } from '../base/errors.ts';

/** An image in memory: red, green and blue of every pixel, as bytes. */
export type Photo = {
  readonly height: number;
  readonly width: number;
  /** (height, width, 3), row-major, 0 … 255 */
  readonly pixels: Uint8Array;
};

/** A rectangle of pixels. */
export type Box = {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
};

/** What is made of an image. */
export type Resampling = {
  /** The part of the image that is resized; nothing outside of it has a say. */
  readonly from: Box;
  /** Its new size. */
  readonly size: { readonly height: number; readonly width: number };
  /** The part of the resized image that is wanted. */
  readonly window: Box;
};

/** Bits of a weight behind the point, and the half that rounds: src/libImaging/Resample.c, PRECISION_BITS. */
const FRACTION_BITS = 32 - 8 - 2;
const HALF = 1 << (FRACTION_BITS - 1);
const CHANNELS = 3;

/** For each output pixel along an axis: its first input pixel, how many there are, and their weights. */
type Filter = {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** (outputs, most) */
  readonly weights: Int32Array;
  readonly most: number;
};

/**
 * A part of an image at another size, (window.height, window.width, 3). Along each axis an output pixel x is the average of
 * the input pixels i with weights
 *
 *     w(i) = max(0, 1 − |i + 1/2 − c| / s),  c = (x + 1/2) · n / m,  s = max(1, n / m)
 *
 * for n input and m output pixels, normalised to Σ w = 1 and rounded to 22 bits behind the point. Columns come first,
 * then rows; the values between are rounded to bytes.
 *
 * @source Pillow 12.3.0, src/libImaging/Resample.c (precompute_coeffs, normalize_coeffs_8bpc,
 *   ImagingResampleHorizontal_8bpc, ImagingResampleVertical_8bpc); what comes out is equal in every bit
 */
export function resampled({ pixels, width }: Photo, { from, size, window }: Resampling): Uint8Array {
  const columns = filterOf(from.width, size.width, window.left, window.width);
  const rows = filterOf(from.height, size.height, window.top, window.height);
  const last = window.height - 1;
  // Only the input rows that some wanted row needs.
  const top = rows.first[0]!;
  const bottom = rows.first[last]! + rows.count[last]!;
  const between = new Uint8Array((bottom - top) * window.width * CHANNELS);
  for (let row = top; row < bottom; row++) {
    const start = ((from.top + row) * width + from.left) * CHANNELS;
    const to = (row - top) * window.width * CHANNELS;
    sumColumnsInto(between, to, { from: pixels, start, filter: columns });
  }
  const resized = new Uint8Array(window.height * window.width * CHANNELS);
  sumRowsInto(resized, between, window.width * CHANNELS, rows);
  return resized;
}

/** The filter of output pixels `begin` … `begin + wanted − 1` of an axis. */
function filterOf(inputs: number, outputs: number, begin: number, wanted: number): Filter {
  const scale = inputs / outputs;
  const support = Math.max(scale, 1);
  const slope = 1 / support;
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(wanted);
  const count = new Int32Array(wanted);
  const weights = new Int32Array(wanted * most);
  const exact = new Float64Array(most);
  for (let place = 0; place < wanted; place++) {
    const centre = (begin + place + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(inputs, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let k = 0; k < high - low; k++) {
      exact[k] = Math.max(0, 1 - Math.abs((k + low - centre + 0.5) * slope));
      sum += exact[k]!;
    }
    first[place] = low;
    count[place] = high - low;
    for (let k = 0; k < high - low; k++)
      weights[place * most + k] = Math.trunc(0.5 + (exact[k]! / sum) * 2 ** FRACTION_BITS);
  }
  invariant(
    first.every((low, place) => low + count[place]! <= inputs),
    'a filter ends with its axis',
  );
  return { first, count, weights, most };
}

/** A row of pixels, which begins at `start`. */
type Row = { readonly from: Uint8Array; readonly start: number; readonly filter: Filter };

/** One row, filtered along its columns, to the pixels that begin at `place`. */
function sumColumnsInto(
  to: Uint8Array,
  place: number,
  { from, start, filter: { first, count, weights, most } }: Row,
): void {
  for (let out = 0; out < first.length; out++) {
    let [red, green, blue] = [HALF, HALF, HALF];
    let at = start + first[out]! * CHANNELS;
    const end = out * most + count[out]!;
    for (let k = out * most; k < end; k++, at += CHANNELS) {
      const weight = weights[k]!;
      // At most 255 · 2²², which 32 bits hold.
      red = (red + from[at]! * weight) | 0;
      green = (green + from[at + 1]! * weight) | 0;
      blue = (blue + from[at + 2]! * weight) | 0;
    }
    const written = place + out * CHANNELS;
    to[written] = byteOf(red);
    to[written + 1] = byteOf(green);
    to[written + 2] = byteOf(blue);
  }
}

/** All rows of an image, each a sum of rows of another one that begins at the first row that is needed. */
function sumRowsInto(
  to: Uint8Array,
  from: Uint8Array,
  length: number,
  { first, count, weights, most }: Filter,
): void {
  const sums = new Int32Array(length);
  for (let row = 0; row < first.length; row++) {
    sums.fill(HALF);
    for (let k = 0; k < count[row]!; k++) {
      const weight = weights[row * most + k]!;
      const start = (first[row]! - first[0]! + k) * length;
      for (let x = 0; x < length; x++) sums[x] = sums[x]! + from[start + x]! * weight;
    }
    for (let x = 0; x < length; x++) to[row * length + x] = byteOf(sums[x]!);
  }
}

/** The integer part, from 0 to 255: rounded weights may add up to a little more than 1. */
function byteOf(sum: number): number {
  return Math.min(255, Math.max(0, sum >> FRACTION_BITS));
}
