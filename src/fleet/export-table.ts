// The table of a sweep as files for other programs, tidy: one line for each accuracy, in the order of the points. Both are
// written part by part.

import { isTree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { writeParts, writeWhole } from '../node/files.ts';
import { csvText } from '../report/csv.ts';
import type { SweepRow } from '../sweep/summary.ts';
import { canonicalText } from '../sweep/works.ts';
import type { Table } from './table.ts';

type Rows = Pick<Table, 'rows'>;

/** Rows of a part of a file. */
const PART = 20_000;

/**
 * Comma-separated values, as `report/csv.ts` writes them: the number of the point, the axes, then `network`,
 * `digitalAccuracy`, `chip`, `timeSeconds`, `method` and `accuracy`. The same results give the same bytes.
 *
 * @throws UsageError if the file can't be written
 */
export function writeCsv(path: string, table: Rows, axes: readonly string[]): void {
  writeParts(path, csvParts(table, axes));
}

function* csvParts(table: Rows, axes: readonly string[]): Generator<string> {
  yield csvText([
    ['point', ...axes, 'network', 'digitalAccuracy', 'chip', 'timeSeconds', 'method', 'accuracy'],
  ]);
  for (const rows of parts(table.rows())) {
    yield csvText(
      rows.map(({ point, values, network, digitalAccuracy, chip, timeSeconds, method, accuracy }) => [
        point,
        ...axes.map((name) => cell(values[name])),
        network,
        digitalAccuracy ?? '',
        chip,
        timeSeconds,
        method,
        accuracy,
      ]),
    );
  }
}

/**
 * Apache Parquet with the same columns. Axes of numbers are doubles, of true and false booleans, all others text. Throws
 * likewise.
 */
export async function writeParquet(path: string, table: Rows, axes: readonly string[]): Promise<void> {
  // Loaded when it is needed: other commands do not pay for it.
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer');
  const kinds = kindsOf(table, axes);
  const writer = new ByteWriter();
  const columnsOf = (rows: readonly SweepRow[]) => [
    { name: 'point', data: rows.map(({ point }) => point), type: 'INT32' as const, nullable: false },
    ...axes.map((name, k) => ({
      name,
      data: rows.map(({ values }) =>
        kinds[k] === 'STRING' ? String(cell(values[name])) : values[name],
      ) as unknown[],
      type: kinds[k]!,
      nullable: true,
    })),
    { name: 'network', data: rows.map(({ network }) => network), type: 'STRING' as const, nullable: false },
    {
      name: 'digitalAccuracy',
      data: rows.map(({ digitalAccuracy }) => digitalAccuracy ?? null) as unknown[],
      type: 'DOUBLE' as const,
      nullable: true,
    },
    { name: 'chip', data: rows.map(({ chip }) => chip), type: 'INT32' as const, nullable: false },
    {
      name: 'timeSeconds',
      data: rows.map(({ timeSeconds }) => timeSeconds),
      type: 'DOUBLE' as const,
      nullable: false,
    },
    { name: 'method', data: rows.map(({ method }) => method), type: 'STRING' as const, nullable: false },
    {
      name: 'accuracy',
      data: rows.map(({ accuracy }) => accuracy),
      type: 'DOUBLE' as const,
      nullable: false,
    },
  ];
  const schema = schemaFromColumnData({ columnData: columnsOf([]) as never });
  const file = new ParquetWriter({ writer, schema });
  for (const rows of parts(table.rows())) file.write({ columnData: columnsOf(rows) as never });
  file.finish();
  writeWhole(path, writer.getBytes());
}

type Kind = 'DOUBLE' | 'BOOLEAN' | 'STRING';

/** The type of each axis: that of all its values. */
function kindsOf(table: Rows, axes: readonly string[]): Kind[] {
  const seen = axes.map(() => new Set<string>());
  let last: SweepRow['values'] | undefined;
  for (const { values } of table.rows()) {
    if (values === last) continue;
    last = values;
    for (const [k, name] of axes.entries()) seen[k]!.add(typeof values[name]);
  }
  return seen.map((types) => {
    const [only] = types.size === 1 ? types : [];
    return only === 'number' ? 'DOUBLE' : only === 'boolean' ? 'BOOLEAN' : 'STRING';
  });
}

function cell(value: Json | undefined): string | number {
  if (typeof value === 'number' || typeof value === 'string') return value;
  if (value === undefined) return '';
  return isTree(value) || Array.isArray(value) ? canonicalText(value) : JSON.stringify(value);
}

function* parts(rows: Iterable<SweepRow>): Generator<SweepRow[]> {
  let part: SweepRow[] = [];
  for (const row of rows) {
    part.push(row);
    if (part.length < PART) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
