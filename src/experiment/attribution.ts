// Where a network loses accuracy on its hardware, as plain data: each source of error alone and left out, each group
// of layers alone on the chip and alone digital, all on the same chips. A part of `ExperimentRecord`; its check is in
// record-schema.ts, its words and plots in report/. Left out: how it is measured.

import type { Seconds } from '../base/units.ts';
import type { CompensationMethod } from './compensation-method.ts';

/** What can make a chip differ from the digital network. */
export type AttributionSource = 'programming-noise' | 'read-noise' | 'drift' | 'converters' | 'output-noise';

/** All sources, in the order of the signal: cells first, periphery last. */
export const ATTRIBUTION_SOURCES: readonly AttributionSource[] = [
  'programming-noise',
  'read-noise',
  'drift',
  'converters',
  'output-noise',
];

/** When chips are read, and how drift is compensated. */
export type AttributionPoint = { readonly timeSeconds: Seconds; readonly method: CompensationMethod };

/** What an entry is about. */
export type AttributionSubject =
  | { readonly kind: 'source'; readonly source: AttributionSource }
  /** Layers that are moved together; `name` is the pattern or the name of the one layer: `stage1`. */
  | { readonly kind: 'layers'; readonly name: string; readonly layers: readonly string[] };

/** Accuracies of the same chips at the same points: `[point][chip]`, shares of 1. */
export type ChipAccuracies = readonly (readonly number[])[];

/**
 * What chips reach with one subject changed.
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
 * Where one network loses accuracy. Draws are named by seed, chip, layer and source, so that a source left out changes no
 * other draw: all accuracies of one chip are paired.
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
  /** No source acts: what mapping and compensation alone change. Absent: not measured. */
  readonly exact?: ChipAccuracies;
  readonly entries: readonly AttributionEntry[];
};
