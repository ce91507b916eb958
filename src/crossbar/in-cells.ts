// The operator of training in the cells: products forwards and backwards on the same conductances, each through its
// converters with noise of its own. The gradient of the weights is computed digitally, from what drove the rows and what
// came back to the columns.

import { assertNever, UsageError } from '../base/errors.ts';
import { gradients } from '../graph/gradients.ts';
import { exactProduct, type Layer, type LayerGeometry, type Operator } from '../graph/operator.ts';
import { customGradient, type GraphKey, iota, type Tensor } from '../graph/tensor.ts';
import { type HardwareSpec, hardwareOf } from './hardware.ts';
import { matrixSize } from './mapping.ts';
import { patchesOf, patchesOfTransposed } from './patches.ts';
import { analogProduct, type ConverterRanges, numberedKeys } from './periphery.ts';
import { hasInputRange } from './ranges.ts';
import { transposedProduct } from './transposed-product.ts';

/** A layer's weights as products on its cells sense them. */
export type CellWeights = {
  /** In the shape of the layer. */
  readonly weights: Tensor;
  /** Variance of a weight in one product, in the shape of the layer; absent: no read noise. */
  readonly variance?: Tensor;
  /** The weight that a full conductance stands for, (1, 1), above 0. */
  readonly fullWeight: Tensor;
};

/** One product with a layer's weights, as the gradient of the weights needs it. */
export type ProductFactors = {
  readonly x: Tensor;
  readonly delta: Tensor;
  readonly geometry: LayerGeometry | undefined;
};

/** What `inCells` needs. */
export type InCellsOptions = {
  readonly hardware: HardwareSpec;
  /** Undefined for a layer that stays digital. */
  readonly sensed: (layer: Layer) => CellWeights | undefined;
  readonly weights: (layer: Layer) => Tensor;
  readonly ranges: ConverterRanges;
  readonly key: GraphKey;
  /** Told of each product, when its gradient is formed. */
  readonly seen?: ((layer: Layer, factors: ProductFactors) => void) | undefined;
};

/**
 * Multiplication by weights in cells, y = the analog product of x; gradients: for x, the transposed product of the same
 * cells, with another draw of read noise; for the weights, Σ x ⊗ δ in floating point. Layers without cells, or which the
 * hardware keeps digital, multiply exactly.
 */
export function inCells({ hardware: chip, sensed, weights, ranges, key, seen }: InCellsOptions): Operator {
  const productKey = numberedKeys(key);
  return {
    multiply: (input, layer, geometry) => {
      const hardware = hardwareOf(chip, layer.name);
      const cells = hardware === undefined ? undefined : sensed(layer);
      const own = weights(layer);
      if (hardware === undefined || cells === undefined)
        return exactProduct(input, own, layer.kind, geometry);
      const { variance, fullWeight } = cells;
      const keyOfProduct = productKey(layer.name);
      // A learned range has a gradient of its own, through what it clips.
      const limited = hasInputRange(layer, hardware)
        ? ranges.inputRange(layer.name, input, hardware.dac.kind !== 'ideal')
        : { x: input, range: 1 };
      const { x } = limited;
      const y = analogProduct({
        hardware,
        layer,
        x,
        weights: cells.weights,
        ...(variance !== undefined && { variance: variance.divide(fullWeight.square().reshape([])) }),
        weightScale: fullWeight,
        ranges: { ...ranges, inputRange: () => limited },
        key: keyOfProduct,
        geometry,
      });
      return customGradient('in cells', y, [x, own], (delta) => {
        seen?.(layer, { x: x.detach(), delta, geometry });
        const forwards = exactProduct(x.detach(), own, layer.kind, geometry);
        const [ofWeights] = gradients(forwards.multiply(delta.detach()).sum(), [own]);
        const ofInputs =
          layer.kind === 'embedding'
            ? undefined
            : transposedProduct({
                hardware,
                layer,
                delta,
                x,
                weights: cells.weights,
                variance,
                fullWeight,
                key: keyOfProduct.derive('back'),
                geometry,
              });
        return [ofInputs, ofWeights];
      });
    },
  };
}

/** The operands of a product as samples: x (samples, rows of the matrix), δ (samples, columns). */
export function asSamples(
  layer: Layer,
  { x, delta, geometry }: ProductFactors,
): { readonly x: Tensor; readonly delta: Tensor } {
  const columns = layer.shape.at(-1)!;
  const { rows } = matrixSize(layer.shape);
  const [kh, kw] = layer.shape as readonly [number, number];
  if (layer.groups !== undefined && layer.groups !== 1)
    throw new UsageError(
      `"${layer.name}": pulsed updates of a convolution in groups are not supported; keep the layer digital`,
    );
  switch (layer.kind) {
    case 'dense':
      return { x: x.reshape([-1, rows]), delta: delta.reshape([-1, columns]) };
    case 'convolution':
      return {
        x: patchesOf(x, [kh, kw], geometry!).reshape([-1, rows]),
        delta: delta.reshape([-1, columns]),
      };
    case 'transposed-convolution':
      return {
        x: patchesOfTransposed(x, [kh, kw], geometry!).reshape([-1, rows]),
        delta: delta.reshape([-1, columns]),
      };
    case 'embedding': {
      const row = iota(x, [1, rows], 1).cast('f32');
      const oneHot = row.equal(x.reshape([-1, 1])).select(1, 0);
      return { x: oneHot, delta: delta.reshape([-1, columns]) };
    }
    default:
      return assertNever(layer.kind);
  }
}
