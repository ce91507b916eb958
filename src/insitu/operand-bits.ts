// Operands of a gradient with few bits, as a digital unit that gathers outer products may have them.

import { constant, type Tensor } from '../graph/tensor.ts';
import type { Update } from '../rules/update-rule.ts';

/** Bits of x and δ, the sign included. */
export type OperandBits = { readonly bits: number };

/** Below this the largest operand counts as zero. */
const SMALLEST = 1e-30;

/**
 * The gradient Σ_s x_s ⊗ δ_s of operands with few bits: each is v = q m / (2^{b−1} − 1), m the largest magnitude of its
 * product, q a whole number, rounded at random so that its mean is exact.
 *
 * @source aihwkit, src/rpucuda/rpu_mixedprec_device.cpp, quantisation of x and d by their absolute maxima
 */
export function quantizedGradient(
  { factors, gradient, key }: Pick<Update, 'factors' | 'gradient' | 'key'>,
  { bits }: OperandBits,
): Tensor {
  const levels = 2 ** (bits - 1) - 1;
  const quantized = (v: Tensor, of: string, product: number): Tensor => {
    const unit = v.abs().max([0, 1], true).maximum(SMALLEST).divide(levels);
    const draw = key().derive('operands', of).derive(product).uniform(v.shape);
    const whole = v.divide(unit).add(draw).floor();
    return whole.clip(constant(v, -levels), constant(v, levels)).multiply(unit);
  };
  return factors()
    .map(({ x, delta }, k) =>
      quantized(x, 'x', k)
        .transpose()
        .matmul(quantized(delta, 'delta', k)),
    )
    .reduce((sum, one) => sum.add(one))
    .reshape(gradient.shape);
}
