import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMutex } from './mutex.ts';

/** A promise that is settled by hand. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('tasks run one at a time, in their order, also after one that failed', async () => {
  const mutex = createMutex();
  const seen: string[] = [];
  const { opened, open } = gate();
  const first = mutex.runExclusive(async () => {
    seen.push('first begins');
    await opened;
    seen.push('first ends');
    throw new Error('failed');
  });
  const second = mutex.runExclusive(async () => seen.push('second'));
  const third = mutex.runWhenFree(() => void seen.push('third'));
  assert.deepEqual(seen, ['first begins']);
  open();
  await assert.rejects(first, /failed/);
  await Promise.all([second, third]);
  assert.deepEqual(seen, ['first begins', 'first ends', 'second', 'third']);
});

test('a synchronous task runs at once where the mutex is free, and leaves it free', () => {
  const mutex = createMutex();
  const seen: number[] = [];
  void mutex.runWhenFree(() => void seen.push(1));
  void mutex.runWhenFree(() => void seen.push(2));
  assert.deepEqual(seen, [1, 2]);
});

test('a result and a failure reach whoever asked', async () => {
  const mutex = createMutex();
  assert.equal(await mutex.runExclusive(async () => 5), 5);
  await assert.rejects(
    mutex.runWhenFree(() => {
      throw new Error('at once');
    }),
    /at once/,
  );
});
