// Evaluations in one folder, with their progress on the terminal; writes record, tables and report. The evaluation
// itself is experiment/evaluation-stage.ts.

import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { lowRankCost } from '../cost/low-rank.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import type { EvaluateOptions } from '../experiment/evaluate.ts';
import {
  type EvaluationSettings,
  evaluationFaults,
  loraDefaults,
  methodFaults,
  methodsFor,
} from '../experiment/evaluation-settings.ts';
import { evaluationStage, experimentRecord } from '../experiment/evaluation-stage.ts';
import type { ExperimentRecord, NetworkResult } from '../experiment/record.ts';
import type { Network } from '../nn/network.ts';
import { folderStorage } from '../node/folder-storage.ts';
import { recordCostCsv } from '../report/cost-csv.ts';
import { attributionCsv, toCsv } from '../report/csv.ts';
import { toHtml } from '../report/html.ts';
import { toJson } from '../report/json.ts';
import { tableJson } from '../report/table-json.ts';
import { printTable } from '../report/terminal-table.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { writeWhole } from './files.ts';
import { follow } from './follow.ts';
import type { Task } from './progress.ts';
import { machineOf, type Workplace } from './workplace.ts';

/** What the evaluations of an experiment need. */
export type MeasuredNetworks = Pick<EvaluateOptions, 'data' | 'task'> & {
  readonly folder: string;
  readonly networkOf: (trained: TrainedNetwork) => Network;
  readonly hardware: HardwareSpec;
  readonly evaluation: EvaluationSettings;
  readonly seed: number;
};

/** The common parts of all networks of an experiment on images. */
export type Experiment = MeasuredNetworks & {
  readonly title: string;
  /** The command that repeats it. */
  readonly command: string;
  readonly dataset: string;
  readonly data: DataSplit<LabelledImages>;
};

/** A network, its name in the report, and its evaluation settings if they differ from those of the others. */
export type LabelledNetwork = {
  readonly label: string;
  readonly trained: TrainedNetwork;
  readonly evaluation?: EvaluationSettings | undefined;
};

/**
 * Evaluates networks one after the other; results of an earlier, interrupted evaluation in the folder are not repeated.
 *
 * @throws UsageError for impossible settings or a damaged file; the reason of `signal` if it aborts
 */
export async function evaluateInFolder(
  experiment: MeasuredNetworks,
  networks: readonly LabelledNetwork[],
  place: Workplace,
  signal: AbortSignal,
): Promise<NetworkResult[]> {
  const { data, task, evaluation } = experiment;
  const examples = task?.examples ?? (data && countsOf(data));
  if (examples === undefined) throw new UsageError('evaluate: expected `data` or a `task`, got neither');
  const all = networks.map((network) => network.evaluation ?? evaluation);
  throwFaults('evaluation', [...new Set(all.flatMap((one) => evaluationFaults(one, examples)))]);
  // All networks are checked before the first is evaluated, so that a fault of the last is found at once.
  const suited = networks.map((labelled) => withItsMethods(experiment, labelled, place));
  const results: NetworkResult[] = [];
  for (const labelled of suited) results.push(await evaluateOne(experiment, labelled, place, signal));
  return results;
}

/** Numbers of examples. */
export function countsOf({ train, test }: DataSplit<LabelledImages>): {
  trainCount: number;
  testCount: number;
} {
  return { trainCount: train.count, testCount: test.count };
}

/** A network without batch normalisation is not evaluated with AdaBS, which would have no effect. */
function withItsMethods(
  { networkOf, evaluation }: MeasuredNetworks,
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
  experiment: Experiment,
  networks: readonly NetworkResult[],
  place: Workplace,
): ExperimentRecord {
  return experimentRecord({ ...experiment, ohmic: place.version, machine: machineOf(place) }, networks);
}

/**
 * Writes record.json, accuracies.csv, report.html and, if there are any, attribution.csv and cost.csv; returns the
 * report's path.
 */
export function writeRecord(folder: string, record: ExperimentRecord): string {
  const report = join(folder, 'report.html');
  writeWhole(join(folder, 'record.json'), toJson(record));
  writeWhole(join(folder, 'accuracies.csv'), toCsv(record));
  if (record.attribution !== undefined) writeWhole(join(folder, 'attribution.csv'), attributionCsv(record));
  if (record.networks.some(({ cost }) => cost !== undefined))
    writeWhole(join(folder, 'cost.csv'), recordCostCsv(record));
  writeWhole(report, toHtml(record));
  return report;
}

/** Writes the record and its reports, and prints the table, with `--json` as JSON. */
export function reportRecord(
  folder: string,
  record: ExperimentRecord,
  { json = false }: { readonly json?: boolean } = {},
): void {
  const report = writeRecord(folder, record);
  process.stdout.write(json ? tableJson(record) : `${printTable(record)}\nreport: ${report}\n`);
}

/** What corrections of low rank cost, for people. */
function loraText(network: Network, hardware: HardwareSpec, { lora }: EvaluationSettings): string {
  const { rank, steps, batchSize } = lora ?? loraDefaults;
  const cost = lowRankCost(network, hardware, rank);
  const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
  const { parameters, multiplyAdds, layerWeights, layerMultiplyAdds } = cost;
  return `LoRA of rank ${rank}: ${parameters} digital parameters, ${share(parameters, layerWeights)} of the weights on arrays, and ${multiplyAdds} digital multiply-adds an example, ${share(multiplyAdds, layerMultiplyAdds)}; ${steps} steps with ${batchSize} examples for every read`;
}

async function evaluateOne(
  { networkOf, folder, data, task: scored, hardware, seed, evaluation: common }: MeasuredNetworks,
  { label, trained, evaluation: own }: LabelledNetwork,
  { engine, progress }: Workplace,
  signal: AbortSignal,
): Promise<NetworkResult> {
  const evaluation = own ?? common;
  if (evaluation.methods.includes('lora')) progress.line(loraText(networkOf(trained), hardware, evaluation));
  let task: Task | undefined;
  const events = evaluationStage({
    engine,
    storage: folderStorage(folder),
    network: networkOf(trained),
    data,
    task: scored,
    trained,
    label,
    hardware,
    evaluation,
    seed,
    signal,
  });
  try {
    const result = await follow(events, (event) => {
      if (event.kind === 'begun') {
        const { chips, done, total } = event;
        if (chips > 0)
          progress.line(`evaluating ${label}: ${chips} of ${evaluation.chips} chips are done already`);
        task = progress.task({ label: `evaluating ${label}`, total, unit: 'test runs', done });
      }
      if (event.kind === 'accuracy')
        task?.update(event.done, `chip ${event.chip + 1} of ${evaluation.chips}`);
    });
    return own === undefined ? result : { ...result, evaluation: own };
  } finally {
    task?.end();
  }
}
