// The patches of images as a tensor: what drives the rows of a convolution's matrix, one after another, for every pixel
// of the output. Exact products need none of this; stacks of tiles do, for a tile may begin and end anywhere in a patch.

import { type ConvolutionGeometry, fullGeometry, type TransposedGeometry } from '../graph/node.ts';
import { convolvedSize, reachOf, transposedSize } from '../graph/shape-rules.ts';
import { concat, type Tensor } from '../graph/tensor.ts';

type Pair = readonly [rows: number, columns: number];

/** Along one axis of images: the first pixel of the window that each position of a kernel meets, and the window. */
type Windows = { readonly firsts: readonly number[]; readonly size: number; readonly stride: number };

/**
 * Patches of images (n, h, w, c) → (n, h′, w′, groups, kh·kw·c / groups): of each output pixel of a convolution and each
 * group the inputs that meet the rows of the filter's matrix, zeros in the margins.
 *
 * @param kernel rows and columns of the filter
 */
export function patchesOf(images: Tensor, kernel: Pair, geometry: ConvolutionGeometry): Tensor {
  const { stride, padding, dilation, groups } = fullGeometry(geometry);
  const size = convolvedSize(pixelsOf(images), kernel, geometry);
  const along = (k: 0 | 1): Windows & { readonly needed: number } => ({
    firsts: Array.from({ length: kernel[k] }, (_, p) => p * dilation[k]),
    size: size[k],
    stride: stride[k],
    needed: size[k] * stride[k] + reachOf(kernel[k], dilation[k]) - 1,
  });
  const [rows, columns] = [along(0), along(1)];
  const placed = within(images, [padding[0][0], padding[1][0]], [rows.needed, columns.needed]);
  return patches(placed, groups, rows, columns);
}

/**
 * Patches of a transposed convolution, likewise: those of the images with zeros between their pixels. The filter is not
 * turned: its row p meets what lies p · dilation rows before the last row of a patch.
 */
export function patchesOfTransposed(images: Tensor, kernel: Pair, geometry: TransposedGeometry): Tensor {
  const { stride, padding, dilation, groups } = fullGeometry(geometry);
  const size = transposedSize(pixelsOf(images), kernel, geometry);
  const along = (k: 0 | 1): Windows & { readonly last: number } => {
    const last = reachOf(kernel[k], dilation[k]) - 1;
    const firsts = Array.from({ length: kernel[k] }, (_, p) => last - p * dilation[k]);
    return { firsts, size: size[k], stride: 1, last };
  };
  const [rows, columns] = [along(0), along(1)];
  const before: Pair = [rows.last - padding[0][0], columns.last - padding[1][0]];
  const placed = within(spread(images, stride), before, [size[0] + rows.last, size[1] + columns.last]);
  return patches(placed, groups, rows, columns);
}

function pixelsOf({ shape }: Tensor): Pair {
  return [shape[1]!, shape[2]!];
}

/** Images moved down and right by `before`, filled up with zeros, or cut, to `size`. */
function within(images: Tensor, before: Pair, size: Pair): Tensor {
  const [n, h, w, c] = images.shape as readonly [number, number, number, number];
  const [below, right] = [size[0] - before[0] - h, size[1] - before[1] - w];
  const padded = images.pad(
    [0, Math.max(0, before[0]), Math.max(0, before[1]), 0],
    [0, Math.max(0, below), Math.max(0, right), 0],
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

/** First what a kernel row meets along the columns is brought together, then what the kernel rows meet: fewer copies. */
function patches(images: Tensor, groups: number, rows: Windows, columns: Windows): Tensor {
  const [n, h, w, c] = images.shape as readonly [number, number, number, number];
  const grouped = images.reshape([n, h, w, groups, c / groups]);
  const joined = (x: Tensor, axis: number, { firsts, size, stride }: Windows): Tensor =>
    concat(
      firsts.map((first) => everyPixel(x, axis, { first, size, stride })),
      4,
    );
  return joined(joined(grouped, 2, columns), 1, rows);
}

/** Along one axis every stride-th pixel from `first` on, `size` of them. */
function everyPixel(
  x: Tensor,
  axis: number,
  { first, size, stride }: { readonly first: number; readonly size: number; readonly stride: number },
): Tensor {
  const others = (shape: readonly number[], ...own: readonly number[]): number[] => [
    ...shape.slice(0, axis),
    ...own,
    ...shape.slice(axis + 1),
  ];
  const zeros = x.shape.map(() => 0);
  const stretch = x.slice(others(zeros, first), others(x.shape, first + size * stride));
  if (stride === 1) return stretch;
  return stretch
    .reshape(others(x.shape, size, stride))
    .slice([...zeros, 0], others(x.shape, size, 1))
    .reshape(others(x.shape, size));
}
