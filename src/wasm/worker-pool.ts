// The worker pool of one backend, seen from the main thread: sends every worker a request and waits for all replies,
// without blocking. Its user passes a function that starts a worker, since Node and browsers differ in it.

import { InternalError, invariant } from '../base/errors.ts';
import type { WorkerReply, WorkerRequest } from './worker.ts';

/** A worker thread that runs `serveWorker`. */
export type WorkerHandle = {
  readonly post: (request: WorkerRequest) => void;
  readonly onReply: (handler: (reply: WorkerReply) => void) => void;
  /** Calls `handler` if the thread itself dies. */
  readonly onDeath: (handler: (reason: string) => void) => void;
  /** Whether the worker has something to do, and so keeps the process alive. */
  readonly keepAlive: (isBusy: boolean) => void;
  readonly stop: () => Promise<void>;
};

type Exchange = {
  remaining: number;
  failure: string | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

/** Owns the workers. There is one exchange of requests and replies at a time. */
export class WorkerPool {
  readonly workers: readonly WorkerHandle[];
  private exchange: Exchange | undefined;
  private death: string | undefined;

  /** @throws what `startWorker` throws */
  constructor(threads: number, startWorker: () => WorkerHandle) {
    this.workers = startAll(threads, startWorker);
    for (const worker of this.workers) {
      worker.onReply((reply) => this.receive(reply));
      worker.onDeath((reason) => this.bury(reason));
      worker.keepAlive(false);
    }
  }

  /**
   * Sends each worker its request; resolves when all have replied.
   *
   * @throws InternalError if one of them failed or died, now or before
   */
  request(requestFor: (worker: number) => WorkerRequest): Promise<void> {
    invariant(this.exchange === undefined, 'a second request to the workers before the first was answered');
    return new Promise((resolve, reject) => {
      if (this.death !== undefined) {
        reject(dead(this.death));
        return;
      }
      this.exchange = { remaining: this.workers.length, failure: undefined, resolve, reject };
      for (const [position, worker] of this.workers.entries()) {
        worker.keepAlive(true);
        worker.post(requestFor(position));
      }
    });
  }

  /** Sends every worker a request that gets no reply. */
  notify(request: Extract<WorkerRequest, { kind: 'unload' }>): void {
    for (const worker of this.workers) worker.post(request);
  }

  /** Ends the threads. */
  async stop(): Promise<void> {
    this.death = 'it was stopped';
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  private receive({ failure }: WorkerReply): void {
    const exchange = this.exchange;
    if (exchange === undefined) return;
    exchange.failure ??= failure;
    exchange.remaining--;
    if (exchange.remaining > 0) return;
    this.settle();
    if (exchange.failure === undefined) exchange.resolve();
    else exchange.reject(new InternalError(`internal: wasm worker failed: ${exchange.failure}`));
  }

  private bury(reason: string): void {
    this.death ??= reason;
    const exchange = this.exchange;
    this.settle();
    exchange?.reject(dead(this.death));
  }

  private settle(): void {
    this.exchange = undefined;
    for (const worker of this.workers) worker.keepAlive(false);
  }
}

/** So many workers; none if one of them can't be started. */
function startAll(threads: number, startWorker: () => WorkerHandle): readonly WorkerHandle[] {
  const workers: WorkerHandle[] = [];
  try {
    while (workers.length < threads) workers.push(startWorker());
    return workers;
  } catch (thrown) {
    for (const worker of workers) worker.stop().catch(() => undefined);
    throw thrown;
  }
}

function dead(reason: string): InternalError {
  return new InternalError(`internal: wasm worker died: ${reason}`);
}
