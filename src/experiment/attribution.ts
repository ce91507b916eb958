// Where a network loses accuracy on its hardware, as plain data: each source of error alone and left out, each group
// of layers alone on the chip and alone digital, all on the same chips. A part of `ExperimentRecord`; its check is in
// record-schema.ts, its text and plots in report/. Left out: the measurement (attribute.ts).

import type { Seconds } from '../base/units.ts';
import type { CompensationMethod } from './compensation-method.ts';

/** Sources of the difference between a chip and the digital network. */
export type AttributionSource = 'programming-noise' | 'read-noise' | 'drift' | 'converters' | 'output-noise';

/** All sources: cells first, periphery last. */
export const ATTRIBUTION_SOURCES: readonly AttributionSource[] = [
  'programming-noise',
  'read-noise',
  'drift',
  'converters',
  'output-noise',
];

/** When chips are read, and how drift is compensated. */
export type AttributionPoint = { readonly timeSeconds: Seconds; readonly method: CompensationMethod };

/** The subject of an entry. */
export type AttributionSubject =
  | { readonly kind: 'source'; readonly source: AttributionSource }
  /** A group of layers; `name` is its pattern, or the name of a single layer: `stage1`. */
  | { readonly kind: 'layers'; readonly name: string; readonly layers: readonly string[] };

/** Accuracies of the same chips at the same points: `[point][chip]`, shares of 1. */
export type ChipAccuracies = readonly (readonly number[])[];

/**
 * Accuracies of chips with one subject changed.
 *
 * - A source `alone`: no other source acts. `left-out`: all others do.
 * - Layers `alone`: only these are on the chip, the others digital. `left-out`: only these are digital.
 */
export type AttributionEntry = {
  readonly subject: AttributionSubject;
  readonly role: 'alone' | 'left-out';
  readonly accuracies: ChipAccuracies;
};

/**
 * Where one network loses accuracy. The keys of draws depend on seed, chip, layer and source, so leaving out a source
 * changes no other draw: all accuracies of one chip are paired.
 */
export type Attribution = {
  /** Label of the network. */
  readonly network: string;
  readonly points: readonly AttributionPoint[];
  readonly chips: number;
  /** Test images of each accuracy; absent: all of the experiment. */
  readonly testImages?: number;
  /** Accuracy in floating point on the same test images. */
  readonly digitalAccuracy: number;
  /** All sources act, all layers are on the chip. */
  readonly reference: ChipAccuracies;
  /** No source acts, so only mapping and compensation have an effect. Absent: not measured. */
  readonly exact?: ChipAccuracies;
  readonly entries: readonly AttributionEntry[];
};
