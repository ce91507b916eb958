// A machine that works for a queue: takes jobs, has them done by worker processes of its own, and brings results back. It may
// join and leave at any time; a job whose worker is gone goes to another.

import type { Job } from 'bullmq';
import { UsageError } from '../base/errors.ts';
import type { Task, TaskResult } from '../sweep/works.ts';
import type { StoreChoice } from './messages.ts';
import { type Pool, WorkerLost, type WorkerSlot } from './pool.ts';
import { connectQueue, type QueueAddress } from './queue-connection.ts';
import {
  type AnnouncedSweep,
  MOST_LOSSES,
  type QueueJob,
  type QueueResult,
  queueName,
  resultsKey,
  SWEEPS,
  type TaskHead,
} from './queue-names.ts';

/** A machine at a queue. */
export type QueueWorker = {
  readonly address: QueueAddress;
  readonly ohmic: string;
  readonly pool: Pool;
  /** A folder that the coordinator sees too; absent: files go through the queue's server. */
  readonly shared: string | undefined;
  /** A folder for what is fetched once. */
  readonly cache: string;
  /** Seconds after which the jobs of a machine that is gone go to others. */
  readonly lostSeconds: number;
  /** Ends after so many seconds without a job; absent: never. */
  readonly idleSeconds?: number | undefined;
  readonly signal: AbortSignal;
  readonly onLine: (text: string) => void;
};

/**
 * Works until it is stopped, or idle for long.
 *
 * @returns how many jobs it did
 * @throws UsageError if the queue can't be used, or all its sweeps are of other versions
 */
export async function serveQueue(options: QueueWorker): Promise<number> {
  const { address, ohmic, pool, lostSeconds, idleSeconds, signal, onLine } = options;
  const client = await connectQueue(address);
  client.on('close', () => onLine(`the queue does not answer; waiting for ${address.url}`));
  let isGreeted: boolean;
  try {
    isGreeted = await greetSweeps(client, options);
  } catch (thrown) {
    client.disconnect();
    throw thrown;
  }
  const { Worker } = await import('bullmq');
  const free = [...pool.slots];
  let [jobs, busy] = [0, 0];
  let idleSince = performance.now();
  const worker = new Worker<QueueJob>(
    queueName(ohmic),
    async (job) => {
      busy++;
      const slot = free.pop()!;
      try {
        await perform(job, slot, options, client);
        jobs++;
      } finally {
        free.push(slot);
        busy--;
        idleSince = performance.now();
      }
    },
    {
      connection: client,
      concurrency: pool.slots.length,
      lockDuration: 1000 * lostSeconds,
      stalledInterval: 1000 * lostSeconds,
      maxStalledCount: MOST_LOSSES,
      drainDelay: 1,
    },
  );
  // Of a lost connection, and of locks that were lost with it: the job is done by another, with the same bits.
  worker.on('error', () => undefined);
  const isIdle = (): boolean =>
    idleSeconds !== undefined && busy === 0 && performance.now() - idleSince > 1000 * idleSeconds;
  try {
    for (let look = 1; !signal.aborted && !isIdle(); look++) {
      await pause(100);
      // A worker may be there before the first sweep.
      if (!isGreeted && look % 10 === 0)
        isGreeted = await Promise.race([lookAgain(client, options), pause(1000).then(() => false)]);
    }
  } finally {
    // No more jobs; what is under way goes back to the queue.
    await Promise.race([worker.pause(true), pause(1000)]);
    pool.stop();
    for (let waited = 0; busy > 0 && waited < 10_000; waited += 50) await pause(50);
    // Closed at once: a patient end waits for the server's answer to a question that nobody asks any more.
    await Promise.race([worker.close(true), pause(1000)]);
    client.removeAllListeners('close');
    client.disconnect();
  }
  return jobs;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Looks at the versions of the sweeps on a queue.
 *
 * @returns false if there is none yet
 * @throws UsageError if all are of other versions
 */
async function greetSweeps(
  client: Awaited<ReturnType<typeof connectQueue>>,
  { ohmic, onLine }: Pick<QueueWorker, 'ohmic' | 'onLine'>,
): Promise<boolean> {
  const texts = Object.values(await client.hgetall(SWEEPS));
  const sweeps = texts.map((text) => JSON.parse(text) as AnnouncedSweep);
  const others = sweeps.filter((sweep) => sweep.ohmic !== ohmic);
  const [first] = others;
  if (first === undefined) return sweeps.length > 0;
  const text = `"${first.name}" is a sweep of ohmic ${first.ohmic}, this worker is ${ohmic}; install ohmic@${first.ohmic} to work for it`;
  if (others.length === sweeps.length) throw new UsageError(`worker: ${text}`);
  onLine(`note: ${text}`);
  return true;
}

/** The same while the queue is served, when the server may be away. */
async function lookAgain(...[client, options]: Parameters<typeof greetSweeps>): Promise<boolean> {
  try {
    return await greetSweeps(client, options);
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    return false;
  }
}

async function perform(
  job: Job<QueueJob>,
  slot: WorkerSlot,
  { address, ohmic, shared, cache, onLine }: QueueWorker,
  client: Awaited<ReturnType<typeof connectQueue>>,
): Promise<void> {
  const { sweep, task, ohmic: asked } = job.data;
  refuseForeign(sweep, task);
  const key = resultsKey(sweep);
  const name = job.id!;
  if (asked !== ohmic) throw new Error(`a job of ohmic ${asked} for a worker of ${ohmic}`);
  // Done before, by a worker that was lost before it could say so.
  if ((await client.hexists(key, name)) === 1) return;
  const store: StoreChoice =
    shared === undefined
      ? { kind: 'queue', url: address.url, sweep, cache }
      : { kind: 'folder', path: shared };
  let result: TaskResult;
  try {
    result = await slot.run(task, store);
  } catch (thrown) {
    if (thrown instanceof WorkerLost && thrown.why !== 'stopped')
      onLine(`${thrown.message}; the job goes back to the queue`);
    throw thrown;
  }
  const brought: QueueResult = { task: headOf(task), result };
  await client.hset(key, name, JSON.stringify(brought));
}

/** Names become names of files: a job from somebody else's hand must not reach beyond them. */
function refuseForeign(sweep: string, { name, work }: Task): void {
  const sources = work.kind === 'training' ? [work.initial, work.teacher] : [work.weights];
  const names = sources.flatMap((source) =>
    source === undefined ? [] : [source.kind === 'file' ? source.sha256 : source.training],
  );
  if (/^[\da-f-]{36}$/.test(sweep) && [name, ...names].every((one) => /^[\da-f]{20,64}$/.test(one))) return;
  throw new Error('a job with names that ohmic does not give');
}

function headOf(task: Task): TaskHead {
  const { work: _, ...head } = task;
  return head;
}
