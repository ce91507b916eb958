// One process at a time in a run's folder: two would overwrite each other's checkpoints. The lock is node/file-lock.ts.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { messageOf, UsageError } from '../base/errors.ts';
import { lockFile } from '../node/file-lock.ts';

/** Who has the lock: for people, nothing depends on it. */
type Holder = { readonly pid: number; readonly host: string };

/** The locked file. */
const LOCK = '.lock';
const HOLDER = '.lock-holder';

/**
 * Takes a folder for this process, until it ends.
 *
 * @throws UsageError if a process is at work in it, or it can't be locked
 */
export function lockFolder(folder: string): void {
  const [path, holder] = [join(folder, LOCK), join(folder, HOLDER)];
  let release: (() => void) | undefined;
  try {
    release = lockFile(path);
  } catch (thrown) {
    throw new UsageError(
      `${path}: can't be locked (${messageOf(thrown)}); remove it if it is no lock of ohmic, or choose another --out`,
    );
  }
  if (release === undefined) throw atWork(folder, holder);
  const end = release;
  try {
    const own: Holder = { pid: process.pid, host: hostname() };
    writeFileSync(holder, JSON.stringify(own));
  } catch {
    // The lock holds all the same.
  }
  process.once('exit', () => {
    rmSync(holder, { force: true, recursive: true });
    end();
  });
}

function atWork(folder: string, holder: string): UsageError {
  let who = 'another process';
  try {
    const { pid, host } = JSON.parse(readFileSync(holder, 'utf8')) as Partial<Holder>;
    if (Number.isInteger(pid) && typeof host === 'string') who = `process ${pid} on ${host}`;
  } catch {
    // It has only just begun.
  }
  return new UsageError(`${folder}: ${who} is at work in it; wait for its end, or choose another --out`);
}
