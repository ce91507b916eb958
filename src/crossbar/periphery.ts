// One analog product, in the tile's own units: inputs x̂ = x / input range and weights ŵ = (G⁺ − G⁻) / Gmax, both in
// [−1, 1]. All effects of a tile on a product are here, for chips (on-chip.ts) and for training (hardware-aware.ts).

import { assertNever } from '../base/errors.ts';
import type { RowRange } from '../graph/node.ts';
import { exactProduct, type Layer, type LayerGeometry } from '../graph/operator.ts';
import type { GraphKey, Tensor, TensorLike } from '../graph/tensor.ts';
import { quantize, stepsOf } from './converters.ts';
import { type Adc, type Dac, type HardwareSpec, hasIdealPeriphery, type OutputNoise } from './hardware.ts';
import { matrixSize } from './mapping.ts';
import { type PartialSums, stackedSums, type TiledProduct } from './tile-stack.ts';
import { tileMatrix } from './tiling.ts';

/**
 * The inputs of a product, clipped if the source of the ranges clips them, and the |x| that drives a row fully, (),
 * above 0.
 */
export type LimitedInput = { readonly x: Tensor; readonly range: TensorLike };

/** The source of converter ranges for `onChip` and `hardwareAware`. */
export type ConverterRanges = {
  /** Of inputs x of a layer, but an embedding. `isClipped`: a converter clips them to the range. */
  readonly inputRange: (layer: string, x: Tensor, isClipped: boolean) => LimitedInput;
  /**
   * ADC full scale in units of a full input times a full weight, (), above 0.
   *
   * @param sums the column outputs that the ADC converts, in these units
   */
  readonly outputRange: (layer: string, sums: () => readonly Tensor[]) => TensorLike;
};

/** A product with weights on a crossbar. */
export type AnalogProduct = {
  readonly hardware: HardwareSpec;
  readonly layer: Layer;
  /** (batch, in) with (in, out) weights, (n, h, w, c) with (kh, kw, c, m) filters, or indices of rows. */
  readonly x: Tensor;
  /** The weights that the conductances represent, dimensionless: ŵ · weightScale. */
  readonly weights: Tensor;
  /** Variance of ŵ in this product's read noise, in the shape of `weights`; absent if products draw none. */
  readonly variance?: Tensor;
  /** The weight that a conductance of Gmax represents, (1, 1) or (1, columns), above 0. */
  readonly weightScale: Tensor;
  /** `inputRange` is called only if the periphery is not ideal, `outputRange` only if the ADC is calibrated. */
  readonly ranges: ConverterRanges;
  /** Determines the read noise and the output noise of this product. */
  readonly key: GraphKey;
  /** Of convolutions. */
  readonly geometry: LayerGeometry | undefined;
};

/**
 * y = Σ_tiles ADC(Σ_{r in tile} x̂_r ŵ_r + √(σ² + Σ_{r in tile} x̂_r² v̂_r) N(0, 1)) · input range · weight scale,
 * x̂ = DAC(x / input range), σ the output noise, v̂ the variance of ŵ in each product.
 * With an ideal periphery: x · weights + √(Σ x² v̂) N(0, 1) · weight scale, whatever the tiles. An embedding is the product
 * of one-hot rows: its DAC drives one row fully, so it has no input range and loses nothing.
 *
 * Read noise is drawn once for each output, together with output noise, and not for each cell. A sum of independent
 * Gaussians is Gaussian, so the result has the same distribution as draws for every cell and amplifier. The variance is
 * a second product, of squares. Differentiation treats read noise as a constant.
 *
 * @source structure of M. J. Rasch et al., Nat. Commun. 14:5282 (2023), equations 1-2, known from notes on it; variance
 *         of a product: ours, from the independence of cells
 *
 * Not modelled: input noise, IR drop; correlation of 1/f noise between products: here the noise of each product, and
 * of each pixel of a convolution, is independent.
 */
