// `ohmic run`: a whole experiment from one settings file, or the built-in one.

import { join, resolve } from 'node:path';
import type { Json } from '../base/schema.ts';
import { withCellFiles } from './cell-file.ts';
import { checkRunSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { defaultRun } from './default-run.ts';
import { readSettingsFile } from './files.ts';
import { formatDuration, type Progress } from './progress.ts';
import { freshFolder, lastFolder, storedSettings } from './run-folder.ts';
import { type SetFlags, withSetFlags } from './run-set.ts';
import { runInFolder } from './run-stages.ts';
import { keepBackend, type WorkFlags } from './train-command.ts';

/** Flags of `ohmic run`. */
export type RunFlags = WorkFlags & SetFlags & { readonly out?: string; readonly json?: boolean };

/** Runs the experiment of a settings file, or the built-in one. */
export async function runCommand(
  file: string | undefined,
  flags: RunFlags,
  progress: Progress,
): Promise<void> {
  const { resume = false, out } = flags;
  const began = performance.now();
  const where = file ?? 'run';
  const asked = withSetFlags(
    file === undefined ? (defaultRun as unknown as Json) : withCellFiles(readSettingsFile(file), file),
    flags,
  );
  const usual = join('runs', checkRunSettings(where, asked).name);
  // A settings file has the name of its run; the built-in run gets a new folder each time.
  const fresh = file === undefined ? freshFolder : (folder: string): string => folder;
  const folder = out ?? (resume ? lastFolder(usual) : fresh(usual));
  const settings = checkRunSettings(where, keepBackend(asked, resume ? storedSettings(folder) : undefined));
  const { from } = settings;
  await runInFolder(from === undefined ? settings : { ...settings, from: resolve(from) }, {
    folder,
    resume,
    // Without --out, the default folder may belong to another run the next time.
    resumeCommand: [commandLine(), ...(out === undefined ? [`--out ${folder}`] : []), '--resume'].join(' '),
    flags,
    progress,
  });
  progress.line(`finished in ${formatDuration((performance.now() - began) / 1000)}`);
}
