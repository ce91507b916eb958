// A folder as a storage of experiments.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Storage } from '../base/storage.ts';
import { readBytes, writeWhole } from './files.ts';

/**
 * A folder as a storage. Files are written whole or not at all, and are on the disk when `write` is done; folders come
 * into being with their first file.
 *
 * @throws UsageError, from its functions, if a file can't be read or written
 */
export function folderStorage(folder: string): Storage {
  const path = (name: string): string => join(folder, name);
  return {
    read: async (name) => (existsSync(path(name)) ? readBytes(path(name)) : undefined),
    write: async (name, content) => writeWhole(path(name), content),
    exists: async (name) => existsSync(path(name)),
    remove: async (name) => rmSync(path(name), { force: true }),
    describe: path,
  };
}
