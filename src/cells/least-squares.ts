// Weighted least squares of few parameters: linear, and of curves by the method of Levenberg and Marquardt, with the
// covariance of the parameters. For fits of laws (fit-law.ts). Left out: bounds, robust losses.

/** A fitted value and its variance. */
export type Observation = { readonly at: number; readonly value: number; readonly variance: number };

/** Parameters with their covariance matrix, and χ² = Σ (value − model)² / variance. */
export type LeastSquares = {
  readonly parameters: readonly number[];
  readonly covariance: readonly (readonly number[])[];
  readonly chiSquare: number;
};

/**
 * Solves A x = b for every column of `right`, by Gauss's elimination with the largest pivot.
 *
 * @returns the solutions, one a column; undefined if A is singular to the last digits
 */
export function solve(
  matrix: readonly (readonly number[])[],
  right: readonly (readonly number[])[],
): number[][] | undefined {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...right[i]!]);
  const scale = Math.max(...matrix.flat().map(Math.abs));
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    const head = rows[k]!;
    if (!(Math.abs(head[k]!) > scale * 1e-15)) return undefined;
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = rows[i]![k]! / head[k]!;
      rows[i] = rows[i]!.map((value, j) => (j < k ? value : value - factor * head[j]!));
    }
  }
  return rows.map((row, i) => row.slice(n).map((value) => value / row[i]!));
}

/** The inverse of a symmetric matrix whose scales may differ widely; undefined if it has none. */
export function inverse(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const root = matrix.map((row, i) => Math.sqrt(row[i]!));
  if (!root.every((value) => value > 0)) return undefined;
  const scaled = matrix.map((row, i) => row.map((value, j) => value / (root[i]! * root[j]!)));
  const identity = matrix.map((_, i) => matrix.map((__, j) => (i === j ? 1 : 0)));
  return solve(scaled, identity)?.map((row, i) => row.map((value, j) => value / (root[i]! * root[j]!)));
}

/** Jᵀ W J and Jᵀ W r. */
function normalEquations(
  jacobian: readonly (readonly number[])[],
  residuals: readonly number[],
  observations: readonly Observation[],
): { readonly curvature: number[][]; readonly slope: number[] } {
  const p = jacobian[0]!.length;
  const curvature = Array.from({ length: p }, () => new Array<number>(p).fill(0));
  const slope = new Array<number>(p).fill(0);
  for (const [i, row] of jacobian.entries()) {
    const weight = 1 / observations[i]!.variance;
    for (let a = 0; a < p; a++) {
      slope[a]! += weight * row[a]! * residuals[i]!;
      for (let b = 0; b < p; b++) curvature[a]![b]! += weight * row[a]! * row[b]!;
    }
  }
  return { curvature, slope };
}

/**
 * Linear least squares: value ≈ Σₖ parameters[k] · basis(at)[k].
 *
 * @returns undefined if the observations do not determine the parameters
 */
export function linearFit(
  observations: readonly Observation[],
  basis: (at: number) => readonly number[],
): LeastSquares | undefined {
  const jacobian = observations.map(({ at }) => basis(at));
  const values = observations.map(({ value }) => value);
  const { curvature, slope } = normalEquations(jacobian, values, observations);
  const covariance = inverse(curvature);
  if (covariance === undefined) return undefined;
  const parameters = covariance.map((row) => row.reduce((sum, c, k) => sum + c * slope[k]!, 0));
  const chiSquare = observations.reduce((sum, { value, variance }, i) => {
    const fitted = jacobian[i]!.reduce((total, x, k) => total + x * parameters[k]!, 0);
    return sum + (value - fitted) ** 2 / variance;
  }, 0);
  return { parameters, covariance, chiSquare };
}

const STEPS = 60;

/**
 * Least squares of a curve, from a start: Levenberg-Marquardt with a numerical Jacobian.
 *
 * @returns the parameters where χ² falls no further; undefined if the observations do not determine them
 * @source D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963)
 */
export function curveFit(
  observations: readonly Observation[],
  model: (parameters: readonly number[], at: number) => number,
  start: readonly number[],
): LeastSquares | undefined {
  const residualsOf = (parameters: readonly number[]): number[] =>
    observations.map(({ at, value }) => value - model(parameters, at));
  const chiSquareOf = (residuals: readonly number[]): number =>
    residuals.reduce((sum, r, i) => sum + (r * r) / observations[i]!.variance, 0);
  let parameters = start;
  let residuals = residualsOf(parameters);
  let chiSquare = chiSquareOf(residuals);
  let damping = 1e-3;
  for (let step = 0; step < STEPS && damping < 1e12; step++) {
    const { curvature, slope } = normalEquations(
      jacobianOf(observations, model, parameters),
      residuals,
      observations,
    );
    const damped = curvature.map((row, i) => row.map((c, j) => (i === j ? c * (1 + damping) : c)));
    const change = inverse(damped)?.map((row) => row.reduce((sum, c, k) => sum + c * slope[k]!, 0));
    if (change === undefined) return undefined;
    const next = parameters.map((value, k) => value + change[k]!);
    const nextResiduals = residualsOf(next);
    const nextChiSquare = chiSquareOf(nextResiduals);
    if (!(nextChiSquare <= chiSquare)) {
      damping *= 10;
      continue;
    }
    const isDone = chiSquare - nextChiSquare < 1e-10 * (1 + chiSquare);
    [parameters, residuals, chiSquare] = [next, nextResiduals, nextChiSquare];
    damping /= 10;
    if (isDone) break;
  }
  const { curvature } = normalEquations(jacobianOf(observations, model, parameters), residuals, observations);
  const covariance = inverse(curvature);
  return covariance === undefined ? undefined : { parameters, covariance, chiSquare };
}

/** Central differences. */
function jacobianOf(
  observations: readonly Observation[],
  model: (parameters: readonly number[], at: number) => number,
  parameters: readonly number[],
): number[][] {
  const steps = parameters.map((value) => 1e-5 * Math.max(Math.abs(value), 1e-4));
  const moved = (k: number, by: number): number[] =>
    parameters.map((value, j) => (j === k ? value + by : value));
  return observations.map(({ at }) =>
    steps.map((h, k) => (model(moved(k, h), at) - model(moved(k, -h), at)) / (2 * h)),
  );
}
