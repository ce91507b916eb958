// `ohmic worker`: this machine works for the sweeps of a queue.

import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { createPool } from '../fleet/pool.ts';
import { queueAddress } from '../fleet/queue-connection.ts';
import { serveQueue } from '../fleet/queue-worker.ts';
import { defaultCacheFolder } from '../native/platforms.ts';
import { commandLine } from './command-line.ts';
import { Interruption, interruptible } from './interruption.ts';
import type { Progress } from './progress.ts';
import { SILENT_SECONDS, type SweepFlags } from './sweep-flags.ts';
import { workerStart } from './sweep-open.ts';
import { ohmicVersion } from './version.ts';

/** Flags of `ohmic worker`, as typed. */
export type WorkerFlags = Pick<
  SweepFlags,
  'data' | 'workers' | 'threads' | 'shared' | 'silentSeconds' | 'checkpointMinutes' | 'quiet'
> & { readonly queue: string; readonly lostSeconds?: number; readonly idleSeconds?: number };

/** Takes jobs from a queue until it is stopped. */
export async function workerCommand(flags: WorkerFlags, progress: Progress): Promise<void> {
  const address = queueAddress(flags.queue);
  const { silentSeconds = SILENT_SECONDS, lostSeconds = 30, idleSeconds, shared, threads = 1 } = flags;
  const count = flags.workers ?? Math.max(1, Math.floor(availableParallelism() / threads));
  const pool = createPool({ count, silentSeconds, start: workerStart(flags, 'auto') });
  try {
    await interruptible(commandLine(), async (signal) => {
      progress.line(`${count} ${count === 1 ? 'worker' : 'workers'} for the queue at ${address.url}`);
      const jobs = await serveQueue({
        address,
        ohmic: ohmicVersion(),
        pool,
        shared: shared === undefined ? undefined : resolve(shared),
        cache: join(defaultCacheFolder(), 'sweeps'),
        lostSeconds,
        idleSeconds,
        signal,
        onLine: progress.line,
      });
      progress.line(`${jobs} ${jobs === 1 ? 'job' : 'jobs'} done`);
    });
  } catch (thrown) {
    // To stop a worker is how it ends: its jobs are back in the queue.
    if (!(thrown instanceof Interruption)) throw thrown;
  } finally {
    await pool.close();
  }
}
