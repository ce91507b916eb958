// The patches of images as a tensor: what drives the rows of a convolution's matrix, one after another, for every pixel
// of the output. Exact products need none of this; stacks of tiles do, for a tile may begin and end anywhere in a patch.

import {
  type ConvolutionGeometry,
  type FullGeometry,
  fullGeometry,
  type TransposedGeometry,
} from '../graph/node.ts';
import { convolvedSize, reachOf, transposedSize } from '../graph/shape-rules.ts';
import { concat, type Tensor } from '../graph/tensor.ts';

type Pair = readonly [number, number];

/**
 * Patches of images (n, h, w, c) → (n, h′, w′, groups, kh·kw·c / groups): of each output pixel of a convolution and each
 * group the inputs that meet the rows of the filter's matrix, zeros beyond the margins.
 *
 * @param kernel rows and columns of the filter
 */
export function patchesOf(images: Tensor, kernel: Pair, geometry: ConvolutionGeometry): Tensor {
  const full = fullGeometry(geometry);
  const { stride, padding, dilation } = full;
  const size = convolvedSize(pixelsOf(images), kernel, full);
  const reach = reachesOf(kernel, full);
  const needed = size.map((outputs, k) => outputs * stride[k]! + reach[k]! - 1);
  const placed = within(images, [padding[0][0], padding[1][0]], [needed[0]!, needed[1]!]);
  const windows = positionsOf(kernel).map(([p, q]) =>
    window(placed, [p * dilation[0], q * dilation[1]], size, stride),
  );
  return joined(windows, full.groups);
}

/**
 * Patches of a transposed convolution, likewise: those of the images with zeros between their pixels. The filter is not
 * turned: its row p meets what lies p · dilation rows before the last row of a patch.
 */
export function patchesOfTransposed(
  images: Tensor,
  kernel: Pair,
  { outputPadding = [0, 0], ...geometry }: TransposedGeometry,
): Tensor {
  const full = fullGeometry(geometry);
  const { padding, dilation } = full;
  const size = transposedSize(pixelsOf(images), kernel, { ...full, outputPadding });
  const last = reachesOf(kernel, full).map((reach) => reach - 1) as [number, number];
  const placed = within(
    spread(images, full.stride),
    [last[0] - padding[0][0], last[1] - padding[1][0]],
    [size[0] + last[0], size[1] + last[1]],
  );
  const windows = positionsOf(kernel).map(([p, q]) =>
    window(placed, [last[0] - p * dilation[0], last[1] - q * dilation[1]], size, [1, 1]),
  );
  return joined(windows, full.groups);
}

function pixelsOf({ shape }: Tensor): Pair {
  return [shape[1]!, shape[2]!];
}

function reachesOf(kernel: Pair, { dilation }: FullGeometry): Pair {
  return [reachOf(kernel[0], dilation[0]), reachOf(kernel[1], dilation[1])];
}

/** Positions of a kernel in the order of the matrix's rows. */
function positionsOf([rows, columns]: Pair): Pair[] {
  return Array.from({ length: rows * columns }, (_, k) => [Math.floor(k / columns), k % columns]);
}

/** Images moved down and right by `before`, filled up with zeros, or cut, to `size`. */
function within(images: Tensor, before: Pair, size: Pair): Tensor {
  const [n, , , c] = images.shape as readonly [number, number, number, number];
  const after = pixelsOf(images).map((pixels, k) => size[k]! - before[k]! - pixels);
  const padded = images.pad(
    [0, Math.max(0, before[0]), Math.max(0, before[1]), 0],
    [0, Math.max(0, after[0]!), Math.max(0, after[1]!), 0],
  );
  const [top, left] = [Math.max(0, -before[0]), Math.max(0, -before[1])];
  return padded.slice([0, top, left, 0], [n, top + size[0], left + size[1], c]);
}

/** Images with stride − 1 zeros after each pixel. */
function spread(images: Tensor, stride: Pair): Tensor {
  const [n, h, w, c] = images.shape as readonly [number, number, number, number];
  return images
    .reshape([n, h, 1, w, 1, c])
    .pad([0, 0, 0, 0, 0, 0], [0, 0, stride[0] - 1, 0, stride[1] - 1, 0])
    .reshape([n, h * stride[0], w * stride[1], c]);
}

/** Every stride-th pixel from `from` on, `size` of them. */
function window(images: Tensor, from: Pair, size: Pair, stride: Pair): Tensor {
  const [n, , , c] = images.shape as readonly [number, number, number, number];
  return images
    .slice([0, from[0], from[1], 0], [n, from[0] + size[0] * stride[0], from[1] + size[1] * stride[1], c])
    .reshape([n, size[0], stride[0], size[1], stride[1], c])
    .slice([0, 0, 0, 0, 0, 0], [n, size[0], 1, size[1], 1, c])
    .reshape([n, size[0], size[1], c]);
}

/** One window for each position of a kernel → all inputs of a pixel and a group together. */
function joined(windows: readonly Tensor[], groups: number): Tensor {
  const [n, h, w, c] = windows[0]!.shape as readonly [number, number, number, number];
  return concat(
    windows.map((pixels) => pixels.reshape([n, h, w, groups, c / groups])),
    4,
  );
}
