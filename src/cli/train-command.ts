// `ohmic train`: one training in one folder.

import { resolve } from 'node:path';
import { isTree, mergeSettings } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { networkByName } from '../nn/networks.ts';
import { checkTrainSettings, fieldsOf, withMigratedTraining } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { readSettingsFile } from './files.ts';
import { interruptible } from './interruption.ts';
import { imageTask, loadData } from './load-data.ts';
import type { Progress } from './progress.ts';
import { enterRunFolder, storedSettings } from './run-folder.ts';
import type { TrainSettings } from './settings-schema.ts';
import { readWeights, trainInFolder, weightsFile } from './train-stage.ts';
import { numberOrText, parseList } from './values.ts';
import { withWorkplace } from './workplace.ts';

/** Flags that every computing command has. */
export type WorkFlags = {
  readonly data?: string;
  readonly backend?: string;
  readonly threads?: number;
  readonly checkpointMinutes?: number;
  readonly resume?: boolean;
};

/** Flags of `ohmic train`, as typed. */
export type TrainFlags = WorkFlags & {
  readonly out: string;
  readonly config?: string;
  readonly dataset?: string;
  readonly trainImages?: string;
  readonly testImages?: string;
  readonly model?: string;
  readonly from?: string;
  readonly seed?: string;
  readonly epochs?: string;
  readonly batchSize?: string;
  readonly lr?: string;
  readonly schedule?: string;
  readonly warmupEpochs?: string;
  readonly dropAt?: string;
  readonly dropFactor?: string;
  readonly rule?: string;
  readonly momentum?: string;
  readonly nesterov?: boolean;
  readonly weightDecay?: string;
  readonly labelSmoothing?: string;
  readonly cropPadding?: string;
  readonly flip?: boolean;
  readonly cutout?: string;
  readonly noise?: string;
  readonly clip?: string;
};

/** Trains as the flags and the settings file say, and leaves the weights in the run's folder. */
export async function trainCommand(flags: TrainFlags, progress: Progress): Promise<void> {
  const { out, resume = false } = flags;
  const settings = trainSettings(flags, resume ? storedSettings(out) : undefined);
  await withWorkplace({ ...flags, backend: settings.backend, progress }, async (place) => {
    const data = await loadData(settings.data, { folder: flags.data, progress });
    const network = networkByName(settings.model, imageTask(data));
    const initial =
      settings.from === undefined ? undefined : (await readWeights(settings.from, network)).parameters;
    enterRunFolder(out, { ...settings, backend: place.engine.backend.name } as unknown as Json, {
      resume,
      complete: (stored) => checkTrainSettings(out, stored) as unknown as Json,
    });
    progress.line(
      `training ${network.name} on ${settings.data.dataset} (${data.train.count} images), ${place.engine.backend.description}`,
    );
    const stage = {
      label: 'training',
      folder: out,
      network,
      dataset: settings.data.dataset,
      data,
      settings: settings.training,
      seed: settings.seed,
      initial,
    };
    await interruptible(`${commandLine()} --resume`, (signal) => trainInFolder(stage, place, signal));
    process.stdout.write(`${weightsFile(out)}\n`);
  });
}

/** Flags over the file over what a continued run began with; every fault at once. */
function trainSettings(flags: TrainFlags, stored: Json | undefined): TrainSettings {
  const file = flags.config === undefined ? undefined : readSettingsFile(flags.config);
  const base = mergeSettings({ data: {}, training: {} }, withMigratedTraining(file ?? stored));
  const merged = withKinds(mergeSettings(base, flagSettings(flags)));
  const settings = checkTrainSettings('train', keepBackend(merged, stored));
  return settings.from === undefined ? settings : { ...settings, from: resolve(settings.from) };
}

/** A continued run stays on its backend unless another one is asked for by name. */
export function keepBackend(settings: Json | undefined, stored: Json | undefined): Json | undefined {
  const { backend = 'auto' } = (settings ?? {}) as { readonly backend?: Json };
  const { backend: begun } = (stored ?? {}) as { readonly backend?: Json };
  return backend === 'auto' && begun !== undefined ? mergeSettings(settings, { backend: begun }) : settings;
}

function flagSettings(flags: TrainFlags): Json {
  const number = (text: string | undefined): Json | undefined =>
    text === undefined ? undefined : numberOrText(text);
  return compact({
    data: {
      dataset: flags.dataset,
      trainImages: number(flags.trainImages),
      testImages: number(flags.testImages),
    },
    model: flags.model,
    seed: number(flags.seed),
    backend: flags.backend,
    from: flags.from === undefined ? undefined : resolve(flags.from),
    training: {
      epochs: number(flags.epochs),
      batchSize: number(flags.batchSize),
      learningRate: {
        kind: flags.schedule,
        initial: number(flags.lr),
        warmupEpochs: number(flags.warmupEpochs),
        atEpochs: flags.dropAt === undefined ? undefined : parseList(flags.dropAt).map(numberOrText),
        factor: number(flags.dropFactor),
      },
      rule: {
        kind: flags.rule,
        momentum: number(flags.momentum),
        nesterov: flags.nesterov,
        weightDecay: number(flags.weightDecay),
      },
      labelSmoothing: number(flags.labelSmoothing),
      augmentation: {
        cropPadding: number(flags.cropPadding),
        flip: flags.flip,
        cutout: number(flags.cutout),
      },
      noise:
        flags.noise === undefined
          ? undefined
          : { kind: 'gaussian', relativeToMax: numberOrText(flags.noise) },
      clipping:
        flags.clip === undefined
          ? undefined
          : { kind: 'standard-deviations', alpha: numberOrText(flags.clip) },
    },
  });
}

/** Without the fields that are absent, and without branches that hold nothing else. */
function compact(tree: { readonly [name: string]: Json | undefined }): Json {
  const entries = Object.entries(tree).flatMap(([name, value]): [string, Json][] => {
    if (value === undefined) return [];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[name, value]];
    const inner = compact(value as { readonly [name: string]: Json | undefined }) as object;
    return Object.keys(inner).length === 0 ? [] : [[name, inner as Json]];
  });
  return Object.fromEntries(entries);
}

/** Names the schedule and the update rule where flags only gave their numbers. */
function withKinds(settings: Json | undefined): Json | undefined {
  const { training } = fieldsOf(settings);
  const { learningRate, rule } = fieldsOf(training);
  const isUnnamed = (part: Json | undefined): boolean => isTree(part) && part['kind'] === undefined;
  const { atEpochs, factor } = fieldsOf(learningRate);
  const schedule = atEpochs !== undefined || factor !== undefined ? 'step' : 'cosine';
  return mergeSettings(settings, {
    training: {
      ...(isUnnamed(learningRate) && { learningRate: { kind: schedule } }),
      ...(isUnnamed(rule) && { rule: { kind: 'sgd' } }),
    },
  });
}
