// The accuracies of an experiment as comma-separated values in long form, for spreadsheets and data frames.
// Left out: everything but the accuracies; the JSON text has it.

import type { ExperimentRecord } from '../record.ts';

const HEADER = ['network', 'method', 'time_seconds', 'chip', 'accuracy'];

/**
 * One line for each network, method, time and chip, below a header; chips count from 1, accuracies are shares of 1 in
 * full precision.
 *
 * @source RFC 4180: lines end in CR LF; a field with a comma, a quote or a line break is quoted, its quotes doubled
 */
export function toCsv({ networks }: ExperimentRecord): string {
  const rows = networks.flatMap(({ label, deployed }) =>
    deployed.flatMap(({ method, timeSeconds, accuracies }) =>
      accuracies.map((accuracy, chip) => [
        label,
        method,
        String(timeSeconds),
        String(chip + 1),
        String(accuracy),
      ]),
    ),
  );
  return [HEADER, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
