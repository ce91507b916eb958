// The operator that runs a network on a chip: the weights it is given are ignored but for their shape; what
// multiplies are conductances, read at some time, through the periphery.

import { UsageError } from '../base/errors.ts';
import { formatShape, type Shape, sameShape } from '../base/shape.ts';
import type { Multiply } from '../graph/multiply.ts';
import type { ConvolutionGeometry } from '../graph/node.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { type HardwareSpec, hasReadNoiseInProducts } from './hardware.ts';
import { matrixSize } from './mapping.ts';
import { analogProduct, type ConverterRanges, numberedKeys } from './periphery.ts';

/** A layer's conductances at the time of a read. */
export type LayerConductances = {
  /** (rows, columns), µS */
  readonly gPlus: Tensor;
  /** (rows, columns), µS */
  readonly gMinus: Tensor;
  /** (1, 1) or (1, columns), 1/µS: weight = (G⁺ − G⁻) · scale */
  readonly scale: Tensor;
  /** Drift compensation, (1, 1) or (1, columns); ones for none. */
  readonly compensation: Tensor;
  /** σ₊² + σ₋² of a pair's read noise, (rows, columns), µS²; asked for where products draw read noise. */
  readonly variance?: Tensor;
};

/** What `onChip` needs. */
export type OnChipOptions = ConverterRanges & {
  readonly hardware: HardwareSpec;
  readonly conductances: (layer: string) => LayerConductances;
  /** Names read noise and output noise; each product of a trace draws its own. */
  readonly key: GraphKey;
};

/**
 * Multiplication by what a chip reads: y = Σ_tiles ADC(Σ x̂ ŵ + noise) · input range · Gmax · scale · compensation,
 * ŵ = (G⁺ − G⁻) / Gmax, x̂ = DAC(x / input range). With an ideal periphery, x · ((G⁺ − G⁻) · scale · compensation).
 *
 * Where the hardware draws read noise for every product, √(Σ x̂² v̂) N(0, 1) is added to each tile's sum, v̂ the variance
 * of a pair over Gmax²; see `analogProduct` for what that leaves out.
 *
 * One operator serves one trace: it numbers a layer's products, so that a layer used twice draws fresh noise.
 *
 * @throws UsageError when a layer's conductances do not have the shape of its weights, or a variance is missing
 */
export function onChip({ hardware, conductances, inputRange, outputRange, key }: OnChipOptions): Multiply {
  const { gMaxMicrosiemens: gMax } = hardware.cell;
  const isNoisy = hasReadNoiseInProducts(hardware);
  const productKey = numberedKeys(key);
  const multiply = (
    x: Tensor,
    weights: Tensor,
    layer: string,
    geometry: ConvolutionGeometry | undefined,
  ): Tensor => {
    const { gPlus, gMinus, scale, compensation, variance } = conductances(layer);
    const { rows, columns } = matrixSize(weights.shape);
    if (!sameShape(gPlus.shape, [rows, columns]) || !sameShape(gMinus.shape, [rows, columns])) {
      throw new UsageError(
        `onChip "${layer}": weights ${formatShape(weights.shape)} need conductances ${formatShape([rows, columns])}, got ${formatShape(gPlus.shape)} and ${formatShape(gMinus.shape)}; program this network`,
      );
    }
    const compensated = scale.multiply(compensation);
    return analogProduct({
      hardware,
      x,
      weights: gPlus.subtract(gMinus).multiply(compensated).reshape(weights.shape),
      ...(isNoisy && {
        variance: checkedVariance(layer, variance, [rows, columns])
          .multiply(1 / gMax ** 2)
          .reshape(weights.shape),
      }),
      weightScale: compensated.multiply(gMax),
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

function checkedVariance(layer: string, variance: Tensor | undefined, shape: Shape): Tensor {
  if (variance === undefined || !sameShape(variance.shape, shape)) {
    throw new UsageError(
      `onChip "${layer}": read noise in every product needs its variance ${formatShape(shape)}, got ${variance === undefined ? 'none' : formatShape(variance.shape)}; read the chip with this hardware`,
    );
  }
  return variance;
}
