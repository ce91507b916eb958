// The result of an experiment as one plain record. Reports are made from it, and results/ keeps it.

import type { Seconds } from '../base/units.ts';
import type { CostEstimate } from '../cost/estimate.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import type { Provenance } from '../train/provenance.ts';
import type { Attribution } from './attribution.ts';
import type { CompensationMethod } from './compensation-method.ts';
import type { EvaluationSettings } from './evaluation-settings.ts';

export { COMPENSATION_METHODS, type CompensationMethod } from './compensation-method.ts';
export type { AdabsSettings, EvaluationSettings } from './evaluation-settings.ts';

/** Accuracies of the same chips at one time under one method. */
export type AccuracyAtTime = {
  readonly timeSeconds: Seconds;
  readonly method: CompensationMethod;
  /** One per chip, in the order of the chips. */
  readonly accuracies: readonly number[];
  readonly mean: number;
  /** 95 % confidence interval of the mean over chips (Student's t); absent for a single chip. */
  readonly interval95?: readonly [low: number, high: number];
};

/**
 * Counts of cells by conductance, on the first chip: the mapped targets, just programmed, and as read at each time,
 * there without read noise if the hardware draws that for every product.
 */
export type ConductanceHistogram = {
  readonly edgesMicrosiemens: readonly number[];
  readonly target: readonly number[];
  readonly programmed: readonly number[];
  readonly read: readonly { readonly timeSeconds: Seconds; readonly counts: readonly number[] }[];
};

/** A layer on the first chip. */
export type LayerSummary = {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly tiles: number;
  /** Share of the tiles' crosspoints in use; 1 without tile limits. */
  readonly utilisation: number;
  /**
   * Root mean square of (weight as read − weight) / max|weight| at each time, without and with global compensation. It
   * contains read noise, also where that is drawn for every product.
   */
  readonly weightErrors: readonly {
    readonly timeSeconds: Seconds;
    readonly none: number;
    readonly global: number;
  }[];
};

/** One network, deployed. */
export type NetworkResult = {
  /** For people: "noise-trained". */
  readonly label: string;
  readonly training: Provenance;
  /** Accuracy in floating point on the same test images. */
  readonly digitalAccuracy: number;
  readonly deployed: readonly AccuracyAtTime[];
  readonly layers: readonly LayerSummary[];
  readonly histogram: ConductanceHistogram;
  /** Settings of this network's evaluation, if they differ from those of the experiment. */
  readonly evaluation?: EvaluationSettings;
  /** What it costs on the same mapping; absent if nobody asked. */
  readonly cost?: CostEstimate;
};

/**
 * Networks trained from the same weights for the same length with different noise; chips and reads as in the
 * experiment.
 */
export type NoiseSweep = {
  readonly evaluation: EvaluationSettings;
  readonly points: readonly NoiseSweepPoint[];
};

/** The network of one amount of training noise: η = σ / max|W| of a layer. */
export type NoiseSweepPoint = Pick<NetworkResult, 'training' | 'digitalAccuracy' | 'deployed'> & {
  readonly relativeToMax: number;
};

/** Published figures, which are compared with the experiment that repeats them. */
export type Publication = {
  /** The publication: authors, journal, year. */
  readonly source: string;
  readonly figures: readonly PublishedFigure[];
};

/** One accuracy of a publication, and which of our results it is compared with. */
export type PublishedFigure = {
  /** For people: "on the chip for a day, AdaBS". */
  readonly what: string;
  /** Share of 1. */
  readonly accuracy: number;
  /** The publication states the accuracy itself, a bound that it exceeds, or a rough value. */
  readonly meaning: 'equal' | 'above' | 'about';
  /** Its place in the publication: "Fig. 4d". */
  readonly locator: string;
  /** Known from notes on the publication, not read in it. */
  readonly secondHand: boolean;
  /** Label of the network that it is compared with. */
  readonly network: string;
  /** The result on chips that it is compared with; absent: the digital accuracy. */
  readonly onChips?: { readonly timeSeconds: Seconds; readonly method: CompensationMethod };
};

/** The complete record of one experiment. */
export type ExperimentRecord = {
  readonly format: 'ohmic-record-1';
  readonly title: string;
  readonly ohmic: string;
  /** The command that repeats it. */
  readonly command: string;
  /** Processor, backend and runtime that made it. */
  readonly machine: { readonly backend: string; readonly processor: string; readonly node: string };
  readonly seed: number;
  readonly dataset: {
    readonly name: string;
    readonly trainImages: number;
    readonly testImages: number;
    readonly classes: number;
  };
  readonly hardware: HardwareSpec;
  readonly evaluation: EvaluationSettings;
  readonly networks: readonly NetworkResult[];
  /** The figures of the publication that this experiment repeats. */
  readonly published?: Publication;
  readonly noiseSweep?: NoiseSweep;
  /** Where one of the networks loses accuracy. */
  readonly attribution?: Attribution;
};
