// `ohmic reproduce`: published experiments, whose settings and figures come with ohmic as files of `reproductions/`.
// A reproduction is a run of such a file; the same command again continues it, so it can take days.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import { jsonText } from '../report/json.ts';
import { withCellFiles } from './cell-file.ts';
import { checkRunSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { readSettingsFile } from './files.ts';
import { laySettings } from './lay-settings.ts';
import { formatDuration, type Progress } from './progress.ts';
import { holdsRun, storedSettings } from './run-folder.ts';
import { type SetFlags, withSetFlags } from './run-set.ts';
import { runInFolder } from './run-stages.ts';
import { table } from './table.ts';
import { keepBackend, type WorkFlags } from './train-command.ts';
import { areTwins, askedParts, changedTwins, checkTwinsSettings, runTwins } from './twins-command.ts';

/** Flags of `ohmic reproduce`. */
export type ReproduceFlags = WorkFlags &
  SetFlags & {
    readonly json?: boolean;
    readonly out?: string;
    readonly config?: string;
    readonly printSettings?: boolean;
    readonly only?: string;
    /** As the publication has it, where the settings leave it. */
    readonly faithful?: boolean;
  };

// Two folders up from this file, whether it runs as src/cli/ or as dist/cli/.
const FOLDER = fileURLToPath(new URL('../../reproductions/', import.meta.url));
const ENDING = '.yaml';

/** Names of the experiments that `ohmic reproduce` knows. */
export function reproductionNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort();
}

/**
 * The settings file of a published experiment, its reasons written as comments. Throws UsageError for an unknown name.
 */
export function reproductionFile(name: string): string {
  const known = reproductionNames();
  if (!known.includes(name)) throw new UsageError(`reproduce: ${unknownName(name, known)}`);
  return join(FOLDER, `${name}${ENDING}`);
}

/**
 * What makes a reproduction follow its publication where the settings leave it for something better.
 *
 * @throws UsageError if they leave it nowhere
 */
function faithfulChanges(name: string): Json | undefined {
  const file = join(FOLDER, 'faithful', `${name}${ENDING}`);
  if (!existsSync(file))
    throw new UsageError(`reproduce: --faithful: ${name} has no better schedule of ours; leave it out`);
  return readSettingsFile(file);
}

/** Runs or continues a published experiment; without a name, lists what there is. */
export async function reproduceCommand(
  name: string | undefined,
  flags: ReproduceFlags,
  progress: Progress,
): Promise<void> {
  if (name === undefined) {
    const { json = false } = flags;
    process.stdout.write(json ? `${jsonText(reproductions())}\n` : `${reproductionList()}\n`);
    return;
  }
  const began = performance.now();
  const file = reproductionFile(name);
  const { config, faithful = false } = flags;
  const published = faithful ? faithfulChanges(name) : undefined;
  const changes = config === undefined ? undefined : withCellFiles(readSettingsFile(config), config);
  const where = flags.config === undefined ? file : `${name} with ${flags.config}`;
  const raw = readSettingsFile(file);
  if (areTwins(raw)) {
    const twins = changedTwins(where, laySettings(raw, changes), flags);
    const parts = askedParts(twins.parts, flags.only);
    if (flags.printSettings === true) {
      const only = Object.fromEntries(parts.map((part) => [part, twins.parts[part]!]));
      printSettings(name, file, { ...twins, parts: only });
      return;
    }
    await runTwins(twins, flags, progress);
    progress.line(`finished in ${formatDuration((performance.now() - began) / 1000)}`);
    return;
  }
  if (flags.only !== undefined) throw new UsageError(`reproduce: --only: ${name} has no parts; leave it out`);
  const asked = withSetFlags(laySettings(raw, published, changes)!, flags);
  const complete = checkRunSettings(where, asked);
  if (flags.printSettings === true) {
    printSettings(name, file, complete);
    return;
  }
  const folder = flags.out ?? join('runs', faithful ? `${complete.name}-faithful` : complete.name);
  const resume = holdsRun(folder);
  const settings = checkRunSettings(where, keepBackend(asked, resume ? storedSettings(folder) : undefined));
  await runInFolder(settings, { folder, resume, resumeCommand: commandLine(), flags, progress });
  progress.line(`finished in ${formatDuration((performance.now() - began) / 1000)}`);
}

function printSettings(name: string, file: string, settings: object): void {
  process.stdout.write(`# ${name}, complete. Sources and reasons: ${file}\n`);
  process.stdout.write(stringify(settings, { aliasDuplicateObjects: false }));
}

/** A published experiment, in a few words. */
export type Reproduction = {
  readonly name: string;
  readonly model: string;
  readonly dataset: string;
  readonly publication?: string;
};

/** All reproductions. */
export function reproductions(): Reproduction[] {
  return reproductionNames().flatMap((name): Reproduction[] => {
    const raw = readSettingsFile(reproductionFile(name));
    if (areTwins(raw))
      return Object.entries(checkTwinsSettings(name, raw).parts).map(
        ([part, { model, data, published }]) => ({
          name: `${name} --only ${part}`,
          model,
          dataset: data.dataset ?? 'a text',
          ...(published && { publication: published.source }),
        }),
      );
    const { model, data, published } = checkRunSettings(name, raw);
    return [{ name, model, dataset: data.dataset, ...(published && { publication: published.source }) }];
  });
}

/** All reproductions as a table: name, network, publication. */
export function reproductionList(): string {
  const rows = reproductions().map(({ name, model, dataset, publication = '' }) => [
    name,
    `${model} on ${dataset}`,
    publication,
  ]);
  return table(['name', 'network', 'publication'], rows);
}
