// The operator that runs a network on a chip: what multiplies are conductances, read at some time, through the periphery
// of each layer. Layers that the hardware keeps digital multiply exactly.

import type { Layer, Operator } from '../graph/operator.ts';
import { exactProduct } from '../graph/operator.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { netConductance, type SensedArrays } from './arrays.ts';
import { type HardwareSpec, hardwareOf, hasReadNoiseInProducts } from './hardware.ts';
import { analogProduct, type ConverterRanges, numberedKeys } from './periphery.ts';

/** A layer's conductances at the time of a read, and what turns them into weights. */
export type SensedLayer = Pick<SensedArrays<Tensor>, 'cells' | 'variance'> & {
  /** (1, 1) or (1, columns), 1/µS: weight = net conductance · scale */
  readonly scale: Tensor;
  /** Drift compensation, (1, 1) or (1, columns); ones for none. */
  readonly compensation: Tensor;
};

/** What `onChip` needs. */
export type OnChipOptions = {
  readonly ranges: ConverterRanges;
  readonly hardware: HardwareSpec;
  /** Of a layer on arrays. */
  readonly sensed: (layer: Layer) => SensedLayer;
  /** Of a layer that stays digital. */
  readonly weights: (layer: Layer) => Tensor;
  /** Names read noise and output noise; each product of a trace draws its own. */
  readonly key: GraphKey;
};

/**
 * Multiplication by what a chip reads: y = Σ_tiles ADC(Σ x̂ ŵ + noise) · input range · Gmax · scale · compensation,
 * ŵ = G / Gmax with the net conductance G, x̂ = DAC(x / input range). With an ideal periphery,
 * x · (G · scale · compensation).
 *
 * Where the hardware draws read noise for every product, √(Σ x̂² v̂) N(0, 1) is added to each tile's sum, v̂ the variance
 * of G over Gmax²; see `analogProduct` for what that leaves out.
 *
 * One operator serves one trace: it numbers a layer's products, so that a layer used twice draws fresh noise.
 */
export function onChip({ hardware: chip, sensed, weights, ranges, key }: OnChipOptions): Operator {
  const productKey = numberedKeys(key);
  return {
    multiply: (x, layer, geometry) => {
      const hardware = hardwareOf(chip, layer.name);
      if (hardware === undefined) return exactProduct(x, weights(layer), layer.kind, geometry);
      const { gMaxMicrosiemens: gMax } = hardware.cell;
      const { cells, scale, compensation, variance } = sensed(layer);
      const compensated = scale.multiply(compensation);
      return analogProduct({
        hardware,
        x,
        layer,
        weights: netConductance(cells).multiply(compensated).reshape(layer.shape),
        ...(hasReadNoiseInProducts(hardware) && {
          variance: variance!.multiply(1 / gMax ** 2).reshape(layer.shape),
        }),
        weightScale: compensated.multiply(gMax),
        ranges,
        key: productKey(layer.name),
        geometry,
      });
    },
  };
}
