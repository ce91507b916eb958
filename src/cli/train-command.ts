// `ohmic train`: one training in one folder.

import { resolve } from 'node:path';
import { throwFaults } from '../base/errors.ts';
import { mergeSettings, withValueAt } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { valueAt } from '../base/value-at.ts';
import type { TextFiles } from '../node/load-text.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { withCellFiles } from './cell-file.ts';
import { checkTrainSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { readSettingsFile } from './files.ts';
import { chosenHardware, type HardwareFlags } from './hardware-flag.ts';
import { interruptible } from './interruption.ts';
import { laySettings } from './lay-settings.ts';
import type { Progress } from './progress.ts';
import { enterRunFolder, storedSettings } from './run-folder.ts';
import { TRAINING_HARDWARE, trainingRoots } from './run-set.ts';
import { below, located, parseSettings, settingsTree } from './set-flag.ts';
import { type TrainSettings, trainSchema } from './settings-schema.ts';
import { flagSettings } from './train-flags.ts';
import { trainInFolder, weightsFile } from './train-stage.ts';
import { trainingKind } from './training-kinds.ts';
import { layerFaults } from './training-start.ts';
import { withWorkplace } from './workplace.ts';

/** Flags that every computing command has. */
export type WorkFlags = {
  readonly data?: string;
  readonly backend?: string;
  readonly threads?: number;
  readonly checkpointMinutes?: number;
  readonly resume?: boolean;
  readonly quiet?: boolean;
};

/** Flags of `ohmic train`, as typed; flags that are fields of its settings are in train-flags.ts. */
export type TrainFlags = WorkFlags &
  HardwareFlags & {
    readonly out: string;
    readonly config?: string;
  };

/** Trains with the settings of flags and file, and writes the weights to the run's folder. */
export async function trainCommand(flags: TrainFlags, progress: Progress): Promise<void> {
  const { out, resume = false } = flags;
  const settings = trainSettings(flags, resume ? storedSettings(out) : undefined);
  const kind = trainingKind(settings);
  throwFaults('train', kind.faults(settings));
  await withWorkplace({ ...flags, backend: settings.backend, progress }, async (place) => {
    const prepared = await kind.prepare(settings, { folder: flags.data, progress });
    const { network, dataset, examples } = prepared.subject;
    throwFaults('train', layerFaults('training', settings.training, network));
    enterRunFolder(out, { ...settings, backend: place.engine.backend.name } as unknown as Json, {
      resume,
      complete: (stored) => checkTrainSettings(out, stored) as unknown as Json,
    });
    progress.line(
      `training ${network.name} on ${dataset} (${examples.size}), ${place.engine.backend.description}`,
    );
    const { seed } = settings;
    const training = { label: 'training', folder: out, seed, ...prepared };
    await interruptible(`${commandLine()} --resume`, (signal) => trainInFolder(training, place, signal));
    process.stdout.write(`${weightsFile(out)}\n`);
  });
}

/** Merges the settings of a continued run, the file and the flags, in this order; lists all faults at once. */
function trainSettings(flags: TrainFlags, stored: Json | undefined): TrainSettings {
  const { config, hardware, keepDigital, set = [], backend } = flags;
  const file = config === undefined ? undefined : withCellFiles(readSettingsFile(config), config);
  const { inside, others } = below(
    TRAINING_HARDWARE,
    located(parseSettings(set), trainingRoots(trainSchema)),
  );
  const laid = laySettings(
    file ?? stored,
    backend === undefined ? undefined : { backend },
    flagSettings(flags),
    settingsTree(others),
  );
  const chosen = chosenHardware(valueAt(laid, TRAINING_HARDWARE) as Json | undefined, {
    hardware,
    keepDigital,
    settings: inside,
  });
  const merged = chosen === undefined ? laid : withValueAt(laid, TRAINING_HARDWARE, chosen);
  const settings = checkTrainSettings('train', keepBackend(merged, stored));
  const { data, from, training } = settings;
  return {
    ...settings,
    data: data.text === undefined ? data : { ...data, text: resolvedFiles(data.text) },
    ...(from === undefined ? {} : { from: resolve(from) }),
    training: withWholeTeacher(training),
  };
}

/** Settings of a training whose teacher has a whole path, which stays right in another working folder. */
export function withWholeTeacher(training: TrainingSettings): TrainingSettings {
  const { distillation } = training;
  if (distillation?.teacher === undefined) return training;
  return { ...training, distillation: { ...distillation, teacher: resolve(distillation.teacher) } };
}

/** Files of a text by whole paths. */
export function resolvedFiles(files: TextFiles): TextFiles {
  if (typeof files === 'string') return resolve(files);
  const { train, valid, test } = files;
  return {
    train: resolve(train),
    ...(valid !== undefined && { valid: resolve(valid) }),
    test: resolve(test),
  };
}

/** A continued run keeps its backend, unless a flag names another one. */
export function keepBackend(settings: Json | undefined, stored: Json | undefined): Json | undefined {
  const { backend = 'auto' } = (settings ?? {}) as { readonly backend?: Json };
  const { backend: begun } = (stored ?? {}) as { readonly backend?: Json };
  return backend === 'auto' && begun !== undefined ? mergeSettings(settings, { backend: begun }) : settings;
}
