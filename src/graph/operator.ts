// The seam between networks and hardware: a network multiplies by the weights of a named layer only through an operator,
// which owns them. crossbar/ provides the others: `hardwareAware` (training for hardware) and `onChip` (conductances).

import { assertNever } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import type { ConvolutionGeometry, RowRange, TransposedGeometry } from './node.ts';
import { constant, type Tensor } from './tensor.ts';

/** What a layer does with its weights. */
export type LayerKind = 'dense' | 'convolution' | 'transposed-convolution' | 'embedding';

/**
 * Weights that may live on crossbars: (in, out) of a dense layer, (kernel rows, kernel columns, in / groups, out) of a
 * convolution and of a transposed one, (rows, dimension) of an embedding. The parameter is named `name.weights`.
 */
export type Layer = {
  readonly name: string;
  readonly kind: LayerKind;
  readonly shape: Shape;
  /** Groups of a convolution, each with a matrix of its own; 1 if absent. */
  readonly groups?: number;
};

/** Geometry of a layer's product: none of a dense layer and of an embedding. */
export type LayerGeometry = ConvolutionGeometry | TransposedGeometry;

/** How a network multiplies by the weights of a layer. */
export type Operator = {
  /**
   * The product of x with the layer's weights:
   * dense, x (batch, in) → (batch, out);
   * convolution, x (n, h, w, c) and a geometry → (n, h′, w′, m). It is the same product over patches: row r of the
   * matrix is (kernel row, kernel column, input channel of a group), column m the output channel;
   * transposed convolution, likewise: the product over the patches of the image with zeros between its pixels;
   * embedding, indices x (n, …) → (n, …, dimension): the product of one-hot rows with the matrix. Indices are cut towards
   * zero; one below 0, or NaN, stands for the first row, one beyond the end for the last.
   */
  readonly multiply: (x: Tensor, layer: Layer, geometry?: LayerGeometry) => Tensor;
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
  geometry: LayerGeometry | undefined,
  rows?: RowRange,
): Tensor {
  switch (kind) {
    case 'dense':
      return x.matmul(weights, rows);
    case 'convolution':
      return x.convolve(weights, geometry!, rows);
    case 'transposed-convolution':
      return x.convolveTransposed(weights, geometry!, rows);
    case 'embedding':
      return rows === undefined ? weights.gather(x) : rowsOfRange(weights, x, rows);
    default:
      return assertNever(kind);
  }
}

/** Rows of a table by index, where they lie in a range of rows; zeros elsewhere. */
function rowsOfRange(table: Tensor, indices: Tensor, [start, end]: RowRange): Tensor {
  const [count, dimension] = table.shape as readonly [number, number];
  const part = table.slice([start, 0], [end, dimension]).gather(indices.subtract(start));
  const where = (isInside: Tensor): Tensor => isInside.reshape([...indices.shape, 1]);
  // The first and the last row stand for what is outside the table, the first for NaN too.
  const below =
    end === count ? part : where(constant(indices, end, indices.dtype).lessEqual(indices)).select(0, part);
  return start === 0
    ? below
    : where(constant(indices, start, indices.dtype).lessEqual(indices)).select(below, 0);
}
