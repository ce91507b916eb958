// The folder and the files of a sweep: its file with everything that it names, its table, what is written at the end.

import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { isTree, type Tree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { writeCsv, writeParquet } from '../fleet/export-table.ts';
import type { Table } from '../fleet/table.ts';
import { jsonText } from '../report/json.ts';
import { sweepPage } from '../report/sweep-page.ts';
import { type SweepSummary, summarizeRows } from '../sweep/summary.ts';
import { checkSweepFile, type SweepFile } from '../sweep/sweep-file.ts';
import { needsOf, type Work } from '../sweep/works.ts';
import { withCellFiles } from './cell-file.ts';
import { commandLine } from './command-line.ts';
import { readSettingsFile, writeWhole } from './files.ts';
import { isFolder } from './run-folder.ts';
import { settingRoots, withSettings } from './run-set.ts';
import { located, parseSettings } from './set-flag.ts';
import { runSchema } from './settings-schema.ts';
import { keptEvaluationSchema, type SweepBase, sweepBase } from './sweep-base.ts';

/** A sweep as its file has it. */
export type ReadSweep = { readonly name: string; readonly file: SweepFile; readonly base: SweepBase };

/** Flags that change the base. */
export type BaseFlags = { readonly set?: readonly string[]; readonly backend?: string };

/**
 * Reads the file of a sweep, and the files that it names: a base, cells, weights relative to it.
 *
 * @throws UsageError that lists all faults
 */
export function readSweep(path: string, { set = [], backend }: BaseFlags): ReadSweep {
  const file = checkSweepFile(path, readSettingsFile(path));
  const raw =
    typeof file.base === 'string'
      ? baseOfFile(resolve(dirname(path), file.base))
      : withCellFiles(file.base, path);
  const near = withPlaces(raw as Tree, dirname(path));
  const schema = near['weights'] === undefined ? runSchema : keptEvaluationSchema;
  const changed = withSettings(near as Json, [
    ...located(parseSettings(set), settingRoots(schema)),
    ...(backend === undefined ? [] : [{ path: ['backend'], value: backend, text: 'backend' }]),
  ]);
  const axes = file.axes.map((axis) =>
    axis.paths.includes('weights') && axis.values.kind === 'list'
      ? {
          ...axis,
          values: { ...axis.values, values: axis.values.values.map((value) => placed(value, dirname(path))) },
        }
      : axis,
  );
  const placedFile = { ...file, axes };
  const name = file.name ?? basename(path, extname(path));
  return { name, file: placedFile, base: sweepBase(path, changed as Tree, placedFile) };
}

function baseOfFile(path: string): Json {
  const settings = withCellFiles(readSettingsFile(path), path);
  return isTree(settings) ? withPlaces(settings, dirname(path)) : settings;
}

/** Weights are named relative to the file that names them. */
function withPlaces(base: Tree, folder: string): Tree {
  return base['weights'] === undefined ? base : { ...base, weights: placed(base['weights'], folder) };
}

function placed(value: Json, folder: string): Json {
  return typeof value === 'string' ? resolve(folder, value) : value;
}

/** The table of a sweep in its folder. */
export function tablePath(folder: string): string {
  return join(folder, 'sweep.sqlite');
}

/** The folder of a shard, inside that of the sweep. */
export function shardFolder(
  folder: string,
  { index, count }: { readonly index: number; readonly count: number },
): string {
  return join(folder, 'shards', `${index + 1}-of-${count}`);
}

/** The tables of all shards. */
export function shardTables(folder: string): string[] {
  const shards = join(folder, 'shards');
  if (!existsSync(shards)) return [];
  return readdirSync(shards)
    .sort()
    .map((name) => tablePath(join(shards, name)))
    .filter((path) => existsSync(path));
}

/**
 * Refuses a folder that holds something else.
 *
 * @throws UsageError if it does
 */
export function refuseOtherFolder(folder: string): void {
  if (!isFolder(folder) || existsSync(tablePath(folder))) return;
  const other = readdirSync(folder).filter(
    (name) =>
      !name.startsWith('.') && !['shards', 'trainings', 'files'].includes(name) && !name.endsWith('.slurm'),
  );
  if (other.length > 0)
    throw new UsageError(
      `${folder}: expected a new folder or that of a sweep, it holds ${other[0]}; choose another --out`,
    );
}

/** The results of a sweep, summed up. */
export function summaryOf({ name, file }: ReadSweep, table: Table, ohmic: string): SweepSummary {
  return {
    name,
    ohmic,
    command: commandLine(),
    file,
    points: table.pointCount(),
    donePoints: table.donePoints(),
    failed: table.failedPoints((content) => needsOf(JSON.parse(content) as Work)),
    backends: table.backends(),
    groups: summarizeRows(file, table.rows()),
  };
}

/** Writes results.csv, results.parquet, summary.json and report.html; returns the report's path. */
export async function writeResults(folder: string, summary: SweepSummary, table: Table): Promise<string> {
  const axes = summary.file.axes.map(({ name }) => name);
  const report = join(folder, 'report.html');
  writeCsv(join(folder, 'results.csv'), table, axes);
  await writeParquet(join(folder, 'results.parquet'), table, axes);
  writeWhole(join(folder, 'summary.json'), `${jsonText(summary as unknown as Json)}\n`);
  writeWhole(report, sweepPage(summary));
  return report;
}
