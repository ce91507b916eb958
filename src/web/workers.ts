// Web Workers for the WebAssembly backend. The types of the DOM are not loaded here, so the few names stand in the file;
// a browser's own `Worker` fits them.

import type { WorkerReply } from '../wasm/worker.ts';
import type { WorkerHandle } from '../wasm/worker-pool.ts';

/** The part of a Web Worker that ohmic uses; what `new Worker(...)` gives in a browser. */
export type WebWorker = {
  readonly postMessage: (message: unknown) => void;
  readonly addEventListener: (type: string, listener: (event: object) => void) => void;
  readonly terminate: () => void;
};

/** The browser's constructor. */
declare const Worker: new (address: URL, options: { readonly type: 'module' }) => WebWorker;

/**
 * Starts a Web Worker that serves kernels. Bundlers know this form of the call, and give the worker a file of its own.
 *
 * @throws what the browser throws, such as a SecurityError if the page may not start workers
 */
export function startWebWorker(): WebWorker {
  return new Worker(new URL('./worker-main.js', import.meta.url), { type: 'module' });
}

/** A Web Worker as the backend sees it. */
export function webWorkerHandle(worker: WebWorker): WorkerHandle {
  return {
    post: (request) => worker.postMessage(request),
    onReply: (handler) =>
      worker.addEventListener('message', (event) => handler((event as { readonly data: WorkerReply }).data)),
    onDeath: (handler) => {
      worker.addEventListener('error', (event) => {
        const { message } = event as { readonly message?: string };
        // Nothing is said of a file that is not there, or that a policy forbids.
        handler(message ?? "its file can't be loaded");
      });
      worker.addEventListener('messageerror', () => handler('a message can’t be read'));
    },
    // A page lives as long as it is open.
    keepAlive: () => undefined,
    stop: async () => worker.terminate(),
  };
}
