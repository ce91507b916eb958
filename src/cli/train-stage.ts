// One training in one folder: steps, checkpoints, history, and at the end the weights. Killed at any moment it
// continues from the last checkpoint to the same bytes.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { settingsDifferences } from '../base/merge.ts';
import type { Parameters } from '../base/parameters.ts';
import type { Json } from '../base/schema.ts';
import type { DataSplit } from '../data/image-set.ts';
import type { Network } from '../nn/network.ts';
import {
  type Checkpoint,
  checkParameters,
  decodeCheckpoint,
  decodeWeights,
  encodeCheckpoint,
  encodeWeights,
  isKept,
  parametersDigest,
  type TrainedNetwork,
} from '../train/checkpoint.ts';
import { type Fitting, prepareFit } from '../train/fit.ts';
import type { Provenance } from '../train/provenance.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { EpochRecord, TrainingState } from '../train/training-state.ts';
import { readBytes, removeTemporaries, writeWhole } from './files.ts';
import type { Workplace } from './workplace.ts';

/** What to train, and where its files go. */
export type TrainStage = {
  /** For people: "digital training". */
  readonly label: string;
  readonly folder: string;
  readonly network: Network;
  readonly dataset: string;
  readonly data: DataSplit;
  readonly settings: TrainingSettings;
  readonly seed: number;
  /** Parameters to start from; absent: random ones. */
  readonly initial?: Parameters | undefined;
  /** Whose answers the settings distil. */
  readonly teacher?: { readonly network: Network; readonly parameters: Parameters } | undefined;
};

const FILES = {
  weights: 'weights.safetensors',
  checkpoint: 'checkpoint.safetensors',
  history: 'history.json',
} as const;

/** A long training is tested so often, at most: a pass over the test set takes a twentieth of an epoch. */
const MOST_TESTS = 40;

/** The weights that a finished training left in its folder. */
export function weightsFile(folder: string): string {
  return join(folder, FILES.weights);
}

/**
 * Trains, or continues, or, if the folder holds the weights already, only reads them.
 *
 * @throws the reason of `signal` after writing a checkpoint; UsageError if a file is damaged or of another training
 */
export async function trainInFolder(
  stage: TrainStage,
  place: Workplace,
  signal: AbortSignal,
): Promise<TrainedNetwork> {
  const { folder, label, network, settings, data, teacher } = stage;
  const { progress } = place;
  removeTemporaries(folder);
  if (existsSync(weightsFile(folder))) {
    progress.line(`${label}: done already, in ${weightsFile(folder)}`);
    return readWeights(weightsFile(folder), network);
  }
  const origin = await originOf(stage, place);
  const checkpoint = await readCheckpoint(stage, origin, place);
  const fitting = await prepareFit({
    engine: place.engine,
    network,
    data,
    settings,
    teacher,
    seed: stage.seed,
    signal,
    evaluateEveryEpochs: Math.max(1, Math.ceil(settings.epochs / MOST_TESTS)),
    initial: stage.initial,
    state: checkpoint?.state,
  });
  if (checkpoint !== undefined) {
    progress.line(`${label}: continuing after step ${checkpoint.state.step} of ${fitting.steps}`);
  }
  try {
    const begun = checkpoint?.state.step ?? 0;
    const state = await follow(fitting, { ...stage, origin, begun }, place, signal);
    signal.throwIfAborted();
    const trained: TrainedNetwork = {
      parameters: Object.fromEntries(Object.entries(state.tensors).filter(([name]) => isKept(name))),
      provenance: { ...origin, history: state.history },
    };
    // Last: these weights say that the training is complete.
    writeWhole(weightsFile(folder), await encodeWeights(trained));
    return trained;
  } finally {
    fitting.free();
  }
}

