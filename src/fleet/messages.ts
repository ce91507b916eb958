// What a coordinator and its worker processes say to each other.

import type { BackendChoice } from '../node/backend-choice.ts';
import type { ChipRow, Task, TaskResult } from '../sweep/works.ts';

/** Where files of trainings and weights are. */
export type StoreChoice =
  | { readonly kind: 'folder'; readonly path: string }
  /** A server's memory; a folder of this machine keeps what does not change. */
  | { readonly kind: 'queue'; readonly url: string; readonly sweep: string; readonly cache: string };

/** What a worker needs to begin. */
export type WorkerStart = {
  readonly ohmic: string;
  readonly backend: BackendChoice;
  readonly threads: number;
  /** Folder of data sets. */
  readonly data: string | undefined;
  readonly checkpointMinutes: number;
};

/** To a worker. */
export type ToWorker =
  | ({ readonly kind: 'start' } & WorkerStart)
  | { readonly kind: 'task'; readonly task: Task; readonly store: StoreChoice }
  /** Stop what you do: keep a checkpoint. */
  | { readonly kind: 'stop' };

/** From a worker. */
export type FromWorker =
  | { readonly kind: 'ready' }
  /** Something moved; sent now and then. */
  | { readonly kind: 'moved' }
  | { readonly kind: 'chip'; readonly row: ChipRow }
  | { readonly kind: 'digital'; readonly accuracy: number }
  | { readonly kind: 'result'; readonly result: TaskResult }
  /** Nothing came of the task, and that says nothing of it: it was stopped, lacks a file, or its machine has no room left. */
  | { readonly kind: 'given-up'; readonly reason: string; readonly why: 'stopped' | 'lost' | 'machine' };