export function analogProduct(product: AnalogProduct): Tensor {
  const { hardware, layer, x, variance, key } = product;
  // (1, 1) or (1, columns) becomes (1) or (columns), which broadcasts to filters and images too.
  const weightScale = product.weightScale.reshape([-1]);
  if (hasIdealPeriphery(hardware)) {
    const y = multiplyRows(product);
    if (variance === undefined) return y;
    const ofOutputs = multiplyRows({ ...product, x: squaredInput(layer, x), weights: variance });
    return y.add(gaussian(ofOutputs, key.derive('read', 0)).multiply(weightScale));
  }
  // All in the units of y: full scales and noise are scaled once instead of every element.
  const { input, range } = drivenRows(product);
  const unit = weightScale.multiply(range);
  const { sums, total } = partialSums({ ...product, x: input });
  const inUnits = (): readonly Tensor[] => sums.map((sum) => sum.divide(unit));
  const outputRange = (): TensorLike => product.ranges.outputRange(layer.name, inUnits);
  const variances =
    variance &&
    partialSums({
      ...product,
      x: squaredInput(layer, input),
      weights: variance.multiply(weightScale.square()),
    });
  const noise = outputNoise(hardware.outputNoise, unit);
  const converted = sums.map((sum, k) => {
    const noisy =
      variances === undefined
        ? withNoise(sum, noise, key.derive(k))
        : sum.add(gaussian(withVariance(variances.sums[k]!, noise), key.derive('read', k)));
    return convertOutput(noisy, hardware.adc, unit, outputRange);
  });
  return total(converted);
}

/** More rows of tiles than this are multiplied in stacks, fewer one by one: docs/decisions/0006-row-ranges.md. */
const FEW_TILES = 8;

/** The column outputs of every row of tiles before conversion, one by one or in stacks; their sum is the whole product. */
export function partialSums(product: TiledProduct & { readonly hardware: HardwareSpec }): PartialSums {
  const { rowRanges } = tileMatrix(matrixSize(product.weights.shape), product.hardware.tile);
  if (rowRanges.length > FEW_TILES) return stackedSums(product, rowRanges);
  return {
    sums: rowRanges.map((rows) => multiplyRows(product, rows)),
    total: (converted) => converted.reduce((all, sum) => all.add(sum)),
  };
}

/** What drives the rows, after the DAC, and the |x| that drives one fully. An index drives its row fully. */
function drivenRows({ hardware: { dac }, layer, x, ranges }: AnalogProduct): {
  readonly input: Tensor;
  readonly range: TensorLike;
} {
  if (layer.kind === 'embedding') return { input: x, range: 1 };
  const { x: limited, range } = ranges.inputRange(layer.name, x, dac.kind !== 'ideal');
  return { input: convertInput(limited, dac, range), range };
}

/** Squares of what drives the rows, in the form of the input: an index stands for a one. */
function squaredInput({ kind }: Layer, input: Tensor): Tensor {
  return kind === 'embedding' ? input : input.square();
}

/** x after the DAC. */
function convertInput(x: Tensor, dac: Dac, range: TensorLike): Tensor {
  switch (dac.kind) {
    case 'ideal':
      return x;
    case 'uniform':
      return quantize(x, range, stepsOf(dac.bits));
    default:
      return assertNever(dac);
  }
}

/** √variance · N(0, 1), a constant to differentiation. */
function gaussian(variance: Tensor, key: GraphKey): Tensor {
  // Winograd's algorithm can round a sum of squares to slightly less than zero.
  return variance.relu().sqrt().multiply(key.normal(variance.shape)).detach();
}

/** σ of a tile's amplifiers, if they have noise; `unit` is the value of 1 in units of x̂ ŵ. */
function outputNoise(noise: OutputNoise, unit: Tensor): Tensor | undefined {
  switch (noise.kind) {
    case 'none':
      return undefined;
    case 'gaussian':
      return unit.multiply(noise.relativeStandardDeviation);
    default:
      return assertNever(noise);
  }
}

/** A column output with noise of standard deviation σ. */
function withNoise(sum: Tensor, sigma: Tensor | undefined, key: GraphKey): Tensor {
  return sigma === undefined ? sum : sum.add(key.normal(sum.shape).multiply(sigma));
}

function withVariance(variance: Tensor, sigma: Tensor | undefined): Tensor {
  return sigma === undefined ? variance : variance.add(sigma.square());
}

/** A column output after the ADC, whose full scale is in units of x̂ ŵ. */
function convertOutput(sum: Tensor, adc: Adc, unit: Tensor, calibratedRange: () => TensorLike): Tensor {
  switch (adc.kind) {
    case 'ideal':
      return sum;
    case 'uniform': {
      const fullScale = adc.range.kind === 'fixed' ? adc.range.fullScale : calibratedRange();
      return quantize(sum, unit.multiply(fullScale), stepsOf(adc.bits));
    }
    default:
      return assertNever(adc);
  }
}

/** A key for each product of a layer, in the order of the trace. */
export function numberedKeys(key: GraphKey): (layer: string) => GraphKey {
  const uses = new Map<string, number>();
  return (layer) => {
    const use = uses.get(layer) ?? 0;
    uses.set(layer, use + 1);
    return key.derive(layer, 'output', use);
  };
}

function multiplyRows({ x, layer, weights, geometry }: TiledProduct, rows?: RowRange): Tensor {
  return exactProduct(x, weights, layer.kind, geometry, rows);
}
