// Folders of caches: how they are made, and whether only their user can change what lies in them.

import { existsSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it. Node's own `mkdirSync(path, { recursive: true })` never returns where a file system
 * answers "no such file" to every attempt, as /proc does.
 *
 * @param mode permissions of the folders that are made
 * @throws the system's error if one can't be made, or a file stands there
 */
export function makeFolder(path: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode });
    } catch (thrown) {
      // Somebody else was quicker.
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
  }
  if (!statSync(path).isDirectory()) throw new Error('a file stands there');
}

/**
 * Why a file or folder can't be trusted to hold what this user put there; undefined if it can. It must belong to the
 * user, or to the administrator, and nobody else may write it. Systems without owners have nothing to say.
 */
export function distrust({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): string | undefined {
  const own = process.geteuid?.();
  if (own === undefined) return undefined;
  if (uid !== own && uid !== 0) return `it belongs to user ${uid}, not to user ${own}`;
  return (mode & 0o022) === 0 ? undefined : 'others may write it';
}
