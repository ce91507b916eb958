// What inputs ask of arrays: an operator that multiplies as another one does and notes, for every layer, how far its rows
// are driven times the conductance behind them. With a read of a chip in place of the conductances this is the energy of
// its arrays, for the inputs that occur: zeros cost nothing, and drift lowers it.

import type { TensorSpec } from '../base/parameters.ts';
import { type HardwareSpec, hardwareOf, hasRangePerExample } from '../crossbar/hardware.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import { type ConverterRanges, convertInput, largestOfExamples } from '../crossbar/periphery.ts';
import { exactProduct, type Layer, type LayerGeometry, type Operator } from '../graph/operator.ts';
import type { Tensor, TensorLike } from '../graph/tensor.ts';
import type { BottomUpTile } from './cost-spec.ts';
import { arrayPicojoules } from './energy.ts';
import { bitsOf, longestPulseNanoseconds } from './latency.ts';

/**
 * The tensor with the conductance behind each row of a layer: Σ_j (G⁺ + G⁻) over the columns of a group, µS, in the shape
 * of the weights with a column for each group.
 */
export function rowConductanceState({ name, shape, groups = 1 }: Layer): TensorSpec {
  return { name: `${name}.rowConductance`, shape: [...shape.slice(0, -1), groups] };
}

/** The values of that tensor from the sensed conductances of a layer's arrays, each (rows, columns), µS. */
export function rowConductances(
  { shape, groups = 1 }: Layer,
  arrays: readonly ArrayLike<number>[],
): Float32Array {
  const { rows, columns } = matrixSize(shape);
  const perGroup = columns / groups;
  const sums = new Float32Array(rows * groups);
  for (const conductances of arrays)
    for (let at = 0; at < rows * columns; at++) {
      const group = Math.floor((at % columns) / perGroup);
      sums[Math.floor(at / columns) * groups + group]! += Math.max(0, conductances[at]!);
    }
  return sums;
}

/** An operator and what it observed in a trace. */
export type ObservingArrays = {
  readonly operator: Operator;
  /** `${layer}.drive`, (): the mean over products of Σ_ij |x̂_i| G_ij, µS, with |x̂| = 1 for a full pulse. */
  readonly drives: () => Record<string, Tensor>;
};

/** Multiplies as `base` does and observes the layers on arrays. */
export function observingArrays(
  base: Operator,
  chip: HardwareSpec,
  ranges: ConverterRanges,
  rowConductance: (layer: Layer) => Tensor,
): ObservingArrays {
  const seen = new Map<string, Tensor[]>();
  const observe = (x: Tensor, layer: Layer, geometry: LayerGeometry | undefined): void => {
    const hardware = hardwareOf(chip, layer.name);
    if (hardware === undefined) return;
    const behind = rowConductance(layer);
    const drive = exactProduct(driven(x, layer, hardware, ranges), behind, layer.kind, geometry);
    const mean = drive.mean().multiply(layer.groups ?? 1);
    seen.set(layer.name, [...(seen.get(layer.name) ?? []), mean]);
  };
  return {
    operator: {
      multiply: (x, layer, geometry) => {
        observe(x, layer, geometry);
        return base.multiply(x, layer, geometry);
      },
    },
    drives: () =>
      Object.fromEntries(
        [...seen].map(([name, values]) => [
          `${name}.drive`,
          values.reduce((sum, one) => sum.add(one)).multiply(1 / values.length),
        ]),
      ),
  };
}

/** Pulse widths as shares of the longest; of an embedding its indices, which drive one row fully. */
function driven(x: Tensor, layer: Layer, hardware: HardwareSpec, ranges: ConverterRanges): Tensor {
  if (layer.kind === 'embedding') return x;
  const range: TensorLike = hasRangePerExample(hardware)
    ? largestOfExamples(x)
    : ranges.inputRange(layer.name, x, true).range;
  return convertInput(x, hardware.dac, range).abs().divide(range);
}

/** The energy of a drive in one product, pJ; undefined if voltage or pulse are unknown. */
export function drivePicojoules(
  { array, dac }: BottomUpTile,
  hardware: HardwareSpec,
  drive: number,
): number | undefined {
  const longest = longestPulseNanoseconds(dac, bitsOf(hardware).input);
  const { value: voltage } = array.readVoltage;
  return longest === null || voltage === null ? undefined : arrayPicojoules([drive], [longest], voltage);
}
