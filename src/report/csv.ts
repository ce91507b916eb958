// Accuracies of single chips as comma-separated values in long form, for spreadsheets and data frames: every row is
// complete by itself, so that files of several experiments can be concatenated.
// Left out: means of these values, and published figures, which belong to no chip; record.json has both.

import { printable } from '../base/printable.ts';
import type { AttributionSubject } from '../experiment/attribution.ts';
import type { ExperimentRecord, NetworkResult } from '../experiment/record.ts';

type Cell = string | number;
type Deployed = Pick<NetworkResult, 'training' | 'digitalAccuracy' | 'deployed'>;

const HEADER = [
  'hardware',
  'seed',
  'network',
  'model',
  'dataset',
  'trainingNoise',
  'digitalAccuracy',
  'testImages',
  'chip',
  'timeSeconds',
  'method',
  'accuracy',
];

/**
 * One line for each network, method, time and chip, below a header; then the networks of a sweep, as `eta 0.038`. Chips
 * count from 1, accuracies are shares of 1, `trainingNoise` is σ / max|W| of a layer (0 for none).
 *
 * A text that a spreadsheet would run as a formula, because it begins with = + - @, begins with an apostrophe instead.
 *
 * @source RFC 4180: lines end in CR LF; a field with a comma, a quote or a line break is quoted, its quotes doubled
 */
export function toCsv(record: ExperimentRecord): string {
  const { networks, noiseSweep, evaluation } = record;
  const rows = [
    ...networks.flatMap((network) =>
      rowsOf(record, network.label, network, (network.evaluation ?? evaluation).testImages),
    ),
    ...(noiseSweep?.points ?? []).flatMap((point) =>
      rowsOf(record, `eta ${point.relativeToMax}`, point, noiseSweep!.evaluation.testImages),
    ),
  ];
  return csvText([HEADER, ...rows]);
}

function rowsOf(
  { hardware, seed, dataset }: ExperimentRecord,
  label: string,
  { training, digitalAccuracy, deployed }: Deployed,
  testImages: number = dataset.testImages,
): Cell[][] {
  const noise = training.settings?.noise;
  const trainingNoise =
    noise?.kind === 'gaussian' ? noise.relativeToMax : noise?.kind === 'cells' ? 'cells' : 0;
  const network = [label, training.model, dataset.name, trainingNoise, digitalAccuracy, testImages];
  return deployed.flatMap(({ method, timeSeconds, accuracies }) =>
    accuracies.map((accuracy, chip) => [
      hardware.name,
      seed,
      ...network,
      chip + 1,
      timeSeconds,
      method,
      accuracy,
    ]),
  );
}

const ATTRIBUTION_HEADER = [
  'hardware',
  'seed',
  'network',
  'dataset',
  'digitalAccuracy',
  'testImages',
  'subject',
  'name',
  'layers',
  'role',
  'chip',
  'timeSeconds',
  'method',
  'accuracy',
];

/**
 * Where accuracy is lost, one line for each subject, role, time, method and chip; `reference` has all sources and
 * layers, `exact` no source. Only a header if the record has no attribution. Text as in `toCsv`.
 */
export function attributionCsv({ hardware, seed, dataset, attribution }: ExperimentRecord): string {
  if (attribution === undefined) return csvText([ATTRIBUTION_HEADER]);
  const { network, points, digitalAccuracy, testImages = dataset.testImages } = attribution;
  const lead = [hardware.name, seed, network, dataset.name, digitalAccuracy, testImages];
  const { reference, exact = [], entries } = attribution;
  const tables: readonly (readonly [Cell[], readonly (readonly number[])[]])[] = [
    [['reference', '', '', ''], reference],
    [['exact', '', '', ''], exact],
    ...entries.map(
      ({ subject, role, accuracies }) =>
        [[...subjectCells(subject), role], accuracies] as [Cell[], typeof accuracies],
    ),
  ];
  const rows = tables.flatMap(([what, accuracies]) =>
    accuracies.flatMap((chips, point) =>
      chips.map((accuracy, chip) => {
        const { timeSeconds, method } = points[point]!;
        return [...lead, ...what, chip + 1, timeSeconds, method, accuracy];
      }),
    ),
  );
  return csvText([ATTRIBUTION_HEADER, ...rows]);
}

function subjectCells(subject: AttributionSubject): Cell[] {
  return subject.kind === 'source'
    ? ['source', subject.source, '']
    : ['layers', subject.name, subject.layers.join(' ')];
}

/** Rows as comma-separated values. */
export function csvText(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('');
}

/** Ten digits are more than any number of test images supports, and hide rounding errors of a quotient. */
function cellText(cell: Cell): string {
  if (typeof cell === 'number') return String(Number.isInteger(cell) ? cell : Number(cell.toPrecision(10)));
  const text = printable(cell, '\n');
  const safe = /^\s*[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
