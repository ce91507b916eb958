// One process at a time in a run's folder: two would overwrite each other's checkpoints. The lock names its
// holder, so that the lock of a killed process is recognised and replaced.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../base/errors.ts';

/** Holder of a lock. */
type Holder = { readonly pid: number; readonly host: string };

const LOCK = '.lock';

/**
 * Takes a folder for this process, until it ends.
 *
 * @throws UsageError if another process is at work in it
 */
export function lockFolder(folder: string): void {
  const path = join(folder, LOCK);
  const own: Holder = { pid: process.pid, host: hostname() };
  const take = (): boolean => {
    try {
      // Fails if the file is there: of two processes that try, one succeeds.
      writeFileSync(path, JSON.stringify(own), { flag: 'wx' });
      return true;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw new UsageError(`${folder}: can't be written; choose another --out`);
    }
  };
  if (!take()) {
    const holder = readHolder(path);
    if (holder !== undefined && isAtWork(holder, own)) {
      throw new UsageError(
        `${folder}: process ${holder.pid} on ${holder.host} is at work in it; wait for its end, or choose another --out (if there is no such process, remove ${path})`,
      );
    }
    rmSync(path, { force: true });
    if (!take()) throw new UsageError(`${folder}: another process has just begun to work in it`);
  }
  process.once('exit', () => rmSync(path, { force: true }));
}

function readHolder(path: string): Holder | undefined {
  try {
    const { pid, host } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    return pid === undefined || host === undefined ? undefined : { pid, host };
  } catch {
    return undefined;
  }
}

/** A process on another machine cannot be checked, and counts as running. */
function isAtWork({ pid, host }: Holder, own: Holder): boolean {
  if (host !== own.host) return true;
  if (pid === own.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // The process exists, but belongs to another user.
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
