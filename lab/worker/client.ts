// The page's side of the lab's worker: a call is a promise with events on its way, and a signal ends it.

import type { CallName, Calls, FromWorker, ToWorker } from './messages.ts';

/** A mistake that the user can put right; its message says how. */
export class LabMistake extends Error {
  override readonly name = 'LabMistake';
}

/** What a call may have beside its input. */
export type CallOptions<K extends CallName> = {
  readonly onEvent?: (event: Calls[K]['event']) => void;
  readonly signal?: AbortSignal;
};

/** The worker. */
export type LabClient = {
  /** Throws LabMistake, or the signal's reason if it ended the call. */
  readonly call: <K extends CallName>(
    name: K,
    input: Calls[K]['input'],
    options?: CallOptions<K>,
  ) => Promise<Calls[K]['result']>;
};

type Pending = {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly onEvent: ((event: unknown) => void) | undefined;
  readonly signal: AbortSignal | undefined;
};

/** Starts the worker. Its death fails every call with a sentence. */
export function startLab(): LabClient {
  const worker = new Worker(new URL('./lab-worker.ts', import.meta.url), { type: 'module', name: 'lab' });
  const pending = new Map<number, Pending>();
  let calls = 0;
  const post = (message: ToWorker): void => worker.postMessage(message);
  worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    const one = pending.get(data.id);
    if (one === undefined) return;
    if (data.kind === 'event') {
      one.onEvent?.(data.event);
      return;
    }
    pending.delete(data.id);
    if (data.kind === 'result') one.resolve(data.result);
    else if (data.kind === 'aborted') one.reject(one.signal?.reason);
    else one.reject(data.isMistake ? new LabMistake(data.message) : new Error(data.message));
  });
  worker.addEventListener('error', ({ message }) => {
    const reason = new Error(
      `the lab's worker ended (${message || 'its file can’t be loaded'}); load the page again`,
    );
    for (const { reject } of pending.values()) reject(reason);
    pending.clear();
  });
  return {
    call: (name, input, { onEvent, signal } = {}) => {
      signal?.throwIfAborted();
      const id = calls++;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      pending.set(id, { resolve, reject, onEvent: onEvent as Pending['onEvent'], signal });
      signal?.addEventListener('abort', () => post({ kind: 'abort', id }), { once: true });
      post({ kind: 'call', id, name, input });
      return promise as Promise<never>;
    },
  };
}
