// The Fréchet distance of two sets of features, which scores generated images. A pure function of numbers; the features
// are those of a classifier (generated-images.ts). In float64.

import { throwFaults } from '../base/errors.ts';
import { symmetricEigen, symmetricSquareRoot } from '../base/symmetric-eigen.ts';

/** Mean (d) and covariance (d, d), divisor n − 1, of features. */
type Moments = { readonly mean: Float64Array; readonly covariance: Float64Array };

/**
 * The squared Fréchet distance of two normal distributions with the moments of the sets:
 * d² = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½), tr (Σ₁ Σ₂)^½ = Σ_k √λ_k(Σ₁^½ Σ₂ Σ₁^½). It is 0 for sets with equal moments
 * and does not change if both are rotated or moved alike.
 *
 * Sets of n each from one distribution are not at 0, since moments are estimated: to first order in 1/n
 * ⟨d²⟩ = [2 tr Σ + Σ_ij (1 + δ_ij) λ_i λ_j / (λ_i + λ_j)] / n, λ the eigenvalues of Σ; for Σ = 1 this is
 * (2 d + d (d + 1) / 2) / n. So compare distances of equal n only, and use many more samples than features.
 *
 * Heusel et al. take the features of an Inception network. With other features figures compare only among themselves.
 *
 * @param a (n₁, d) row-major
 * @param b (n₂, d)
 * @param dimension d
 * @throws UsageError if numbers fill no whole rows, there are fewer than two rows, or one is not finite
 * @source M. Heusel et al., NeurIPS 2017 (arXiv 1706.08500), equation 6; D. Dowson, B. Landau, J. Multivariate Analysis
 *         12, 450 (1982)
 */
export function frechetDistance(a: ArrayLike<number>, b: ArrayLike<number>, dimension: number): number {
  throwFaults(
    'frechetDistance',
    Object.entries({ a, b }).flatMap(([name, values]) => featureFaults(name, values, dimension)),
  );
  const [first, second] = [momentsOf(a, dimension), momentsOf(b, dimension)];
  let distance = 0;
  for (let i = 0; i < dimension; i++) {
    distance += (first.mean[i]! - second.mean[i]!) ** 2;
    distance += first.covariance[i * dimension + i]! + second.covariance[i * dimension + i]!;
  }
  const root = symmetricSquareRoot(first.covariance, dimension);
  const between = product(product(root, second.covariance, dimension), root, dimension);
  const { values } = symmetricEigen(between, dimension);
  // Rounding makes eigenvalues of 0 negative, and the distance of equal sets.
  return Math.max(0, distance - 2 * values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0));
}

function featureFaults(name: string, values: ArrayLike<number>, dimension: number): string[] {
  const rows = values.length / dimension;
  if (!Number.isInteger(rows) || rows < 2)
    return [`${name}: expected at least 2 rows of ${dimension} features, got ${values.length} numbers`];
  for (let at = 0; at < values.length; at++) {
    if (!Number.isFinite(values[at]))
      return [`${name}: features must be finite, got ${values[at]} in row ${Math.floor(at / dimension)}`];
  }
  return [];
}

function momentsOf(features: ArrayLike<number>, d: number): Moments {
  const n = features.length / d;
  const mean = new Float64Array(d);
  for (let at = 0; at < features.length; at++) mean[at % d]! += features[at]! / n;
  const covariance = new Float64Array(d * d);
  const row = new Float64Array(d);
  for (let r = 0; r < n; r++) {
    for (let i = 0; i < d; i++) row[i] = features[r * d + i]! - mean[i]!;
    for (let i = 0; i < d; i++) {
      const factor = row[i]! / (n - 1);
      for (let j = 0; j < d; j++) covariance[i * d + j]! += factor * row[j]!;
    }
  }
  return { mean, covariance };
}

/** The product of two (n, n) matrices. */
function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k]!;
      for (let j = 0; j < n; j++) result[i * n + j]! += factor * b[k * n + j]!;
    }
  }
  return result;
}
