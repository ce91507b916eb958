// Eigenvalues and eigenvectors of symmetric matrices in float64, and the square root of a positive semidefinite one. For
// covariances of some hundred features: O(n³) a sweep, about ten sweeps. Left out: matrices that are not symmetric.

import { UsageError } from './errors.ts';

/** Eigenvalues of a symmetric matrix, in no order, and its eigenvectors. */
export type SymmetricEigen = {
  /** (n) */
  readonly values: Float64Array;
  /** (n, n) row-major: row k is the unit eigenvector of value k. */
  readonly vectors: Float64Array;
};

/** Sweeps after which a matrix of finite numbers has long converged. */
const MOST_SWEEPS = 60;

/**
 * A = Σ_k λ_k v_k v_kᵀ by Jacobi's cyclic method: rotations by tan 2φ = 2 A_pq / (A_pp − A_qq) in one plane (p, q) after
 * another bring the elements off the diagonal to 0.
 *
 * @param matrix (n, n) row-major, symmetric; only the mean of both halves counts
 * @throws UsageError if the matrix is not (n, n) or not finite
 * @source G. Golub, C. Van Loan, Matrix Computations, 4th edition, Section 8.5 (recalled, not seen)
 */
export function symmetricEigen(matrix: ArrayLike<number>, n: number): SymmetricEigen {
  if (matrix.length !== n * n)
    throw new UsageError(`symmetricEigen: expected (${n}, ${n}), ${n * n} numbers, got ${matrix.length}`);
  const a = Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return (matrix[i * n + j]! + matrix[j * n + i]!) / 2;
  });
  if (!a.every(Number.isFinite)) throw new UsageError('symmetricEigen: expected finite numbers, got others');
  const vectors = new Float64Array(n * n);
  for (let k = 0; k < n; k++) vectors[k * n + k] = 1;
  const size = a.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < MOST_SWEEPS && offDiagonal(a, n) > Number.EPSILON ** 2 * size; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) rotateInto(a, vectors, n, p, q);
    }
  }
  return { values: Float64Array.from({ length: n }, (_, k) => a[k * n + k]!), vectors };
}

/** Σ_(i ≠ j) A_ij² */
function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) sum += 2 * a[i * n + j]! ** 2;
  }
  return sum;
}

/** A ← Jᵀ A J and V ← Jᵀ V with the rotation J in the plane (p, q) that makes A_pq 0. */
function rotateInto(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const coupling = a[p * n + q]!;
  if (coupling === 0) return;
  const tau = (a[q * n + q]! - a[p * n + p]!) / (2 * coupling);
  // The smaller of both angles; hypot does not overflow.
  const tangent = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau));
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = tangent * cosine;
  const turn = (values: Float64Array, first: number, second: number, stride: number): void => {
    for (let k = 0; k < n; k++) {
      const [x, y] = [values[first + k * stride]!, values[second + k * stride]!];
      values[first + k * stride] = cosine * x - sine * y;
      values[second + k * stride] = sine * x + cosine * y;
    }
  };
  turn(a, p, q, n);
  turn(a, p * n, q * n, 1);
  turn(vectors, p * n, q * n, 1);
  // Exactly what the rotation makes them, without rounding.
  a[p * n + q] = 0;
  a[q * n + p] = 0;
}

/**
 * The symmetric square root of a positive semidefinite matrix: A^½ = Σ_k √λ_k v_k v_kᵀ. Eigenvalues below 0, which
 * rounding makes of 0, count as 0.
 *
 * @param matrix (n, n) row-major, symmetric
 * @returns (n, n) row-major
 * @throws UsageError as `symmetricEigen`
 */
export function symmetricSquareRoot(matrix: ArrayLike<number>, n: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, n);
  const root = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    const scale = Math.sqrt(Math.max(0, values[k]!));
    const row = vectors.subarray(k * n, (k + 1) * n);
    for (let i = 0; i < n; i++) {
      const factor = scale * row[i]!;
      for (let j = 0; j < n; j++) root[i * n + j]! += factor * row[j]!;
    }
  }
  return root;
}
