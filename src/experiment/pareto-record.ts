// Accuracy against energy: variants of one hardware, each with the accuracy of its chips and its cost from the same
// mapping. Plain data; the check is pareto-record-schema.ts, the page report/pareto-page.ts.

import { undominated } from '../base/pareto-front.ts';
import type { Seconds } from '../base/units.ts';
import type { CostEstimate, Replicas } from '../cost/estimate.ts';
import type { HardwareSpec, ReadMode } from '../crossbar/hardware.ts';
import { hermes256OnePhase } from '../crossbar/presets.ts';
import type { AccuracyAtTime, CompensationMethod, ExperimentRecord } from './record.ts';

/** The name of the format; another schema has another name. */
export const PARETO_FORMAT = 'ohmic-pareto-1';

/** A variant of the hardware. */
export type ParetoPoint = {
  readonly name: string;
  readonly hardware: HardwareSpec;
  /** Copies of every layer, which work side by side. */
  readonly copies: number;
  /** After the time and under the method of the record. */
  readonly accuracy: Pick<AccuracyAtTime, 'accuracies' | 'mean' | 'interval95'>;
  /** With the arrays as read at that time. */
  readonly cost: CostEstimate;
};

/** The record of a sweep. */
export type ParetoRecord = {
  readonly format: typeof PARETO_FORMAT;
  readonly title: string;
  readonly ohmic: string;
  readonly command: string;
  readonly machine: ExperimentRecord['machine'];
  readonly seed: number;
  readonly dataset: string;
  readonly testImages: number;
  readonly network: string;
  readonly digitalAccuracy: number;
  readonly timeSeconds: Seconds;
  readonly method: CompensationMethod;
  readonly chips: number;
  readonly points: readonly ParetoPoint[];
};

/** Values to vary; absent: that of the hardware. */
export type Sweep = {
  readonly adcBits?: readonly number[] | undefined;
  /** Rows and columns of square tiles. */
  readonly tileSizes?: readonly number[] | undefined;
  readonly readModes?: readonly ReadMode['kind'][] | undefined;
  readonly copies?: readonly number[] | undefined;
};

/** A variant before it is measured. */
export type Variant = Pick<ParetoPoint, 'name' | 'hardware' | 'copies'>;

/**
 * All combinations of the values of a sweep. One phase has the error of `hermes256OnePhase`.
 *
 * @returns each with a name that tells what differs
 */
export function variantsOf(base: HardwareSpec, { adcBits, tileSizes, readModes, copies }: Sweep): Variant[] {
  const bits = choices(adcBits, (value) => ({
    text: `${value}-bit ADC`,
    change: (own: HardwareSpec) => withBits(own, value),
  }));
  const tiles = choices(tileSizes, (size) => ({
    text: `tiles ${size} x ${size}`,
    change: (own: HardwareSpec) => ({
      ...own,
      tile: { kind: 'limited', rows: size, columns: size } as const,
    }),
  }));
  const modes = choices(readModes, (mode) => ({
    text: mode === 'one-phase' ? 'one phase' : 'four phases',
    change: (own: HardwareSpec) => ({
      ...own,
      readMode: mode === 'one-phase' ? hermes256OnePhase.readMode! : { kind: mode },
    }),
  }));
  return bits.flatMap((bit) =>
    tiles.flatMap((tile) =>
      modes.flatMap((mode) =>
        (copies ?? [1]).map((count): Variant => {
          const changed = mode.change(tile.change(bit.change(base)));
          const texts = [bit.text, tile.text, mode.text, count === 1 ? '' : `${count} copies`];
          const name = texts.filter((text) => text !== '').join(', ') || base.name;
          const differs = texts.slice(0, 3).some((text) => text !== '');
          const own = texts.slice(0, 3).filter((text) => text !== '');
          const hardware = differs ? { ...changed, name: `${base.name} (${own.join(', ')})` } : changed;
          return { name, hardware, copies: count };
        }),
      ),
    ),
  );
}

type Choice = { readonly text: string; readonly change: (own: HardwareSpec) => HardwareSpec };

function choices<T>(values: readonly T[] | undefined, of: (value: T) => Choice): readonly Choice[] {
  return values?.map(of) ?? [{ text: '', change: (own) => own }];
}

function withBits(own: HardwareSpec, bits: number): HardwareSpec {
  return own.adc.kind === 'uniform' ? { ...own, adc: { ...own.adc, bits } } : own;
}

/** The points that no other beats: none is at least as accurate for less energy, or more accurate for as much. */
export function paretoFront(points: readonly ParetoPoint[]): ParetoPoint[] {
  return undominated(
    points,
    ({ cost }) => cost.energy.chip.picojoules,
    ({ accuracy }) => accuracy.mean,
  );
}

/** Copies of every layer, as an estimate takes them. */
export function replicasOf(copies: number): Replicas | undefined {
  return copies === 1 ? undefined : { '*': copies };
}
