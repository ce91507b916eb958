// The operator that trains a network for hardware: noisy weights and the converters in the forward pass, gradients
// for the clean weights.

import { exactProduct, type Layer, type Operator } from '../graph/operator.ts';
import type { GraphKey, Tensor, TensorLike } from '../graph/tensor.ts';
import { type HardwareSpec, hardwareOf, type Mapping } from './hardware.ts';
import { asMatrix, largestWeight } from './mapping.ts';
import { analogProduct, type ConverterRanges, numberedKeys } from './periphery.ts';

/** What `hardwareAware` needs. */
export type HardwareAwareOptions = {
  readonly ranges: ConverterRanges;
  /** Its periphery is applied; its cells are not, nor their read noise. */
  readonly hardware: HardwareSpec;
  readonly weights: (layer: Layer) => Tensor;
  /** η: standard deviation of the weight noise relative to the largest weight; absent: none. */
  readonly noise?: TensorLike | undefined;
  /** Whether max |W| is of the layer or of a column; absent: as the layer's hardware maps weights. */
  readonly noiseScale?: Mapping['scale'] | undefined;
  /** Probability with which a weight is 0 in a product; absent: none. */
  readonly dropConnect?: TensorLike | undefined;
  /** Determines the draws; a new key is a new sample. All uses of a layer in one trace have the same noisy weights. */
  readonly key: GraphKey;
};

/**
 * Multiplication by W̃ = D ∘ (W + η max|W| N(0, 1)), through the periphery of `hardware`; D is 0 with the probability
 * of drop-connect, else 1. Gradients for the weights are those for W̃, applied to W; the noise is a constant to
 * differentiation. The gradient for x sees W̃. Layers that stay digital have no noise.
 *
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020), known from notes on it: η = σ / max|W| per layer, forward pass
 *         only, gradients applied to the clean weights. Drop-connect: M. J. Rasch et al., Nat. Commun. 14:5282 (2023),
 *         known from notes on it
 *
 * Not modelled: noise that depends on the weight's magnitude; drift.
 */
export function hardwareAware({
  hardware: chip,
  weights,
  noise,
  noiseScale,
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
      const matrix = asMatrix(clean);
      const noisy = noisyWeights(matrix, {
        noise,
        scale: noiseScale ?? mapping.scale,
        dropConnect,
        key: key.derive(layer.name, 'training'),
      });
      return analogProduct({
        hardware,
        x,
        layer,
        weights: noisy.reshape(clean.shape),
        weightScale: largestWeight(matrix.detach(), mapping),
        ranges,
        key: productKey(layer.name),
        geometry,
      });
    },
  };
}

/** D ∘ (W + η max|W| N(0, 1)), (rows, columns); its gradient for W is D. */
function noisyWeights(
  matrix: Tensor,
  {
    noise,
    scale,
    dropConnect,
    key,
  }: Pick<HardwareAwareOptions, 'noise' | 'dropConnect' | 'key'> & { readonly scale: Mapping['scale'] },
): Tensor {
  const noisy =
    noise === undefined
      ? matrix
      : matrix.add(
          key
            .normal(matrix.shape)
            .multiply(largestWeight(matrix.detach(), { scale }).multiply(noise))
            .detach(),
        );
  if (dropConnect === undefined) return noisy;
  const isKept = key.derive('drop-connect').uniform(matrix.shape).less(dropConnect).select(0, 1);
  return noisy.multiply(isKept.detach());
}
