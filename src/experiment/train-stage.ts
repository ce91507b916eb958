// One training as a stage of an experiment: steps, checkpoints, history, and at the end the weights, in a storage.
// After an interruption at any moment it continues from the last checkpoint to the same bytes. Progress is reported as
// events.

import { throwFaults, UsageError } from '../base/errors.ts';
import { settingsDifferences } from '../base/merge.ts';
import type { Parameters } from '../base/parameters.ts';
import type { Json } from '../base/schema.ts';
import type { Storage } from '../base/storage.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import type { Engine } from '../engine.ts';
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
import { type Fitting, prepareFit, type TrainingEvent } from '../train/fit.ts';
import type { Provenance } from '../train/provenance.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { TrainingState } from '../train/training-state.ts';
import type { Subject } from './subject.ts';

/** What to train, and where its files go. */
export type TrainStage = {
  readonly engine: Engine;
  readonly storage: Storage;
  /** Version of ohmic, for the provenance. */
  readonly ohmic: string;
  /** What is trained on what. */
  readonly subject: Subject;
  readonly settings: TrainingSettings;
  readonly seed: number;
  /** Parameters to start from; absent: random ones. */
  readonly initial?: Parameters | undefined;
  /** The teacher of the settings' distillation. */
  readonly teacher?: { readonly network: Network; readonly parameters: Parameters } | undefined;
  /** Called after every step; decides whether to write a checkpoint. Absent: one after every epoch. */
  readonly isCheckpointDue?: (() => boolean) | undefined;
  /** Ends the training early, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
};

/** Events of a training stage. */
export type TrainStageEvent =
  /** The weights are there already, in a file of this name; nothing else happens. */
  | { readonly kind: 'found'; readonly file: string }
  /** `step` of `steps` are done. `note`: another version or backend began the run. */
  | { readonly kind: 'begun'; readonly step: number; readonly steps: number; readonly note?: string }
  | TrainingEvent
  | { readonly kind: 'stopped'; readonly step: number; readonly steps: number };

/** Names of the files of a training in its storage. */
export const TRAINING_FILES = {
  weights: 'weights.safetensors',
  checkpoint: 'checkpoint.safetensors',
  history: 'history.json',
} as const;

/** Most tests of a long training: a pass over the test set takes a twentieth of an epoch. */
const MOST_TESTS = 40;

/**
 * Trains, or continues a training, or reads the weights if the storage has them already. Yields progress, each step
 * before its checkpoint; returns the weights.
 *
 * @throws UsageError for impossible settings, or if a file is damaged or of another training; the reason of the signal
 *         after a checkpoint was written
 */
export async function* trainStage(stage: TrainStage): AsyncGenerator<TrainStageEvent, TrainedNetwork> {
  const { engine, storage, subject, settings, seed, initial, teacher, signal } = stage;
  const { network } = subject;
  const origin = await originOf(stage);
  if (await storage.exists(TRAINING_FILES.weights)) {
    const file = storage.describe(TRAINING_FILES.weights);
    const trained = await readWeights(storage, TRAINING_FILES.weights, network);
    refuseOther(file, trained.provenance, origin);
    yield { kind: 'found', file };
    return trained;
  }
  const found = await readCheckpoint(storage, origin);
  const fitting = await prepareFit({
    engine,
    network,
    task: subject.task(settings),
    settings,
    teacher,
    seed,
    signal,
    evaluateEveryEpochs: Math.max(1, Math.ceil(settings.epochs / MOST_TESTS)),
    initial,
    state: found?.checkpoint.state,
  });
  try {
    const step = found?.checkpoint.state.step ?? 0;
    yield { kind: 'begun', step, steps: fitting.steps, ...(found?.note && { note: found.note }) };
    const state = yield* followed(fitting, stage, origin);
    signal?.throwIfAborted();
    const trained: TrainedNetwork = {
      parameters: Object.fromEntries(Object.entries(state.tensors).filter(([name]) => isKept(name))),
      provenance: { ...origin, history: state.history },
      ...(network.description !== undefined && { description: network.description }),
    };
    // Written last: their presence means that the training is complete.
    await storage.write(TRAINING_FILES.weights, await encodeWeights(trained));
    return trained;
  } finally {
    fitting.free();
  }
}

/** Runs to the end, or until the signal aborts; writes checkpoints on the way and one at the end. */
async function* followed(
  fitting: Fitting,
  { storage, signal, isCheckpointDue, subject }: TrainStage,
  origin: Origin,
): AsyncGenerator<TrainStageEvent, TrainingState> {
  const save = async (): Promise<TrainingState> => {
    const state = await fitting.snapshot();
    const provenance = { ...origin, history: state.history };
    await storage.write(
      TRAINING_FILES.checkpoint,
      await encodeCheckpoint({ state, provenance, description: subject.network.description }),
    );
    await storage.write(TRAINING_FILES.history, `${JSON.stringify(state.history, null, 2)}\n`);
    return state;
  };
  for await (const event of fitting.events()) {
    yield event;
    // No checkpoint between the last step of an epoch and the record of the epoch, which comes next.
    const isWithin = event.kind === 'step' && event.step % fitting.stepsPerEpoch !== 0;
    if (event.kind === 'epoch' ? (isCheckpointDue?.() ?? true) : isWithin && isCheckpointDue?.() === true)
      await save();
  }
  const state = await save();
  if (signal?.aborted === true) yield { kind: 'stopped', step: state.step, steps: fitting.steps };
  return state;
}

/** The provenance of a training before it begins. */
type Origin = Omit<Provenance, 'history'>;

async function originOf({
  engine,
  ohmic,
  subject: { network, dataset, origin },
  settings,
  seed,
  initial,
  teacher,
}: TrainStage): Promise<Origin> {
  return {
    ohmic,
    model: network.name,
    dataset,
    ...origin,
    ...(initial === undefined ? {} : { initial: await parametersDigest(initial) }),
    ...(teacher === undefined ? {} : { teacher: await parametersDigest(teacher.parameters) }),
    settings,
    seed,
    backend: engine.backend.description,
  };
}

type FoundCheckpoint = { readonly checkpoint: Checkpoint; readonly note?: string };

/** The checkpoint of this training; undefined if there is none yet. */
async function readCheckpoint(storage: Storage, origin: Origin): Promise<FoundCheckpoint | undefined> {
  const file = storage.describe(TRAINING_FILES.checkpoint);
  const bytes = await storage.read(TRAINING_FILES.checkpoint);
  if (bytes === undefined) return undefined;
  const checkpoint = await decoded(file, bytes, decodeCheckpoint);
  refuseOther(file, checkpoint.provenance, origin);
  const { backend: before, ohmic: versionBefore } = checkpoint.provenance;
  const { backend: now, ohmic: version } = origin;
  const maker = (ohmic: string, backend: string): string => `ohmic ${ohmic}, ${withoutThreads(backend)}`;
  const [begun, continued] = [maker(versionBefore, before), maker(version, now)];
  if (begun === continued) return { checkpoint };
  const note = `begun by ${begun}, continued by ${continued}: the last bits may differ from an uninterrupted run`;
  return { checkpoint, note };
}

/** Throws UsageError if a file comes from another training than this one, by all that decides what a training gives. */
function refuseOther(file: string, provenance: Provenance, origin: Origin): void {
  const { history: _, backend: __, ohmic: ___, ...found } = provenance;
  const { backend: ____, ohmic: _____, ...expected } = origin;
  const { normalization, trainImages } = expected;
  throwFaults(
    `${file}: of another training, or damaged; remove it to train from the start`,
    // Fields that older files do not have are not compared.
    settingsDifferences(
      { ...(trainImages !== undefined && { normalization, trainImages }), ...found } as Json,
      expected as Json,
    ),
  );
}

/** A backend's description without the number of threads, since no result depends on it. */
export function withoutThreads(description: string): string {
  return description.replace(/, \d+ threads?$/, '');
}

/**
 * Weights from a file of a storage.
 *
 * @param network the network that they must belong to; absent: the one that the file names
 * @throws UsageError if there is no such file, it is damaged, or it holds another network
 */
export async function readWeights(
  storage: Storage,
  name: string,
  network?: Network,
): Promise<TrainedNetwork> {
  const file = storage.describe(name);
  const bytes = await storage.read(name);
  if (bytes === undefined) throw new UsageError(`${file}: expected weights, got no file; check the path`);
  const trained = await decoded(file, bytes, decodeWeights);
  if (network !== undefined) checkParameters(file, network, trained.parameters);
  return trained;
}

async function decoded<T>(
  file: string,
  bytes: Uint8Array,
  decode: (file: string, bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  try {
    return await decode(file, bytes);
  } catch (thrown) {
    // For example a flipped byte in the header's text.
    if (thrown instanceof SyntaxError || thrown instanceof TypeError || thrown instanceof RangeError) {
      throw new UsageError(`${file}: it is damaged (${thrown.message}); use an earlier file`);
    }
    throw thrown;
  }
}

/** A network, or one that will be trained: only the normalisation of its images is needed. */
export type Normalized = { readonly provenance: Pick<Provenance, 'normalization'> };

/**
 * Images normalised as in the trainings of the networks that a training begins with or learns from, because weights fit
 * the normalisation that they were trained with.
 *
 * @param networks by what errors call them; what is undefined, or does not say how its images were normalised, has no
 * say
 * @throws UsageError if two of them saw different numbers
 */
export function normalizedAs<Images extends LabelledImages>(
  data: DataSplit<Images>,
  networks: Readonly<Record<string, Normalized | undefined>>,
): DataSplit<Images> {
  const said = Object.entries(networks).flatMap(([name, network]) => {
    const normalization = network?.provenance.normalization;
    return normalization === undefined ? [] : [{ name, normalization, text: JSON.stringify(normalization) }];
  });
  const [first] = said;
  throwFaults(
    'train',
    said
      .filter(({ text }) => text !== first?.text)
      .map(
        ({ name, text }) =>
          `${first!.name} and ${name}: expected images normalised alike, got ${first!.text} and ${text}`,
      ),
  );
  return first === undefined ? data : { ...data, normalization: first.normalization };
}
