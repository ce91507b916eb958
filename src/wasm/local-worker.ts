// A worker that is no thread: kernels run on the thread that asks, for hosts whose threads can't share memory. It lets
// go of the thread again and again, so that a page still paints and answers while it computes.

import { type Pause, serveWorker, type WorkerReply, type WorkerRequest } from './worker.ts';
import type { WorkerHandle } from './worker-pool.ts';

/** After so long the event loop gets a turn: a little more than a frame of a page. */
const TURN_MS = 20;

/** Starts the worker. Its only limit is that it computes alone: a second one would not run beside it. */
export function startLocalWorker(): WorkerHandle {
  let onRequest: (request: WorkerRequest) => void = () => undefined;
  let onReply: (reply: WorkerReply) => void = () => undefined;
  const port = {
    post: (reply: WorkerReply) => onReply(reply),
    onMessage: (handler: (request: WorkerRequest) => void) => {
      onRequest = handler;
    },
  };
  serveWorker(port, pauseAfter(TURN_MS));
  return {
    post: (request) => onRequest(request),
    onReply: (handler) => {
      onReply = handler;
    },
    // It lives as long as its thread, and keeps nothing alive.
    onDeath: () => undefined,
    keepAlive: () => undefined,
    stop: async () => undefined,
  };
}

/** A pause whenever the thread has worked for `milliseconds` since the last one. */
function pauseAfter(milliseconds: number): Pause {
  let last = performance.now();
  return () => {
    if (performance.now() - last < milliseconds) return undefined;
    return eventLoopTurn().then(() => {
      last = performance.now();
    });
  };
}

/** Resolves when the event loop has come round; not by a timer, which pages in the background get once a second. */
function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(undefined);
  });
}
