// Pooling: the largest value or the mean of windows, of images and of signals. Windows move over one axis after the other,
// which needs a shifted image for each place along an axis, not for each place in the window.

import { constant, type Tensor } from '../../graph/tensor.ts';
import { fromImages, imagesOf, spatialSizes, twoAxes, type WindowAxis, windowAxes } from './convolutions.ts';
import { paddedWith, strided } from './indexing.ts';
import { MOST_PARTS, type NodeBuilder, type Operators, type Step } from './step.ts';
import { lastChannels, withChannelsLast } from './value.ts';

/** Below every number that an image may hold. */
const LOWEST = -3.4e38;

/** An axis and how many windows there are along it. */
type Pooled = WindowAxis & { readonly count: number; readonly long: number };

function pooledAxes(step: Step): readonly [Pooled, Pooled] {
  const kernel = step.numbersOf('kernel_shape') ?? [];
  const axes = twoAxes(windowAxes(step, spatialSizes(step), kernel));
  const isCeil = step.numberOf('ceil_mode', 0) !== 0;
  const pooled = axes.map((axis): Pooled => {
    const { size, stride, dilation, before, after } = axis;
    const reach = dilation * (axis.kernel - 1) + 1;
    const room = (size + before + after - reach) / stride;
    let count = (isCeil ? Math.ceil(room) : Math.floor(room)) + 1;
    // The last window begins within the image or the padding before it.
    if (isCeil && (count - 1) * stride >= size + before) count--;
    if (count < 1) throw step.fault(`a window of ${axis.kernel} does not fit into ${size}`);
    if (axis.kernel > MOST_PARTS)
      throw step.fault(`a window of ${axis.kernel}, expected at most ${MOST_PARTS}`);
    return { ...axis, count, long: (count - 1) * stride + reach };
  });
  return pooled as unknown as readonly [Pooled, Pooled];
}

/** The image as far as windows reach. */
function extended(x: Tensor, axes: readonly [Pooled, Pooled], fill: number): Tensor {
  const before = axes.map((axis) => axis.before);
  const after = axes.map(({ size, before: front, long }) => Math.max(0, long - size - front));
  return paddedWith(x, [0, ...before, 0], [0, ...after, 0], fill);
}

/** Windows along rows and columns, reduced over their places. */
function overWindows(
  x: Tensor,
  axes: readonly [Pooled, Pooled],
  combine: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  return axes.reduce(
    (image, { kernel, dilation, stride, count }, k) =>
      Array.from({ length: kernel }, (_, place) =>
        strided(image, k + 1, place * dilation, count, stride),
      ).reduce(combine),
    x,
  );
}

/** Windows side by side are axes to reduce; undefined for others. */
function sideBySide(x: Tensor, axes: readonly [Pooled, Pooled]): Tensor | undefined {
  const fits = axes.every(
    ({ kernel, stride, dilation, before, after }) =>
      kernel === stride && dilation === 1 && before === 0 && after === 0,
  );
  const [rows, columns] = axes;
  if (!fits || rows.long > rows.size || columns.long > columns.size) return undefined;
  const [n, , , c] = x.shape as readonly [number, number, number, number];
  const covered = x.slice([0, 0, 0, 0], [n, rows.long, columns.long, c]);
  return covered.reshape([n, rows.count, rows.kernel, columns.count, columns.kernel, c]);
}

const maxPool: NodeBuilder = (step) => {
  if (step.node.outputs.length > 1 && step.node.outputs[1] !== '')
    throw step.fault('its second output, the places of the largest values, is not supported');
  const axes = pooledAxes(step);
  const x = imagesOf(step);
  const split = sideBySide(x, axes);
  if (split !== undefined) return fromImages(step, split.max([2, 4]));
  return fromImages(
    step,
    overWindows(extended(x, axes, LOWEST), axes, (a, b) => b.maximum(a)),
  );
};

const averagePool: NodeBuilder = (step) => {
  const axes = pooledAxes(step);
  const x = imagesOf(step);
  const split = sideBySide(x, axes);
  if (split !== undefined) return fromImages(step, split.mean([2, 4]));
  const add = (a: Tensor, b: Tensor): Tensor => a.add(b);
  const sums = overWindows(extended(x, axes, 0), axes, add);
  const countsPadding = step.numberOf('count_include_pad', 0) !== 0;
  const isInside = axes.every(
    ({ size, before, after, long }) =>
      long <= (countsPadding ? size + before + after : size) && (countsPadding || before === 0),
  );
  if (isInside) return fromImages(step, sums.multiply(1 / (axes[0].kernel * axes[1].kernel)));
  // How many of a window's places count: padding may, what lies beyond it does not.
  const [rows, columns] = axes;
  const counted = countsPadding
    ? constant(x, 1).broadcastTo([
        1,
        rows.size + rows.before + rows.after,
        columns.size + columns.before + columns.after,
        1,
      ])
    : constant(x, 1).broadcastTo([1, rows.size, columns.size, 1]);
  const own = axes.map((axis) =>
    countsPadding ? { ...axis, size: axis.size + axis.before + axis.after, before: 0 } : axis,
  ) as unknown as readonly [Pooled, Pooled];
  const ones = extended(counted, own, 0);
  return fromImages(step, sums.divide(overWindows(ones, axes, add)));
};

/** Over all pixels, which stay as axes of size 1. */
function global(reduce: (x: Tensor, axes: readonly number[]) => Tensor): NodeBuilder {
  return (step) => {
    const x = lastChannels(step.symbol(0));
    const axes = x.shape.map((_, axis) => axis).slice(1, -1);
    if (axes.length === 0) throw step.fault(`expected images (n, channels, …), got (${x.shape.join(', ')})`);
    return withChannelsLast(reduce(x, axes));
  };
}

/** The operators. */
export const pooling: Operators = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: global((x, axes) => x.mean(axes, true)),
  GlobalMaxPool: global((x, axes) => x.max(axes, true)),
};
