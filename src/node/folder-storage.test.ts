// A folder behaves as a storage in memory does, and its files are ordinary files.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { storageWithin } from '../base/storage.ts';
import { folderStorage } from './folder-storage.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-storage-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('files are written, found, read and removed; folders come with their first file', async () => {
  const storage = storageWithin(folderStorage(folder), 'digital');
  assert.equal(await storage.read('history.json'), undefined);
  assert.equal(await storage.exists('history.json'), false);
  await storage.write('history.json', '[]');
  assert.equal(readFileSync(join(folder, 'digital', 'history.json'), 'utf8'), '[]');
  await storage.write('history.json', Uint8Array.of(7));
  assert.deepEqual(await storage.read('history.json'), Uint8Array.of(7));
  assert.equal(await storage.exists('history.json'), true);
  assert.equal(storage.describe('history.json'), join(folder, 'digital', 'history.json'));
  assert.deepEqual(readdirSync(join(folder, 'digital')), ['history.json'], 'nothing temporary is left');
  await storage.remove('history.json');
  await storage.remove('history.json');
  assert.equal(await storage.exists('history.json'), false);
});

test('what can not be read is named', async () => {
  mkdirSync(join(folder, 'a-folder'));
  await assert.rejects(folderStorage(folder).read('a-folder'), {
    name: 'UsageError',
    message: /a-folder: can't be read/,
  });
});
