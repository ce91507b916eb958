// The lock of a run's folder, between processes.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { lockFolder } from './folder-lock.ts';

const root = mkdtempSync(join(tmpdir(), 'ohmic-lock-'));
after(() => rmSync(root, { recursive: true, force: true }));
const place = (name: string): string => {
  mkdirSync(join(root, name), { recursive: true });
  return join(root, name);
};

/** A process that takes a folder when it reads a line, says what came of it, and stays until its input ends. */
const SCRIPT = `
import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, 'folder-lock.ts'))};
import { once } from 'node:events';
process.stdout.write('ready\\n');
await once(process.stdin, 'data');
try { lockFolder(process.argv[1]); process.stdout.write('held\\n'); }
catch (thrown) { process.stdout.write(thrown.name + ': ' + thrown.message + '\\n'); }
process.stdin.resume();
`;

type Contender = { readonly child: ChildProcess; readonly take: () => Promise<string> };

async function contender(folder: string): Promise<Contender> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = async (): Promise<string> => String((await once(child.stdout, 'data'))[0]).trim();
  assert.equal(await line(), 'ready');
  return {
    child,
    take: () => {
      child.stdin.write('go\n');
      return line();
    },
  };
}

async function end({ child }: Contender, signal?: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  if (signal === undefined) child.stdin?.end();
  else child.kill(signal);
  await ended;
}

test('of many processes that begin at once one holds the folder, and it says who; its end frees it', async () => {
  const folder = place('many');
  const all = await Promise.all(Array.from({ length: 6 }, () => contender(folder)));
  const said = await Promise.all(all.map(({ take }) => take()));
  const holders = all.filter((_, k) => said[k] === 'held');
  assert.equal(holders.length, 1, said.join('\n'));
  assert.equal(
    said.filter((text) => /^UsageError: .* is at work in it; wait for its end/.test(text)).length,
    5,
  );
  const later = await contender(folder);
  assert.match(await later.take(), new RegExp(`: process ${holders[0]!.child.pid} on .* is at work in it`));
  await Promise.all(all.map((each) => end(each)));
  const next = await contender(folder);
  assert.equal(await next.take(), 'held');
  await Promise.all([end(next), end(later)]);
  assert.ok(!existsSync(join(folder, '.lock-holder')));
});

test('the lock of a killed process is taken over by exactly one, that of a suspended one by none', async () => {
  const folder = place('killed');
  const first = await contender(folder);
  assert.equal(await first.take(), 'held');
  const others = await Promise.all(Array.from({ length: 4 }, () => contender(folder)));
  first.child.kill('SIGSTOP');
  assert.match(await others[0]!.take(), /is at work in it/);
  await end(first, 'SIGKILL');
  const said = await Promise.all(others.slice(1).map(({ take }) => take()));
  assert.equal(said.filter((text) => text === 'held').length, 1, said.join('\n'));
  await Promise.all(others.map((each) => end(each)));
});

test('what is no lock is refused by name: a folder, a text', () => {
  mkdirSync(join(place('folder'), '.lock'));
  writeFileSync(
    join(place('text'), '.lock'),
    JSON.stringify({ pid: 1, host: 'of version 0.1.0' }).repeat(20),
  );
  for (const name of ['folder', 'text']) {
    assert.throws(() => lockFolder(place(name)), {
      name: 'UsageError',
      message:
        /\.lock: can't be locked \(.*\); remove it if it is no lock of ohmic, or choose another --out$/,
    });
  }
});

test('another process that has only opened the lock, as contenders do for a moment, does not keep it', () => {
  const folder = place('opened');
  const other = new DatabaseSync(join(folder, '.lock'));
  other.exec('BEGIN');
  other.prepare('SELECT * FROM sqlite_master').all();
  const before = process.listeners('exit');
  lockFolder(folder);
  release(before);
  other.close();
});

test('a process holds a folder once', () => {
  const folder = place('own');
  const before = process.listeners('exit');
  lockFolder(folder);
  assert.throws(() => lockFolder(folder), /process \d+ on .* is at work in it/);
  release(before);
  lockFolder(folder);
});

/** Lets go of what was locked since `before`, as the end of a process does. */
function release(before: readonly NodeJS.ExitListener[]): void {
  for (const listener of process.listeners('exit').filter((listener) => !before.includes(listener))) {
    process.off('exit', listener);
    listener(0);
  }
}
