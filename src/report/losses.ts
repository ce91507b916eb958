// Losses by each source and each group of layers, from the accuracies of an attribution: the common rows of table, plot
// and terminal. Differences are paired chip by chip, so that differences between chips do not blur them. Left out:
// shares of the total loss, since losses need not add up.

import { type Estimate, estimateOf, pairedDifference } from '../base/statistics.ts';
import {
  ATTRIBUTION_SOURCES,
  type Attribution,
  type AttributionEntry,
  type AttributionPoint,
  type AttributionSource,
  type AttributionSubject,
  type ChipAccuracies,
} from '../experiment/attribution.ts';
import { formatChips, formatPoints, isToldApart, listed, METHOD_NAMES, timeText } from './wording.ts';

/** Name of a source for people. */
export const SOURCE_NAMES: { readonly [S in AttributionSource]: string } = {
  'programming-noise': 'programming noise',
  'read-noise': 'read noise',
  drift: 'drift',
  converters: 'converters',
  'output-noise': 'output noise',
};

/** Accuracy with a subject changed, and the loss by the subject: shares of 1, positive for a loss. */
export type Loss = {
  readonly accuracy: Estimate;
  readonly loss: Estimate;
  readonly perChip: readonly number[];
};

/** A subject with its losses at each point; absent: not measured. */
export type LossRow = {
  readonly kind: AttributionSubject['kind'];
  readonly name: string;
  /** Layers of a group. */
  readonly layers: readonly string[];
  /** digital − (the subject alone). */
  readonly alone?: readonly Loss[];
  /** (all but the subject) − reference. */
  readonly leftOut?: readonly Loss[];
};

/** All subjects: sources from cells to periphery, then layers in the order of the attribution. */
export function lossRows(attribution: Attribution): readonly LossRow[] {
  const rank = ({ subject }: AttributionEntry): number =>
    subject.kind === 'source' ? ATTRIBUTION_SOURCES.indexOf(subject.source) : ATTRIBUTION_SOURCES.length;
  const rows = new Map<string, LossRow>();
  for (const entry of attribution.entries.toSorted((a, b) => rank(a) - rank(b))) {
    const { subject, role, accuracies } = entry;
    const name = subject.kind === 'source' ? SOURCE_NAMES[subject.source] : subject.name;
    const key = `${subject.kind}: ${name}`;
    const layers = subject.kind === 'source' ? [] : subject.layers;
    const row = rows.get(key) ?? { kind: subject.kind, name, layers };
    rows.set(
      key,
      role === 'alone'
        ? { ...row, alone: lossesFromDigital(attribution, accuracies) }
        : { ...row, leftOut: lossesOf(accuracies, accuracies, attribution.reference) },
    );
  }
  return [...rows.values()];
}

/** Loss by the whole chip at each point: digital − reference. */
export function wholeLoss(attribution: Attribution): readonly Loss[] {
  return lossesFromDigital(attribution, attribution.reference);
}

/** Loss by mapping and compensation without any source: digital − exact; undefined if it was not measured. */
export function exactLoss(attribution: Attribution): readonly Loss[] | undefined {
  return attribution.exact && lossesFromDigital(attribution, attribution.exact);
}

/** `25 s, no compensation`. */
export function pointName({ timeSeconds, method }: AttributionPoint): string {
  return `${timeText(timeSeconds)}, ${METHOD_NAMES[method]}`;
}

/** `stage1 (10 layers)`. */
export function subjectName({ name, layers }: LossRow): string {
  return layers.length < 2 ? name : `${name} (${layers.length} layers)`;
}

/** A sentence for each point: the loss, and the source with the largest loss alone, if intervals single one out. */
export function lossSentences(attribution: Attribution): readonly string[] {
  const sources = lossRows(attribution).filter(({ kind, alone }) => kind === 'source' && alone !== undefined);
  return attribution.points.map((point, index) => {
    const { loss } = wholeLoss(attribution)[index]!;
    const whole = `${pointName(point)}: the chip costs ${formatLoss(loss)} percentage points`;
    const ranked = sources
      .map(({ name, alone }) => ({ name, one: alone![index]! }))
      .toSorted((a, b) => b.one.loss.mean - a.one.loss.mean);
    const [first, ...others] = ranked;
    if (first === undefined || !isToldApart(first.one.loss)) return `${whole}.`;
    const close = others.filter(({ one }) => !isToldApart(pairedDifference(first.one.perChip, one.perChip)));
    const cost = `alone it costs ${formatLoss(first.one.loss)}`;
    if (close.length === 0) return `${whole}; the largest source is ${first.name}: ${cost}.`;
    const rest = listed(close.map(({ name }) => name));
    return `${whole}; ${first.name} costs most, ${formatLoss(first.one.loss)} alone, but is not told apart from ${rest} by ${formatChips(attribution.chips)}.`;
  });
}

/** A loss in percentage points: `0.52 ± 0.11`; a gain has a minus sign. */
export function formatLoss(loss: Estimate): string {
  return formatPoints(loss).replace('+', '');
}

function lossesFromDigital({ digitalAccuracy }: Attribution, accuracies: ChipAccuracies): readonly Loss[] {
  const digital = accuracies.map((chips) => chips.map(() => digitalAccuracy));
  return lossesOf(accuracies, digital, accuracies);
}

function lossesOf(
  accuracies: ChipAccuracies,
  better: ChipAccuracies,
  worse: ChipAccuracies,
): readonly Loss[] {
  return accuracies.map((chips, point) => ({
    accuracy: estimateOf(chips),
    loss: pairedDifference(better[point]!, worse[point]!),
    perChip: better[point]!.map((value, chip) => value - worse[point]![chip]!),
  }));
}
