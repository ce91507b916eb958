// Entry file of a worker thread: connects the WebAssembly backend's worker to Node's message port.

import { parentPort } from 'node:worker_threads';
import { invariant } from '../base/errors.ts';
import { serveWorker } from '../wasm/worker.ts';

const port: typeof parentPort = parentPort;
invariant(port !== null, 'worker-main runs only as a worker thread');
serveWorker({
  post: (reply) => port.postMessage(reply),
  onMessage: (handler) => port.on('message', handler),
});
