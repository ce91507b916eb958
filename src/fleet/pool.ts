// Worker processes of this machine. Each does one task at a time; one that dies is replaced, and one in which nothing has
// moved for too long is killed and replaced. Whoever asked for its task hears of it.

import { type ChildProcess, fork } from 'node:child_process';
import type { ChipRow, Task, TaskResult } from '../sweep/works.ts';
import type { FromWorker, StoreChoice, ToWorker, WorkerStart } from './messages.ts';

/** The worker was lost, or gave the task up for reasons that are not the task's: another may do it. */
export class WorkerLost extends Error {
  override readonly name = 'WorkerLost';
  /** It was asked to stop; its process is gone; its machine has no room left. */
  readonly why: 'stopped' | 'lost' | 'machine';

  constructor(message: string, why: WorkerLost['why'] = 'lost') {
    super(message);
    this.why = why;
  }
}

/** What is told while a task is done. */
export type RunEvents = {
  readonly onChip?: (row: ChipRow) => void;
  readonly onDigital?: (accuracy: number) => void;
};

/** One worker process, and its successors. */
export type WorkerSlot = {
  /** Throws WorkerLost if nothing came of it. */
  readonly run: (task: Task, store: StoreChoice, events?: RunEvents) => Promise<TaskResult>;
  /** Its process; changes when it is replaced. Undefined until it is needed. */
  readonly processId: () => number | undefined;
};

/** Worker processes. */
export type Pool = {
  readonly slots: readonly WorkerSlot[];
  /** Asks all to stop what they do; trainings keep a checkpoint. */
  readonly stop: () => void;
  /** Ends all processes. */
  readonly close: () => Promise<void>;
};

/** How many workers, and what they begin with. */
export type PoolOptions = {
  readonly count: number;
  readonly start: WorkerStart;
  /** Seconds without any sign after which a worker counts as hanging. */
  readonly silentSeconds: number;
};

const extension: string = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** How often the silence of workers is looked at. Counted in looks, not by a clock that goes on while all are suspended. */
const LOOK_MILLISECONDS = 250;

/** Starts workers when they are first needed. */
export function createPool({ count, start, silentSeconds }: PoolOptions): Pool {
  const workers = Array.from({ length: count }, () => createSlot(start, silentSeconds));
  return {
    slots: workers,
    stop: () => {
      for (const { stop } of workers) stop();
    },
    close: async () => {
      await Promise.all(workers.map(({ close }) => close()));
    },
  };
}

type OwnedSlot = WorkerSlot & { readonly stop: () => void; readonly close: () => Promise<void> };

function createSlot(start: WorkerStart, silentSeconds: number): OwnedSlot {
  let child: ChildProcess | undefined;
  const send = (message: ToWorker): void => {
    // A worker that has just died is told of by its end.
    if (child?.connected === true) child.send(message, () => undefined);
  };
  const started = (): ChildProcess => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null && child.connected)
      return child;
    child = fork(new URL(`./worker-main.${extension}`, import.meta.url), {
      execArgv: process.execArgv.filter((flag) => flag.startsWith('--conditions')),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    send({ kind: 'start', ...start });
    return child;
  };
  return {
    processId: () => child?.pid,
    run: (task, store, { onChip, onDigital } = {}) =>
      new Promise((resolve, reject) => {
        const worker = started();
        let silent = 0;
        const end = (): void => {
          clearInterval(watch);
          worker.off('message', onMessage).off('exit', onExit).off('error', onError);
        };
        const onMessage = (message: FromWorker): void => {
          silent = 0;
          switch (message.kind) {
            case 'chip':
              onChip?.(message.row);
              return;
            case 'digital':
              onDigital?.(message.accuracy);
              return;
            case 'result':
              end();
              resolve(message.result);
              return;
            case 'given-up':
              end();
              reject(new WorkerLost(message.reason, message.why));
              return;
            default:
              return;
          }
        };
        const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
          end();
          const isSilent = silent * LOOK_MILLISECONDS >= 1000 * silentSeconds;
          const how = isSilent
            ? `nothing moved in it for ${silentSeconds} s`
            : `its process ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`;
          reject(new WorkerLost(`the worker was lost: ${how}`));
        };
        const onError = (error: Error): void => {
          end();
          reject(new WorkerLost(`the worker can't be started: ${error.message}`));
        };
        const watch = setInterval(() => {
          silent++;
          if (silent * LOOK_MILLISECONDS >= 1000 * silentSeconds) worker.kill('SIGKILL');
        }, LOOK_MILLISECONDS);
        worker.on('message', onMessage).on('exit', onExit).on('error', onError);
        send({ kind: 'task', task, store });
      }),
    stop: () => send({ kind: 'stop' }),
    close: async () => {
      const own = child;
      if (own === undefined || own.exitCode !== null || own.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => void own.once('exit', () => resolve()));
      if (own.connected) own.disconnect();
      // It ends by itself, unless it hangs.
      const late = setTimeout(() => own.kill('SIGKILL'), 2000);
      await ended;
      clearTimeout(late);
    },
  };
}
