// Entry file of a worker process: does the tasks that its parent sends, and ends with it.

import { messageOf, UsageError } from '../base/errors.ts';
import type { Storage } from '../base/storage.ts';
import type { Engine } from '../engine.ts';
import { createEngine } from '../node/create-engine.ts';
import { folderStorage } from '../node/folder-storage.ts';
import { createPerformer, MissingWeights, type Performer } from '../sweep/perform.ts';
import type { Task, TaskResult } from '../sweep/works.ts';
import type { FromWorker, StoreChoice, ToWorker, WorkerStart } from './messages.ts';
import { loadWorkData } from './work-data.ts';

/** Time between two signs that something moves. */
const MOVE_MILLISECONDS = 1000;

/** A disk without room is no fault of a task. */
const OF_THE_MACHINE = /\b(ENOSPC|EDQUOT|EFBIG|EIO|EROFS|EMFILE|ENOMEM)\b|no space left/i;

let start: WorkerStart | undefined;
let engine: Engine | undefined;
let performer: { readonly of: string; readonly does: Performer } | undefined;
let stop = new AbortController();
let moved = 0;
let checkpointed = performance.now();

function say(message: FromWorker): void {
  process.send?.(message);
}

async function performerOf(
  store: StoreChoice,
  { ohmic, data, backend, threads, checkpointMinutes }: WorkerStart,
): Promise<Performer> {
  const of = JSON.stringify(store);
  if (performer?.of === of) return performer.does;
  performer?.does.free();
  engine ??= (await createEngine({ backend, threads })).engine;
  const storage = await openStore(store);
  const does = createPerformer({
    engine,
    ohmic,
    storage,
    loadData: (wanted) => loadWorkData(wanted, { folder: data, storage }),
    isCheckpointDue: () => {
      const now = performance.now();
      if (now - checkpointed < 60_000 * checkpointMinutes) return false;
      checkpointed = now;
      return true;
    },
    clock: () => performance.now() / 1000,
  });
  performer = { of, does };
  return does;
}

async function openStore(store: StoreChoice): Promise<Storage> {
  if (store.kind === 'folder') return folderStorage(store.path);
  // A queue's client is loaded only where there is a queue.
  const { queueStorage } = await import('./queue-storage.ts');
  return queueStorage(store);
}

async function perform(task: Task, store: StoreChoice): Promise<void> {
  stop = new AbortController();
  const { signal } = stop;
  checkpointed = performance.now();
  const onMove = (): void => {
    const now = performance.now();
    if (now - moved < MOVE_MILLISECONDS) return;
    moved = now;
    say({ kind: 'moved' });
  };
  let does: Performer;
  try {
    does = await performerOf(store, start!);
  } catch (thrown) {
    // No compiler, no server: that is no fault of the task.
    say({ kind: 'given-up', reason: messageOf(thrown), why: 'lost' });
    return;
  }
  try {
    const result: TaskResult = await does.perform(task, {
      signal,
      onMove,
      onChip: (row) => say({ kind: 'chip', row }),
      onDigital: (accuracy) => say({ kind: 'digital', accuracy }),
    });
    say({ kind: 'result', result });
  } catch (thrown) {
    const reason = messageOf(thrown);
    if (signal.aborted) say({ kind: 'given-up', reason: 'stopped', why: 'stopped' });
    else if (thrown instanceof MissingWeights) say({ kind: 'given-up', reason, why: 'lost' });
    else if (OF_THE_MACHINE.test(reason)) say({ kind: 'given-up', reason, why: 'machine' });
    else {
      const said = thrown instanceof UsageError ? reason : `${reason} (a bug in ohmic; please report it)`;
      say({ kind: 'result', result: { kind: 'failed', reason: said } });
    }
  }
}

// Ctrl-C goes to all processes of a terminal; what a worker does is its parent's business.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'start':
      start = message;
      say({ kind: 'ready' });
      return;
    case 'task':
      void perform(message.task, message.store);
      return;
    case 'stop':
      stop.abort(new Error('stopped'));
      return;
  }
});
