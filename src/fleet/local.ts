// A sweep on this machine: every worker process gets one task after another until nothing is left. Chips are kept as they
// come, so that whatever ends a process, or this one, costs a chip at most.

import { join } from 'node:path';
import { messageOf, UsageError } from '../base/errors.ts';
import { makeFolder } from '../native/folders.ts';
import { lockFile } from '../node/file-lock.ts';
import { trainingFolder } from '../sweep/perform.ts';
import type { ChipRow, Task, TaskResult } from '../sweep/works.ts';
import type { StoreChoice } from './messages.ts';
import { type Pool, WorkerLost, type WorkerSlot } from './pool.ts';
import type { Schedule } from './schedule.ts';
import type { Table } from './table.ts';

/** Work that is under way. */
export type LocalOptions = {
  readonly table: Table;
  readonly schedule: Schedule;
  readonly pool: Pool;
  readonly store: StoreChoice;
  readonly signal: AbortSignal;
  /** Other processes may do the same trainings in the same folder. */
  readonly isShared?: boolean;
  /** Called when something was kept. */
  readonly onKept?: () => void;
  /** A worker was lost, or gave up; for people. */
  readonly onTrouble?: (text: string) => void;
};

/** A task that was lost so often with its worker is lost for good. */
const MOST_LOSSES = 5;
const FLUSH_MILLISECONDS = 500;
const WAIT_MILLISECONDS = 500;

/**
 * Does all that a schedule has.
 *
 * @throws the reason of the signal after all workers have stopped; UsageError if the table can't be written
 */
export async function workLocally({
  isShared = false,
  table,
  schedule,
  pool,
  store,
  signal,
  onKept,
  onTrouble,
}: LocalOptions): Promise<void> {
  const keeper = keepSoon(table, onKept);
  const losses = new Map<string, number>();
  let failure: unknown;
  const halt = (thrown: unknown): void => {
    failure ??= thrown;
    pool.stop();
  };
  const onAbort = (): void => pool.stop();
  signal.addEventListener('abort', onAbort, { once: true });
  keeper.onFailure(halt);
  const isHalted = (): boolean => signal.aborted || failure !== undefined;
  const serve = async (slot: WorkerSlot): Promise<void> => {
    let last: string | undefined;
    while (!isHalted()) {
      const task = schedule.next(last);
      if (task === undefined) {
        if (schedule.isOver()) return;
        await schedule.changed();
        continue;
      }
      last = task.name;
      const release = isShared ? claim(store, task) : unclaimed;
      if (release === undefined) {
        // Another process is at this training; its weights are read when it is done.
        schedule.returned(task);
        await new Promise((resolve) => setTimeout(resolve, WAIT_MILLISECONDS));
        continue;
      }
      const kept = new Set<number>();
      try {
        const result = await slot.run(task, store, {
          onChip: (row) => {
            kept.add(row.chip);
            keeper.keep(task, chipResult(row));
          },
          onDigital: (accuracy) => keeper.keep(task, { ...chipResult(), digitalAccuracy: accuracy }),
        });
        keeper.keep(task, result);
        if (result.kind === 'failed') onTrouble?.(`failed: ${result.reason}`);
        schedule.finished(task, result.kind === 'failed');
      } catch (thrown) {
        if (!(thrown instanceof WorkerLost)) {
          schedule.returned(task, kept);
          throw thrown;
        }
        keeper.flush();
        afterLoss(task, thrown, kept);
      } finally {
        release();
      }
    }
  };
  const afterLoss = (task: Task, lost: WorkerLost, kept: ReadonlySet<number>): void => {
    if (lost.why === 'machine') {
      schedule.returned(task, kept);
      throw new UsageError(`${lost.message}; then the same command continues`);
    }
    const count = (losses.get(task.name) ?? 0) + (lost.why === 'stopped' ? 0 : 1);
    losses.set(task.name, count);
    if (lost.why === 'lost') onTrouble?.(lost.message);
    if (count < MOST_LOSSES || isHalted()) {
      schedule.returned(task, kept);
      return;
    }
    keeper.keep(task, { kind: 'failed', reason: `${lost.message}; ${count} times` });
    schedule.finished(task, true);
  };
  try {
    const ends = await Promise.allSettled(
      pool.slots.map((slot) =>
        serve(slot).catch((thrown: unknown) => {
          halt(thrown);
          throw thrown;
        }),
      ),
    );
    for (const end of ends) if (end.status === 'rejected') failure ??= end.reason;
  } finally {
    signal.removeEventListener('abort', onAbort);
    keeper.end();
  }
  if (failure !== undefined) throw failure;
  signal.throwIfAborted();
}

function chipResult(...chips: readonly ChipRow[]): Extract<TaskResult, { kind: 'evaluated' }> {
  return { kind: 'evaluated', chips, backend: '' };
}

/** Takes a training for this process; undefined if another has it. Evaluations need no claim. */
function claim(store: StoreChoice, task: Task): (() => void) | undefined {
  if (task.kind !== 'training' || store.kind !== 'folder') return unclaimed;
  const folder = join(store.path, trainingFolder(task.name));
  makeFolder(folder);
  return lockFile(join(folder, '.lock'));
}

function unclaimed(): void {
  // Nothing was taken.
}

type Keeper = {
  readonly keep: (task: Task, result: TaskResult) => void;
  readonly flush: () => void;
  readonly onFailure: (handler: (thrown: unknown) => void) => void;
  readonly end: () => void;
};

/** Keeps results twice a second, many in one transaction. */
function keepSoon(table: Table, onKept: (() => void) | undefined): Keeper {
  let waiting: { task: Task; result: TaskResult }[] = [];
  let failed = false;
  let onFailure: (thrown: unknown) => void = (thrown) => {
    throw new Error(messageOf(thrown));
  };
  const flush = (): void => {
    if (waiting.length === 0 || failed) return;
    const all = waiting;
    waiting = [];
    try {
      table.keep(all);
    } catch (thrown) {
      failed = true;
      onFailure(thrown);
      return;
    }
    onKept?.();
  };
  const timer = setInterval(flush, FLUSH_MILLISECONDS);
  return {
    keep: (task, result) => {
      waiting.push({ task, result });
      if (waiting.length >= 256) flush();
    },
    flush,
    onFailure: (handler) => {
      onFailure = handler;
    },
    end: () => {
      clearInterval(timer);
      flush();
    },
  };
}