/** Runs to the end, or until the signal aborts; writes checkpoints on the way and one at the end. */
async function follow(
  fitting: Fitting,
  stage: TrainStage & { readonly origin: Origin; readonly begun: number },
  place: Workplace,
  signal: AbortSignal,
): Promise<TrainingState> {
  const { label, settings, origin, begun } = stage;
  const { batchSize, epochs } = settings;
  const task = place.progress.task({
    label,
    total: fitting.steps * batchSize,
    unit: 'images',
    done: begun * batchSize,
  });
  let lastCheckpoint = performance.now();
  const isDue = (): boolean => performance.now() - lastCheckpoint >= 60_000 * place.checkpointMinutes;
  const save = async (): Promise<TrainingState> => {
    const state = await fitting.snapshot();
    writeWhole(
      join(stage.folder, FILES.checkpoint),
      await encodeCheckpoint({ state, provenance: { ...origin, history: state.history } }),
    );
    writeWhole(join(stage.folder, FILES.history), `${JSON.stringify(state.history, null, 2)}\n`);
    lastCheckpoint = performance.now();
    return state;
  };
  try {
    for await (const event of fitting.events()) {
      if (event.kind === 'epoch') {
        place.progress.line(`${label}: ${epochText(event.record, epochs)}`);
        if (isDue()) await save();
        continue;
      }
      task.update(event.step * batchSize, `epoch ${event.epoch} of ${epochs}, loss ${event.loss.toFixed(3)}`);
      // The last step of an epoch belongs together with the epoch's record, which comes next.
      if (event.step % fitting.stepsPerEpoch !== 0 && isDue()) await save();
    }
    const state = await save();
    if (signal.aborted) place.progress.line(`${label}: stopped after step ${state.step} of ${fitting.steps}`);
    return state;
  } finally {
    task.end();
  }
}

function epochText({ epoch, trainLoss, trainAccuracy, testAccuracy }: EpochRecord, epochs: number): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const test = testAccuracy === undefined ? '' : `, test accuracy ${percent(testAccuracy)}`;
  return `epoch ${epoch} of ${epochs}: loss ${trainLoss.toFixed(4)}, training accuracy ${percent(trainAccuracy)}${test}`;
}

/** What is known of a training before it begins. */
type Origin = Omit<Provenance, 'history'>;

async function originOf(
  { network, dataset, data, settings, seed, initial, teacher }: TrainStage,
  place: Workplace,
): Promise<Origin> {
  return {
    ohmic: place.version,
    model: network.name,
    dataset,
    trainImages: data.train.count,
    normalization: data.normalization,
    ...(initial === undefined ? {} : { initial: await parametersDigest(initial) }),
    ...(teacher === undefined ? {} : { teacher: await parametersDigest(teacher.parameters) }),
    settings,
    seed,
    backend: place.engine.backend.description,
  };
}

/** The checkpoint of this training; undefined if there is none yet. */
async function readCheckpoint(
  { folder }: TrainStage,
  origin: Origin,
  place: Workplace,
): Promise<Checkpoint | undefined> {
  const path = join(folder, FILES.checkpoint);
  if (!existsSync(path)) return undefined;
  const checkpoint = await decoded(path, decodeCheckpoint);
  const { history: _, backend: before, ohmic: versionBefore, ...found } = checkpoint.provenance;
  const { backend: now, ohmic: version, ...expected } = origin;
  const { normalization, trainImages } = expected;
  throwFaults(
    `${path}: of another training, or damaged; remove it to train from the start`,
    // What older files do not say can't differ.
    settingsDifferences({ normalization, trainImages, ...found } as Json, expected as Json),
  );
  const maker = (ohmic: string, backend: string): string => `ohmic ${ohmic}, ${withoutThreads(backend)}`;
  const [begun, continued] = [maker(versionBefore, before), maker(version, now)];
  if (begun !== continued) {
    place.progress.line(
      `note: begun by ${begun}, continued by ${continued}: the last bits may differ from an uninterrupted run`,
    );
  }
  return checkpoint;
}

/** A backend's description without the number of threads, on which no result depends. */
function withoutThreads(description: string): string {
  return description.replace(/, \d+ threads?$/, '');
}

/**
 * Weights from a file, checked against a network.
 *
 * @throws UsageError if the file is damaged or holds another network
 */
export async function readWeights(path: string, network: Network): Promise<TrainedNetwork> {
  const trained = await readNetwork(path);
  checkParameters(path, network, trained.parameters);
  return trained;
}

/**
 * Weights from a file, of whatever network.
 *
 * @throws UsageError if the file is damaged
 */
export function readNetwork(path: string): Promise<TrainedNetwork> {
  return decoded(path, decodeWeights);
}

async function decoded<T>(path: string, decode: (file: string, bytes: Uint8Array) => Promise<T>): Promise<T> {
  try {
    return await decode(path, readBytes(path));
  } catch (thrown) {
    // A flipped byte in the header's texts, which no checksum covers.
    if (thrown instanceof SyntaxError || thrown instanceof TypeError || thrown instanceof RangeError) {
      throw new UsageError(`${path}: it is damaged (${thrown.message}); use an earlier file`);
    }
    throw thrown;
  }
}
