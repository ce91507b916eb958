// The seam between networks and hardware: a network multiplies by a weight matrix only through this operator.
// crossbar/ and train/ provide the others: `hardwareAware` (noisy weights, converters) and `onChip` (read conductances).

import type { ConvolutionGeometry } from './node.ts';
import type { Tensor } from './tensor.ts';

/**
 * How a network multiplies by the weights of a named layer. A convolution is the same product over its patches:
 * row r of the matrix is (kernel row, kernel column, input channel), column m the output channel.
 */
export type Multiply = {
  /** x (batch, in), weights (in, out) → (batch, out) */
  readonly dense: (x: Tensor, weights: Tensor, layer: string) => Tensor;
  /** x (n, h, w, c), filter (kh, kw, c, m) → (n, h', w', m) */
  readonly convolution: (x: Tensor, filter: Tensor, layer: string, geometry: ConvolutionGeometry) => Tensor;
};

/** The exact product, in floating point. */
export const digital: Multiply = {
  dense: (x, weights) => x.matmul(weights),
  convolution: (x, filter, _layer, geometry) => x.convolve(filter, geometry),
};
