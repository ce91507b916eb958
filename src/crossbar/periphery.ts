// One analog product, in the tile's own units: inputs x̂ = x / input range and weights ŵ = (G⁺ − G⁻) / Gmax, both in
// [−1, 1]. All effects of a tile on a product are here, for chips (on-chip.ts) and for training (hardware-aware.ts).

import { assertNever } from '../base/errors.ts';
import type { RowRange } from '../graph/node.ts';
import { exactProduct, type Layer, type LayerGeometry } from '../graph/operator.ts';
import { constant, type GraphKey, type Tensor, type TensorLike } from '../graph/tensor.ts';
import { quantize, stepsOf } from './converters.ts';
import {
  type Adc,
  type AdcRange,
  type Dac,
  type HardwareSpec,
  hasIdealPeriphery,
  hasRangePerExample,
  type OutputNoise,
} from './hardware.ts';
import { matrixSize } from './mapping.ts';
import { type PartialSums, plainSums, stackedSums, type TiledProduct } from './tile-stack.ts';
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
 * x̂ = DAC(x / input range), σ the output noise and the error of a one-phase read, v̂ the variance of ŵ in each product.
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
  const { input, range } = boundedRows(product, weightScale, drivenRows(product));
  const { sums, total, aligned } = partialSums({ ...product, x: input });
  const unit = aligned(weightScale.multiply(range));
  const inUnits = (): readonly Tensor[] => sums.map((sum) => sum.divide(unit));
  const outputRange = (): TensorLike => product.ranges.outputRange(layer.name, inUnits);
  const variances =
    variance &&
    partialSums({
      ...product,
      x: squaredInput(layer, input),
      weights: variance.multiply(weightScale.square()),
    });
  const noisySums = sums.map((sum, k) => ({ sum, variance: variances?.sums[k] }));
  return total(convertSums({ hardware, sums: noisySums, unit, calibratedRange: outputRange, key }));
}

/** More rows of tiles than this are multiplied in stacks, fewer one by one: docs/decisions/0006-row-ranges.md. */
const FEW_TILES = 8;

/** The column outputs of every row of tiles before conversion, one by one or in stacks; their sum is the whole product. */
export function partialSums(product: TiledProduct & { readonly hardware: HardwareSpec }): PartialSums {
  const { rowRanges } = tileMatrix(matrixSize(product.weights.shape), product.hardware.tile);
  if (rowRanges.length > FEW_TILES) return stackedSums(product, rowRanges);
  return plainSums(rowRanges.map((rows) => multiplyRows(product, rows)));
}

/** What drives the rows, after the DAC, and the |x| that drives one fully. */
type DrivenRows = { readonly input: Tensor; readonly range: TensorLike };

/** An index drives its row fully. */
function drivenRows({ hardware, layer, x, ranges }: AnalogProduct): DrivenRows {
  const { dac } = hardware;
  if (layer.kind === 'embedding') return { input: x, range: 1 };
  if (hasRangePerExample(hardware)) {
    const range = largestOfExamples(x);
    return { input: convertInput(x, dac, range), range };
  }
  const { x: limited, range } = ranges.inputRange(layer.name, x, dac.kind !== 'ideal');
  return { input: convertInput(limited, dac, range), range };
}

/** Below this a largest magnitude counts as zero: a range times a weight and a full scale, and its reciprocal, fit float32. */
const SMALLEST_RANGE = 1e-20;

/** Largest magnitude of each example, (n, 1, …), a constant to differentiation. */
export function largestOfExamples(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis).slice(1);
  return x.abs().max(axes, true).maximum(SMALLEST_RANGE).detach();
}

/**
 * The same rows with a range that is doubled for each example as often as its largest output asks for, so that it fits
 * the ADC; converted anew, as the larger range has coarser steps. The outputs that decide are those without noise.
 */
function boundedRows(product: AnalogProduct, weightScale: Tensor, rows: DrivenRows): DrivenRows {
  const { hardware, layer, x } = product;
  const { adc, dac } = hardware;
  if (layer.kind === 'embedding' || adc.kind !== 'uniform' || adc.range.kind !== 'fixed') return rows;
  if (adc.boundManagement?.kind !== 'iterative') return rows;
  const { sums, aligned, largest } = partialSums({ ...product, x: rows.input });
  const limit = aligned(weightScale.multiply(rows.range)).multiply(adc.range.fullScale);
  const excess = sums.map((sum) => largest(sum.divide(limit))).reduce((all, one) => all.maximum(one));
  const perExample = x.shape.map((size, axis) => (axis === 0 ? size : 1));
  const range = doublings(excess, adc.boundManagement.halvings).reshape(perExample).multiply(rows.range);
  return { input: convertInput(x, dac, range.detach()), range: range.detach() };
}

