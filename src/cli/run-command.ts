// `ohmic run`: a whole experiment from one settings file, or the built-in one.

import { join, resolve } from 'node:path';
import type { Json } from '../base/schema.ts';
import { withCellFiles } from './cell-file.ts';
import { checkRunSettings, checkTextRunSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { defaultRun } from './default-run.ts';
import { readSettingsFile } from './files.ts';
import { formatDuration, type Progress } from './progress.ts';
import { freshFolder, lastFolder, storedSettings } from './run-folder.ts';
import { type SetFlags, withSetFlags } from './run-set.ts';
import { type RunOptions, runInFolder } from './run-stages.ts';
import type { RunSettings, TextRunSettings } from './settings-schema.ts';
import { isTextRun, runTextInFolder } from './text-run.ts';
import { keepBackend, resolvedFiles, type WorkFlags, withWholeTeacher } from './train-command.ts';

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
  const isText = isTextRun(asked);
  const usual = join('runs', (isText ? checkTextRunSettings : checkRunSettings)(where, asked).name);
  // A settings file has the name of its run; the built-in run gets a new folder each time.
  const fresh = file === undefined ? freshFolder : (folder: string): string => folder;
  const folder = out ?? (resume ? lastFolder(usual) : fresh(usual));
  const kept = keepBackend(asked, resume ? storedSettings(folder) : undefined);
  const options: RunOptions = {
    folder,
    resume,
    // Without --out, the default folder may belong to another run the next time.
    resumeCommand: [commandLine(), ...(out === undefined ? [`--out ${folder}`] : []), '--resume'].join(' '),
    flags,
    progress,
  };
  if (isText) await runTextInFolder(withWholePaths(checkTextRunSettings(where, kept)), options);
  else await runInFolder(withWholeTeachers(withWholePath(checkRunSettings(where, kept))), options);
  progress.line(`finished in ${formatDuration((performance.now() - began) / 1000)}`);
}

/** Settings that stay right in another working folder. */
function withWholePath<S extends { readonly from?: string | undefined }>(settings: S): S {
  const { from } = settings;
  return from === undefined ? settings : { ...settings, from: resolve(from) };
}

function withWholeTeachers(settings: RunSettings): RunSettings {
  const { training, noiseTraining, noiseSweep } = settings;
  return {
    ...settings,
    training: withWholeTeacher(training),
    ...(noiseTraining && { noiseTraining: withWholeTeacher(noiseTraining) }),
    ...(noiseSweep && { noiseSweep: { ...noiseSweep, training: withWholeTeacher(noiseSweep.training) } }),
  };
}

function withWholePaths(settings: TextRunSettings): TextRunSettings {
  const { data } = settings;
  const whole = data.text === undefined ? data : { ...data, text: resolvedFiles(data.text) };
  return withWholePath({ ...settings, data: whole });
}
