// SQLite as Node has it: tables of sweeps, locks of folders.

import type { DatabaseSync } from 'node:sqlite';

/** SQLite, without the warning that earlier versions of Node print with its first use. Throws if Node has none. */
export function sqlite(): typeof DatabaseSync {
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
