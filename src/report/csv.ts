// The accuracies on chips of an experiment as comma-separated values in long form, for spreadsheets and data frames.
// Left out: everything but these accuracies; the JSON text has it.

import type { ExperimentRecord, NetworkResult } from '../experiment/record.ts';

const HEADER = ['network', 'method', 'time_seconds', 'chip', 'accuracy'];

/**
 * One line for each network, method, time and chip, below a header; chips count from 1, accuracies are shares of 1 in
 * full precision. Then the networks of a sweep, as `eta 0.038`, and published accuracies on chips, under
 * the name of the network that they are compared with, without the number of a chip.
 *
 * @source RFC 4180: lines end in CR LF; a field with a comma, a quote or a line break is quoted, its quotes doubled
 */
export function toCsv({ networks, noiseSweep, published }: ExperimentRecord): string {
  const measured = networks.flatMap((network) => rowsOf(network.label, network));
  const swept = (noiseSweep?.points ?? []).flatMap((point) => rowsOf(`eta ${point.relativeToMax}`, point));
  const stated = (published?.figures ?? []).flatMap(({ network, accuracy, onChips }) =>
    onChips === undefined
      ? []
      : [[`${network} (published)`, onChips.method, String(onChips.timeSeconds), '', String(accuracy)]],
  );
  const rows = [HEADER, ...measured, ...swept, ...stated];
  return rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

function rowsOf(label: string, { deployed }: Pick<NetworkResult, 'deployed'>): string[][] {
  return deployed.flatMap(({ method, timeSeconds, accuracies }) =>
    accuracies.map((accuracy, chip) => [
      label,
      method,
      String(timeSeconds),
      String(chip + 1),
      String(accuracy),
    ]),
  );
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
