// A run's folder: begun once, continued by --resume, never mixed with another run's files.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { settingsDifferences } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { makeFolder } from '../native/folders.ts';
import { readSettingsFile, removeTemporaries, writeWhole } from './files.ts';
import { lockFolder } from './folder-lock.ts';

const SETTINGS = 'settings.json';

/**
 * True if the folder holds results; settings alone, of a run that failed at its start, are none.
 *
 * @throws UsageError if it is a file
 */
export function holdsResults(folder: string): boolean {
  if (!existsSync(folder)) return false;
  if (!statSync(folder).isDirectory())
    throw new UsageError(`${folder}: expected a folder, got a file; choose another --out`);
  return readdirSync(folder).some((name) => name !== SETTINGS && !name.startsWith('.'));
}

/** True if a run has begun in the folder. */
export function holdsRun(folder: string): boolean {
  return existsSync(join(folder, SETTINGS));
}

/**
 * The settings with which the run in a folder began; undefined if it never came so far.
 *
 * @throws UsageError if there is no such folder
 */
export function storedSettings(folder: string): Json | undefined {
  if (!existsSync(folder)) {
    throw new UsageError(
      `--resume: expected a run in ${folder}, but there is no such folder; leave out --resume to begin one`,
    );
  }
  const path = join(folder, SETTINGS);
  return existsSync(path) ? readSettingsFile(path) : undefined;
}

/**
 * Begins a run in a folder, or continues the one that it holds.
 *
 * @throws UsageError if a new run would overwrite results, the settings of a continued one differ, or another process is
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
    /** Settings of an earlier version, or with less said, in today's form. */
    readonly complete?: (stored: Json) => Json;
  },
): void {
  if (!resume && holdsResults(folder)) {
    throw new UsageError(
      holdsRun(folder)
        ? `${folder} holds a run already; continue it with --resume, or choose another --out`
        : `${folder} holds files that are no run's; choose another --out`,
    );
  }
  const stored = resume ? storedSettings(folder) : undefined;
  if (stored !== undefined) {
    throwFaults(
      `the run in ${folder} has other settings; leave them out, or choose another --out`,
      settingsDifferences(withBackend(stored, complete), settings),
    );
  }
  try {
    makeFolder(folder);
  } catch {
    throw new UsageError(`${folder}: can't be created; choose another --out`);
  }
  lockFolder(folder);
  removeTemporaries(folder);
  writeWhole(join(folder, SETTINGS), `${JSON.stringify(settings, null, 2)}\n`);
}

/** Stored settings in today's form; the backend is what the run found, not what was asked for. */
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
