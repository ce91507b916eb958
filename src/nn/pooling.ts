// Pooling: one value from each window of an image or a sequence. Windows that do not overlap are an axis to reduce; others
// are put together from one shifted image for each place in the window.

import { throwFaults, UsageError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { imageAxes, type Module, pairOf, type Sizes, withoutParameters } from './module.ts';

/** The windows of a pooling. */
export type PoolOptions = {
  readonly size: Sizes;
  /** From one window to the next; as large as the window if absent. */
  readonly stride?: Sizes;
  /** Rows and columns around the image, at most half a window. */
  readonly padding?: Sizes;
};

type Pair = readonly [number, number];
type Windows = { readonly size: Pair; readonly stride: Pair; readonly padding: Pair };

/** Below every number that an image may hold. */
const LOWEST = -3.4e38;

/**
 * Mean over windows, (h, w, c) → (h′, w′, c) or (length, c) → (length′, c): a number stands for windows of that size that
 * do not overlap. Rows and columns that do not fill a window are dropped; padding counts as zeros, as PyTorch's default.
 *
 * @throws UsageError if a window does not fit, or the padding is more than half a window
 */
export function averagePool(windows: number | PoolOptions): Module {
  return pool('averagePool', windows, {
    fill: 0,
    whole: (split, axes) => split.mean(axes),
    shifted: (images) => images.reduce((sum, one) => sum.add(one)).multiply(1 / images.length),
  });
}

/**
 * Maximum over windows, (h, w, c) → (h′, w′, c) or (length, c) → (length′, c): a number stands for windows of that size
 * that do not overlap. Rows and columns that do not fill a window are dropped; padding is never the maximum.
 *
 * @throws UsageError if a window does not fit, or the padding is more than half a window
 */
export function maxPool(windows: number | PoolOptions): Module {
  return pool('maxPool', windows, {
    fill: LOWEST,
    whole: (split, axes) => split.max(axes),
    shifted: (images) => images.reduce((largest, one) => one.maximum(largest)),
  });
}

/** Mean over all pixels or steps: (h, w, c) → (c), (length, c) → (c). */
export const globalAveragePool: Module = (inputShape) => {
  if (inputShape.length !== 2 && inputShape.length !== 3) {
    throw new UsageError(
      `globalAveragePool: expected an input of (length, channels) or (height, width, channels), got ${formatShape(inputShape)}`,
    );
  }
  const axes = inputShape.slice(0, -1).map((_, axis) => axis + 1);
  return withoutParameters(inputShape.slice(-1), (x) => x.mean(axes));
};

/** How windows become values: a window is two axes of an image that is cut, or one place of each shifted image. */
type Reduction = {
  /** What lies outside the image. */
  readonly fill: number;
  readonly whole: (split: Tensor, axes: readonly number[]) => Tensor;
  readonly shifted: (images: readonly Tensor[]) => Tensor;
};

function pool(where: string, options: number | PoolOptions, reduction: Reduction): Module {
  return (inputShape) => {
    const isSequence = inputShape.length === 2;
    const image: Shape = isSequence ? [1, ...inputShape] : inputShape;
    const [height, width, channels] = imageAxes(where, image);
    const windows = windowsOf(where, options, isSequence);
    const { size, stride, padding } = windows;
    throwFaults(where, paddingFaults(windows));
    const along = (k: 0 | 1, pixels: number): number =>
      Math.floor((pixels + 2 * padding[k] - size[k]) / stride[k]) + 1;
    const output: Pair = [along(0, height), along(1, width)];
    if (Math.min(...output) < 1) {
      throw new UsageError(
        `${where}: a window of ${(isSequence ? size.slice(1) : size).join(' x ')} does not fit into ${formatShape(inputShape)}`,
      );
    }
    const isCut = padding.every((margin) => margin === 0) && size.every((edge, k) => edge === stride[k]);
    const outputShape = [...(isSequence ? output.slice(1) : output), channels];
    return withoutParameters(outputShape, (x) => {
      const images = x.reshape([x.shape[0]!, height, width, channels]);
      const values = isCut
        ? cut(images, size, output, reduction)
        : shifted(images, windows, output, reduction);
      return values.reshape([x.shape[0]!, ...outputShape]);
    });
  };
}

function windowsOf(where: string, options: number | PoolOptions, isSequence: boolean): Windows {
  const { size, stride = size, padding = 0 } = typeof options === 'number' ? { size: options } : options;
  if (!isSequence) return { size: pairOf(size), stride: pairOf(stride), padding: pairOf(padding) };
  if (typeof size !== 'number' || typeof stride !== 'number' || typeof padding !== 'number') {
    throw new UsageError(`${where}: expected one number for each size of windows of a sequence, got a pair`);
  }
  return { size: [1, size], stride: [1, stride], padding: [0, padding] };
}

function paddingFaults({ size, stride, padding }: Windows): string[] {
  const isWhole = (least: number) => (value: number) => Number.isInteger(value) && value >= least;
  return [
    ...([...size, ...stride].every(isWhole(1)) && padding.every(isWhole(0))
      ? []
      : [
          `expected whole sizes and strides from 1 and paddings from 0, got ${formatShape(size)}, ${formatShape(stride)}, ${formatShape(padding)}`,
        ]),
    ...(padding.every((margin, k) => 2 * margin <= size[k]!)
      ? []
      : [`padding must be at most half a window of ${formatShape(size)}, got ${formatShape(padding)}`]),
  ];
}

/** Windows side by side: each is two axes of the image. */
function cut(x: Tensor, [rows, columns]: Pair, [down, across]: Pair, { whole }: Reduction): Tensor {
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const covered = x.slice([0, 0, 0, 0], [batch, down * rows, across * columns, channels]);
  return whole(covered.reshape([batch, down, rows, across, columns, channels]), [2, 4]);
}

/** For each place in the window the pixels that all windows have there, reduced over the places. */
function shifted(
  x: Tensor,
  { size, stride, padding }: Windows,
  output: Pair,
  { fill, shifted: reduceAll }: Reduction,
): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [needed, after] = [height, width].reduce<[number[], number[]]>(
    ([all, ends], pixels, k) => {
      const most = size[k]! - 1 + stride[k]! * output[k]!;
      return [
        [...all, most],
        [...ends, Math.max(0, most - pixels - padding[k]!)],
      ];
    },
    [[], []],
  );
  const around = (image: Tensor): Tensor =>
    image
      .pad([0, ...padding, 0], [0, ...after, 0])
      .slice([0, 0, 0, 0], [batch, needed[0]!, needed[1]!, channels]);
  const isPadded = padding.some((margin) => margin > 0);
  const inside = constant(x, 1).broadcastTo(x.shape);
  const padded = isPadded && fill !== 0 ? around(inside).equal(1).select(around(x), fill) : around(x);
  const places = Array.from(
    { length: size[0] * size[1] },
    (_, at): Pair => [Math.floor(at / size[1]), at % size[1]],
  );
  return reduceAll(
    places.map(([row, column]) => {
      const [rows, columns] = [stride[0] * output[0], stride[1] * output[1]];
      const window = padded.slice([0, row, column, 0], [batch, row + rows, column + columns, channels]);
      const steps = window.reshape([batch, output[0], stride[0], output[1], stride[1], channels]);
      return steps
        .slice([0, 0, 0, 0, 0, 0], [batch, output[0], 1, output[1], 1, channels])
        .reshape([batch, ...output, channels]);
    }),
  );
}
