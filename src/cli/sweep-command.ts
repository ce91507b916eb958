// `ohmic sweep`: every point of a file, on this machine or on a queue; `ohmic sweep plan` and `collect` for schedulers of
// clusters.

import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { storageWithin } from '../base/storage.ts';
import { TRAINING_FILES } from '../experiment/train-stage.ts';
import { workLocally } from '../fleet/local.ts';
import { createPool } from '../fleet/pool.ts';
import { queueAddress } from '../fleet/queue-connection.ts';
import { workOnQueue } from '../fleet/queue-coordinator.ts';
import { createSchedule } from '../fleet/schedule.ts';
import type { Table } from '../fleet/table.ts';
import { folderStorage } from '../node/folder-storage.ts';
import { sweepTable } from '../report/sweep-table.ts';
import { trainingFolder } from '../sweep/perform.ts';
import { commandLine } from './command-line.ts';
import { lockFolder } from './folder-lock.ts';
import { interruptible } from './interruption.ts';
import type { Progress } from './progress.ts';
import { createFolder } from './run-folder.ts';
import { dryRun } from './sweep-dry-run.ts';
import {
  type ReadSweep,
  readSweep,
  refuseOtherFolder,
  shardFolder,
  summaryOf,
  tablePath,
  writeResults,
} from './sweep-files.ts';
import { BATCH, SILENT_SECONDS, type SweepFlags } from './sweep-flags.ts';
import { openSweep, parseShard, refuseMillions, workerStart } from './sweep-open.ts';
import type { Shard } from './sweep-plan.ts';
import { sweepProgress } from './sweep-progress.ts';
import { ohmicVersion } from './version.ts';

/** Runs or continues a sweep. */
export async function sweepCommand(path: string, flags: SweepFlags, progress: Progress): Promise<void> {
  const sweep = readSweep(path, flags);
  refuseMillions(path, sweep, flags);
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard);
  const folder = resolve(flags.out ?? join('runs', sweep.name));
  const address = flags.queue === undefined ? undefined : queueAddress(flags.queue);
  if (shard !== undefined && address !== undefined)
    throw new UsageError(
      'sweep: expected --shard or --queue, got both; a queue deals out the work by itself',
    );
  if (flags.dryRun === true) return dryRun(sweep, folder, flags, progress);
  refuseOtherFolder(folder);
  const own = shard === undefined ? folder : shardFolder(folder, shard);
  createFolder(own);
  lockFolder(own);
  const table = await openSweep(sweep, own, { flags, progress, store: folder, shard });
  try {
    if (flags.retryFailed === true) progress.line(`${table.forgetFailures()} failed works are tried again`);
    await forgetLostTrainings(table, folder);
    const work = { sweep, table, folder, flags, progress, shard };
    await interruptible(commandLine(), (signal) =>
      address === undefined ? onThisMachine(work, signal) : onQueue(work, address, signal),
    );
    await tellResults(sweep, table, own, { flags, isPart: shard !== undefined });
  } finally {
    table.close();
  }
}

type SweepWork = {
  readonly sweep: ReadSweep;
  readonly table: Table;
  readonly folder: string;
  readonly flags: SweepFlags;
  readonly progress: Progress;
  readonly shard: Shard | undefined;
};

async function onThisMachine(
  { table, folder, flags, progress, shard }: SweepWork,
  signal: AbortSignal,
): Promise<void> {
  const { batch = BATCH, silentSeconds = SILENT_SECONDS } = flags;
  const schedule = createSchedule(table, { chips: batch });
  if (schedule.isOver()) return;
  const count = flags.workers ?? Math.max(1, Math.floor(availableParallelism() / (flags.threads ?? 1)));
  const pool = createPool({ count, silentSeconds, start: workerStart(flags, table.backend) });
  const shown = sweepProgress(table, progress, count);
  try {
    await workLocally({
      table,
      schedule,
      pool,
      store: { kind: 'folder', path: folder },
      signal,
      isShared: shard !== undefined,
      onKept: () => shown.update(schedule.running()),
      onTrouble: progress.line,
    });
  } finally {
    shown.end();
    await pool.close();
  }
}

async function onQueue(
  { sweep, table, folder, flags, progress }: SweepWork,
  address: ReturnType<typeof queueAddress>,
  signal: AbortSignal,
): Promise<void> {
  const shown = sweepProgress(table, progress, undefined);
  try {
    await workOnQueue({
      table,
      chips: flags.batch ?? BATCH,
      address,
      name: sweep.name,
      ohmic: ohmicVersion(),
      folder,
      shared: flags.shared === undefined ? undefined : resolve(flags.shared),
      data: flags.data,
      signal,
      onKept: ({ running }) => shown.update(running),
      onLine: progress.line,
    });
  } finally {
    shown.end();
  }
}

/** Trainings whose weights somebody removed are done again. */
async function forgetLostTrainings(table: Table, folder: string): Promise<void> {
  const storage = folderStorage(folder);
  for (const { name } of [...table.works('training')]) {
    if (table.stateOf(name) !== 'done') continue;
    const own = storageWithin(storage, trainingFolder(name));
    if (!(await own.exists(TRAINING_FILES.weights))) table.forgetTraining(name);
  }
}

/** Writes the results and prints them; failed points end the command with 1. */
export async function tellResults(
  sweep: ReadSweep,
  table: Table,
  folder: string,
  { flags, isPart }: { readonly flags: SweepFlags; readonly isPart: boolean },
): Promise<void> {
  const summary = summaryOf(sweep, table, ohmicVersion());
  const { failed, points, donePoints } = summary;
  if (isPart) process.stdout.write(`${tablePath(folder)}\n`);
  else {
    const report = await writeResults(folder, summary, table);
    if (flags.json === true) process.stdout.write(`${JSON.stringify(summary)}\n`);
    else process.stdout.write(`${sweepTable(summary)}\nreport: ${report}\n`);
  }
  if (failed.length > 0) {
    const reasons = [...new Set(failed.map(({ reason }) => reason))];
    const list = reasons.slice(0, 5).map((reason) => {
      const of = failed.filter((one) => one.reason === reason).map(({ point }) => point);
      return `  - point ${of.slice(0, 8).join(', ')}${of.length > 8 ? ', …' : ''}: ${reason}`;
    });
    throw new UsageError(
      `sweep: ${failed.length} of ${points} points failed, ${donePoints} are done; try them again with --retry-failed\n${list.join('\n')}`,
    );
  }
}
