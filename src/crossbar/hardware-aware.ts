// The operator that trains a network for hardware: noisy weights and the converters in the forward pass, gradients
// for the clean weights.

import { assertNever } from '../base/errors.ts';
import type { Multiply } from '../graph/multiply.ts';
import type { ConvolutionGeometry } from '../graph/node.ts';
import type { GraphKey, Tensor, TensorLike } from '../graph/tensor.ts';
import type { HardwareSpec } from './hardware.ts';
import { asMatrix, largestWeight } from './mapping.ts';
import { analogProduct, type ConverterRanges, numberedKeys } from './periphery.ts';

/** Noise on the weights while training. */
export type TrainingNoise =
  | { readonly kind: 'none' }
  /** Standard deviation η relative to the largest weight of the layer (or column, if so mapped). */
  | { readonly kind: 'gaussian'; readonly relativeToMax: TensorLike };

/** What `hardwareAware` needs. */
export type HardwareAwareOptions = ConverterRanges & {
  /** Its mapping says which largest weight; its periphery is applied; its cell is not, nor its read noise. */
  readonly hardware: HardwareSpec;
  readonly noise: TrainingNoise;
  /** Names the draws; a new key is a new sample. Uses of one layer in one trace share its noisy weights. */
  readonly key: GraphKey;
};

/**
 * Multiplication by W̃ = W + η max|W| N(0, 1), through the periphery of `hardware`. Gradients for the weights are those
 * for W̃, applied to W; the noise is a constant to differentiation. The gradient for x sees W̃.
 *
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020), known from notes on it: η = σ / max|W| per layer, forward pass
 *         only, gradients applied to the clean weights
 *
 * Not modelled: noise that depends on the weight's magnitude; drift.
 */
export function hardwareAware({
  hardware,
  noise,
  inputRange,
  outputRange,
  key,
}: HardwareAwareOptions): Multiply {
  const productKey = numberedKeys(key);
  const multiply = (
    x: Tensor,
    weights: Tensor,
    layer: string,
    geometry: ConvolutionGeometry | undefined,
  ): Tensor => {
    const matrix = asMatrix(weights);
    const largest = largestWeight(matrix.detach(), hardware.mapping);
    return analogProduct({
      hardware,
      x,
      weights: noisyWeights(matrix, largest, noise, key.derive(layer, 'training')).reshape(weights.shape),
      weightScale: largest,
      inputRange: () => inputRange(layer),
      outputRange: () => outputRange(layer),
      key: productKey(layer),
      geometry,
    });
  };
  return {
    dense: (x, weights, layer) => multiply(x, weights, layer, undefined),
    convolution: (x, filter, layer, geometry) => multiply(x, filter, layer, geometry),
  };
}

/** W + η max|W| N(0, 1), (rows, columns); its gradient for W is 1. */
export function noisyWeights(matrix: Tensor, largest: Tensor, noise: TrainingNoise, key: GraphKey): Tensor {
  switch (noise.kind) {
    case 'none':
      return matrix;
    case 'gaussian':
      return matrix.add(key.normal(matrix.shape).multiply(largest.multiply(noise.relativeToMax)).detach());
    default:
      return assertNever(noise);
  }
}
