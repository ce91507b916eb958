// Measurements of one network on its hardware as stages of an experiment. Results are kept in a storage, chip by chip
// or variant by variant, so that an interrupted stage continues. Progress is reported as events.

import { throwFaults } from '../base/errors.ts';
import type { Storage } from '../base/storage.ts';
import { splitFaults } from '../data/image-set.ts';
import { type AttributeOptions, type AttributionEvent, attribute, plannedAttribution } from './attribute.ts';
import type { Attribution } from './attribution.ts';
import {
  asTrained,
  type EvaluateOptions,
  type EvaluationEvent,
  evaluateNetwork,
  planned,
} from './evaluate.ts';
import { type ProgressFile, progressFile } from './progress-file.ts';
import type { ProgressCheck } from './progress-schema.ts';
import type { ExperimentRecord, NetworkResult } from './record.ts';
import { RECORD_FORMAT } from './record-schema.ts';

/** What to evaluate, and where its progress goes. */
export type EvaluationStage = Omit<EvaluateOptions, 'finished'> & { readonly storage: Storage };

/** Events of an evaluation; the first is `begun`, with the number of chips that are finished already. */
export type EvaluationStageEvent =
  | { readonly kind: 'begun'; readonly chips: number; readonly done: number; readonly total: number }
  | EvaluationEvent;

/**
 * Evaluates a network, or continues its evaluation. Yields progress, each chip after it was kept; returns the result.
 *
 * @throws UsageError for impossible settings or a damaged file; the reason of the signal if it aborts
 */
export async function* evaluationStage({
  storage,
  ...options
}: EvaluationStage): AsyncGenerator<EvaluationStageEvent, NetworkResult> {
  const { evaluation, checkProgress } = planned(options);
  const file = await fileOf(storage, 'evaluation', options, { evaluation }, checkProgress);
  const finished = await file.read();
  const perChip = evaluation.timesSeconds.length * evaluation.methods.length;
  const chips = finished?.chips.length ?? 0;
  yield { kind: 'begun', chips, done: chips * perChip, total: evaluation.chips * perChip };
  const events = evaluateNetwork({ ...options, evaluation, finished });
  return yield* kept(events, file, (event) => (event.kind === 'accuracy' ? undefined : event.progress));
}

/** What to attribute, and where its progress goes. */
export type AttributionStage = Omit<AttributeOptions, 'finished'> & { readonly storage: Storage };

/**
 * Attributes the losses of a network, or continues. Yields progress, each variant after it was kept; returns the
 * attribution. Throws likewise.
 */
export async function* attributionStage({
  storage,
  ...options
}: AttributionStage): AsyncGenerator<AttributionEvent, Attribution> {
  const { checkProgress } = plannedAttribution(options);
  const { points, groups, evaluation } = options;
  const settings = { points, groups, evaluation };
  const file = await fileOf(storage, 'attribution', options, settings, checkProgress);
  const events = attribute({ ...options, finished: await file.read() });
  return yield* kept(events, file, ({ progress }) => progress);
}

/** The file of a measurement; its name depends on the weights and on all options. */
function fileOf<T>(
  storage: Storage,
  what: string,
  {
    label,
    trained,
    hardware,
    seed = 0,
    data,
    task,
  }: Pick<EvaluateOptions, 'label' | 'trained' | 'hardware' | 'seed' | 'data' | 'task'>,
  settings: object,
  checkProgress: ProgressCheck<T>,
): Promise<ProgressFile<T>> {
  if (data !== undefined) throwFaults('classification: data', splitFaults(asTrained({ data, trained })!));
  const images = data && { train: data.train.count, test: data.test.count };
  const examples = task && {
    name: task.name,
    train: task.examples.trainCount,
    test: task.examples.testCount,
  };
  const all = { hardware, seed, images, ...(examples && { examples }), ...settings };
  return progressFile(storage, what, { label, trained, options: all, checkProgress });
}

/** Passes events on, after their progress is written. */
async function* kept<E, T, R>(
  events: AsyncGenerator<E, R>,
  file: ProgressFile<T>,
  progressOf: (event: E) => T | undefined,
): AsyncGenerator<E, R> {
  try {
    for (;;) {
      const { done, value } = await events.next();
      if (done === true) return value;
      const progress = progressOf(value);
      if (progress !== undefined) await file.write(progress);
      yield value;
    }
  } finally {
    // Also if the consumer stops early: then the measurement frees its memory.
    await events.return(undefined as never);
  }
}

/** The common parts of an experiment's networks, for its record. */
export type RecordOptions = Pick<
  ExperimentRecord,
  'title' | 'ohmic' | 'command' | 'machine' | 'seed' | 'hardware' | 'evaluation'
> & {
  /** Name of the data set. */
  readonly dataset: string;
  readonly data: NonNullable<EvaluateOptions['data']>;
};

/** The record of evaluated networks. Throws UsageError if two have one label. */
export function experimentRecord(
  { dataset, data, ...options }: RecordOptions,
  networks: readonly NetworkResult[],
): ExperimentRecord {
  const { title, ohmic, command, machine, seed, hardware, evaluation } = options;
  const labels = networks.map(({ label }) => label);
  throwFaults(
    'record',
    labels
      .filter((label, position) => labels.indexOf(label) !== position)
      .map((label) => `expected a label of its own for each network, got ${JSON.stringify(label)} twice`),
  );
  return {
    format: RECORD_FORMAT,
    title,
    ohmic,
    command,
    machine,
    seed,
    dataset: {
      name: dataset,
      trainImages: data.train.count,
      testImages: evaluation.testImages ?? data.test.count,
      classes: data.train.classNames.length,
    },
    hardware,
    evaluation,
    networks,
  };
}
