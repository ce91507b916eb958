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

/** Normal quantile at probability 0.975. */
const Z975 = 1.959963984540054;

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
