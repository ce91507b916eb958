// Entry file of the lab's worker, which holds the engine: takes calls, sends events and results. Calls overlap; the
// engine runs their programs one after another.

import { UsageError } from 'ohmic';
import { laboratory } from './laboratory.ts';
import type { FromWorker, ToWorker } from './messages.ts';

const scope = self as unknown as {
  readonly postMessage: (message: FromWorker) => void;
  readonly addEventListener: (
    type: 'message',
    listener: (event: { readonly data: ToWorker }) => void,
  ) => void;
};
const lab = laboratory();
const running = new Map<number, AbortController>();

async function answer({ id, name, input }: Extract<ToWorker, { kind: 'call' }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const { signal } = controller;
  const onEvent = (event: unknown): void => scope.postMessage({ kind: 'event', id, event });
  try {
    const result = await lab[name](input as never, { onEvent: onEvent as never, signal });
    scope.postMessage({ kind: 'result', id, result });
  } catch (thrown) {
    if (signal.aborted) scope.postMessage({ kind: 'aborted', id });
    else {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      scope.postMessage({ kind: 'failure', id, message, isMistake: thrown instanceof UsageError });
    }
  } finally {
    running.delete(id);
  }
}

scope.addEventListener('message', ({ data }) => {
  if (data.kind === 'abort') running.get(data.id)?.abort();
  else void answer(data);
});
