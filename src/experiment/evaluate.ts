// The evaluation of one network: chips × times × compensation methods on the test set, with the same chips for every
// method. It goes chip by chip, so that an interrupted evaluation repeats no finished chip.

import { check, checkForm, type Incomplete } from '../base/schema.ts';
import { confidenceInterval95, meanOf } from '../base/statistics.ts';
import type { Seconds } from '../base/units.ts';
import type { Reading } from '../crossbar/chip.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { checkHardware } from '../crossbar/hardware-schema.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import type { Engine } from '../engine.ts';
import type { Network } from '../nn/network.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import type { Task } from '../train/task.ts';
import { placedLayers } from './chip-programs.ts';
import type { CompensationMethod } from './compensation-method.ts';
import { type Deployment, deploy } from './deploy.ts';
import { type EvaluationSettings, evaluationSchema } from './evaluation-settings.ts';
import { evaluateForm } from './options-schema.ts';
import {
  type ChipResult,
  type EvaluationProgress,
  evaluationProgressCheck,
  type ProgressCheck,
} from './progress-schema.ts';
import type { AccuracyAtTime, NetworkResult } from './record.ts';
import { conductanceHistogram, layerSummaries } from './summarize.ts';
import { trainedDeviceOf } from './trained-device.ts';

/** Progress of an evaluation. */
export type EvaluationEvent =
  | { readonly kind: 'digital'; readonly accuracy: number; readonly progress: EvaluationProgress }
  | {
      readonly kind: 'accuracy';
      readonly chip: number;
      readonly timeSeconds: Seconds;
      readonly method: CompensationMethod;
      readonly accuracy: number;
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: 'chip'; readonly result: ChipResult; readonly progress: EvaluationProgress };

/** Options of an evaluation. */
export type EvaluateOptions = {
  readonly engine: Engine;
  readonly network: Network;
  readonly trained: TrainedNetwork;
  /** Images to classify; absent if a `task` is given. */
  readonly data?: DataSplit<LabelledImages> | undefined;
  readonly task?: Task | undefined;
  readonly label: string;
  readonly hardware: HardwareSpec;
  /** Every field has a default. */
  readonly evaluation?: Incomplete<EvaluationSettings>;
  /** Determines all random draws. */
  readonly seed?: number;
  /** The finished part of an earlier evaluation with the same settings. */
  readonly finished?: EvaluationProgress | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Evaluates a network on `evaluation.chips` chips. Yields progress; returns the result.
 *
 * @throws UsageError for impossible settings or parameters of another network; the signal's reason if aborted
 */
export async function* evaluateNetwork(
  options: EvaluateOptions,
): AsyncGenerator<EvaluationEvent, NetworkResult> {
  const { evaluation, checkProgress } = planned(options);
  const { trained, signal } = options;
  const finished =
    options.finished === undefined ? undefined : checkProgress('evaluate: finished', options.finished);
  if (finished?.digitalAccuracy !== undefined && finished.chips.length === evaluation.chips) {
    return collectResult(options, evaluation, finished);
  }
  const deployment = await deploy({
    ...options,
    evaluation,
    data: asTrained(options),
    parameters: trained.parameters,
    trainedDevice: trainedDeviceOf(trained, evaluation),
  });
  try {
    let progress: EvaluationProgress = finished ?? { chips: [] };
    if (progress.digitalAccuracy === undefined) {
      const accuracy = await deployment.digitalAccuracy(signal);
      progress = { ...progress, digitalAccuracy: accuracy };
      yield { kind: 'digital', accuracy, progress };
    }
    for (let chip = progress.chips.length; chip < evaluation.chips; chip++) {
      const result = yield* evaluateChip(trained, evaluation, deployment, chip, signal);
      progress = { ...progress, chips: [...progress.chips, result] };
      yield { kind: 'chip', result, progress };
    }
    return collectResult(options, evaluation, progress);
  } finally {
    deployment.free();
  }
}

/**
 * The settings of an evaluation with their defaults, and the check of its progress.
 *
 * @throws UsageError that lists all fields which are missing or something else, all faults of the hardware or all faults
 *         of the settings
 */
export function planned(options: Omit<EvaluateOptions, 'finished'>): {
  readonly evaluation: EvaluationSettings;
  readonly checkProgress: ProgressCheck<EvaluationProgress>;
} {
  checkForm(evaluateForm, 'evaluate', options);
  const evaluation = check(evaluationSchema, 'evaluate: evaluation', options.evaluation ?? {});
  const placed = placedLayers(options.network, checkHardware(options.hardware));
  const layers = placed.map(({ layer }) => layer.name);
  return { evaluation, checkProgress: evaluationProgressCheck(evaluation, layers) };
}

/** Runs an evaluation to its end and returns the result. Throws what `evaluateNetwork` throws. */
export async function evaluate(options: EvaluateOptions): Promise<NetworkResult> {
  const events = evaluateNetwork(options);
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) return value;
  }
}

