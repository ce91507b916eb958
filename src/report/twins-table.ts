// Twins as plain text for a terminal: a row for each seed, means with intervals, published figures.

import { printable } from '../base/printable.ts';
import { alignRow, widthsOf } from '../base/text-table.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';
import { estimateCell, scoreCell, scoreTitle } from './twin-scores.ts';

/** The record as a table: scores of both trainings and their difference, by seed and in the mean; lines without end. */
export function twinsTable(record: TwinRecord): string {
  const { pairs, inCells, inFloat, difference, published } = record;
  const rows = [
    ['', 'in cells', 'in floating point', 'difference'],
    ...pairs.map((pair) => [
      `seed ${pair.seed}`,
      scoreCell(record.score, pair.inCells.score),
      scoreCell(record.score, pair.inFloat.score),
      scoreCell(record.score, pair.inCells.score - pair.inFloat.score),
    ]),
    ...(pairs.length > 1
      ? [['mean', ...[inCells, inFloat, difference].map((estimate) => estimateCell(record.score, estimate))]]
      : []),
  ];
  const widths = widthsOf(rows);
  const figures = (published?.figures ?? []).map(
    ({ what, score, of, locator, secondHand }) =>
      `published, ${printable(what)} (${of}): ${scoreCell(record.score, score)}, ${printable(locator)}${secondHand ? ', second hand' : ''}`,
  );
  return [
    `${printable(record.title)}: ${scoreTitle(record.score)}`,
    ...rows.map((row) => alignRow(row, widths, '  ')),
    ...figures,
  ].join('\n');
}
