// The evaluation of one network: chips × times × compensation methods on the test set, the same chips for every
// method, chip by chip, so that what is finished is never computed again.

import { throwFaults } from '../base/errors.ts';
import { confidenceInterval95, meanOf } from '../base/statistics.ts';
import type { Seconds } from '../base/units.ts';
import { LATEST_SECONDS } from '../crossbar/chip.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import type { DataSplit } from '../data/image-set.ts';
import type { Engine } from '../engine.ts';
import type { Model } from '../nn/model.ts';
import { checkParameters, type TrainedNetwork } from '../train/checkpoint.ts';
import { type Deployment, deploy } from './deploy.ts';
import {
  type AccuracyAtTime,
  COMPENSATION_METHODS,
  type CompensationMethod,
  type ConductanceHistogram,
  type EvaluationSettings,
  type LayerSummary,
  type NetworkResult,
} from './record.ts';
import { conductanceHistogram, layerSummaries } from './summarize.ts';

/** Everything measured on one chip. */
export type ChipResult = {
  readonly chip: number;
  readonly accuracies: readonly {
    readonly timeSeconds: Seconds;
    readonly method: CompensationMethod;
    readonly accuracy: number;
  }[];
  /** On the first chip. */
  readonly inside?: { readonly layers: readonly LayerSummary[]; readonly histogram: ConductanceHistogram };
};

/** What is finished of an evaluation; hand it in again to continue. */
export type EvaluationProgress = { readonly digitalAccuracy?: number; readonly chips: readonly ChipResult[] };

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

/** What to evaluate, and how. */
export type EvaluateOptions = {
  readonly engine: Engine;
  readonly model: Model;
  readonly data: DataSplit;
  readonly network: TrainedNetwork;
  readonly label: string;
  readonly hardware: HardwareSpec;
  readonly evaluation: EvaluationSettings;
  readonly seed: number;
  /** What an earlier, interrupted evaluation with the same settings finished. */
  readonly finished?: EvaluationProgress;
  readonly signal?: AbortSignal;
};

/** All faults of evaluation settings on a data set; none if they can be run. */
export function evaluationFaults(evaluation: EvaluationSettings, data: DataSplit): string[] {
  const faults: string[] = [];
  const expectWhole = (name: string, value: number, most: number): void => {
    if (!Number.isInteger(value) || value < 1 || value > most)
      faults.push(`${name} must be a whole number from 1 to ${most}, got ${value}`);
  };
  expectWhole('chips', evaluation.chips, 100_000);
  if (evaluation.methods.includes('adabs')) {
    expectWhole('adabs.batches', evaluation.adabs.batches, 10_000);
    expectWhole('adabs.batchSize', evaluation.adabs.batchSize, data.train.count);
  }
  expectWhole('calibrationImages', evaluation.calibrationImages, data.train.count);
  if (evaluation.testImages !== undefined) expectWhole('testImages', evaluation.testImages, data.test.count);
  if (evaluation.timesSeconds.length === 0) faults.push('timesSeconds must name at least one time');
  for (const time of evaluation.timesSeconds) {
    if (!(time >= 0 && time <= LATEST_SECONDS))
      faults.push(`timesSeconds must be from 0 to ${LATEST_SECONDS} s since programming, got ${time}`);
  }
  if (evaluation.methods.length === 0)
    faults.push(`methods must name at least one of ${COMPENSATION_METHODS.join(', ')}`);
  const lists: Readonly<Record<string, readonly (number | string)[]>> = {
    timesSeconds: evaluation.timesSeconds,
    methods: evaluation.methods,
  };
  for (const [name, all] of Object.entries(lists)) {
    const twice = all.find((one, k) => all.slice(0, k).includes(one));
    if (twice !== undefined) faults.push(`${name} must differ from one another, got ${twice} twice`);
  }
  return faults;
}

/** The methods that mean something for a network: AdaBS re-estimates statistics of batch normalisation. */
export function methodsFor(
  methods: readonly CompensationMethod[],
  { normalizationLayers }: Model,
): readonly CompensationMethod[] {
  return normalizationLayers.length > 0 ? methods : methods.filter((method) => method !== 'adabs');
}

/** A fault if no method is left for a network. */
export function methodFaults({ methods }: EvaluationSettings, model: Model): string[] {
  if (methods.length === 0 || methodsFor(methods, model).length > 0) return [];
  return [`methods must name another than adabs: ${model.name} has no batch normalisation`];
}

/**
 * Evaluates a network on `evaluation.chips` chips. Yields progress; returns the result.
 *
 * @throws UsageError for impossible settings or parameters of another model; the signal's reason if aborted
 */
export async function* evaluateNetwork(
  options: EvaluateOptions,
): AsyncGenerator<EvaluationEvent, NetworkResult> {
  const { model, network, evaluation, signal, finished } = options;
  throwFaults('evaluate', evaluationFaults(evaluation, options.data));
  checkParameters('evaluate', model, network.parameters);
  if (finished?.digitalAccuracy !== undefined && finished.chips.length === evaluation.chips) {
    return collectResult(options, finished);
  }
  // As the network saw its images, whatever part of the set is at hand now.
  const { normalization = options.data.normalization } = network.provenance;
  const data = { ...options.data, normalization };
  const deployment = await deploy({ ...options, data, parameters: network.parameters });
  try {
    let progress: EvaluationProgress = finished ?? { chips: [] };
    if (progress.digitalAccuracy === undefined) {
      const accuracy = await deployment.digitalAccuracy(signal);
      progress = { ...progress, digitalAccuracy: accuracy };
      yield { kind: 'digital', accuracy, progress };
    }
    for (let chip = progress.chips.length; chip < evaluation.chips; chip++) {
      const result = yield* evaluateChip(options, deployment, chip);
      progress = { ...progress, chips: [...progress.chips, result] };
      yield { kind: 'chip', result, progress };
    }
    return collectResult(options, progress);
  } finally {
    deployment.free();
  }
}

async function* evaluateChip(
  options: EvaluateOptions,
  deployment: Deployment,
  number: number,
): AsyncGenerator<EvaluationEvent, ChipResult> {
  const { evaluation, network, signal } = options;
  const { timesSeconds, methods } = evaluation;
  const chip = await deployment.program(number);
  const baseline = await deployment.readBaseline(chip);
  const accuracies: ChipResult['accuracies'][number][] = [];
  const readings = [];
  for (const timeSeconds of timesSeconds) {
    const reading = await deployment.read(chip, timeSeconds);
    if (number === 0) readings.push(reading);
    for (const method of methods) {
      const accuracy = await deployment.accuracy({ reading, baseline }, method, signal);
      accuracies.push({ timeSeconds, method, accuracy });
      const perChip = timesSeconds.length * methods.length;
      const done = number * perChip + accuracies.length;
      yield {
        kind: 'accuracy',
        chip: number,
        timeSeconds,
        method,
        accuracy,
        done,
        total: evaluation.chips * perChip,
      };
    }
  }
  if (number > 0) return { chip: number, accuracies };
  const layers = layerSummaries(chip, network.parameters, baseline, readings);
  return { chip: number, accuracies, inside: { layers, histogram: conductanceHistogram(chip, readings) } };
}

function collectResult(
  { label, network, evaluation }: EvaluateOptions,
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
    training: network.provenance,
    digitalAccuracy: progress.digitalAccuracy!,
    deployed,
    layers,
    histogram,
  };
}
