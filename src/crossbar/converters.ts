// DAC and ADC: a uniform, symmetric, mid-tread quantiser with a straight-through gradient. Left out: offsets,
// non-linearity, spread between converters.

import { constant, straightThrough, type Tensor, type TensorLike } from '../graph/tensor.ts';

/** Steps of a converter between −range and range: 2^bits − 2, so that zero is a level: 254 for 8 bits. */
export function stepsOf(bits: number): number {
  return 2 ** bits - 2;
}

/**
 * The nearest of steps + 1 equally spaced levels in [−range, range]: Δ · round(clip(x, −range, range) / Δ),
 * Δ = 2 · range / steps; ties to the even level.
 *
 * The gradient is that of the clip alone: 1 inside the range, 0 outside, where it goes to `range` with the sign of x. A
 * range that is detached or a number gets no gradient.
 *
 * @param x     any shape
 * @param range above 0; a number or a tensor that broadcasts to `x`
 * @param steps even; see `stepsOf`
 * @param times range and number of levels are so many times as large, and Δ stays; whole, broadcasts to `x`; absent: 1
 */
export function quantize(x: Tensor, range: TensorLike, steps: number, times?: Tensor): Tensor {
  const [low, delta, perDelta] =
    typeof range === 'number'
      ? [-range, (2 * range) / steps, steps / (2 * range)]
      : [range.negate(), range.multiply(2 / steps), constant(range, steps / 2).divide(range)];
  const clipped =
    times === undefined ? x.clip(low, range) : x.clip(times.multiply(low), times.multiply(range));
  return straightThrough(clipped.multiply(perDelta).round().multiply(delta), clipped);
}
