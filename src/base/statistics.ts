// Summaries of samples: means, spreads and confidence intervals. Used by reports and by tests of the physics.

import { UsageError } from './errors.ts';

/** Mean of a sample that is not empty. */
export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Standard deviation of a sample (divisor n − 1); 0 for a single value. */
export function standardDeviationOf(values: ArrayLike<number>): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - mean) ** 2;
  return Math.sqrt(sum / (values.length - 1));
}

/** Σ coefficients[k] · x^k */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

/** Numerators and denominators of `normalQuantile`: near 1/2 and further out. */
const QUANTILE = {
  centre: [
    [
      3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
      67265.7709270087, 33430.57558358813, 2509.0809287301227,
    ],
    [
      1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
      28729.085735721943, 5226.495278852854,
    ],
  ],
  side: [
    [
      1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
      0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
    ],
    [
      1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
      0.0005475938084995345, 1.0507500716444169e-9,
    ],
  ],
} as const;

/**
 * The standard normal quantile of a probability p, 1e-11 ≤ p ≤ 1 − 1e-11: relative error below 1e-15.
 *
 * @source M. J. Wichura, Algorithm AS 241, Applied Statistics 37, 477 (1988), PPND16
 */
export function normalQuantile(p: number): number {
  const ratio = ([above, below]: readonly [readonly number[], readonly number[]], x: number): number =>
    polynomial(above, x) / polynomial(below, x);
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(QUANTILE.centre, 0.425 ** 2 - q * q);
  const tail = Math.min(p, 1 - p);
  if (!(tail >= 1e-11))
    throw new UsageError(`normalQuantile: the probability must be within 1e-11 … 1 − 1e-11, got ${p}`);
  const size = ratio(QUANTILE.side, Math.sqrt(-Math.log(tail)) - 1.6);
  return q < 0 ? -size : size;
}

/** Normal quantile at probability 0.975. */
const Z975 = normalQuantile(0.975);

/**
 * The 97.5 % quantile of Student's t with `degrees` degrees of freedom: exact for 1 and 2, else the expansion in
 * 1/degrees to the fourth order (relative error below 0.3 % from 3 on).
 *
 * @source M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 26.7.5
 */
export function studentQuantile975(degrees: number): number {
  if (!Number.isInteger(degrees) || degrees < 1) {
    throw new UsageError(
      `studentQuantile975: degrees of freedom must be a whole number from 1, got ${degrees}`,
    );
  }
  if (degrees === 1) return Math.tan(Math.PI * 0.475);
  if (degrees === 2) return 0.95 * Math.sqrt(2 / (4 * 0.975 * 0.025));
  const z = Z975;
  const g1 = (z ** 3 + z) / 4;
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  const g4 = (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160;
  return z + g1 / degrees + g2 / degrees ** 2 + g3 / degrees ** 3 + g4 / degrees ** 4;
}

/** 95 % confidence interval of the mean: mean ± t · s / √n. Undefined for fewer than two values. */
export function confidenceInterval95(
  values: ArrayLike<number>,
): readonly [low: number, high: number] | undefined {
  if (values.length < 2) return undefined;
  const half =
    (studentQuantile975(values.length - 1) * standardDeviationOf(values)) / Math.sqrt(values.length);
  const mean = meanOf(values);
  return [mean - half, mean + half];
}

/** A mean with its 95 % confidence interval, which a single value has not. */
export type Estimate = { readonly mean: number; readonly interval95?: readonly [low: number, high: number] };

/** Mean and 95 % confidence interval of a sample that is not empty. */
export function estimateOf(values: readonly number[]): Estimate {
  const interval95 = confidenceInterval95(values);
  return { mean: meanOf(values), ...(interval95 && { interval95 }) };
}

/**
 * The mean of `values[i] − reference[i]` over pairs, with its 95 % interval (Student's t): what both samples share, as the
 * chip they were measured on, is gone from it. Pairs beyond the shorter sample are left out.
 *
 * @throws UsageError if there is no pair
 */
export function pairedDifference(values: readonly number[], reference: readonly number[]): Estimate {
  const pairs = Math.min(values.length, reference.length);
  if (pairs === 0) throw new UsageError('pairedDifference: expected at least one pair, got none');
  return estimateOf(Array.from({ length: pairs }, (_, i) => values[i]! - reference[i]!));
}
