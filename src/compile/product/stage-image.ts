// Stages an image in scratch memory for a product's inner loop: padded with zeros, and with the elementwise work before
// the product, its prologue, done once per element. An image that needs neither is loaded from where it is.

import { stridesOf } from '../../base/shape.ts';
import type { Node } from '../../graph/node.ts';
import { flatten, type Int, literal, plus, times } from '../../kernel/int.ts';
import { SCRATCH } from '../../kernel/kernel.ts';
import { type Context, type Draft, eachVector } from '../draft.ts';
import { createEmitter, isGathered, mergeAxes, splitAxes } from '../elementwise/expression.ts';
import { tuning } from '../tuning.ts';

/** An image (height, width, channels) per chunk. */
export type ImageSource = {
  readonly node: Node;
  readonly size: readonly [height: number, width: number, channels: number];
  /** Index into `node` of an element of the image. */
  readonly index: (image: Int, y: Int, x: Int, channel: Int) => Int[];
  /** Zeros above and below the image, and on its left and right. */
  readonly padding: { readonly y: readonly [number, number]; readonly x: readonly [number, number] };
  /** No run leaves a pixel, so pixels need not be adjacent in memory. */
  readonly isSeparate?: boolean;
  /** The node's pixels have more channels than the image, so the image is not contiguous in memory. */
  readonly isShare?: boolean;
};

/** A staged image: its buffer slot, and the addresses of its elements, padding included. */
export type StagedImage = {
  readonly slot: number;
  readonly address: (y: Int, x: Int, element: Int) => Int;
};

/** Emits the staging of image number `image`; every call reserves scratch memory of its own. */
export function stageImage(context: Context, draft: Draft, source: ImageSource, image: Int): StagedImage {
  const { node, size, padding } = source;
  const [, width, channels] = size;
  const isPadded = [...padding.y, ...padding.x].some((zeros) => zeros > 0);
  if (
    context.memoryOf(node) !== undefined &&
    !isPadded &&
    !hasCriticalStride(source) &&
    source.isShare !== true
  ) {
    const slot = draft.slotOf(node)!;
    const strides = stridesOf(node.shape);
    // A run may go on into the next pixels: consecutive elements of an image row are consecutive in memory.
    return {
      slot,
      address: (y, x, element) => plus(flatten(source.index(image, y, x, literal(0)), strides), element),
    };
  }
  const pixelStride = hasCriticalStride(source) ? channels + tuning.setPadding : channels;
  const rowStride = (padding.x[0] + width + padding.x[1]) * pixelStride;
  const rows = padding.y[0] + size[0] + padding.y[1];
  const base = draft.builder.reserve(rows * rowStride);
  const address = (y: Int, x: Int, element: Int): Int =>
    plus(plus(literal(base), plus(times(y, rowStride), times(x, pixelStride))), element);
  if (isPadded) clearMargins(draft, source, base, rowStride);
  copyImage(context, draft, source, image, (y, x, channel) =>
    address(plus(y, literal(padding.y[0])), plus(x, literal(padding.x[0])), channel),
  );
  return { slot: SCRATCH, address };
}

/** True if pixels that lie one after the other would compete for the same sets of a cache. */
function hasCriticalStride({ isSeparate, size }: ImageSource): boolean {
  return isSeparate === true && size[2] % tuning.criticalStride === 0;
}

/**
 * Stores the zeros around the image in whole vectors; elements of the image that they overwrite are stored afterwards.
 */
function clearMargins(draft: Draft, { size, padding }: ImageSource, base: number, rowStride: number): void {
  const b = draft.builder;
  const zero = b.literal(0);
  const [height, width, channels] = size;
  const clear = (start: Int, count: number): void =>
    eachVector(b, count, (at) => b.store(SCRATCH, plus(start, at), zero));
  const side = (padding.x[0] + padding.x[1]) * channels;
  const firstRow = padding.y[0] * rowStride;
  const head = firstRow + padding.x[0] * channels;
  const afterRow = base + head + width * channels;
  if (head > 0) clear(literal(base), head);
  if (side > 0) b.loop(height - 1, (y) => clear(plus(literal(afterRow), times(y, rowStride)), side));
  const tail = padding.x[1] * channels + padding.y[1] * rowStride;
  if (tail > 0) clear(literal(afterRow + (height - 1) * rowStride), tail);
}

function copyImage(
  context: Context,
  draft: Draft,
  source: ImageSource,
  image: Int,
  target: (y: Int, x: Int, channel: Int) => Int,
): void {
  const b = draft.builder;
  const emit = createEmitter(draft);
  const [height, width, channels] = source.size;
  const isStored = (node: Node): boolean => context.memoryOf(node) !== undefined;
  // x and channel become one long axis if every load allows it.
  const merged = mergeAxes(
    source.node.shape,
    [source.node],
    isStored,
    (axis) => axis === source.node.shape.length - 2,
  );
  const isJoined =
    !hasCriticalStride(source) &&
    source.node.shape[source.node.shape.length - 1] === channels &&
    merged[merged.length - 1]!.axes.length === 2 &&
    source.node.shape[source.node.shape.length - 2] === width;
  b.loop(
    height,
    (y) => {
      if (isJoined) {
        eachVector(b, width * channels, (at, count) => {
          const prefix = source.index(image, y, literal(0), literal(0)).slice(0, -2);
          const index = splitAxes(merged, [...prefix, at], source.node.shape);
          b.store(SCRATCH, target(y, literal(0), at), emit(source.node, index), count);
        });
        return;
      }
      const store = (x: Int, at: Int, count: number): void =>
        b.store(SCRATCH, target(y, x, at), emit(source.node, source.index(image, y, x, at)), count);
      const isTransposed = isGathered([source.node], isStored, [width, channels], (x, channel) =>
        source.index(image, y, x, channel),
      );
      // The cache lines that a vector's lanes are gathered from hold the next pixels too.
      if (isTransposed) eachVector(b, channels, (at, count) => b.loop(width, (x) => store(x, at, count)));
      else b.loop(width, (x) => eachVector(b, channels, (at, count) => store(x, at, count)));
    },
    'y',
  );
}
