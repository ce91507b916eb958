// A sweep on a queue. Its coordinator puts jobs into the queue, fetches results from there and keeps them in the table. It may
// be killed at any moment: jobs go on, results wait, and the next coordinator finds both by their names.

import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Storage } from '../base/storage.ts';
import { TRAINING_FILES } from '../experiment/train-stage.ts';
import { folderStorage } from '../node/folder-storage.ts';
import { contentName, trainingFolder } from '../sweep/perform.ts';
import {
  type EvaluationWork,
  type Task,
  type TaskResult,
  type TrainingWork,
  taskName,
  type WeightsSource,
} from '../sweep/works.ts';
import { connectQueue, type QueueAddress } from './queue-connection.ts';
import {
  type AnnouncedSweep,
  jobName,
  MOST_LOSSES,
  type QueueJob,
  type QueueResult,
  queueName,
  resultsKey,
  SWEEPS,
  type TaskHead,
} from './queue-names.ts';
import { removeSweepKeys, storageOn } from './queue-storage.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import type { Table } from './table.ts';
import { publishData } from './work-data.ts';

/** A sweep and its queue. */
export type QueueSweep = {
  readonly table: Table;
  /** The most chips of a job. */
  readonly chips: number;
  readonly address: QueueAddress;
  readonly name: string;
  readonly ohmic: string;
  /** Where weights of this sweep are kept. */
  readonly folder: string;
  /** A folder that workers see too; absent: files go through the queue's server. */
  readonly shared: string | undefined;
  /** Folder of data sets. */
  readonly data: string | undefined;
  readonly signal: AbortSignal;
  readonly onKept?: (state: { readonly running: number }) => void;
  /** For people. */
  readonly onLine?: (text: string) => void;
};

/** Jobs that may be in the queue at once: enough for many workers, and little memory. */
const MOST_JOBS = 2000;
const POLL_MILLISECONDS = 200;
/** How often jobs are looked for that a server lost when it was killed. */
const CHECK_MILLISECONDS = 5000;

type Open = QueueSweep & {
  readonly client: Redis;
  readonly queue: Queue<QueueJob>;
  readonly storage: Storage;
  readonly own: Storage;
  /** Tasks whose results have not come, by the name of their job. */
  readonly outstanding: Map<string, Task>;
};

/**
 * Has a sweep done by the workers of a queue.
 *
 * @throws UsageError if the queue can't be used, or the table can't be written; the reason of the signal
 */
export async function workOnQueue(sweep: QueueSweep): Promise<void> {
  const { address, table, ohmic, name, shared, folder, signal } = sweep;
  const client = await connectQueue(address);
  sweep.onLine?.(`on the queue at ${address.url}; workers join with: ohmic worker --queue ${address.url}`);
  const { Queue: BullQueue } = await import('bullmq');
  const queue = new BullQueue<QueueJob>(queueName(ohmic), { connection: client });
  queue.on('error', () => undefined);
  const own = folderStorage(folder);
  const storage =
    shared === undefined
      ? storageOn(client, { url: address.url, sweep: table.identifier })
      : folderStorage(shared);
  const open: Open = { ...sweep, client, queue, storage, own, outstanding: new Map() };
  client.on('close', () => sweep.onLine?.(`the queue does not answer; waiting for ${address.url}`));
  try {
    const announced: AnnouncedSweep = { name, ohmic };
    await client.hset(SWEEPS, table.identifier, JSON.stringify(announced));
    await fetchResults(open, undefined);
    const schedule = createSchedule(table, { chips: sweep.chips });
    await Promise.race([untilOver(open, schedule), aborted(signal)]);
    await client.hdel(SWEEPS, table.identifier);
    await removeSweepKeys(client, table.identifier);
  } finally {
    // Only once: what waits for a server that is gone would wait for ever.
    client.removeAllListeners('close');
    await Promise.race([queue.close(), pause(1000)]);
    client.disconnect();
  }
}

async function untilOver(open: Open, schedule: Schedule): Promise<void> {
  const { outstanding, signal } = open;
  let checked = performance.now();
  for (;;) {
    await addJobs(open, schedule);
    open.onKept?.({ running: schedule.running() });
    if (outstanding.size === 0 && schedule.isOver()) return;
    const fetched = (await fetchResults(open, schedule)) + (await fetchFailures(open, schedule));
    if (signal.aborted) return;
    if (fetched > 0) continue;
    await pause(POLL_MILLISECONDS);
    if (performance.now() - checked < CHECK_MILLISECONDS) continue;
    await addLostJobs(open);
    checked = performance.now();
  }
}

/** Puts into the queue what can be done, up to a limit. */
async function addJobs(open: Open, schedule: Schedule): Promise<void> {
  const { outstanding } = open;
  const tasks: Task[] = [];
  while (outstanding.size + tasks.length < MOST_JOBS && tasks.length < 100) {
    const task = schedule.next();
    if (task === undefined) break;
    tasks.push(task);
  }
  if (tasks.length > 0) await publish(open, tasks);
}

