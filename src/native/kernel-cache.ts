// Compiled libraries, kept by content: `kernels/<key>/<digest>.so`, or with another system's suffix. The key is the digest of
// what was compiled, the digest that of the library itself, so that a damaged one is never loaded. Only the user may be able to write there.

import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, UsageError } from '../base/errors.ts';
import { distrust, makeFolder } from './folders.ts';
import { platform } from './platforms.ts';

/** SHA-256 in hexadecimal. */
export function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The folder of libraries in a cache folder. */
function kernelsFolder(cacheFolder: string): string {
  return join(resolve(cacheFolder), 'kernels');
}

/**
 * The library of a key, whole as it was kept; undefined if there is none. What is damaged, or could have been written by
 * somebody else, is removed.
 *
 * @throws UsageError if the folder belongs to somebody else, or others may write it
 */
export function findLibrary(cacheFolder: string, key: string): string | undefined {
  const folder = kernelsFolder(cacheFolder);
  const kept = join(folder, key);
  if (!existsSync(kept)) return undefined;
  checkOwner(folder);
  for (const name of readdirSync(kept)) {
    const path = join(kept, name);
    if (`${trustedDigest(path)}${platform.librarySuffix}` === name) return path;
    rmSync(path, { recursive: true, force: true });
  }
  return undefined;
}

function checkOwner(folder: string): void {
  const reason = distrust(statSync(folder));
  if (reason === undefined) return;
  throw new UsageError(
    `native backend: ${folder} holds code that would run as you, but ${reason}; remove it or correct its permissions (chmod go-w), or set OHMIC_CACHE to a folder of your own`,
  );
}

/** The digest of a file; undefined if it can't be read, is no file, or others may have written it. */
function trustedDigest(path: string): string | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const stats = fstatSync(file);
      return stats.isFile() && distrust(stats) === undefined ? digestOf(readFileSync(file)) : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/**
 * A new folder inside the cache for one compilation.
 *
 * @throws UsageError if the cache can't be written, belongs to somebody else, or others may write it
 */
export function beginBuilding(cacheFolder: string): string {
  const folder = kernelsFolder(cacheFolder);
  try {
    makeFolder(folder, 0o700);
    checkOwner(folder);
    return mkdtempSync(join(folder, BUILDING));
  } catch (thrown) {
    throw thrown instanceof UsageError ? thrown : unwritable(cacheFolder, thrown);
  }
}

/** What to throw where the cache can't be written. */
export function unwritable(cacheFolder: string, thrown: unknown): UsageError {
  return new UsageError(
    `native backend: the cache folder ${kernelsFolder(cacheFolder)} can't be written (${messageOf(thrown)}); set OHMIC_CACHE to another folder`,
  );
}

/**
 * Moves a library to its place, flushed to the disk first, and returns its path.
 *
 * @throws UsageError if the cache can't be written
 */
export function keepLibrary(cacheFolder: string, key: string, library: string): string {
  try {
    // Windows flushes only what may be written.
    const file = openSync(library, 'r+');
    fsyncSync(file);
    const digest = digestOf(readFileSync(file));
    closeSync(file);
    const kept = join(kernelsFolder(cacheFolder), key);
    makeFolder(kept, 0o700);
    const path = join(kept, `${digest}${platform.librarySuffix}`);
    // One that is there and in use is the same: another process was quicker.
    if (!platform.locksLibraries || !existsSync(path)) renameSync(library, path);
    return path;
  } catch (thrown) {
    throw unwritable(cacheFolder, thrown);
  }
}

const BUILDING = 'building-';
/** Folders of compilations, and the files of version 0.1.0: nobody reads them any more. */
const LITTER = /^building-|^[0-9a-f]{64}\.(so(\.length)?|[0-9a-f]{12}\.\S+)$/;
/** Far more than a compilation may take. */
const LITTER_MILLISECONDS = 3_600_000;

/** Removes what compilations left that were killed long before `building`, the folder of this one, was made. */
export function removeLitter(building: string): void {
  const folder = resolve(building, '..');
  const now = statSync(building).mtimeMs;
  for (const name of readdirSync(folder).filter((each) => LITTER.test(each))) {
    const path = join(folder, name);
    const { mtimeMs = now } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (now - mtimeMs > LITTER_MILLISECONDS) rmSync(path, { recursive: true, force: true });
  }
}
