// The lock of a run's folder.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockFolder } from './folder-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-lock-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const lock = join(folder, '.lock');
const heldBy = (pid: number, host = hostname()): void => writeFileSync(lock, JSON.stringify({ pid, host }));
const holder = (): number => (JSON.parse(readFileSync(lock, 'utf8')) as { readonly pid: number }).pid;

test('a folder is this process’s until it ends', () => {
  lockFolder(folder);
  assert.equal(holder(), process.pid);
  // Once more is no matter: it is the same process.
  lockFolder(folder);
  process.emit('exit', 0);
  assert.ok(!existsSync(lock));
});

test('a folder in which another process is at work is refused', () => {
  // The one that started this one.
  heldBy(process.ppid);
  assert.throws(() => lockFolder(folder), {
    name: 'UsageError',
    message: new RegExp(
      `: process ${process.ppid} on .* is at work in it; wait for its end, or choose another`,
    ),
  });
  heldBy(1, 'elsewhere');
  assert.throws(() => lockFolder(folder), /process 1 on elsewhere is at work in it/);
});

test('the lock of a process that has ended, or a damaged one, is taken over', () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  for (const leave of [() => heldBy(pid), () => writeFileSync(lock, '{')]) {
    leave();
    lockFolder(folder);
    assert.equal(holder(), process.pid);
  }
});
