// The record of a training in the cells beside the same training in floating point: its twin, which has the same seed and
// so the same start, the same order of examples and the same augmentation.

import { type Estimate, estimateOf, pairedDifference } from '../base/statistics.ts';
import type { CostEstimate } from '../cost/estimate.ts';
import type { TrainingEstimate } from '../cost/training-energy.ts';
import { twinOf } from '../insitu/update-rule.ts';
import type { ScoreWords } from '../train/provenance.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { EpochRecord } from '../train/training-state.ts';
import type { CellStatistics } from './cell-statistics.ts';
import type { ExperimentRecord, NetworkResult } from './record.ts';

/** One training of a pair of twins. */
export type TwinTraining = {
  readonly history: readonly EpochRecord[];
  /** Score on the test examples at the end. */
  readonly score: number;
};

/** Twins of one seed. */
export type TwinPair = {
  readonly seed: number;
  readonly inCells: TwinTraining;
  readonly inFloat: TwinTraining;
};

/** A published figure of a training. */
export type TwinFigure = {
  readonly what: string;
  readonly score: number;
  /** Which of ours it is compared with. */
  readonly of: 'cells' | 'float' | 'difference';
  readonly locator: string;
  readonly secondHand: boolean;
};

/** Energy for one example: of the network, and of its training in cells. */
export type TwinCost = { readonly inference: CostEstimate; readonly training: TrainingEstimate };

/** The complete record of twins. */
export type TwinRecord = {
  readonly format: typeof TWINS_FORMAT;
  readonly title: string;
  readonly ohmic: string;
  /** The command that repeats it. */
  readonly command: string;
  readonly machine: ExperimentRecord['machine'];
  readonly dataset: string;
  readonly network: { readonly name: string; readonly weights: number; readonly analogWeights: number };
  readonly score: {
    /** "accuracy", "bits per character". */
    readonly name: string;
    /** Shares are read as per cent. */
    readonly isShare: boolean;
    readonly isBetter: 'higher' | 'lower';
  };
  /** What the histories score, if that is something else: images of pairs are compared at the end only. */
  readonly historyScore?: ScoreWords;
  /** Settings of the training in cells; the twin has the descent of its rule and no hardware. */
  readonly settings: TrainingSettings;
  readonly pairs: readonly TwinPair[];
  /** Means over seeds. */
  readonly inCells: Estimate;
  readonly inFloat: Estimate;
  /** Cells minus floating point, paired by seed. */
  readonly difference: Estimate;
  /** On the hardware of the training; absent if that has no cost. */
  readonly cost?: TwinCost;
  /** Of the first seed. */
  readonly cells?: CellStatistics;
  /** The trained cells of each seed afterwards: drift, reads, compensation. */
  readonly afterwards?: readonly NetworkResult[];
  readonly published?: { readonly source: string; readonly figures: readonly TwinFigure[] };
  /** Generated images, in files beside the record. */
  readonly pictures?: readonly TwinPicture[];
};

/** A picture in a file beside the record. */
export type TwinPicture = { readonly label: string; readonly file: string };

/** The name of the format; another schema has another name. */
export const TWINS_FORMAT = 'ohmic-twins-1';

/** Means and differences of pairs. */
export function summarizeTwins(
  pairs: readonly TwinPair[],
): Pick<TwinRecord, 'pairs' | 'inCells' | 'inFloat' | 'difference'> {
  const inCells = pairs.map((pair) => pair.inCells.score);
  const inFloat = pairs.map((pair) => pair.inFloat.score);
  return {
    pairs,
    inCells: estimateOf(inCells),
    inFloat: estimateOf(inFloat),
    difference: pairedDifference(inCells, inFloat),
  };
}

/** The settings of the twin in floating point: the descent of the rule, no hardware. */
export function twinSettings({
  rule,
  hardware: _,
  ranges: __,
  ...others
}: TrainingSettings): TrainingSettings {
  return { ...others, rule: twinOf(rule) };
}
