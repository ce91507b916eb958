// Worker threads of Node for the WebAssembly backend. Works from TypeScript sources and from emitted JavaScript.

import { Worker } from 'node:worker_threads';
import type { WorkerHandle } from '../wasm/worker-pool.ts';

// The compiler rewrites import specifiers, but not URLs.
const extension: string = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** Starts a thread that runs `serveWorker`. It keeps the process alive only while it has something to do. */
export function startNodeWorker(): WorkerHandle {
  // Without the process's own flags, some of which (--eval) would be refused.
  const worker = new Worker(new URL(`./worker-main.${extension}`, import.meta.url), { execArgv: [] });
  let isStopping = false;
  return {
    post: (request) => worker.postMessage(request),
    onReply: (handler) => worker.on('message', handler),
    onDeath: (handler) => {
      worker.on('error', (error) => handler(error.message));
      worker.on('exit', (code) => handler(`it ended with exit code ${code}`));
    },
    keepAlive: (isBusy) => {
      if (isBusy || isStopping) worker.ref();
      else worker.unref();
    },
    stop: async () => {
      // Else the process may end before the thread, and nobody hears that it has stopped.
      isStopping = true;
      worker.ref();
      await worker.terminate();
    },
  };
}
