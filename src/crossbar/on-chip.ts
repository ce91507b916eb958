// The operator that runs a network on a chip: inputs are multiplied by conductances, as read at some time, through the
// periphery of each layer. Layers that the hardware keeps digital multiply exactly.

import { throwFaults } from '../base/errors.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import { exactProduct, type Layer, type Operator } from '../graph/operator.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { netConductance, type SensedArrays } from './arrays.ts';
import { type HardwareSpec, hardwareOf, hasReadNoiseInProducts } from './hardware.ts';
import { matrixSize } from './mapping.ts';
import { analogProduct, type ConverterRanges, numberedKeys } from './periphery.ts';

/** A layer's conductances at the time of a read, and the factors that turn them into weights. */
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
  /** The sensed arrays of a layer on arrays. */
  readonly sensed: (layer: Layer) => SensedLayer;
  /** The weights of a layer that stays digital. */
  readonly weights: (layer: Layer) => Tensor;
  /** Determines read noise and output noise; each product of a trace has draws of its own. */
  readonly key: GraphKey;
};

/**
 * Multiplication by sensed conductances: y = Σ_tiles ADC(Σ x̂ ŵ + noise) · input range · Gmax · scale · compensation,
 * ŵ = G / Gmax with the net conductance G, x̂ = DAC(x / input range). With an ideal periphery,
 * x · (G · scale · compensation).
 *
 * If the hardware draws read noise for every product, √(Σ x̂² v̂) N(0, 1) is added to each tile's sum, v̂ the variance
 * of G over Gmax²; `analogProduct` lists what this leaves out.
 *
 * One operator serves one trace: it numbers a layer's products, so that a layer that is used twice draws fresh noise.
 *
 * @throws UsageError from `multiply` if the sensed arrays are of another layer, or a variance is missing
 */
export function onChip({ hardware: chip, sensed, weights, ranges, key }: OnChipOptions): Operator {
  const productKey = numberedKeys(key);
  return {
    multiply: (x, layer, geometry) => {
      const hardware = hardwareOf(chip, layer.name);
      if (hardware === undefined) return exactProduct(x, weights(layer), layer.kind, geometry);
      const { gMaxMicrosiemens: gMax } = hardware.cell;
      const isNoisy = hasReadNoiseInProducts(hardware);
      const { cells, scale, compensation, variance } = sensed(layer);
      throwFaults(`onChip "${layer.name}"`, sensedFaults(layer, { cells, variance }, isNoisy));
      const compensated = scale.multiply(compensation);
      return analogProduct({
        hardware,
        x,
        layer,
        weights: netConductance(cells).multiply(compensated).reshape(layer.shape),
        ...(isNoisy && {
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

/** Faults of a reading for a layer. */
function sensedFaults(
  { shape }: Layer,
  { cells, variance }: { readonly cells: SensedLayer['cells']; readonly variance: Tensor | undefined },
  needsVariance: boolean,
): string[] {
  const { rows, columns } = matrixSize(shape);
  const size = [rows, columns];
  const wrong = cells.filter(({ conductance }) => !sameShape(conductance.shape, size));
  const faults = wrong.map(
    ({ polarity, conductance }) =>
      `weights ${formatShape(shape)} need conductances ${formatShape(size)}, got ${formatShape(conductance.shape)} (${polarity}); program this network`,
  );
  if (needsVariance && (variance === undefined || !sameShape(variance.shape, size)))
    faults.push(
      `read noise in every product needs its variance ${formatShape(size)}, got ${variance === undefined ? 'none' : formatShape(variance.shape)}; read the chip with this hardware`,
    );
  return faults;
}
