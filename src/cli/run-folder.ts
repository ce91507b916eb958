// The folder of a run: created once, continued by --resume, never mixed with files of another run.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import { settingsDifferences } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { makeFolder } from '../native/folders.ts';
import { readSettingsFile, removeTemporaries, writeWhole } from './files.ts';
import { lockFolder } from './folder-lock.ts';

const SETTINGS = 'settings.json';

/**
 * True if there is a folder, false if there is nothing.
 *
 * @throws UsageError if it is a file
 */
export function isFolder(path: string): boolean {
  if (!existsSync(path)) return false;
  if (statSync(path).isDirectory()) return true;
  throw new UsageError(`${path}: expected a folder, got a file; choose another --out`);
}

/**
 * True if the folder holds results. Settings alone do not count: they are of a run that failed at its start.
 *
 * @throws UsageError if it is a file
 */
export function holdsResults(folder: string): boolean {
  if (!isFolder(folder)) return false;
  return readdirSync(folder).some((name) => name !== SETTINGS && !name.startsWith('.'));
}

/** True if a run has begun in the folder. */
export function holdsRun(folder: string): boolean {
  return existsSync(join(folder, SETTINGS));
}

/**
 * The settings with which the run in a folder began; undefined if there are none.
 *
 * @throws UsageError if there is no such folder
 */
export function storedSettings(folder: string): Json | undefined {
  if (!existsSync(folder)) {
    throw new UsageError(
      `--resume: expected a run in ${folder}, but there is no such folder; leave out --resume to begin one`,
    );
  }
  if (readdirSync(folder).length === 0)
    throw new UsageError(
      `--resume: expected a run in ${folder}, got an empty folder; leave out --resume to begin one`,
    );
  return holdsRun(folder) ? settingsOfRun(folder) : undefined;
}

/** The settings in a folder. Throws UsageError if they are no run's. */
function settingsOfRun(folder: string): Json {
  const path = join(folder, SETTINGS);
  const stored = readSettingsFile(path);
  const { backend, seed, seeds } = stored as Readonly<Record<'backend' | 'seed' | 'seeds', Json | undefined>>;
  // Every command writes a backend and a seed, twins several.
  if (typeof backend === 'string' && (typeof seed === 'number' || Array.isArray(seeds))) return stored;
  throw new UsageError(`${path}: expected the settings of a run, got another file; choose another --out`);
}

/**
 * Begins a run in a folder, or continues the one that it holds.
 *
 * @throws UsageError if a new run would overwrite results, the settings of a continued one differ, or another process
 * is
 *   at work there
 */
export function enterRunFolder(
  folder: string,
  settings: Json,
  {
    resume,
    complete = (stored) => stored,
  }: {
    readonly resume: boolean;
    /** Completes stored settings of an earlier version, or with fewer fields, to today's form. */
    readonly complete?: (stored: Json) => Json;
  },
): void {
  const isBegun = holdsRun(folder);
  if (holdsResults(folder)) {
    if (!isBegun) throw new UsageError(`${folder} holds files that are no run's; choose another --out`);
    if (!resume)
      throw new UsageError(
        `${folder} holds a run already; continue it with --resume, or choose another --out`,
      );
  }
  // A run that failed at its start left these alone, and nothing that is lost.
  if (isBegun) settingsOfRun(folder);
  const stored = resume ? storedSettings(folder) : undefined;
  if (stored !== undefined) {
    throwFaults(
      `the run in ${folder} has other settings; leave them out, or choose another --out`,
      settingsDifferences(withBackend(stored, complete), settings),
    );
  }
  createFolder(folder);
  lockFolder(folder);
  removeTemporaries(folder);
  writeWhole(join(folder, SETTINGS), `${JSON.stringify(settings, null, 2)}\n`);
}

/**
 * Makes the folder of a run, or of one of its stages, before hours of work go into it.
 *
 * @throws UsageError if it cannot be made
 */
export function createFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (thrown) {
    throw new UsageError(`${folder}: can't be created (${messageOf(thrown)}); choose another --out`);
  }
}

/** Stored settings in today's form; the backend is the one that the run used, not the flag. */
function withBackend(stored: Json, complete: (stored: Json) => Json): Json {
  const { backend } = stored as { readonly backend?: Json };
  return { ...(complete(stored) as object), ...(backend === undefined ? {} : { backend }) };
}

/** `folder`, or, where that holds results, the first of `folder-2`, `folder-3`, … that does not. */
export function freshFolder(folder: string): string {
  for (let number = 1; ; number++) {
    const candidate = numbered(folder, number);
    if (!holdsResults(candidate)) return candidate;
  }
}

/** The last of `folder`, `folder-2`, `folder-3`, … that exists; `folder` if none does. */
export function lastFolder(folder: string): string {
  let number = 1;
  while (existsSync(numbered(folder, number + 1))) number++;
  return numbered(folder, number);
}

function numbered(folder: string, number: number): string {
  return number === 1 ? folder : `${folder}-${number}`;
}
