// The product of a layer's arrays in the other direction, from columns to rows: the gradient of its inputs. Inputs are
// the gradients of the outputs, scaled for each example; noise and converters are those of the product forwards.

import type { Shape } from '../base/shape.ts';
import { gradients } from '../graph/gradients.ts';
import { exactProduct, type Layer, type LayerGeometry } from '../graph/operator.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import { type HardwareSpec, hasIdealPeriphery } from './hardware.ts';
import { matrixSize } from './mapping.ts';
import { convertInput, convertSums, gaussian, largestOfExamples } from './periphery.ts';
import { tileMatrix } from './tiling.ts';

/** A product against the direction of the rows. */
export type TransposedProduct = {
  readonly hardware: HardwareSpec;
  readonly layer: Layer;
  /** Gradients of the outputs, in their shape. */
  readonly delta: Tensor;
  /** The inputs of the product forwards: their shape is that of the result. */
  readonly x: Tensor;
  readonly weights: Tensor;
  /** Variance of a weight in one product, in the shape of `weights`; absent: none. */
  readonly variance?: Tensor | undefined;
  /** The weight that a full conductance stands for, (1, 1). */
  readonly fullWeight: Tensor;
  readonly key: GraphKey;
  readonly geometry: LayerGeometry | undefined;
};

/**
 * Σ_tiles ADC(Σ_{c in tile} δ̂_c ŵ_rc + √(σ² + Σ δ̂_c² v̂_rc) N(0, 1)) · max |δ| · full weight, δ̂ = DAC(δ / max |δ|) of each
 * example. A tile holds some of the columns. The ADC has the full scale of the product forwards, or, if that is
 * calibrated, the largest gradient of each example.
 *
 * Of a convolution, K of these results belong to an input pixel, one for each output pixel that it is a part of, each with
 * noise and a conversion of its own; they are added digitally. The noise of their sum is drawn at once (`convertSums`).
 *
 * @returns in the shape of `x`
 * @source the same conductances serve both directions: S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020), known
 *         from notes on it
 *
 * Not modelled: another set of converters for the rows; bound management; of a convolution, an ADC that is calibrated to
 * single results, whose steps would be finer, and one that clips single results.
 */
export function transposedProduct(product: TransposedProduct): Tensor {
  const { hardware, layer, variance, fullWeight, key } = product;
  const delta = product.delta.detach();
  if (hasIdealPeriphery(hardware)) {
    const back = pulledBack(product, delta, product.weights);
    if (variance === undefined) return back;
    return back.add(gaussian(pulledBack(product, delta.square(), variance), key.derive('read', 0)));
  }
  const range = largestOfExamples(delta);
  const driven = convertInput(delta, hardware.dac, range);
  const columns = tileMatrix(
    { ...matrixSize(layer.shape), groups: layer.groups ?? 1 },
    hardware.tile,
  ).columnRanges;
  // Groups lie side by side and drive rows of their own: what counts is the share of a group.
  const tiles =
    layer.groups === undefined || layer.groups === 1 ? columns : [[0, layer.shape.at(-1)!] as const];
  const sums = tiles.map(([start, end]) => {
    const share = (x: Tensor): Tensor =>
      x.slice([...x.shape.slice(0, -1).map(() => 0), start], [...x.shape.slice(0, -1), end]);
    return {
      sum: pulledBack(product, share(driven), share(product.weights)),
      variance: variance && pulledBack(product, share(driven.square()), share(variance)),
    };
  });
  const perExample = product.x.shape.map((size, axis) => (axis === 0 ? size : 1));
  const unit = range.reshape(perExample).multiply(fullWeight.reshape([]));
  const largest = (): Tensor =>
    sums
      .map(({ sum }) => largestOfExamples(sum))
      .reduce((all, one) => all.maximum(one))
      .divide(unit);
  const addends = resultsOfPixels(product);
  const converted = convertSums({ hardware, sums, unit, addends, calibratedRange: largest, key });
  return converted.reduce((all, sum) => all.add(sum));
}

/** The exact gradient of a layer's inputs. */
function pulledBack(
  { layer: { kind }, geometry, x }: TransposedProduct,
  delta: Tensor,
  weights: Tensor,
): Tensor {
  const forwards = exactProduct(x, weights.detach(), kind, geometry);
  return gradients(forwards.multiply(delta).sum(), [x])[0]!;
}

/** Results of rows that the gradient of an input pixel adds, K, (1, h, w, 1); undefined: one for each input. */
function resultsOfPixels({ layer: { kind, shape }, geometry, x }: TransposedProduct): Tensor | undefined {
  if (geometry === undefined) return undefined;
  const [, height, width] = x.shape as readonly [number, number, number];
  const [kernelRows, kernelColumns] = shape as readonly [number, number];
  const ones = (size: Shape): Tensor => constant(x, 1).broadcastTo(size);
  const image = ones([1, height, width, 1]);
  const filter = ones([kernelRows, kernelColumns, 1, 1]);
  const places = exactProduct(image, filter, kind, { ...geometry, groups: 1 });
  return gradients(places.sum(), [image])[0]!;
}
