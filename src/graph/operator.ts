// The seam between networks and hardware: a network multiplies by the weights of a named layer only through an operator,
// which owns them. crossbar/ provides the others: `hardwareAware` (training for hardware) and `onChip` (conductances).

import { assertNever } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import type { ConvolutionGeometry, RowRange } from './node.ts';
import type { Tensor } from './tensor.ts';

/** What a layer does with its weights. */
export type LayerKind = 'dense' | 'convolution';

/**
 * Weights that may live on crossbars: (in, out) of a dense layer, (kernel rows, kernel columns, in, out) of a
 * convolution. The parameter is named `name.weights`.
 */
export type Layer = { readonly name: string; readonly kind: LayerKind; readonly shape: Shape };

/** How a network multiplies by the weights of a layer. */
export type Operator = {
  /**
   * The product of x with the layer's weights:
   * dense, x (batch, in) → (batch, out);
   * convolution, x (n, h, w, c) and a geometry → (n, h′, w′, m). It is the same product over patches: row r of the
   * matrix is (kernel row, kernel column, input channel), column m the output channel.
   */
  readonly multiply: (x: Tensor, layer: Layer, geometry?: ConvolutionGeometry) => Tensor;
};

/** Name of the parameter that holds the weights of a layer. */
export function weightsOf({ name }: Pick<Layer, 'name'>): string {
  return `${name}.weights`;
}

/** The exact product, in floating point, with weights that `weights` gives. */
export function digital(weights: (layer: Layer) => Tensor): Operator {
  return { multiply: (x, layer, geometry) => exactProduct(x, weights(layer), layer.kind, geometry) };
}

/**
 * The exact product of one kind of layer, in floating point.
 *
 * @param rows only these rows of the weight matrix: one crossbar tile's share
 */
export function exactProduct(
  x: Tensor,
  weights: Tensor,
  kind: LayerKind,
  geometry: ConvolutionGeometry | undefined,
  rows?: RowRange,
): Tensor {
  switch (kind) {
    case 'dense':
      return x.matmul(weights, rows);
    case 'convolution':
      return x.convolve(weights, geometry!, rows);
    default:
      return assertNever(kind);
  }
}
