// Locks between processes. The operating system holds them, through SQLite, which is part of Node and locks files in the same
// way on every system. So a lock ends with its process, however that ends, and a suspended process keeps it; if several
// processes start at once, one gets it.

import type { DatabaseSync } from 'node:sqlite';
import { sqlite } from './sqlite.ts';

/** SQLITE_BUSY. */
const BUSY = 5;

/**
 * Locks a file, an empty database that is made where there is none. It stays: who removed it could remove the one that
 * another process has just locked. Nobody else may open it: systems drop a process's lock when it closes the file, however
 * often that is open.
 *
 * @returns what ends the lock; undefined if another process has it
 * @throws the system's error if the file can't be locked
 */
export function lockFile(path: string): (() => void) | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new (sqlite())(path);
    // A transaction that is never ended, and that keeps no journal. It is about to write, and never writes: one process
    // alone can be in this state, while two that ask for an exclusive lock can refuse each other.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE');
    const held = database;
    return () => held.close();
  } catch (thrown) {
    database?.close();
    if ((thrown as { readonly errcode?: number }).errcode === BUSY) return undefined;
    throw thrown;
  }
}
