// Files and folders on Node: sources of data sets, the download, writing whole or not at all. What the command and
// scripts share; settings files are the command's own (cli/files.ts).

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, UsageError } from '../base/errors.ts';
import type { FileSource } from '../data/load-named-set.ts';
import { makeFolder } from '../native/folders.ts';

const TEMPORARY = '.ohmic-temporary';

/**
 * Writes a file whole or not at all: under a temporary name, flushed to the disk, then renamed. A kill at any moment
 * leaves the old file or the new one.
 *
 * @throws UsageError if the place can't be written
 */
export function writeWhole(path: string, content: Uint8Array | string): void {
  writeParts(path, [content]);
}

/** The same for a content that comes in parts, because all of it may not fit into memory. Throws likewise. */
export function writeParts(path: string, parts: Iterable<Uint8Array | string>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}${TEMPORARY}`);
  try {
    makeFolder(dirname(path));
    const file = openSync(temporary, 'w');
    try {
      for (const part of parts) {
        const bytes = typeof part === 'string' ? new TextEncoder().encode(part) : part;
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (thrown) {
    if (existsSync(temporary)) rmSync(temporary, { force: true });
    throw new UsageError(
      `${path}: can't be written (${messageOf(thrown)}); choose another folder or make room`,
    );
  }
}

/**
 * Removes what a killed process left half-written in a folder.
 *
 * @param hours how old it must be, where other processes may be writing
 */
export function removeTemporaries(folder: string, hours = 0): void {
  // What stands there instead of a folder is reported by whoever writes into it.
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  for (const name of isFolder ? readdirSync(folder) : []) {
    const path = join(folder, name);
    if (!name.endsWith(TEMPORARY)) continue;
    const { mtimeMs = 0 } = (hours > 0 && statSync(path, { throwIfNoEntry: false })) || {};
    if (performance.timeOrigin + performance.now() - mtimeMs >= hours * 3_600_000)
      rmSync(path, { force: true });
  }
}

/**
 * Bytes of a file.
 *
 * @throws UsageError if it can't be read
 */
export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (thrown) {
    throw new UsageError(`${path}: can't be read (${messageOf(thrown)}); check the path`);
  }
}

/** A folder as a source of data sets. */
export function folderSource(folder: string): FileSource {
  return {
    read: async (name) => {
      try {
        return new Uint8Array(await readFile(join(folder, name)));
      } catch (thrown) {
        const { code } = thrown as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
        throw new UsageError(
          `${join(folder, name)}: can't be read (${messageOf(thrown)}); check its permissions`,
        );
      }
    },
    describe: `folder ${folder}`,
  };
}

/** A folder in which downloads are kept. */
export function cacheSource(folder: string): FileSource {
  return {
    ...folderSource(folder),
    write: async (name, bytes) => {
      removeTemporaries(dirname(join(folder, name)), 1);
      writeWhole(join(folder, name), bytes);
    },
    describe: `cache ${folder}`,
  };
}

/** How a download may end early. */
export type DownloadOptions = {
  /** Bytes after which it fails: more than what is expected there. */
  readonly most?: number;
  /** Seconds without a byte after which it fails, however long all of it may take. */
  readonly silentSeconds?: number;
};

/**
 * The content of an address.
 *
 * @throws UsageError if there is no answer, one that refuses, one that falls silent, or more than was expected; with its
 *   cause
 */
export async function download(
  address: string,
  { most = Number.POSITIVE_INFINITY, silentSeconds = 60 }: DownloadOptions = {},
): Promise<Uint8Array> {
  const controller = new AbortController();
  const silent = new UsageError(`nothing came for ${silentSeconds} s`);
  const timer = setTimeout(() => controller.abort(silent), 1000 * silentSeconds);
  try {
    const response = await fetch(address, { signal: controller.signal });
    if (!response.ok) throw new UsageError(`the server answered ${response.status} ${response.statusText}`);
    const parts: Uint8Array[] = [];
    let count = 0;
    for await (const part of response.body ?? []) {
      timer.refresh();
      count += part.length;
      if (count > most) throw new UsageError(`expected at most ${most} bytes, got more`);
      parts.push(part);
    }
    return new Uint8Array(Buffer.concat(parts));
  } catch (thrown) {
    if (controller.signal.aborted) throw silent;
    throw thrown instanceof UsageError ? thrown : new UsageError(messageOf(thrown));
  } finally {
    clearTimeout(timer);
    // What is still to come is not wanted.
    controller.abort();
  }
}
