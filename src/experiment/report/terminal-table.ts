// The result of an experiment as plain text for a terminal: one block for each network, and a verdict.
// Left out: colours and fitting to the terminal's width.

import { formatTime } from '../../base/units.ts';
import type { ExperimentRecord, NetworkResult } from '../record.ts';
import {
  formatAccuracy,
  formatPercent,
  METHOD_NAMES,
  methodsOf,
  resultsOf,
  timesOf,
  verdict,
} from './wording.ts';

/** Shown where a method was not evaluated at a time. */
const ABSENT = '–';

/**
 * The record as a table: for each network the digital accuracy, a row for each method, a column for each time.
 *
 * A cell is the mean over chips with the half width of its 95 % confidence interval: `91.23 ± 0.12 %`.
 *
 * @returns lines that end in a line feed; the last one is the verdict
 */
export function printTable(record: ExperimentRecord): string {
  const times = timesOf(record);
  const methods = methodsOf(record);
  const head = ['', ...times.map(formatTime)];
  const blocks = record.networks.map((network) =>
    methods.map((method) => {
      const results = resultsOf(network, method);
      const cells = times.map((time) => {
        const result = results.find(({ timeSeconds }) => timeSeconds === time);
        return result === undefined ? ABSENT : formatAccuracy(result);
      });
      return [METHOD_NAMES[method], ...cells];
    }),
  );
  // One set of widths for all blocks, so that networks can be compared down a column.
  const rows = [head, ...blocks.flat()];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const tables = record.networks.map((network, index) =>
    [title(network), ...[head, ...blocks[index]!].map((row) => align(row, widths))].join('\n'),
  );
  return `${[...tables, verdict(record)].join('\n\n')}\n`;
}

function title({ label, digitalAccuracy }: NetworkResult): string {
  return `${label} (digital ${formatPercent(digitalAccuracy)})`;
}

function align(row: readonly string[], widths: readonly number[]): string {
  const cells = row.map((cell, column) =>
    column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
  );
  return `  ${cells.join('   ')}`.trimEnd();
}
