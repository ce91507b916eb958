// The stages of a whole experiment in one folder: digital training, noise training from its weights, evaluation of both,
// a sweep over training noise. Every stage keeps its files, and a finished one is not repeated.

import { join } from 'node:path';
import { throwFaults } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { resolveHardware } from '../crossbar/hardware-choice.ts';
import type { DataSplit } from '../data/image-set.ts';
import {
  type EvaluationSettings,
  evaluationFaults,
  methodFaults,
} from '../experiment/evaluation-settings.ts';
import type { NoiseSweep, NoiseSweepPoint } from '../experiment/record.ts';
import type { Network } from '../nn/network.ts';
import { networkByName } from '../nn/networks.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { checkRunSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import {
  countsOf,
  type Experiment,
  evaluateInFolder,
  type LabelledNetwork,
  recordOf,
  reportRecord,
  writeRecord,
} from './evaluate-stage.ts';
import { interruptible } from './interruption.ts';
import { imageTask, loadData } from './load-data.ts';
import type { Progress } from './progress.ts';
import { enterRunFolder } from './run-folder.ts';
import type { NoiseSweepSettings, RunSettings } from './settings-schema.ts';
import type { WorkFlags } from './train-command.ts';
import { type TrainStage, trainInFolder } from './train-stage.ts';
import { type Workplace, withWorkplace } from './workplace.ts';

/** Where an experiment runs, and how. */
export type RunOptions = {
  readonly folder: string;
  /** Continue what the folder holds. */
  readonly resume: boolean;
  /** The command that continues it after a stop. */
  readonly resumeCommand: string;
  readonly flags: WorkFlags;
  readonly progress: Progress;
};

/**
 * Runs an experiment in a folder and leaves record, table and report there.
 *
 * @throws UsageError for impossible settings, missing data, or a folder that holds another run; Interruption if stopped
 */
export async function runInFolder(
  settings: RunSettings,
  { folder, resume, resumeCommand, flags, progress }: RunOptions,
): Promise<void> {
  await withWorkplace({ ...flags, backend: settings.backend, progress }, async (place) => {
    const data = await loadData(settings.data, { folder: flags.data, progress });
    const network = networkByName(settings.model, imageTask(data));
    // Asked before hours of training.
    throwFaults('evaluation', allEvaluationFaults(settings, network, data));
    enterRunFolder(folder, { ...settings, backend: place.engine.backend.name } as unknown as Json, {
      resume,
      complete: (stored) => checkRunSettings(folder, stored) as unknown as Json,
    });
    progress.line(
      `${settings.model} on ${settings.data.dataset}, in ${folder}, ${place.engine.backend.description}`,
    );
    await interruptible(resumeCommand, (signal) => runStages(settings, { folder, data, place, signal }));
  });
}

/** Faults of every evaluation of an experiment, with the place of each. */
function allEvaluationFaults(
  { evaluation, controlEvaluation, noiseSweep }: RunSettings,
  network: Network,
  data: DataSplit,
): string[] {
  const faultsOf = (place: string, one: EvaluationSettings | undefined): string[] =>
    one === undefined
      ? []
      : [...evaluationFaults(one, countsOf(data)), ...methodFaults(one, network)].map(
          (fault) => `${place}.${fault}`,
        );
  return [
    ...faultsOf('evaluation', evaluation),
    ...faultsOf('controlEvaluation', controlEvaluation),
    ...faultsOf('noiseSweep.evaluation', noiseSweep?.evaluation),
  ];
}

type Surroundings = {
  readonly folder: string;
  readonly data: DataSplit;
  readonly place: Workplace;
  readonly signal: AbortSignal;
};

async function runStages(settings: RunSettings, surroundings: Surroundings): Promise<void> {
  const { folder, data, place, signal } = surroundings;
  const { seed, training, noiseTraining, noiseSweep, published } = settings;
  const { dataset } = settings.data;
  const network = networkByName(settings.model, imageTask(data));
  const stage = { network, dataset, data, seed };
  const digital = await trainInFolder(
    { ...stage, label: 'digital training', folder: join(folder, 'digital'), settings: training },
    place,
    signal,
  );
  const networks: LabelledNetwork[] = [
    { label: 'digital', trained: digital, evaluation: settings.controlEvaluation },
  ];
  if (noiseTraining !== undefined) {
    const noisy = await trainInFolder(
      {
        ...stage,
        label: 'noise training',
        folder: join(folder, 'noise-trained'),
        settings: noiseTraining,
        initial: digital.parameters,
      },
      place,
      signal,
    );
    networks.push({ label: 'noise-trained', trained: noisy });
  }
  const experiment: Experiment = {
    title: `${network.name} on ${dataset}`,
    command: commandLine(),
    folder,
    dataset,
    data,
    networkOf: () => network,
    hardware: resolveHardware(settings.hardware),
    evaluation: settings.evaluation,
    seed,
  };
  const results = await evaluateInFolder(experiment, networks, place, signal);
  const record = {
    ...recordOf(experiment, results, place),
    ...(published === undefined ? {} : { published }),
  };
  if (noiseSweep === undefined) {
    reportRecord(folder, record);
    return;
  }
  place.progress.line(`so far: ${writeRecord(folder, record)}`);
  const sweep = await sweepNoise(noiseSweep, { experiment, stage, digital, place, signal });
  reportRecord(folder, { ...record, noiseSweep: sweep });
}

type SweepSurroundings = {
  readonly experiment: Experiment;
  readonly stage: Pick<TrainStage, 'network' | 'dataset' | 'data' | 'seed'>;
  readonly digital: TrainedNetwork;
  readonly place: Workplace;
  readonly signal: AbortSignal;
};

/** Trains and evaluates one network for each amount of training noise, each in a folder of its own. */
async function sweepNoise(
  { relativeToMax: amounts, training, evaluation }: NoiseSweepSettings,
  { experiment, stage, digital, place, signal }: SweepSurroundings,
): Promise<NoiseSweep> {
  const points: NoiseSweepPoint[] = [];
  for (const relativeToMax of amounts) {
    const label = `eta ${relativeToMax}`;
    const folder = join(experiment.folder, 'noise-sweep', label.replace(' ', '-'));
    const settings = {
      ...training,
      noise: { ...training.noise, kind: 'gaussian', relativeToMax },
    } as const;
    const trained = await trainInFolder(
      { ...stage, label: `training with ${label}`, folder, settings, initial: digital.parameters },
      place,
      signal,
    );
    const [result] = await evaluateInFolder(
      { ...experiment, folder, evaluation },
      [{ label, trained }],
      place,
      signal,
    );
    const { digitalAccuracy, deployed } = result!;
    points.push({ relativeToMax, training: trained.provenance, digitalAccuracy, deployed });
  }
  return { evaluation, points };
}
