// `ohmic evaluate`: trained networks, on hardware, over time.

import type { Json } from '../base/schema.ts';
import { imageTask } from '../experiment/subject.ts';
import type { BackendChoice } from '../node/backend-choice.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { commandLine } from './command-line.ts';
import { askedCost, type CostOfEvaluationFlags, checkCosts, withCosts } from './cost-stage.ts';
import { type Experiment, evaluateInFolder, recordOf, reportRecord } from './evaluate-stage.ts';
import { evaluateTexts } from './evaluate-text.ts';
import {
  checkMeasurement,
  commonDataset,
  digestsOf,
  isFirst,
  type MeasurementFlags,
  readNetworks,
  refusePairs,
  traineesOf,
} from './evaluation-flags.ts';
import { interruptible } from './interruption.ts';
import { loadDataFor } from './load-data.ts';
import type { Progress } from './progress.ts';
import { enterRunFolder, storedSettings } from './run-folder.ts';
import { keepBackend } from './train-command.ts';
import { parseList, parseTime } from './values.ts';
import { withWorkplace } from './workplace.ts';

/** Flags of `ohmic evaluate`, as typed. */
export type EvaluateFlags = MeasurementFlags &
  CostOfEvaluationFlags & {
    readonly weights: readonly string[];
    readonly times: string;
    readonly methods: string;
  };

/** Evaluates networks as the flags say, and leaves record, table and report in the folder. */
export async function evaluateCommand(flags: EvaluateFlags, progress: Progress): Promise<void> {
  const { out, resume = false, json = false } = flags;
  const measurement = checkMeasurement('evaluate', flags, (attempt) => {
    const times = parseList(flags.times).map((text) => attempt(() => parseTime(text)));
    const timesSeconds = times.filter((time) => time !== undefined);
    return {
      methods: parseList(flags.methods),
      ...(timesSeconds.length < times.length ? {} : { timesSeconds }),
    };
  });
  const { evaluation, hardware, seed, trainImages } = measurement;
  const cost = askedCost(flags);
  const networks = await readNetworks(flags.weights);
  refusePairs('evaluate', flags.weights, networks);
  const weights = await digestsOf(flags.weights);
  if (networks.some(({ trained }) => trained.provenance.text !== undefined)) {
    const asked = flags.dataset;
    const stored = resume ? storedSettings(out) : undefined;
    const { backend } = keepBackend({ backend: measurement.backend }, stored) as { backend: BackendChoice };
    const place = { ...flags, backend, progress };
    const own = { networks, weights, asked, measurement, cost, out, resume, json };
    return evaluateTexts({ ...own, folder: flags.data, place });
  }
  const dataset = commonDataset('evaluate', networks, flags.dataset);
  const stored = resume ? storedSettings(out) : undefined;
  const { backend } = keepBackend({ backend: measurement.backend }, stored) as { backend: BackendChoice };
  await withWorkplace({ ...flags, backend, progress }, async (place) => {
    const { testImages } = evaluation;
    const data = await loadDataFor(
      traineesOf(networks),
      { dataset, trainImages, testImages },
      { folder: flags.data, progress },
    );
    const used = place.engine.backend.name;
    const models = networks.map(({ trained }) => trained.provenance.model).filter(isFirst);
    const experiment: Experiment = {
      title: `${models.join(', ')} on ${hardware.name}`,
      command: commandLine(),
      folder: out,
      dataset,
      data,
      networkOf: (trained: TrainedNetwork) => networkOfWeights(trained, imageTask(data)),
      hardware,
      evaluation,
      seed,
    };
    checkCosts(experiment, networks, cost);
    const settings = { weights, dataset, trainImages, hardware, evaluation, seed, backend: used };
    enterRunFolder(out, { ...settings, ...cost } as unknown as Json, { resume });
    const results = await interruptible(`${commandLine()} --resume`, (signal) =>
      evaluateInFolder(experiment, networks, place, signal),
    );
    const costed = await withCosts(experiment, { networks, results }, cost, place);
    reportRecord(out, recordOf(experiment, costed, place), { json });
  });
}