async function publish(open: Open, tasks: readonly Task[]): Promise<void> {
  const { queue, table, ohmic, outstanding } = open;
  for (const task of tasks) await publishFiles(open, task.work);
  // A job of this name that is in the queue already stays the only one.
  await queue.addBulk(
    tasks.map((task) => ({
      name: task.kind,
      data: { sweep: table.identifier, ohmic, task },
      opts: {
        jobId: jobName(table.identifier, taskName(task)),
        attempts: MOST_LOSSES,
        backoff: { type: 'fixed', delay: 500 },
        removeOnComplete: true,
        removeOnFail: false,
      },
    })),
  );
  for (const task of tasks) outstanding.set(jobName(table.identifier, taskName(task)), task);
}

/** Makes sure that workers find what a work needs. */
async function publishFiles(
  { storage, own, data }: Open,
  work: TrainingWork | EvaluationWork,
): Promise<void> {
  await publishData(work.data.dataset, { folder: data, storage });
  const sources = work.kind === 'training' ? [work.initial, work.teacher] : [work.weights];
  for (const source of sources) {
    if (source === undefined) continue;
    const name = fileOf(source);
    if (await storage.exists(name)) continue;
    const bytes = await own.read(name);
    if (bytes !== undefined) await storage.write(name, bytes);
  }
}

function fileOf(source: WeightsSource): string {
  return source.kind === 'file' ? contentName(source.sha256) : weightsName(source.training);
}

function weightsName(training: string): string {
  return `${trainingFolder(training)}/${TRAINING_FILES.weights}`;
}

/** Keeps the results that have come; returns how many. Without a schedule, those of an earlier coordinator. */
async function fetchResults(open: Open, schedule: Schedule | undefined): Promise<number> {
  const { client, table } = open;
  const key = resultsKey(table.identifier);
  const [, found] = await client.hscan(key, '0', 'COUNT', 200);
  const names: string[] = [];
  const kept: { task: Task; result: TaskResult }[] = [];
  for (let k = 0; k < found.length; k += 2) {
    const { task: head, result } = JSON.parse(found[k + 1]!) as QueueResult;
    names.push(found[k]!);
    const task = withContent(table, head);
    // Of an axis value that is no longer in the file: kept as well, if the table knows it.
    if (task === undefined) continue;
    if (result.kind === 'trained' && !(await fetchWeights(open, task.name))) continue;
    kept.push({ task, result });
  }
  if (names.length === 0) return 0;
  table.keep(kept);
  // Only now may the server forget them.
  await client.hdel(key, ...names);
  for (const { task, result } of kept) settle(open, schedule, task, result);
  return names.length;
}

/** Fetches the weights of a training; false if the server has lost them. */
async function fetchWeights({ storage, own }: Open, training: string): Promise<boolean> {
  const name = weightsName(training);
  if (await own.exists(name)) return true;
  const bytes = await storage.read(name);
  if (bytes === undefined) return false;
  await own.write(name, bytes);
  return true;
}

function withContent(table: Table, head: TaskHead): Task | undefined {
  const content = table.contentOf(head.name);
  return content === undefined ? undefined : ({ ...head, work: JSON.parse(content) } as Task);
}

function settle(
  { table, outstanding, onLine }: Open,
  schedule: Schedule | undefined,
  task: Task,
  result: TaskResult,
): void {
  if (result.kind === 'failed') onLine?.(`failed: ${result.reason}`);
  const name = jobName(table.identifier, taskName(task));
  const asked = outstanding.get(name);
  if (schedule === undefined || asked === undefined) return;
  outstanding.delete(name);
  schedule.finished(asked, result.kind === 'failed');
}

/** Jobs that the queue itself gave up: they were lost with their workers again and again. */
async function fetchFailures(open: Open, schedule: Schedule): Promise<number> {
  const { queue, table } = open;
  const failed = (await queue.getFailed(0, 99)) as Job<QueueJob>[];
  const own = failed.filter((job) => job?.data?.sweep === table.identifier);
  for (const job of own) {
    const { task } = job.data;
    const result: TaskResult = {
      kind: 'failed',
      reason: `given up after many attempts: ${job.failedReason}`,
    };
    table.keep([{ task, result }]);
    await job.remove();
    settle(open, schedule, task, result);
  }
  return own.length;
}

/** Adds jobs again that the server no longer has; those that it has stay as they are. */
async function addLostJobs(open: Open): Promise<void> {
  const { queue, outstanding, client, table } = open;
  const lost: Task[] = [];
  for (const [name, task] of outstanding) {
    const state = await queue.getJobState(name);
    // A result that has come in the meantime is fetched next.
    if (state === 'unknown' && (await client.hexists(resultsKey(table.identifier), name)) === 0)
      lost.push(task);
  }
  if (lost.length > 0) await publish(open, lost);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
