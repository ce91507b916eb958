// Entry file of a Web Worker, `ohmic/worker`: connects the WebAssembly backend's worker to the worker's message port. A
// worker file of one's own needs no more than `import 'ohmic/worker'`.

import { UsageError } from '../base/errors.ts';
import { serveWorker, type WorkerReply, type WorkerRequest } from '../wasm/worker.ts';

/** The part of a worker's global scope that is used here. */
type WorkerScope = {
  readonly postMessage: (reply: WorkerReply) => void;
  readonly addEventListener: (
    type: 'message',
    listener: (event: { readonly data: WorkerRequest }) => void,
  ) => void;
};

if (!('WorkerGlobalScope' in globalThis)) {
  throw new UsageError(
    'ohmic/worker: expected a Web Worker to run it, got another place; ' +
      'start it by `new Worker(...)`; on Node, createEngine of ohmic/node starts its own workers',
  );
}
const scope: WorkerScope = globalThis as unknown as WorkerScope;
serveWorker({
  post: (reply) => scope.postMessage(reply),
  onMessage: (handler) => scope.addEventListener('message', ({ data }) => handler(data)),
});