/** The least power of two that is at least `excess`, from 1 to 2^most. */
function doublings(excess: Tensor, most: number): Tensor {
  let factor: TensorLike = 1;
  for (let k = 1; k <= most; k++)
    factor = constant(excess, 2 ** (k - 1))
      .less(excess)
      .select(2 ** k, factor);
  return constant(excess, 0).less(excess).select(factor, 1);
}

/** A periphery's work on column outputs, in the units of a full input times a full weight. */
export type Conversion = Pick<AnalogProduct, 'hardware' | 'key'> & {
  /** Of each, with its variance in one product. */
  readonly sums: readonly { readonly sum: Tensor; readonly variance?: Tensor | undefined }[];
  /** Column outputs that a sum adds, each converted by itself, K; broadcasts to the sums. Absent: 1. */
  readonly addends?: Tensor | undefined;
  /** The value of 1. */
  readonly unit: Tensor;
  readonly calibratedRange: () => TensorLike;
};

/**
 * Column outputs with read noise and output noise, after the ADC. A sum of K outputs has K times the variance of the noise, and
 * K roundings: one is done, to the same steps, and the others are noise of (K − 1) Δ² / 12.
 */
export function convertSums({ hardware, sums, unit, addends, calibratedRange, key }: Conversion): Tensor[] {
  const { adc } = hardware;
  const ofOne = together(outputNoise(hardware.outputNoise, unit), readError(hardware, unit, calibratedRange));
  const noise =
    addends === undefined
      ? ofOne
      : together(ofOne?.multiply(addends.sqrt()), roundings(adc, unit, calibratedRange, addends));
  return sums.map(({ sum, variance }, k) => {
    const noisy =
      variance === undefined
        ? withNoise(sum, noise, key.derive(k))
        : sum.add(gaussian(withVariance(variance, noise), key.derive('read', k)));
    return convertOutput(noisy, adc, unit, calibratedRange, addends);
  });
}

/** σ of all roundings of the addends but one. */
function roundings(
  adc: Adc,
  unit: Tensor,
  calibratedRange: () => TensorLike,
  addends: Tensor,
): Tensor | undefined {
  if (adc.kind === 'ideal') return undefined;
  const step = unit.multiply(fullScaleOf(adc.range, calibratedRange)).multiply(2 / stepsOf(adc.bits));
  return addends.subtract(1).relu().divide(12).sqrt().multiply(step);
}

/** Squares of what drives the rows, in the form of the input: an index stands for a one. */
function squaredInput({ kind }: Layer, input: Tensor): Tensor {
  return kind === 'embedding' ? input : input.square();
}

/** x after the DAC. */
export function convertInput(x: Tensor, dac: Dac, range: TensorLike): Tensor {
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
export function gaussian(variance: Tensor, key: GraphKey): Tensor {
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

/** σ of the error that a read in one phase adds, in units of x̂ ŵ; a constant to differentiation. */
function readError(
  { readMode, adc }: HardwareSpec,
  unit: Tensor,
  calibratedRange: () => TensorLike,
): Tensor | undefined {
  if (readMode?.kind !== 'one-phase' || adc.kind === 'ideal') return undefined;
  return unit.multiply(fullScaleOf(adc.range, calibratedRange)).multiply(readMode.relativeError).detach();
}

/** σ of two independent noises. */
function together(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.square().add(b.square()).sqrt();
}

function fullScaleOf(range: AdcRange, calibratedRange: () => TensorLike): TensorLike {
  return range.kind === 'fixed' ? range.fullScale : calibratedRange();
}

/** A column output with noise of standard deviation σ. */
function withNoise(sum: Tensor, sigma: Tensor | undefined, key: GraphKey): Tensor {
  return sigma === undefined ? sum : sum.add(key.normal(sum.shape).multiply(sigma));
}

function withVariance(variance: Tensor, sigma: Tensor | undefined): Tensor {
  return sigma === undefined ? variance : variance.add(sigma.square());
}

/** A column output after the ADC, whose full scale is in units of x̂ ŵ; or the sum of some. */
function convertOutput(
  sum: Tensor,
  adc: Adc,
  unit: Tensor,
  calibratedRange: () => TensorLike,
  addends: Tensor | undefined,
): Tensor {
  switch (adc.kind) {
    case 'ideal':
      return sum;
    case 'uniform': {
      const fullScale = unit.multiply(fullScaleOf(adc.range, calibratedRange));
      return quantize(sum, fullScale, stepsOf(adc.bits), addends);
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
