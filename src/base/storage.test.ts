// Storages in memory, and parts of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStorage, storageWithin } from './storage.ts';

test('what was written is read again, and is no longer there after it is removed', async () => {
  const storage = memoryStorage('here');
  assert.equal(await storage.read('a/b'), undefined);
  assert.equal(await storage.exists('a/b'), false);
  const bytes = Uint8Array.of(1, 2, 3);
  await storage.write('a/b', bytes);
  bytes[0] = 9;
  (await storage.read('a/b'))![1] = 9;
  assert.deepEqual(await storage.read('a/b'), Uint8Array.of(1, 2, 3));
  assert.equal(await storage.exists('a/b'), true);
  await storage.write('a/b', 'é');
  assert.deepEqual(await storage.read('a/b'), Uint8Array.of(0xc3, 0xa9));
  await storage.remove('a/b');
  await storage.remove('a/b');
  assert.equal(await storage.exists('a/b'), false);
  assert.equal(storage.describe('a/b'), 'here/a/b');
});

test('a part of a storage has names of its own, which the whole finds below its folder', async () => {
  const whole = memoryStorage();
  const [first, second] = [storageWithin(whole, 'first'), storageWithin(whole, 'second')];
  await first.write('x', '1');
  assert.equal(await second.read('x'), undefined);
  assert.equal(await second.exists('x'), false);
  assert.deepEqual(await whole.read('first/x'), new TextEncoder().encode('1'));
  assert.equal(storageWithin(first, 'deep').describe('x'), 'memory/first/deep/x');
  await first.remove('x');
  assert.equal(await whole.exists('first/x'), false);
});
