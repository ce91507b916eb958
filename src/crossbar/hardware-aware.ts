// The operator that trains a network for hardware: noisy weights and the converters in the forward pass, gradients
// for the clean weights.

import { exactProduct, type Layer, type Operator } from '../graph/operator.ts';
import type { GraphKey, Tensor, TensorLike } from '../graph/tensor.ts';
import { type CellNoise, weightsInCells } from './cell-noise.ts';
import { type HardwareSpec, hardwareOf, type Mapping } from './hardware.ts';
import { asMatrix, largestWeight } from './mapping.ts';
import { analogProduct, type ConverterRanges, numberedKeys } from './periphery.ts';

/** What `hardwareAware` needs. */
export type HardwareAwareOptions = {
  readonly ranges: ConverterRanges;
  /** Its periphery is applied; its cells are only if `cells` are given. */
  readonly hardware: HardwareSpec;
  readonly weights: (layer: Layer) => Tensor;
  /** η: standard deviation of the weight noise relative to the largest weight; absent: none. */
  readonly noise?: TensorLike | undefined;
  /** Whether max |W| is of the layer or of a column; absent: as the layer's hardware maps weights. */
  readonly noiseScale?: Mapping['scale'] | undefined;
  /** The noise of the hardware's own cells; absent: none. */
  readonly cells?: CellNoise | undefined;
  /** Probability with which a weight is 0 in a product; absent: none. */
  readonly dropConnect?: TensorLike | undefined;
  /** Determines the draws; a new key is a new sample. All uses of a layer in one trace have the same noisy weights. */
  readonly key: GraphKey;
};

/**
 * Multiplication by W̃ = D ∘ (W + η max|W| N(0, 1)), or D ∘ the weights as `weightsInCells` senses them, through the
 * periphery of `hardware`; D is 0 with the probability of drop-connect, else 1. Gradients for the weights are those for W̃, applied to W; the noise is a constant to
 * differentiation. The gradient for x sees W̃. Layers that stay digital have no noise.
 *
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020), known from notes on it: η = σ / max|W| per layer, forward pass
 *         only, gradients applied to the clean weights. Drop-connect: M. J. Rasch et al., Nat. Commun. 14:5282 (2023),
 *         known from notes on it
 *
 * Not modelled by the Gaussian noise: spreads that depend on the weight; drift.
 */
export function hardwareAware({
  hardware: chip,
  weights,
  noise,
  noiseScale,
  cells,
  dropConnect,
  ranges,
  key,
}: HardwareAwareOptions): Operator {
  const productKey = numberedKeys(key);
  return {
    multiply: (x, layer, geometry) => {
      const hardware = hardwareOf(chip, layer.name);
      const clean = weights(layer);
      if (hardware === undefined) return exactProduct(x, clean, layer.kind, geometry);
      const { mapping } = hardware;
      const layerKey = key.derive(layer.name, 'training');
      const matrix = asMatrix(clean);
      const { matrix: noisy, weightScale } =
        cells === undefined
          ? {
              matrix: withGaussianNoise(matrix, { noise, scale: noiseScale ?? mapping.scale, key: layerKey }),
              weightScale: largestWeight(matrix.detach(), mapping),
            }
          : weightsInCells(layer, hardware, clean, { ...cells, key: layerKey });
      return analogProduct({
        hardware,
        x,
        layer,
        weights: dropped(noisy, dropConnect, layerKey).reshape(clean.shape),
        weightScale,
        ranges,
        key: productKey(layer.name),
        geometry,
      });
    },
  };
}

/** W + η max|W| N(0, 1), (rows, columns). */
function withGaussianNoise(
  matrix: Tensor,
  { noise, scale, key }: Pick<HardwareAwareOptions, 'noise' | 'key'> & { readonly scale: Mapping['scale'] },
): Tensor {
  if (noise === undefined) return matrix;
  return matrix.add(
    key.normal(matrix.shape).multiply(largestWeight(matrix.detach(), { scale }).multiply(noise)).detach(),
  );
}

/** D ∘ W, whose gradient for W is D. */
function dropped(matrix: Tensor, dropConnect: TensorLike | undefined, key: GraphKey): Tensor {
  if (dropConnect === undefined) return matrix;
  const isKept = key.derive('drop-connect').uniform(matrix.shape).less(dropConnect).select(0, 1);
  return matrix.multiply(isKept.detach());
}
