// What all parts of `ohmic sweep` share: flags, the table of a sweep with its points, workers of this machine.

import { UsageError } from '../base/errors.ts';
import type { WorkerStart } from '../fleet/messages.ts';
import { openTable, type Table } from '../fleet/table.ts';
import type { BackendChoice } from '../node/backend-choice.ts';
import { createEngine } from '../node/create-engine.ts';
import { gridSize } from '../sweep/expand.ts';
import { loadNamedData } from './load-data.ts';
import type { Progress } from './progress.ts';
import { lastingBase } from './sweep-base.ts';
import { type ReadSweep, tablePath } from './sweep-files.ts';
import type { SweepFlags } from './sweep-flags.ts';
import { planSweep, type Shard } from './sweep-plan.ts';
import { ohmicVersion } from './version.ts';

/** Points that nobody has by mistake. */
const MOST_POINTS = 100_000;

/** What opening a sweep needs beside its file. */
export type OpenOptions = {
  readonly flags: SweepFlags;
  readonly progress: Progress;
  /** The folder for weights. */
  readonly store: string;
  readonly shard?: Shard | undefined;
};

/**
 * Opens the table of a sweep in a folder, and expands the sweep into it.
 *
 * @throws UsageError if the table is of another sweep, or points are impossible
 */
export async function openSweep(
  { file, base }: ReadSweep,
  folder: string,
  { flags, progress, store, shard }: OpenOptions,
): Promise<Table> {
  const backend = await backendOf((base.raw['backend'] ?? 'auto') as BackendChoice, progress);
  const identity = { ohmic: ohmicVersion(), backend, base: lastingBase(base.raw) };
  const table = openTable(tablePath(folder), identity);
  try {
    await planSweep({
      file,
      base,
      table,
      folder: store,
      backend,
      shard,
      loadData: (data) => loadNamedData(data, { folder: flags.data, progress }),
    });
    return table;
  } catch (thrown) {
    table.close();
    throw thrown;
  }
}

/** The backend that a choice means on this machine. */
async function backendOf(choice: BackendChoice, progress: Progress): Promise<'native' | 'wasm'> {
  const { engine, notice } = await createEngine({ backend: choice, threads: 1 });
  if (notice !== undefined) progress.line(notice);
  const { name } = engine.backend;
  await engine.close();
  if (name === 'native' || name === 'wasm') return name;
  throw new UsageError(`sweep: expected a backend that works run on, native or wasm, got ${name}`);
}

/** What worker processes of this machine begin with. */
export function workerStart(
  { threads = 1, data, checkpointMinutes = 2 }: Pick<SweepFlags, 'threads' | 'data' | 'checkpointMinutes'>,
  backend: BackendChoice,
): WorkerStart {
  return { ohmic: ohmicVersion(), backend, threads, data, checkpointMinutes };
}

/**
 * Refuses sweeps that nobody wants by mistake.
 *
 * @throws UsageError for more points than that, unless `--yes` says so
 */
export function refuseMillions(path: string, { file }: ReadSweep, { yes = false }: SweepFlags): void {
  const size = gridSize(file);
  if (yes || size <= MOST_POINTS) return;
  throw new UsageError(
    `${path}: expected at most ${MOST_POINTS} points, got ${size}; leave values out, or say --yes`,
  );
}

/** `3/20`: the third of twenty parts. */
export function parseShard(text: string): Shard {
  const [index, count] = /^\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text)?.slice(1).map(Number) ?? [];
  if (index === undefined || count === undefined || index < 1 || index > count)
    throw new UsageError(
      `--shard: expected a part and how many there are, from 1/n to n/n, got "${text}"; write for example 3/20`,
    );
  return { index: index - 1, count };
}
