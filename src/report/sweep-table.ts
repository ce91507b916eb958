// Means of a sweep as text for a terminal: a row for each setting of the axes, a column for each time and method.

import { printable } from '../base/printable.ts';
import type { Json } from '../base/schema.ts';
import type { Estimate } from '../base/statistics.ts';
import { alignRow, widthsOf } from '../base/text-table.ts';
import type { ReplicatedMean } from '../sweep/replicates.ts';
import { replicateAxes, type SweepGroup, type SweepSummary } from '../sweep/summary.ts';
import { formatAccuracy, formatCount, METHOD_NAMES, timeText } from './wording.ts';

/** More columns than fit a terminal: then only the last time. */
const MOST_COLUMNS = 8;
const MOST_ROWS = 60;

/** A mean with the interval that says most: over seeds where there are several, else over chips. */
export function shownMean({ mean, seedInterval95, chipInterval95 }: ReplicatedMean): Estimate {
  const interval95 = seedInterval95 ?? chipInterval95;
  return { mean, ...(interval95 && { interval95 }) };
}

/** The value of an axis for people. */
export function axisText(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : JSON.stringify(value ?? null);
}

/** The axes that are no replicates, and a name for them all: `eta = 0.04, bits = 6`. */
export function groupText(
  { values, network }: Pick<SweepGroup, 'values' | 'network'>,
  several: boolean,
): string {
  const texts = Object.entries(values).map(([name, value]) => `${name} = ${axisText(value)}`);
  return [...texts, ...(several || texts.length === 0 ? [network] : [])].join(', ');
}

/** True if a sweep evaluates several networks a point. */
export function hasNetworks({ groups }: Pick<SweepSummary, 'groups'>): boolean {
  return new Set(groups.map(({ network }) => network)).size > 1;
}

/** The means as a table; lines that end in a line feed. */
export function sweepTable(summary: SweepSummary): string {
  const { groups, file } = summary;
  const [first] = groups;
  if (first === undefined) return 'no results yet\n';
  const replicates = replicateAxes(file);
  const axes = file.axes.map(({ name }) => name).filter((name) => !replicates.includes(name));
  const several = hasNetworks(summary);
  const all = first.results.map(({ timeSeconds, method }) => ({ timeSeconds, method }));
  const last = Math.max(...all.map(({ timeSeconds }) => timeSeconds));
  const columns = all.length <= MOST_COLUMNS ? all : all.filter(({ timeSeconds }) => timeSeconds === last);
  const head = [
    ...axes,
    ...(several ? ['network'] : []),
    'digital',
    ...columns.map(({ timeSeconds, method }) => `${timeText(timeSeconds)}, ${METHOD_NAMES[method]}`),
  ];
  const rows = groups.slice(0, MOST_ROWS).map((group) => [
    ...axes.map((name) => printable(axisText(group.values[name]))),
    ...(several ? [group.network] : []),
    group.digital === undefined ? '–' : formatAccuracy(shownMean(group.digital)),
    ...columns.map(({ timeSeconds, method }) => {
      const result = group.results.find((one) => one.timeSeconds === timeSeconds && one.method === method);
      return result === undefined ? '–' : formatAccuracy(shownMean(result));
    }),
  ]);
  const widths = widthsOf([head, ...rows]);
  const rest = groups.length - rows.length;
  return [
    ...[head, ...rows].map((row) => alignRow(row, widths, '  ')),
    ...(rest > 0 ? [`and ${formatCount(rest)} more in the report`] : []),
    replicatesText(groups, replicates),
    '',
  ].join('\n');
}

/** What the intervals are over. */
export function replicatesText(groups: readonly SweepGroup[], replicates: readonly string[]): string {
  const results = groups.flatMap((group) => group.results);
  const [seeds, chips] = [
    Math.max(...results.map((one) => one.seeds)),
    Math.max(...results.map((one) => one.chips)),
  ];
  if (seeds > 1)
    return `means ± half of the 95 % interval over ${seeds} ${replicates.join(' × ')} replicates (of ${chips} chips in all)`;
  return chips > 1
    ? `means ± half of the 95 % interval over ${chips} chips of one training; other trainings may differ by more`
    : 'one chip each: no intervals';
}
