// The operator that runs a network on a chip: the weights it is given are ignored but for their shape; what
// multiplies are conductances, read at some time, through the periphery.

import { UsageError } from '../base/errors.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import type { Multiply } from '../graph/multiply.ts';
import type { ConvolutionGeometry } from '../graph/node.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import type { HardwareSpec } from './hardware.ts';
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
};

/** What `onChip` needs. */
export type OnChipOptions = ConverterRanges & {
  readonly hardware: HardwareSpec;
  readonly conductances: (layer: string) => LayerConductances;
  /** Names the output noise; each product of a trace draws its own. */
  readonly key: GraphKey;
};

/**
 * Multiplication by what a chip reads: y = Σ_tiles ADC(Σ x̂ ŵ + noise) · input range · Gmax · scale · compensation,
 * ŵ = (G⁺ − G⁻) / Gmax, x̂ = DAC(x / input range). With an ideal periphery, x · ((G⁺ − G⁻) · scale · compensation).
 *
 * One operator serves one trace: it numbers a layer's products, so that a layer used twice draws fresh output noise.
 *
 * @throws UsageError when a layer's conductances do not have the shape of its weights
 */
export function onChip({ hardware, conductances, inputRange, outputRange, key }: OnChipOptions): Multiply {
  const { gMaxMicrosiemens: gMax } = hardware.cell;
  const productKey = numberedKeys(key);
  const multiply = (
    x: Tensor,
    weights: Tensor,
    layer: string,
    geometry: ConvolutionGeometry | undefined,
  ): Tensor => {
    const { gPlus, gMinus, scale, compensation } = conductances(layer);
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
