// Weights to conductances and back. A weight is the difference of a pair: one cell has its magnitude, the other is at
// RESET. A filter is a matrix with a row for each element of a patch and a column for each output channel.

import { UsageError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { HardwareSpec, Mapping } from './hardware.ts';

/** Rows and columns of the crossbar that a layer's weights fill. */
export type MatrixSize = { readonly rows: number; readonly columns: number };

/** Target conductances of a weight matrix: weight = (G⁺ − G⁻) · scale. */
export type MappedWeights = {
  /** (rows, columns), µS, 0 … Gmax */
  readonly gPlus: Tensor;
  /** (rows, columns), µS, 0 … Gmax */
  readonly gMinus: Tensor;
  /** (1, 1) or (1, columns), 1/µS */
  readonly scale: Tensor;
};

/** Below this a largest weight counts as zero; its reciprocal times Gmax still fits float32. */
const SMALLEST_WEIGHT = 1e-30;

/**
 * The crossbar that weights of `shape` fill: (in, out) as it is, a filter (kh, kw, c, m) as (kh·kw·c, m), also that of a
 * transposed convolution. Of a convolution in groups, with c channels a group, these are the matrices of all groups side
 * by side.
 *
 * @throws UsageError for any other number of axes
 */
export function matrixSize(shape: Shape): MatrixSize {
  if (shape.length !== 2 && shape.length !== 4) {
    throw new UsageError(`crossbar: weights must be (in, out) or (kh, kw, c, m), got ${formatShape(shape)}`);
  }
  const columns = shape[shape.length - 1]!;
  return { rows: shape.slice(0, -1).reduce((product, size) => product * size, 1), columns };
}

/** Weights as the matrix on the crossbar, (rows, columns). */
export function asMatrix(weights: Tensor): Tensor {
  const { rows, columns } = matrixSize(weights.shape);
  return weights.reshape([rows, columns]);
}

/** Largest |weight| of a matrix (rows, columns), never zero: (1, 1) for the layer or (1, columns). */
export function largestWeight(matrix: Tensor, { scale }: Mapping): Tensor {
  return matrix
    .abs()
    .max(scale === 'per-layer' ? [0, 1] : [0], true)
    .maximum(SMALLEST_WEIGHT);
}

/**
 * Target conductances: β = Gmax / max|W|, G⁺ = clip(β W, 0, Gmax), G⁻ = clip(−β W, 0, Gmax), scale = 1 / β.
 * A matrix or column of zeros maps to zeros.
 *
 * @param weights (in, out) or (kh, kw, c, m), dimensionless
 * @throws UsageError if the weights have another number of axes
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020), known from notes on it; aihwkit,
 *         src/aihwkit/inference/converter/conductance.py, SinglePairConductanceConverter
 */
export function mapWeights(weights: Tensor, { cell, mapping }: HardwareSpec): MappedWeights {
  const { gMaxMicrosiemens: gMax } = cell;
  const matrix = asMatrix(weights);
  const scale = largestWeight(matrix, mapping).multiply(1 / gMax);
  const g = matrix.divide(scale);
  return { gPlus: g.clip(0, gMax), gMinus: g.negate().clip(0, gMax), scale };
}
