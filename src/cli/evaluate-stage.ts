// One network's evaluation in one folder: what is finished is kept chip by chip, so that a stopped evaluation continues.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { throwFaults, UsageError } from '../base/errors.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import type { DataSplit } from '../data/image-set.ts';
import { type EvaluationProgress, evaluateNetwork } from '../experiment/evaluate.ts';
import {
  type EvaluationSettings,
  evaluationFaults,
  methodFaults,
  methodsFor,
} from '../experiment/evaluation-settings.ts';
import type { ExperimentRecord, NetworkResult } from '../experiment/record.ts';
import type { Network } from '../nn/network.ts';
import { toCsv } from '../report/csv.ts';
import { toHtml } from '../report/html.ts';
import { toJson } from '../report/json.ts';
import { printTable } from '../report/terminal-table.ts';
import { parametersDigest, type TrainedNetwork } from '../train/checkpoint.ts';
import { readBytes, writeWhole } from './files.ts';
import { machineOf, type Workplace } from './workplace.ts';

/** What all networks of an experiment have in common. */
export type Experiment = {
  readonly title: string;
  /** The command that repeats it. */
  readonly command: string;
  readonly folder: string;
  readonly dataset: string;
  readonly data: DataSplit;
  readonly networkOf: (trained: TrainedNetwork) => Network;
  readonly hardware: HardwareSpec;
  readonly evaluation: EvaluationSettings;
  readonly seed: number;
};

/** A network, what the report calls it, and how it is evaluated where that is not how the others are. */
export type LabelledNetwork = {
  readonly label: string;
  readonly trained: TrainedNetwork;
  readonly evaluation?: EvaluationSettings | undefined;
};

/**
 * Evaluates networks one after the other; what an earlier, stopped evaluation finished in the folder is not repeated.
 *
 * @throws UsageError for impossible settings or a damaged file; the reason of `signal` if it aborts
 */
export async function evaluateInFolder(
  experiment: Experiment,
  networks: readonly LabelledNetwork[],
  place: Workplace,
  signal: AbortSignal,
): Promise<NetworkResult[]> {
  const { data, evaluation } = experiment;
  const all = networks.map((network) => network.evaluation ?? evaluation);
  throwFaults('evaluation', [...new Set(all.flatMap((one) => evaluationFaults(one, countsOf(data))))]);
  // Of all networks before the first is evaluated: a fault of the last must not cost the others' time.
  const suited = networks.map((labelled) => withItsMethods(experiment, labelled, place));
  const results: NetworkResult[] = [];
  for (const labelled of suited) results.push(await evaluateOne(experiment, labelled, place, signal));
  return results;
}

/** How many examples there are. */
export function countsOf({ train, test }: DataSplit): { trainCount: number; testCount: number } {
  return { trainCount: train.count, testCount: test.count };
}

/** A network that normalises nothing is not evaluated with AdaBS, which would do nothing. */
function withItsMethods(
  { networkOf, evaluation }: Experiment,
  labelled: LabelledNetwork,
  { progress }: Workplace,
): LabelledNetwork {
  const asked = labelled.evaluation ?? evaluation;
  const network = networkOf(labelled.trained);
  throwFaults('evaluation', methodFaults(asked, network));
  const methods = methodsFor(asked.methods, network);
  if (methods.length === asked.methods.length) return labelled;
  progress.line(
    `note: ${network.name} has no batch normalisation, so ${labelled.label} is evaluated without AdaBS`,
  );
  return { ...labelled, evaluation: { ...asked, methods } };
}

/** The record of an experiment. */
export function recordOf(
  { title, command, dataset, data, hardware, evaluation, seed }: Experiment,
  networks: readonly NetworkResult[],
  place: Workplace,
): ExperimentRecord {
  return {
    format: 'ohmic-record-1',
    title,
    ohmic: place.version,
    command,
    machine: machineOf(place),
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

/** Writes record.json, accuracies.csv and report.html; returns the last one's path. */
export function writeRecord(folder: string, record: ExperimentRecord): string {
  const report = join(folder, 'report.html');
  writeWhole(join(folder, 'record.json'), toJson(record));
  writeWhole(join(folder, 'accuracies.csv'), toCsv(record));
  writeWhole(report, toHtml(record));
  return report;
}

/** Writes the record and its reports, and prints the table. */
export function reportRecord(folder: string, record: ExperimentRecord): void {
  const report = writeRecord(folder, record);
  process.stdout.write(`${printTable(record)}\nreport: ${report}\n`);
}

async function evaluateOne(
  experiment: Experiment,
  { label, trained, evaluation: own }: LabelledNetwork,
  place: Workplace,
  signal: AbortSignal,
): Promise<NetworkResult> {
  const { data, hardware, seed } = experiment;
  const evaluation = own ?? experiment.evaluation;
  const file = await progressFile(experiment.folder, label, trained);
  const finished = await readProgress(file);
  const total = evaluation.chips * evaluation.timesSeconds.length * evaluation.methods.length;
  const done = ((finished?.chips.length ?? 0) * total) / evaluation.chips;
  if (finished !== undefined)
    place.progress.line(
      `evaluating ${label}: ${finished.chips.length} of ${evaluation.chips} chips are done already`,
    );
  const task = place.progress.task({ label: `evaluating ${label}`, total, unit: 'test runs', done });
  const events = evaluateNetwork({
    engine: place.engine,
    network: experiment.networkOf(trained),
    data,
    trained,
    label,
    hardware,
    evaluation,
    seed,
    signal,
    ...(finished === undefined ? {} : { finished }),
  });
  try {
    for (;;) {
      const { done: isDone, value } = await events.next();
      if (isDone === true) return own === undefined ? value : { ...value, evaluation: own };
      if (value.kind === 'accuracy') task.update(value.done, `chip ${value.chip + 1} of ${evaluation.chips}`);
      else await writeProgress(file, value.progress);
    }
  } finally {
    task.end();
  }
}

/** Two networks never share one, whatever they are called; nor do the weights of two trainings. */
async function progressFile(folder: string, label: string, { parameters }: TrainedNetwork): Promise<string> {
  const digest = await parametersDigest(parameters);
  return join(folder, `evaluation-${label.replaceAll(/[^\w.-]+/g, '-')}-${digest.slice(0, 12)}.json`);
}

/** Progress with its digest: a damaged file is found out. */
async function writeProgress(file: string, progress: EvaluationProgress): Promise<void> {
  const digest = await sha256(JSON.stringify(progress));
  writeWhole(file, `${JSON.stringify({ sha256: digest, progress })}\n`);
}

async function readProgress(file: string): Promise<EvaluationProgress | undefined> {
  if (!existsSync(file)) return undefined;
  const text = new TextDecoder().decode(readBytes(file));
  try {
    const { sha256: expected, progress } = JSON.parse(text) as {
      readonly sha256: string;
      readonly progress: EvaluationProgress;
    };
    if ((await sha256(JSON.stringify(progress))) === expected) return progress;
  } catch {
    // Told below, as for a wrong digest.
  }
  throw new UsageError(`${file}: it is damaged; remove it, and this evaluation starts anew`);
}
