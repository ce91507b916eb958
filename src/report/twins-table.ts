// Twins as plain text for a terminal: a row for each seed, means with intervals, published figures.

import { printable } from '../base/printable.ts';
import type { Estimate } from '../base/statistics.ts';
import { alignRow, widthsOf } from '../base/text-table.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';

/** The record as a table: scores of both trainings and their difference, by seed and in the mean; lines without end. */
export function twinsTable(record: TwinRecord): string {
  const { pairs, inCells, inFloat, difference, published } = record;
  const rows = [
    ['', 'in cells', 'in floating point', 'difference'],
    ...pairs.map((pair) => [
      `seed ${pair.seed}`,
      scoreCell(record, pair.inCells.score),
      scoreCell(record, pair.inFloat.score),
      scoreCell(record, pair.inCells.score - pair.inFloat.score),
    ]),
    ...(pairs.length > 1
      ? [['mean', ...[inCells, inFloat, difference].map((estimate) => estimateCell(record, estimate))]]
      : []),
  ];
  const widths = widthsOf(rows);
  const figures = (published?.figures ?? []).map(
    ({ what, score, of, locator, secondHand }) =>
      `published, ${printable(what)} (${of}): ${scoreCell(record, score)}, ${printable(locator)}${secondHand ? ', second hand' : ''}`,
  );
  return [
    `${printable(record.title)}: ${scoreTitle(record)}`,
    ...rows.map((row) => alignRow(row, widths, '  ')),
    ...figures,
  ].join('\n');
}

/** The name of the score with its unit: `accuracy (%)`. */
export function scoreTitle({ score: { name, isShare } }: Pick<TwinRecord, 'score'>): string {
  return isShare ? `${name} (%)` : name;
}

/** A score: per cent with two decimals, or an amount with four. */
export function scoreCell({ score: { isShare } }: Pick<TwinRecord, 'score'>, value: number): string {
  return isShare ? (100 * value).toFixed(2) : value.toFixed(4);
}

/** A mean with the half width of its 95 % interval. */
export function estimateCell(record: Pick<TwinRecord, 'score'>, { mean, interval95 }: Estimate): string {
  if (interval95 === undefined) return scoreCell(record, mean);
  return `${scoreCell(record, mean)} ± ${scoreCell(record, (interval95[1] - interval95[0]) / 2)}`;
}
