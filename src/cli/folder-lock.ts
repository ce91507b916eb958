// One process at a time in a run's folder: two would overwrite each other's checkpoints. The operating system holds the
// lock, through SQLite, which is part of Node and locks files in the same way on every system. So the lock ends with its
// process, however that ends, and a suspended process keeps it; if several processes start at once, one gets it.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { messageOf, UsageError } from '../base/errors.ts';

/** Who has the lock: for people, nothing depends on it. */
type Holder = { readonly pid: number; readonly host: string };

/**
 * The locked file, an empty database. It stays: who removed it could remove the one that another process has just locked.
 * Nobody else opens it: systems drop a process's lock when it closes the file, however often that is open.
 */
const LOCK = '.lock';
const HOLDER = '.lock-holder';

/** SQLITE_BUSY. */
const BUSY = 5;

/**
 * Takes a folder for this process, until it ends.
 *
 * @throws UsageError if a process is at work in it, or it can't be locked
 */
export function lockFolder(folder: string): void {
  const [path, holder] = [join(folder, LOCK), join(folder, HOLDER)];
  let database: DatabaseSync | undefined;
  try {
    database = new (sqlite())(path);
    // A transaction that is never ended, and that keeps no journal. It is about to write, and never writes: one process
    // alone can be in this state, while two that ask for an exclusive lock can refuse each other.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE');
  } catch (thrown) {
    database?.close();
    if ((thrown as { readonly errcode?: number }).errcode === BUSY) throw atWork(folder, holder);
    throw new UsageError(
      `${path}: can't be locked (${messageOf(thrown)}); remove it if it is no lock of ohmic, or choose another --out`,
    );
  }
  const held = database;
  try {
    const own: Holder = { pid: process.pid, host: hostname() };
    writeFileSync(holder, JSON.stringify(own));
  } catch {
    // The lock holds all the same.
  }
  process.once('exit', () => {
    rmSync(holder, { force: true, recursive: true });
    held.close();
  });
}

/** SQLite, without the warning that earlier versions of Node print with its first use. */
function sqlite(): typeof DatabaseSync {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    const found = process.getBuiltinModule('node:sqlite') as
      | { DatabaseSync: typeof DatabaseSync }
      | undefined;
    if (found === undefined) throw new Error('this Node was built without SQLite');
    return found.DatabaseSync;
  } finally {
    process.emitWarning = emitWarning;
  }
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
