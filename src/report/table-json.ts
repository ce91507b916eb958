// The content of the terminal's table as JSON for programs, `--json`. `toJson` gives the whole record, with every chip.

import type { Estimate } from '../base/statistics.ts';
import type { CostEstimate } from '../cost/estimate.ts';
import type { AccuracyAtTime, CompensationMethod, ExperimentRecord } from '../experiment/record.ts';
import { comparisons } from './comparison.ts';
import { jsonText } from './json.ts';
import { exactLoss, type Loss, lossRows, wholeLoss } from './losses.ts';
import { verdict } from './verdict.ts';
import { resultAt } from './wording.ts';

/** A mean with its 95 % interval, shares of 1, rounded. */
export type EstimateSummary = { readonly mean: number; readonly interval95?: readonly [number, number] };

/** One cell of the table. */
export type ResultSummary = EstimateSummary & {
  readonly timeSeconds: number;
  readonly method: CompensationMethod;
  readonly chips: number;
};

/** The loss by a subject of an attribution at each point; positive is a loss. */
export type LossSummary = { readonly accuracy: EstimateSummary; readonly loss: EstimateSummary };

/** The table of a record as plain data. */
export type TableSummary = {
  readonly title: string;
  readonly dataset: string;
  readonly hardware: string;
  readonly seed: number;
  readonly networks: readonly {
    readonly label: string;
    readonly digitalAccuracy: number;
    readonly testImages: number;
    readonly results: readonly ResultSummary[];
    /** Energy of one example, pJ. */
    readonly energyPicojoules?: CostEstimate['energy'];
  }[];
  readonly noiseSweep?: readonly {
    readonly relativeToMax: number;
    readonly digitalAccuracy: number;
    readonly results: readonly ResultSummary[];
  }[];
  readonly published?: readonly {
    readonly what: string;
    readonly meaning: string;
    readonly published: number;
    /** Absent if the experiment has no such result. */
    readonly ours?: EstimateSummary;
  }[];
  readonly attribution?: {
    readonly network: string;
    readonly digitalAccuracy: number;
    readonly chips: number;
    readonly points: readonly { readonly timeSeconds: number; readonly method: CompensationMethod }[];
    readonly wholeChip: readonly LossSummary[];
    readonly noSource?: readonly LossSummary[];
    readonly subjects: readonly {
      readonly kind: 'source' | 'layers';
      readonly name: string;
      readonly layers: readonly string[];
      readonly alone?: readonly LossSummary[];
      readonly leftOut?: readonly LossSummary[];
    }[];
  };
  readonly verdict: string;
};

/** The table of a record as indented JSON text that ends in a line feed. */
export function tableJson(record: ExperimentRecord): string {
  return `${jsonText(tableSummary(record))}\n`;
}

/** The table of a record as plain data; numbers have six digits. */
export function tableSummary(record: ExperimentRecord): TableSummary {
  const { title, dataset, hardware, seed, networks, evaluation, noiseSweep, published } = record;
  return {
    title,
    dataset: dataset.name,
    hardware: hardware.name,
    seed,
    networks: networks.map(({ label, digitalAccuracy, deployed, cost, evaluation: own = evaluation }) => ({
      label,
      digitalAccuracy: rounded(digitalAccuracy),
      testImages: own.testImages ?? dataset.testImages,
      results: deployed.map(resultSummary),
      ...(cost && { energyPicojoules: cost.energy }),
    })),
    ...(noiseSweep && {
      noiseSweep: noiseSweep.points.map(({ relativeToMax, digitalAccuracy, deployed }) => ({
        relativeToMax,
        digitalAccuracy: rounded(digitalAccuracy),
        results: deployed.map(resultSummary),
      })),
    }),
    ...(published && { published: publishedSummary(record) }),
    ...attributionSummary(record),
    verdict: verdict(record),
  };
}

function publishedSummary(record: ExperimentRecord): NonNullable<TableSummary['published']> {
  return comparisons(record).map(({ figure }) => {
    const { what, meaning, accuracy, onChips } = figure;
    const network = record.networks.find(({ label }) => label === figure.network);
    const onChip = onChips && network && resultAt(network, onChips.method, onChips.timeSeconds);
    const digital =
      onChips === undefined && network !== undefined ? { mean: network.digitalAccuracy } : undefined;
    const ours: Estimate | undefined = onChip ?? digital;
    return { what, meaning, published: accuracy, ...(ours && { ours: estimateSummary(ours) }) };
  });
}

function attributionSummary({ attribution }: ExperimentRecord): Pick<TableSummary, 'attribution'> {
  if (attribution === undefined) return {};
  const { network, digitalAccuracy, chips, points } = attribution;
  const exact = exactLoss(attribution);
  return {
    attribution: {
      network,
      digitalAccuracy: rounded(digitalAccuracy),
      chips,
      points,
      wholeChip: wholeLoss(attribution).map(lossSummary),
      ...(exact && { noSource: exact.map(lossSummary) }),
      subjects: lossRows(attribution).map(({ kind, name, layers, alone, leftOut }) => ({
        kind,
        name,
        layers,
        ...(alone && { alone: alone.map(lossSummary) }),
        ...(leftOut && { leftOut: leftOut.map(lossSummary) }),
      })),
    },
  };
}

function resultSummary(result: AccuracyAtTime): ResultSummary {
  const { timeSeconds, method, accuracies } = result;
  return { timeSeconds, method, chips: accuracies.length, ...estimateSummary(result) };
}

function lossSummary({ accuracy, loss }: Loss): LossSummary {
  return { accuracy: estimateSummary(accuracy), loss: estimateSummary(loss) };
}

function estimateSummary({ mean, interval95 }: Estimate): EstimateSummary {
  if (interval95 === undefined) return { mean: rounded(mean) };
  return { mean: rounded(mean), interval95: [rounded(interval95[0]), rounded(interval95[1])] };
}

/** A ten-thousandth of a percent: far below one test image. */
function rounded(share: number): number {
  return Number(share.toFixed(6));
}
