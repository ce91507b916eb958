// The result of an experiment as plain text for a terminal: one block for each network, then the sweep over training
// noise and the published figures where there are any, and a verdict.
// Left out: colours and fitting to the terminal's width.

import { alignRow, widthsOf } from '../base/text-table.ts';
import { formatTime } from '../base/units.ts';
import type { ExperimentRecord, NetworkResult } from '../experiment/record.ts';
import { comparisons } from './comparison.ts';
import {
  formatAccuracy,
  formatEpochs,
  formatEta,
  formatPercent,
  METHOD_NAMES,
  methodsOf,
  resultAt,
  timesOf,
  verdict,
} from './wording.ts';

/** Shown where a method was not evaluated at a time. */
const ABSENT = '–';

/**
 * The record as tables: for each network the digital accuracy, a row for each method, a column for each time; a row for
 * each amount of training noise; a row for each published figure.
 *
 * A cell is the mean over chips with the half width of its 95 % confidence interval: `91.23 ± 0.12 %`.
 *
 * @returns lines that end in a line feed; the last one is the verdict
 */
export function printTable(record: ExperimentRecord): string {
  const blocks = [...networkBlocks(record), ...noiseSweepBlock(record), ...publishedBlock(record)];
  return `${[...blocks, verdict(record)].join('\n\n')}\n`;
}

function networkBlocks(record: ExperimentRecord): string[] {
  const times = timesOf(record);
  const methods = methodsOf(record);
  const head = ['', ...times.map(formatTime)];
  const rows = record.networks.map((network) =>
    methods.map((method) => [
      METHOD_NAMES[method],
      ...times.map((time) => {
        const result = resultAt(network, method, time);
        return result === undefined ? ABSENT : formatAccuracy(result);
      }),
    ]),
  );
  // One set of widths for all blocks, so that networks can be compared down a column.
  const widths = widthsOf([head, ...rows.flat()]);
  return record.networks.map((network, index) =>
    [title(network), ...[head, ...rows[index]!].map((row) => indented(row, widths))].join('\n'),
  );
}

function title({ label, digitalAccuracy }: NetworkResult): string {
  return `${label} (digital ${formatPercent(digitalAccuracy)})`;
}

function noiseSweepBlock({ noiseSweep }: ExperimentRecord): string[] {
  if (noiseSweep === undefined || noiseSweep.points.length === 0) return [];
  const networks = noiseSweep.points.toSorted((a, b) => a.relativeToMax - b.relativeToMax);
  const columns = timesOf({ networks }).flatMap((time) =>
    methodsOf({ networks }).map((method) => ({ time, method })),
  );
  const head = [
    '',
    'digital',
    ...columns.map(({ time, method }) => `${formatTime(time)}, ${METHOD_NAMES[method]}`),
  ];
  const rows = networks.map((point) => [
    formatEta(point),
    formatPercent(point.digitalAccuracy),
    ...columns.map(({ time, method }) => {
      const result = resultAt(point, method, time);
      return result === undefined ? ABSENT : formatAccuracy(result);
    }),
  ]);
  const length = formatEpochs(networks[0]!.training.settings!.epochs);
  return [block(`amount of training noise (${length} from the digital weights)`, [head, ...rows])];
}

function publishedBlock(record: ExperimentRecord): string[] {
  const { published } = record;
  if (published === undefined) return [];
  const rows = comparisons(record).map(({ figure, published: theirs, ours, difference }) => [
    `${figure.what} (${figure.locator}${figure.secondHand ? ' *' : ''})`,
    theirs,
    ours,
    difference,
  ]);
  const note = published.figures.some(({ secondHand }) => secondHand)
    ? '\n  * known from notes on the publication, not read in it'
    : '';
  const head = ['', 'published', 'ours', 'difference'];
  return [`${block(`beside ${published.source}`, [head, ...rows])}${note}`];
}

function block(heading: string, rows: readonly (readonly string[])[]): string {
  const widths = widthsOf(rows);
  return [heading, ...rows.map((row) => indented(row, widths))].join('\n');
}

function indented(row: readonly string[], widths: readonly number[]): string {
  return `  ${alignRow(row, widths, '   ')}`;
}
