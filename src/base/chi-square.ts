// How unusual a χ² is: for goodness of fit. Left out: quantiles, and everything of the gamma function but this.

import { UsageError } from './errors.ts';

/** ln Γ(x) for x > 0: relative error below 1e-13. Source: C. Lanczos, SIAM J. Numer. Anal. 1, 86 (1964); g = 7, n = 9. */
function logGamma(x: number): number {
  const sum = LANCZOS.reduce((total, c, k) => total + (k === 0 ? c : c / (x - 1 + k)), 0);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const LANCZOS = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
  12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/**
 * Probability that a χ² with `degrees` degrees of freedom is at least `chiSquare`: Q(degrees / 2, χ² / 2), the
 * regularised upper incomplete gamma function, by its series below degrees / 2 + 1 and its continued fraction above.
 *
 * @throws UsageError unless degrees > 0 and χ² ≥ 0
 * @source M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 6.5.29 and 6.5.31
 */
export function chiSquareTail(chiSquare: number, degrees: number): number {
  if (!(degrees > 0 && chiSquare >= 0)) {
    throw new UsageError(
      `chiSquareTail: expected χ² of at least 0 and degrees of freedom above 0, got ${chiSquare} and ${degrees}`,
    );
  }
  const [a, x] = [degrees / 2, chiSquare / 2];
  if (x === 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; term > sum * 1e-16; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - front * sum;
  }
  // Lentz's method; no denominator comes near 0 for x > a + 1.
  let b = x + 1 - a;
  let c = Number.POSITIVE_INFINITY;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return front * fraction;
}