/** Images normalised with the constants of the network's training, also if only a part of the set is loaded. */
export function asTrained({
  data,
  trained,
}: Pick<EvaluateOptions, 'data' | 'trained'>): DataSplit<LabelledImages> | undefined {
  if (data === undefined) return undefined;
  return { ...data, normalization: trained.provenance.normalization ?? data.normalization };
}

/** One measurement of a chip: `done` of all its times and methods. */
export type ChipAccuracy = ChipResult['accuracies'][number];

/**
 * Measures one chip of a deployment at all times under all methods, in the order of the settings. Throws the signal's
 * reason if it aborts.
 */
export async function* measureChip(
  deployment: Pick<Deployment, 'accuracy'>,
  { timesSeconds, methods }: Pick<EvaluationSettings, 'timesSeconds' | 'methods'>,
  chip: number,
  signal?: AbortSignal,
): AsyncGenerator<ChipAccuracy> {
  for (const timeSeconds of timesSeconds) {
    for (const method of methods) {
      const accuracy = await deployment.accuracy({ chip, timeSeconds, method }, signal);
      yield { timeSeconds, method, accuracy };
    }
  }
}

async function* evaluateChip(
  trained: TrainedNetwork,
  { timesSeconds, methods, chips }: EvaluationSettings,
  deployment: Deployment,
  chip: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<EvaluationEvent, ChipResult> {
  const accuracies: ChipAccuracy[] = [];
  const readings: Reading[] = [];
  const baseline = chip === 0 ? await deployment.baseline(chip) : undefined;
  for (const timeSeconds of timesSeconds) {
    if (baseline !== undefined) readings.push(await deployment.reading({ chip, timeSeconds }));
    for await (const one of measureChip(deployment, { timesSeconds: [timeSeconds], methods }, chip, signal)) {
      accuracies.push(one);
      const perChip = timesSeconds.length * methods.length;
      const done = chip * perChip + accuracies.length;
      yield { kind: 'accuracy', chip, ...one, done, total: chips * perChip };
    }
  }
  if (baseline === undefined) return { chip, accuracies };
  const programmed = await deployment.chip(chip);
  const layers = layerSummaries(programmed, trained.parameters, baseline, readings);
  return { chip, accuracies, inside: { layers, histogram: conductanceHistogram(programmed, readings) } };
}

function collectResult(
  { label, trained }: EvaluateOptions,
  evaluation: EvaluationSettings,
  progress: EvaluationProgress,
): NetworkResult {
  const deployed = evaluation.methods.flatMap((method) =>
    evaluation.timesSeconds.map((timeSeconds): AccuracyAtTime => {
      const accuracies = progress.chips.map(
        (chip) =>
          chip.accuracies.find((one) => one.method === method && one.timeSeconds === timeSeconds)!.accuracy,
      );
      const interval95 = confidenceInterval95(accuracies);
      return { timeSeconds, method, accuracies, mean: meanOf(accuracies), ...(interval95 && { interval95 }) };
    }),
  );
  const { layers, histogram } = progress.chips[0]!.inside!;
  return {
    label,
    training: trained.provenance,
    digitalAccuracy: progress.digitalAccuracy!,
    deployed,
    layers,
    histogram,
  };
}
