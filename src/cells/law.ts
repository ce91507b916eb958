// The few shapes that fitted cell laws take: a coefficient as a function of the relative conductance g = G / Gmax.
// Plain data, so a published cell is a table of numbers; cell.ts puts the laws into its equations.

import { assertNever } from '../base/errors.ts';
import { constant, type Tensor } from '../graph/tensor.ts';

/** A fitted coefficient as a function of g = G / Gmax. */
export type Law =
  /** clip(slope · ln g + offset, low, high) */
  | {
      readonly kind: 'clipped-logarithm';
      readonly slope: number;
      readonly offset: number;
      readonly low: number;
      readonly high: number;
    }
  /** min(factor · g^exponent, high) */
  | {
      readonly kind: 'limited-power';
      readonly factor: number;
      readonly exponent: number;
      readonly high: number;
    }
  /** Σₖ coefficients[k] · gᵏ */
  | { readonly kind: 'polynomial'; readonly coefficients: readonly number[] }
  /** `lower` for g < below, `upper` from there on */
  | { readonly kind: 'piecewise'; readonly below: number; readonly lower: Law; readonly upper: Law };

/** g is raised to this before a logarithm, as the reference implementation does (aihwkit, inference/noise/pcm.py). */
const SMALLEST_RELATIVE_CONDUCTANCE = 1e-7;

/**
 * The value of `law` at each relative conductance.
 *
 * @param g relative conductance G / Gmax, any shape; at least 0
 * @returns the coefficient, in the shape of `g`
 */
export function lawAt(law: Law, g: Tensor): Tensor {
  switch (law.kind) {
    case 'clipped-logarithm':
      return logarithmOf(g).multiply(law.slope).add(law.offset).clip(law.low, law.high);
    case 'limited-power':
      return logarithmOf(g).multiply(law.exponent).exp().multiply(law.factor).minimum(law.high);
    case 'polynomial':
      return polynomialAt(law.coefficients, g);
    case 'piecewise':
      return g.less(law.below).select(lawAt(law.lower, g), lawAt(law.upper, g));
    default:
      return assertNever(law);
  }
}

/** Σₖ coefficients[k] · gᵏ, by Horner's rule; at least one coefficient. */
export function polynomialAt(coefficients: readonly number[], g: Tensor): Tensor {
  const highest = constant(g, coefficients[coefficients.length - 1]!).broadcastTo(g.shape);
  return coefficients
    .slice(0, -1)
    .reduceRight((sum, coefficient) => sum.multiply(g).add(coefficient), highest);
}

function logarithmOf(g: Tensor): Tensor {
  return g.maximum(SMALLEST_RELATIVE_CONDUCTANCE).log();
}
