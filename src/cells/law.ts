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
  | { readonly kind: 'piecewise'; readonly below: number; readonly lower: Law; readonly upper: Law }
  /** Straight lines between points (g, value) of rising g; the outer values beyond them. */
  | { readonly kind: 'table'; readonly points: readonly Point[] };

/** A place and the value there. */
export type Point = readonly [at: number, value: number];

/** Largest size of the exponent of a power: at the smallest g below it still gives a number of 32 bits. */
export const STEEPEST_EXPONENT = 5;

/** A smaller g counts as this where a logarithm is taken, as in the reference implementation (aihwkit, inference/noise/pcm.py). */
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
    case 'table':
      return tableAt(law.points, g);
    default:
      return assertNever(law);
  }
}

/** `lawAt` for a single number on the host, in float64: for fits and charts. */
export function lawValue(law: Law, g: number): number {
  switch (law.kind) {
    case 'clipped-logarithm':
      return Math.max(
        law.low,
        Math.min(law.high, law.slope * Math.log(Math.max(g, SMALLEST_RELATIVE_CONDUCTANCE)) + law.offset),
      );
    case 'limited-power':
      return Math.min(law.factor * Math.max(g, SMALLEST_RELATIVE_CONDUCTANCE) ** law.exponent, law.high);
    case 'polynomial':
      return polynomialValue(law.coefficients, g);
    case 'piecewise':
      return lawValue(g < law.below ? law.lower : law.upper, g);
    case 'table':
      return tableValue(law.points, g);
    default:
      return assertNever(law);
  }
}

/**
 * Straight lines between `points`, the outer values beyond them: v₀ + Σₖ slopeₖ · (clip(x, xₖ, xₖ₊₁) − xₖ). Every term is
 * 0 below its stretch and stays at the stretch's rise above it, so that no comparison and no gather is needed.
 *
 * @param points at least two, of rising x
 * @param x      any shape, in the unit of the points' places
 * @returns values in the shape of `x`
 */
export function tableAt(points: readonly Point[], x: Tensor): Tensor {
  const start = constant(x, points[0]![1]).broadcastTo(x.shape);
  return stretchesOf(points).reduce(
    (sum, { from, to, slope }) => sum.add(x.clip(from, to).subtract(from).multiply(slope)),
    start,
  );
}

/** `tableAt` for a single number on the host. */
export function tableValue(points: readonly Point[], x: number): number {
  return stretchesOf(points).reduce(
    (sum, { from, to, slope }) => sum + slope * (Math.max(from, Math.min(to, x)) - from),
    points[0]![1],
  );
}

type Stretch = { readonly from: number; readonly to: number; readonly slope: number };

function stretchesOf(points: readonly Point[]): readonly Stretch[] {
  return points.slice(1).map(([to, end], k) => {
    const [from, start] = points[k]!;
    return { from, to, slope: (end - start) / (to - from) };
  });
}

/** Σₖ coefficients[k] · gᵏ of a number. */
export function polynomialValue(coefficients: readonly number[], g: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * g + coefficient, 0);
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
