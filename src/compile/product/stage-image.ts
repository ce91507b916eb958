// Brings an image to where a product's inner loop can walk over it: padded with zeros, with the elementwise work
// before the product done once per element. An image that needs neither is read where it lies.

import { stridesOf } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import { flatten, type Int, literal, plus, times } from '../../kernel/int.ts';
import { SCRATCH } from '../../kernel/kernel.ts';
import { type Context, type Draft, eachVector } from '../draft.ts';
import { createEmitter, mergeAxes, splitAxes } from '../elementwise/expression.ts';

/** An image (height, width, channels) per chunk. */
export type ImageSource = {
  readonly node: Node;
  readonly size: readonly [height: number, width: number, channels: number];
  /** Index into `node` of an element of the image. */
  readonly index: (image: Int, row: Int, column: Int, channel: Int) => Int[];
  /** Zeros before and after the rows, and before and after the columns. */
  readonly padding: { readonly rows: readonly [number, number]; readonly columns: readonly [number, number] };
  /** Runs never leave a pixel, so that pixels may lie apart. */
  readonly isSeparate?: boolean;
  /** The pixels of the node hold more than the image's channels: to be neighbours, these must be brought together. */
  readonly isShare?: boolean;
};

/** Pixels a multiple of this many elements apart fall on the same few lines of a cache. */
const CRITICAL_STRIDE = 512;
/** Elements between such pixels in scratch memory. */
const SPREAD = 16;

/** Address of an element of the (padded) image. */
export type StagedImage = {
  readonly slot: number;
  readonly address: (row: Int, column: Int, element: Int) => Int;
};

/** Emits the staging of image number `image`; the result says how to address it. Scratch is reserved once a call. */
export function stageImage(context: Context, draft: Draft, source: ImageSource, image: Int): StagedImage {
  const { node, size, padding } = source;
  const [, width, channels] = size;
  const isPadded = [...padding.rows, ...padding.columns].some((zeros) => zeros > 0);
  const slot = draft.slotOf(node);
  if (slot !== undefined && !isPadded && !isSpread(source) && source.isShare !== true) {
    const strides = stridesOf(node.shape);
    // Runs may leave the pixel: consecutive elements of an image row are consecutive in memory.
    return {
      slot,
      address: (row, column, element) =>
        plus(flatten(source.index(image, row, column, literal(0)), strides), element),
    };
  }
  const pixelStride = isSpread(source) ? channels + SPREAD : channels;
  const rowStride = (padding.columns[0] + width + padding.columns[1]) * pixelStride;
  const rows = padding.rows[0] + size[0] + padding.rows[1];
  const base = draft.builder.reserve(rows * rowStride);
  const address = (row: Int, column: Int, element: Int): Int =>
    plus(plus(literal(base), plus(times(row, rowStride), times(column, pixelStride))), element);
  if (isPadded) clearMargins(draft, source, base, rowStride);
  copyImage(context, draft, source, image, (row, column, channel) =>
    address(plus(row, literal(padding.rows[0])), plus(column, literal(padding.columns[0])), channel),
  );
  return { slot: SCRATCH, address };
}

function isSpread({ isSeparate, size }: ImageSource): boolean {
  return isSeparate === true && size[2] % CRITICAL_STRIDE === 0;
}

/** Zeros around the image, by whole vectors: what they overrun into is written afterwards. */
function clearMargins(draft: Draft, { size, padding }: ImageSource, base: number, rowStride: number): void {
  const b = draft.builder;
  const zero = b.literal(0);
  const [height, width, channels] = size;
  const clear = (start: Int, count: number): void =>
    eachVector(b, count, (at) => b.store(SCRATCH, plus(start, at), zero));
  const side = (padding.columns[0] + padding.columns[1]) * channels;
  const firstRow = padding.rows[0] * rowStride;
  const head = firstRow + padding.columns[0] * channels;
  const afterRow = base + head + width * channels;
  if (head > 0) clear(literal(base), head);
  if (side > 0) b.loop(height - 1, (row) => clear(plus(literal(afterRow), times(row, rowStride)), side));
  const tail = padding.columns[1] * channels + padding.rows[1] * rowStride;
  if (tail > 0) clear(literal(afterRow + (height - 1) * rowStride), tail);
}

function copyImage(
  context: Context,
  draft: Draft,
  source: ImageSource,
  image: Int,
  target: (row: Int, column: Int, channel: Int) => Int,
): void {
  const b = draft.builder;
  const emit = createEmitter(draft);
  const [height, width, channels] = source.size;
  const isStored = (node: Node): boolean => context.memoryOf(node) !== undefined;
  // Columns and channels join into one long row where every load allows it.
  const merged = mergeAxes(
    source.node.shape,
    [source.node],
    isStored,
    (axis) => axis === source.node.shape.length - 2,
  );
  const isJoined =
    !isSpread(source) &&
    source.node.shape[source.node.shape.length - 1] === channels &&
    merged[merged.length - 1]!.axes.length === 2 &&
    source.node.shape[source.node.shape.length - 2] === width;
  b.loop(
    height,
    (row) => {
      if (isJoined) {
        eachVector(b, width * channels, (at, count) => {
          const prefix = source.index(image, row, literal(0), literal(0)).slice(0, -2);
          const index = splitAxes(merged, [...prefix, at], source.node.shape);
          b.store(SCRATCH, target(row, literal(0), at), emit(source.node, index), count);
        });
        return;
      }
      b.loop(width, (column) => {
        eachVector(b, channels, (at, count) => {
          const value = emit(source.node, source.index(image, row, column, at));
          b.store(SCRATCH, target(row, column, at), value, count);
        });
      });
    },
    'y',
  );
}
