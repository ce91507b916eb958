// Networks on chips whose score is no accuracy, as plain data, as a table and as CSV. Reports of accuracies are made from
// `ExperimentRecord`; this is the shorter form for scores with units, such as bits per character. Left out: plots.

import { printable } from '../base/printable.ts';
import { alignRow, widthsOf } from '../base/text-table.ts';
import type { CostEstimate } from '../cost/estimate.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import type {
  AccuracyAtTime,
  EvaluationSettings,
  ExperimentRecord,
  NetworkResult,
} from '../experiment/record.ts';
import type { Provenance, ScoreWords } from '../train/provenance.ts';
import { formatChips, formatFixed, METHOD_NAMES, methodsOf, resultAt, timesOf, timeText } from './wording.ts';

/** Scores of the same chips at one time under one method. */
export type ScoreAtTime = Pick<AccuracyAtTime, 'timeSeconds' | 'method' | 'mean' | 'interval95'> & {
  /** One per chip. */
  readonly scores: readonly number[];
};

/** The scores of an experiment. */
export type ScoreRecord = {
  readonly format: 'ohmic-scores-1';
  readonly title: string;
  readonly ohmic: string;
  readonly command: string;
  readonly machine: ExperimentRecord['machine'];
  readonly seed: number;
  readonly dataset: string;
  /** What is scored, in the unit that its name says. */
  readonly score: ScoreWords;
  readonly hardware: HardwareSpec;
  readonly evaluation: EvaluationSettings;
  readonly networks: readonly {
    readonly label: string;
    readonly training: Provenance;
    /** In floating point. */
    readonly digitalScore: number;
    readonly deployed: readonly ScoreAtTime[];
    readonly cost?: CostEstimate;
  }[];
};

/** The scores of evaluated networks. */
export function scoreRecord(
  about: Omit<ScoreRecord, 'format' | 'networks'>,
  results: readonly NetworkResult[],
): ScoreRecord {
  return {
    format: 'ohmic-scores-1',
    ...about,
    networks: results.map(({ label, training, digitalAccuracy, deployed, cost }) => ({
      label,
      training,
      digitalScore: digitalAccuracy,
      deployed: deployed.map(({ accuracies, ...rest }) => ({ ...rest, scores: accuracies })),
      ...(cost && { cost }),
    })),
  };
}

/** Decimals of a score: a thousandth of a bit is below what chips differ by. */
const DECIMALS = 4;

/** For each network its digital score, a row for each method, a column for each time: `1.3120 ± 0.0021`. */
export function printScores({ networks, score, evaluation, dataset }: ScoreRecord): string {
  const known = { networks: networks.map(({ deployed }) => ({ deployed: deployed.map(withAccuracies) })) };
  const times = timesOf(known);
  const methods = methodsOf(known);
  const head = ['', ...times.map(timeText)];
  const tables = known.networks.map((network) =>
    methods.map((method) => [
      METHOD_NAMES[method],
      ...times.map((time) => {
        const result = resultAt(network, method, time);
        return result === undefined ? '–' : estimateText(result);
      }),
    ]),
  );
  const widths = widthsOf([head, ...tables.flat()]);
  const blocks = networks.map(({ label, digitalScore }, k) =>
    [
      `${printable(label)} (digital ${formatFixed(digitalScore, DECIMALS)}, ${formatChips(evaluation.chips)})`,
      ...[head, ...tables[k]!].map((row) => `  ${alignRow(row, widths, '   ')}`),
    ].join('\n'),
  );
  return `${[`${printable(score.name)} on ${printable(dataset)}`, ...blocks].join('\n\n')}\n`;
}

function withAccuracies({ scores, ...rest }: ScoreAtTime): AccuracyAtTime {
  return { ...rest, accuracies: scores };
}

function estimateText({ mean, interval95 }: Pick<ScoreAtTime, 'mean' | 'interval95'>): string {
  const text = formatFixed(mean, DECIMALS);
  return interval95 === undefined
    ? text
    : `${text} ± ${formatFixed((interval95[1] - interval95[0]) / 2, DECIMALS)}`;
}

/** One line for each network, method, time and chip; chips count from 1. */
export function scoresCsv({ networks, score }: ScoreRecord): string {
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const rows = networks.flatMap(({ label, digitalScore, deployed }) =>
    deployed.flatMap(({ method, timeSeconds, scores }) =>
      scores.map((value, chip) =>
        [quoted(label), quoted(score.name), digitalScore, method, timeSeconds, chip + 1, value].join(','),
      ),
    ),
  );
  return `${['network,scoreName,digitalScore,method,timeSeconds,chip,score', ...rows].join('\n')}\n`;
}
