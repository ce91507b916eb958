// Time of one product of a tile, and of a network whose layers work one after another or as a pipeline.

import { assertNever } from '../base/errors.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { type BottomUpTile, type HardwareCost, readModeOf } from './cost-spec.ts';
import type { LayerCount } from './count.ts';

/** Bits of the converters; those of ideal converters count as 0, which `costFaults` refuses. */
export function bitsOf({ dac, adc }: HardwareSpec): { readonly input: number; readonly output: number } {
  return {
    input: dac.kind === 'uniform' ? dac.bits : 0,
    output: adc.kind === 'uniform' ? adc.bits : 0,
  };
}

/** The longest pulse of b bits, one of them the sign: 2^(b − 1) slots, ns; null if unknown. */
export function longestPulseNanoseconds({ slot }: BottomUpTile['dac'], bits: number): number | null {
  return slot.value === null ? null : slot.value * 2 ** (bits - 1);
}

/** One integration of a bottom-up tile, its conversions included, ns; null if unknown. */
export function bottomUpPhaseNanoseconds(
  { dac, adc }: Pick<BottomUpTile, 'dac' | 'adc'>,
  hardware: HardwareSpec,
): number | null {
  const pulse = longestPulseNanoseconds(dac, bitsOf(hardware).input);
  const { value } = adc.conversionTime;
  return pulse === null || value === null ? null : pulse + value * adc.columnsPerAdc;
}

/**
 * Time of one product of a tile: as measured in its read mode, or phases · (T_in + T_adc · columns per ADC); ns, null if
 * unknown.
 */
export function productNanoseconds({ tile }: HardwareCost, hardware: HardwareSpec): number | null {
  const mode = readModeOf(hardware);
  switch (tile.kind) {
    case 'measured':
      return tile.reads[mode]!.time.value;
    case 'bottom-up': {
      const phase = bottomUpPhaseNanoseconds(tile, hardware);
      return phase === null ? null : phase * tile.phases[mode];
    }
    default:
      return assertNever(tile);
  }
}

/** Times for one example. */
export type Latency = {
  /** All layers one after another. */
  readonly sequentialNanoseconds: number;
  /** The slowest layer: the time between two results of a full pipeline. */
  readonly bottleneckNanoseconds: number;
  /** Its name. */
  readonly bottleneck: string;
};

/**
 * Σ_l ⌈P_l / copies_l⌉ t_l, and the largest of its terms. All tiles of a layer work at once.
 *
 * Not modelled: digital work, which is taken to be hidden behind the tiles, and transport; branches that run at once.
 */
export function latencyOf(
  layers: readonly {
    readonly layer: Pick<LayerCount, 'name' | 'vectors'>;
    readonly nanoseconds: number;
    readonly copies: number;
  }[],
): Latency {
  const times = layers.map(({ layer, nanoseconds, copies }) => ({
    name: layer.name,
    time: Math.ceil(layer.vectors / copies) * nanoseconds,
  }));
  const slowest = times.reduce((most, one) => (one.time > most.time ? one : most), { name: '', time: 0 });
  return {
    sequentialNanoseconds: times.reduce((sum, { time }) => sum + time, 0),
    bottleneckNanoseconds: slowest.time,
    bottleneck: slowest.name,
  };
}
