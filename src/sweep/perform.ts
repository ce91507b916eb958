// Does the tasks of sweeps, one after another, on one engine. Images stay loaded, and an evaluation stays deployed, while tasks
// follow one another that need the same: so the chips of an evaluation cost what they cost in a loop. Files are in a storage,
// which may be a folder or a server's memory.

import { sha256 } from '../base/digest.ts';
import { UsageError } from '../base/errors.ts';
import { type Storage, storageWithin } from '../base/storage.ts';
import type { DataSplit } from '../data/image-set.ts';
import type { Engine } from '../engine.ts';
import { type Deployment, deploy } from '../experiment/deploy.ts';
import { asTrained, measureChip } from '../experiment/evaluate.ts';
import { imageSubject, imageTask } from '../experiment/subject.ts';
import { readWeights, TRAINING_FILES, trainStage, withoutThreads } from '../experiment/train-stage.ts';
import { trainedDeviceOf } from '../experiment/trained-device.ts';
import { startOfTraining } from '../experiment/training-start.ts';
import { networkByName } from '../nn/networks.ts';
import { decodeWeights, type TrainedNetwork } from '../train/checkpoint.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import {
  type ChipRow,
  canonicalText,
  type EvaluationWork,
  type Task,
  type TaskResult,
  type TrainingWork,
  type WeightsSource,
  type WorkData,
} from './works.ts';

/** Weights are not where they should be: that says nothing of the task. */
export class MissingWeights extends Error {
  override readonly name = 'MissingWeights';
}

/** What tasks need. */
export type Workshop = {
  readonly engine: Engine;
  /** Version of ohmic, for the provenance. */
  readonly ohmic: string;
  /** Files of trainings and weights by their content. */
  readonly storage: Storage;
  readonly loadData: (data: WorkData) => Promise<DataSplit>;
  /** Called after every step of a training; true: write a checkpoint. */
  readonly isCheckpointDue?: (() => boolean) | undefined;
  /** Seconds, from anywhere. */
  readonly clock: () => number;
};

