// Whole numbers that are kept as f32: counts of samples, turns and pulses. Exact while they, and their quotients times the
// divisor, are below 2²².

import { constant, type Tensor } from './tensor.ts';

/** ⌊x / n⌋ of whole numbers; the half keeps the rounding of 1 / n away from the steps. */
export function quotient(x: Tensor, n: number): Tensor {
  return x
    .add(0.5)
    .multiply(1 / n)
    .floor();
}

/** x − n ⌊x / n⌋ of whole numbers. */
export function remainder(x: Tensor, n: number): Tensor {
  return x.subtract(quotient(x, n).multiply(n));
}

/** The next whole number towards zero. */
export function truncated(x: Tensor): Tensor {
  return x.abs().floor().multiply(signOf(x));
}

/** 1, or −1 below zero. */
export function signOf(x: Tensor): Tensor {
  return x.less(0).select(-1, constant(x, 1).broadcastTo(x.shape));
}
