// The result of an experiment as plain text for a terminal: one block for each network, then where accuracy is lost,
// the sweep over training noise and the published figures where there are any, and a verdict. Left out: colours and
// fitting to the terminal's width.

import { printable } from '../base/printable.ts';
import { alignRow, widthsOf } from '../base/text-table.ts';
import type { Attribution } from '../experiment/attribution.ts';
import type { ExperimentRecord, NetworkResult } from '../experiment/record.ts';
import { comparisons } from './comparison.ts';
import { formatDuration, formatRange, formatRate, intervalSentence } from './cost-wording.ts';
import {
  exactLoss,
  formatLoss,
  type Loss,
  lossRows,
  lossSentences,
  pointName,
  subjectName,
  wholeLoss,
} from './losses.ts';
import { verdict } from './verdict.ts';
import {
  formatAccuracy,
  formatChips,
  formatEpochs,
  formatEta,
  formatPercent,
  METHOD_NAMES,
  methodsOf,
  resultAt,
  timesOf,
  timeText,
} from './wording.ts';

/** Shown if a method was not evaluated at a time. */
const ABSENT = '–';

type Row = readonly string[];

/**
 * The record as tables: for each network the digital accuracy, a row for each method, a column for each time; the
 * losses by source and group of layers; a row for each amount of training noise; a row for each published figure.
 *
 * A cell is the mean over chips with the half width of its 95 % confidence interval: `91.23 ± 0.12 %`. Controls in
 * texts of the record are taken out: nothing in it moves the cursor or colours the terminal.
 *
 * @returns lines that end in a line feed; the last one is the verdict
 */
export function printTable(record: ExperimentRecord): string {
  const safe = withPrintableTexts(record);
  const { attribution } = safe;
  const blocks = [
    ...networkBlocks(safe),
    ...costBlock(safe),
    ...(attribution === undefined ? [] : [attributionBlock(attribution)]),
    ...noiseSweepBlock(safe),
    ...publishedBlock(safe),
    verdict(safe),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** Where a network loses accuracy, as a table and a sentence for each point; lines that end in a line feed. */
export function printAttribution(attribution: Attribution): string {
  const safe = withPrintableTexts(attribution);
  return `${[attributionBlock(safe), lossSentences(safe).join('\n')].join('\n\n')}\n`;
}

function networkBlocks(record: ExperimentRecord): string[] {
  const times = timesOf(record);
  const methods = methodsOf(record);
  const head = ['', ...times.map(timeText)];
  const rows = record.networks.map((network) =>
    methods.map((method) => [
      METHOD_NAMES[method],
      ...times.map((time) => {
        const result = resultAt(network, method, time);
        return result === undefined ? ABSENT : formatAccuracy(result);
      }),
    ]),
  );
  // All blocks have the same widths, so that networks can be compared within a column.
  const widths = widthsOf([head, ...rows.flat()]);
  return record.networks.map((network, index) =>
    [title(record, network), ...[head, ...rows[index]!].map((row) => indented(row, widths))].join('\n'),
  );
}

/** A line for each network with a cost, and what their intervals mean. */
function costBlock({ networks }: ExperimentRecord): string[] {
  const costed = networks.flatMap(({ label, cost }) => (cost === undefined ? [] : [{ label, cost }]));
  if (costed.length === 0) return [];
  const rows = costed.map(({ label, cost }) => [
    label,
    formatRange(cost.energy.tile),
    formatRange(cost.energy.chip),
    formatDuration(cost.latency.sequentialNanoseconds),
    formatRate(cost.latency.examplesPerSecond),
  ]);
  const heading = `energy and latency of one example, cost ${costed[0]!.cost.cost}`;
  const head = ['', 'tiles', 'chip', 'latency', 'pipelined'];
  return [`${block(heading, [head, ...rows])}\n${intervalSentence(costed[0]!.cost)}`];
}

function title(record: ExperimentRecord, { label, digitalAccuracy, evaluation }: NetworkResult): string {
  const { chips } = evaluation ?? record.evaluation;
  return `${label} (digital ${formatPercent(digitalAccuracy)}, ${formatChips(chips)})`;
}

function attributionBlock(attribution: Attribution): string {
  const { network, points, chips, digitalAccuracy } = attribution;
  const cells = (losses: readonly Loss[]): Row => losses.map(({ loss }) => formatLoss(loss));
  const rows = lossRows(attribution).flatMap((row) => [
    ...(row.alone === undefined ? [] : [[`${subjectName(row)}, alone`, ...cells(row.alone)]]),
    ...(row.leftOut === undefined ? [] : [[`${subjectName(row)}, left out`, ...cells(row.leftOut)]]),
  ]);
  const exact = exactLoss(attribution);
  const ends = [
    ...(exact === undefined ? [] : [['no source at all', ...cells(exact)]]),
    ['the whole chip', ...cells(wholeLoss(attribution))],
  ];
  const heading = `where ${network} loses accuracy (percentage points below the digital ${formatPercent(digitalAccuracy)} when alone, regained when left out; ${formatChips(chips)})`;
  return block(heading, [['', ...points.map(pointName)], ...rows, ...ends]);
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
    ...columns.map(({ time, method }) => `${timeText(time)}, ${METHOD_NAMES[method]}`),
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

function block(heading: string, rows: readonly Row[]): string {
  const widths = widthsOf(rows);
  return [heading, ...rows.map((row) => indented(row, widths))].join('\n');
}

function indented(row: Row, widths: readonly number[]): string {
  return `  ${alignRow(row, widths, '   ')}`;
}

/** The same plain data, each text in it on one line and without controls. */
function withPrintableTexts<T>(value: T): T {
  if (typeof value === 'string') return printable(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withPrintableTexts) as T;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withPrintableTexts(item)]),
  ) as T;
}