/** What is told while a task is done. */
export type TaskEvents = {
  /** Something moved: a step, an accuracy. */
  readonly onMove?: (() => void) | undefined;
  readonly onChip?: ((row: ChipRow) => void) | undefined;
  readonly onDigital?: ((accuracy: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Does tasks. */
export type Performer = {
  /** Throws the reason of the signal, and whatever a task throws; a UsageError is a task that nobody can do. */
  readonly perform: (task: Task, events?: TaskEvents) => Promise<TaskResult>;
  readonly free: () => void;
};

/** The folder of a training in a storage. */
export function trainingFolder(name: string): string {
  return `trainings/${name}`;
}

/** The place of a file's content in a storage. */
export function contentName(digest: string): string {
  return `files/${digest}`;
}

/** What does tasks in a workshop. */
export function createPerformer(workshop: Workshop): Performer {
  const images = latest<DataSplit>(2);
  const open = latest<Deployment>(1, (deployment) => deployment.free());
  const dataOf = (data: WorkData): Promise<DataSplit> =>
    images.get(canonicalText(data), () => workshop.loadData(data));
  return {
    perform: (task, events = {}) =>
      task.kind === 'training'
        ? performTraining(workshop, task, dataOf, events)
        : performEvaluation(workshop, task, { dataOf, open }, events),
    free: () => open.clear(),
  };
}

async function performTraining(
  { engine, ohmic, storage, isCheckpointDue, clock }: Workshop,
  { name, work }: { readonly name: string; readonly work: TrainingWork },
  dataOf: (data: WorkData) => Promise<DataSplit>,
  { onMove, signal }: TaskEvents,
): Promise<TaskResult> {
  const began = clock();
  const { initial, teacher, settings, seed, model } = work;
  const before = {
    ...(initial && { initial: await weightsOf(storage, initial) }),
    ...(teacher && { teacher: await weightsOf(storage, teacher) }),
  };
  const { data, ...start } = startOfTraining(settings, await dataOf(work.data), before);
  const network = networkByName(model, imageTask(data));
  const subject = imageSubject({ network, dataset: work.data.dataset, data });
  const own = storageWithin(storage, trainingFolder(name));
  const events = trainStage({
    engine,
    storage: own,
    ohmic,
    subject,
    seed,
    ...start,
    isCheckpointDue,
    signal,
  });
  for (;;) {
    const { done, value } = await events.next();
    if (done !== true) {
      onMove?.();
      continue;
    }
    await own.remove(TRAINING_FILES.checkpoint);
    const accuracy = value.provenance.history.at(-1)?.testAccuracy;
    return {
      kind: 'trained',
      accuracy,
      seconds: clock() - began,
      backend: withoutThreads(engine.backend.description),
    };
  }
}

type Open = {
  readonly dataOf: (data: WorkData) => Promise<DataSplit>;
  readonly open: Latest<Deployment>;
};

async function performEvaluation(
  { engine, storage, clock }: Workshop,
  { name, work, from, to, digital }: Extract<Task, { kind: 'evaluation' }>,
  { dataOf, open }: Open,
  { onMove, onChip, onDigital, signal }: TaskEvents,
): Promise<TaskResult> {
  const deployment = await open.get(name, () => deployed(engine, storage, work, dataOf));
  onMove?.();
  const digitalAccuracy = digital ? await deployment.digitalAccuracy(signal) : undefined;
  if (digitalAccuracy !== undefined) onDigital?.(digitalAccuracy);
  const chips: ChipRow[] = [];
  for (let chip = from; chip < to; chip++) {
    const began = clock();
    const accuracies: number[] = [];
    for await (const { accuracy } of measureChip(deployment, work.evaluation, chip, signal)) {
      accuracies.push(accuracy);
      onMove?.();
    }
    const row = { chip, accuracies, seconds: clock() - began };
    chips.push(row);
    onChip?.(row);
  }
  const description = withoutThreads(engine.backend.description);
  return {
    kind: 'evaluated',
    ...(digitalAccuracy !== undefined && { digitalAccuracy }),
    chips,
    backend: description,
  };
}

/** The network of an evaluation on its hardware. */
export async function deployed(
  engine: Engine,
  storage: Storage,
  work: EvaluationWork,
  dataOf: (data: WorkData) => Promise<DataSplit>,
): Promise<Deployment> {
  const trained = await weightsOf(storage, work.weights);
  const data = await dataOf(work.data);
  const evaluation = { ...work.evaluation, chips: 1 };
  return deploy({
    engine,
    network: networkOfWeights(trained, imageTask(data)),
    parameters: trained.parameters,
    data: asTrained({ data, trained }),
    hardware: work.hardware,
    trainedDevice: trainedDeviceOf(trained, evaluation),
    evaluation,
    seed: work.seed,
  });
}

/**
 * The weights of a source.
 *
 * @throws MissingWeights if they are not in the storage; UsageError if they are damaged
 */
export async function weightsOf(storage: Storage, source: WeightsSource): Promise<TrainedNetwork> {
  if (source.kind === 'training') {
    const own = storageWithin(storage, trainingFolder(source.training));
    if (!(await own.exists(TRAINING_FILES.weights))) throw missing(own.describe(TRAINING_FILES.weights));
    return readWeights(own, TRAINING_FILES.weights);
  }
  const name = contentName(source.sha256);
  const file = storage.describe(name);
  const bytes = await storage.read(name);
  if (bytes === undefined) throw missing(file);
  const came = await sha256(bytes);
  if (came !== source.sha256)
    throw new UsageError(`${file}: it is damaged; remove it, and begin the sweep again`);
  return decodeWeights(file, bytes);
}

function missing(file: string): MissingWeights {
  return new MissingWeights(`${file}: expected weights, got no file; begin the sweep again`);
}

/** The values that were used last, so many of them. */
type Latest<T> = {
  readonly get: (key: string, make: () => Promise<T>) => Promise<T>;
  readonly clear: () => void;
};

function latest<T>(most: number, drop: (value: T) => void = () => undefined): Latest<T> {
  const held = new Map<string, T>();
  const dropTo = (count: number): void => {
    for (const [key, value] of held) {
      if (held.size <= count) break;
      held.delete(key);
      drop(value);
    }
  };
  return {
    get: async (key, make) => {
      const known = held.get(key);
      if (known !== undefined) {
        held.delete(key);
        held.set(key, known);
        return known;
      }
      // Before the next is made: two deployments need twice the memory.
      dropTo(most - 1);
      const value = await make();
      held.set(key, value);
      return value;
    },
    clear: () => dropTo(0),
  };
}
