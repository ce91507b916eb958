// Published figures compared with ours: the text of both reports, and the figures that fit into a plot.
// Left out: a judgement whether the publication is reproduced, which needs the publication's own uncertainty.

import type {
  CompensationMethod,
  ExperimentRecord,
  NetworkResult,
  PublishedFigure,
} from '../experiment/record.ts';
import {
  formatAccuracy,
  formatPercent,
  formatPoints,
  METHOD_NAMES,
  resultAt,
  timesOf,
  timeText,
} from './wording.ts';

/** A published figure as text, and our result. */
export type Comparison = {
  readonly figure: PublishedFigure;
  /** Name of our result: `noise-trained, AdaBS, 1 day`. */
  readonly result: string;
  /** `93.87 %`, `> 92.6 %`, `≈ 10 %`. */
  readonly published: string;
  /** Mean over chips, or digital accuracy; a dash where there is none. */
  readonly ours: string;
  /** Ours minus the published one, in percentage points. */
  readonly difference: string;
};

const ABSENT = '–';

/** Every published figure of a record with the result that it is compared with. */
export function comparisons(record: ExperimentRecord): readonly Comparison[] {
  return (record.published?.figures ?? []).map((figure) => {
    const network = record.networks.find(({ label }) => label === figure.network);
    const ours = network === undefined ? undefined : resultOf(network, figure);
    return {
      figure,
      result: resultName(figure),
      published: formatPublished(figure),
      ours: ours?.text ?? ABSENT,
      difference: ours === undefined ? ABSENT : formatPoints({ mean: ours.accuracy - figure.accuracy }),
    };
  });
}

/** A published accuracy with as many digits as the publication gives: `93.87 %`, `> 92.6 %`, `≈ 10 %`. */
export function formatPublished({ accuracy, meaning }: PublishedFigure): string {
  const sign = { equal: '', above: '> ', about: '≈ ' }[meaning];
  return `${sign}${Number((100 * accuracy).toPrecision(6))} %`;
}

/** Figures that the plot of a network has a place for: digital ones, and those of its methods within its times. */
export function plottedFigures(
  record: ExperimentRecord,
  network: NetworkResult,
  methods: readonly CompensationMethod[],
): readonly PublishedFigure[] {
  const times = timesOf(record);
  const [first, last] = [times[0], times.at(-1)];
  return (record.published?.figures ?? []).filter(({ network: label, onChips }) => {
    if (label !== network.label) return false;
    if (onChips === undefined) return true;
    const { timeSeconds, method } = onChips;
    const isWithin = first !== undefined && last !== undefined && timeSeconds >= first && timeSeconds <= last;
    return isWithin && methods.includes(method);
  });
}

function resultName({ network, onChips }: PublishedFigure): string {
  return onChips === undefined
    ? `${network}, in floating point`
    : `${network}, ${METHOD_NAMES[onChips.method]}, ${timeText(onChips.timeSeconds)}`;
}

function resultOf(
  { digitalAccuracy, deployed }: NetworkResult,
  { onChips }: PublishedFigure,
): { readonly accuracy: number; readonly text: string } | undefined {
  if (onChips === undefined) return { accuracy: digitalAccuracy, text: formatPercent(digitalAccuracy) };
  const result = resultAt({ deployed }, onChips.method, onChips.timeSeconds);
  return result === undefined ? undefined : { accuracy: result.mean, text: formatAccuracy(result) };
}
