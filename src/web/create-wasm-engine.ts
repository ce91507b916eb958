// An engine wherever there is WebAssembly, a web page above all: on Web Workers where threads can share memory, else on
// the calling thread. The digits are the same. Node's choice, which includes native code, is node/create-engine.ts.

import { UsageError } from '../base/errors.ts';
import { checkThreads } from '../compile/backend-checks.ts';
import { type ChosenEngine, engineOn } from '../engine.ts';
import { createWasmBackend } from '../wasm/backend.ts';
import { checkWebAssembly } from '../wasm/web-assembly.ts';
import { startWebWorker, type WebWorker, webWorkerHandle } from './workers.ts';

/** How an engine on WebAssembly is started. */
export type WasmEngineOptions = {
  /** Worker threads, at least 1; absent: one a processor where threads can share memory, else the calling thread. */
  readonly threads?: number | undefined;
  /** Starts a Web Worker whose file holds `import 'ohmic/worker'`; absent: the one of the package. */
  readonly startWorker?: (() => WebWorker) | undefined;
};

/** Why several threads can't work together here, and what would help. */
type Obstacle = { readonly reason: string; readonly remedy: string };

/**
 * An engine on WebAssembly. Threads share memory only on a page that is cross-origin isolated: its server sends
 * `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`. On other pages the
 * kernels run on the calling thread, which gets a turn for its other work every 20 ms, and `notice` says so. Bits do not
 * depend on where kernels run.
 *
 * @throws UsageError if `threads` is no whole number from 1, or more than 1 where threads can't share memory; if workers
 *   do not start; if the host has no WebAssembly with SIMD, or forbids it
 */
export async function createWasmEngine({
  threads,
  startWorker,
}: WasmEngineOptions = {}): Promise<ChosenEngine> {
  if (threads !== undefined) checkThreads('createWasmEngine', threads);
  await checkWebAssembly('createWasmEngine');
  const obstacle = findObstacle(startWorker !== undefined);
  if (obstacle === undefined) {
    const start = startWorker ?? startWebWorker;
    const backend = createWasmBackend({
      threads: threads ?? processors(),
      startWorker: () => webWorkerHandle(start()),
    });
    return { engine: engineOn(await backend) };
  }
  const { reason, remedy } = obstacle;
  if (threads !== undefined && threads > 1) {
    throw new UsageError(
      `createWasmEngine: ${threads} threads need shared memory, but ${reason}; ` +
        `${remedy}, or leave out threads to compute on the calling thread`,
    );
  }
  return {
    engine: engineOn(await createWasmBackend({ threads: 1 })),
    notice: `computing on the calling thread, because ${reason}; for more threads ${remedy}`,
  };
}

/** What of the host's globals is asked for. */
type Host = {
  /** Absent outside browsers. */
  readonly crossOriginIsolated?: boolean;
  readonly SharedArrayBuffer?: unknown;
  readonly Worker?: unknown;
  readonly navigator?: { readonly hardwareConcurrency?: number };
};

const host: Host = globalThis as unknown as Host;

function findObstacle(hasOwnWorkers: boolean): Obstacle | undefined {
  if (host.crossOriginIsolated === false || host.SharedArrayBuffer === undefined) {
    return {
      reason: 'this page is not cross-origin isolated',
      remedy:
        'serve it with the headers Cross-Origin-Opener-Policy: same-origin and ' +
        'Cross-Origin-Embedder-Policy: require-corp',
    };
  }
  if (host.Worker === undefined && !hasOwnWorkers) {
    return {
      reason: 'there are no Web Workers here',
      remedy: 'pass startWorker, or on Node use createEngine of ohmic/node',
    };
  }
  return undefined;
}

function processors(): number {
  return host.navigator?.hardwareConcurrency ?? 1;
}
