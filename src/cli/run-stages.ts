// The stages of a whole experiment in one folder: digital training, noise training from its weights, evaluation of
// both, a sweep over training noise. Every stage keeps its files, and a finished one is not repeated.

import { join } from 'node:path';
import { throwFaults } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { patternFaults } from '../crossbar/hardware.ts';
import { resolveHardware } from '../crossbar/hardware-choice.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import {
  type EvaluationSettings,
  evaluationFaults,
  methodFaults,
} from '../experiment/evaluation-settings.ts';
import type { NoiseSweep, NoiseSweepPoint } from '../experiment/record.ts';
import { imageSubject, imageTask } from '../experiment/subject.ts';
import type { Predecessors } from '../experiment/training-start.ts';
import type { Network } from '../nn/network.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { trainingFaults } from '../train/fit.ts';
import { type TrainingSettings, trainingSchema } from '../train/settings.ts';
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
import { loadData } from './load-data.ts';
import type { Progress } from './progress.ts';
import { enterRunFolder } from './run-folder.ts';
import type { NoiseSweepSettings, RunSettings } from './settings-schema.ts';
import type { WorkFlags } from './train-command.ts';
import { type FolderTraining, trainInFolder } from './train-stage.ts';
import { checkTeachers, imageNetwork, layerFaults, trainingStart } from './training-start.ts';
import { type Workplace, withWorkplace } from './workplace.ts';

/** Options of an experiment. */
export type RunOptions = {
  readonly folder: string;
  /** Continue what the folder holds. */
  readonly resume: boolean;
  /** The command that continues it after a stop. */
  readonly resumeCommand: string;
  readonly flags: WorkFlags & { readonly json?: boolean };
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
    const { network, initial } = await imageNetwork(settings, imageTask(data));
    // Checked before hours of training.
    throwFaults('run', runFaults(settings, network, data));
    const { training, noiseTraining, noiseSweep } = settings;
    await checkTeachers(training, [noiseTraining, noiseSweep?.training], data);
    enterRunFolder(folder, { ...settings, backend: place.engine.backend.name } as unknown as Json, {
      resume,
      complete: (stored) => checkRunSettings(folder, stored) as unknown as Json,
    });
    progress.line(
      `${settings.model} on ${settings.data.dataset}, in ${folder}, ${place.engine.backend.description}`,
    );
    await interruptible(resumeCommand, (signal) =>
      runStages(settings, { folder, data, network, initial, place, signal, json: flags.json ?? false }),
    );
  });
}

/** Faults of every training and every evaluation of an experiment, with the place of each. */
export function runFaults(
  { training, noiseTraining, hardware, evaluation, controlEvaluation, noiseSweep }: RunSettings,
  network: Network,
  data: DataSplit<LabelledImages>,
): string[] {
  const faultsOf = (place: string, one: EvaluationSettings | undefined): string[] =>
    one === undefined
      ? []
      : [...evaluationFaults(one, countsOf(data)), ...methodFaults(one, network)].map(
          (fault) => `${place}.${fault}`,
        );
  const names = network.layers.map(({ name }) => name);
  const ofTraining = (place: string, one: TrainingSettings | undefined): string[] =>
    one === undefined
      ? []
      : [
          ...layerFaults(place, one, network),
          ...trainingFaults(one, network, { trainCount: data.train.count }).map(
            (fault) => `${place}.${fault}`,
          ),
        ];
  return [
    ...ofTraining('training', training),
    ...ofTraining('noiseTraining', noiseTraining),
    ...ofTraining('noiseSweep.training', noiseSweep?.training),
    ...sweepFaults(noiseSweep),
    ...patternFaults(resolveHardware(hardware), names).map((fault) => `hardware.${fault}`),
    ...faultsOf('evaluation', evaluation),
    ...faultsOf('controlEvaluation', controlEvaluation),
    ...faultsOf('noiseSweep.evaluation', noiseSweep?.evaluation),
  ];
}

/** What keeps the trainings of a sweep from taking Gaussian noise. */
function sweepFaults(noiseSweep: NoiseSweepSettings | undefined): string[] {
  if (noiseSweep === undefined) return [];
  const [amount = 0] = noiseSweep.relativeToMax.filter((one) => one > 0);
  const { error } = trainingSchema.safeParse(withNoise(noiseSweep.training, amount));
  return (error?.issues ?? []).map(
    ({ path, message }) => `${['noiseSweep.training', ...path].join('.')}: ${message}`,
  );
}

/** Training settings with another amount of Gaussian noise. */
function withNoise(training: TrainingSettings, relativeToMax: number): TrainingSettings {
  const { noise } = training;
  const gaussian = noise.kind === 'gaussian' ? noise : { kind: 'gaussian' as const };
  return { ...training, noise: { ...gaussian, relativeToMax } };
}

type Surroundings = {
  readonly folder: string;
  readonly data: DataSplit<LabelledImages>;
  readonly network: Network;
  /** In place of the digital training. */
  readonly initial: TrainedNetwork | undefined;
  readonly place: Workplace;
  readonly signal: AbortSignal;
  readonly json: boolean;
};

/** Trains in a folder, from the networks of earlier stages. */
type Trainer = (
  what: Pick<FolderTraining, 'label' | 'folder'>,
  settings: TrainingSettings,
  before: Predecessors,
) => Promise<TrainedNetwork>;

async function runStages(settings: RunSettings, surroundings: Surroundings): Promise<void> {
  const { folder, data, network, initial, place, signal, json } = surroundings;
  const { seed, training, noiseTraining, noiseSweep, published } = settings;
  const { dataset } = settings.data;
  const train: Trainer = async (what, one, before) => {
    const { data: images, ...start } = await trainingStart(one, data, before);
    const subject = imageSubject({ network, dataset, data: images });
    return trainInFolder({ ...what, subject, seed, ...start }, place, signal);
  };
  const digital =
    initial ?? (await train({ label: 'digital training', folder: join(folder, 'digital') }, training, {}));
  const networks: LabelledNetwork[] = [
    { label: 'digital', trained: digital, evaluation: settings.controlEvaluation },
  ];
  // If the settings distil and name no teacher, the digital network is the teacher.
  const before = { initial: digital, teacher: digital };
  if (noiseTraining !== undefined) {
    const what = { label: 'noise training', folder: join(folder, 'noise-trained') };
    networks.push({ label: 'noise-trained', trained: await train(what, noiseTraining, before) });
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
    reportRecord(folder, record, { json });
    return;
  }
  place.progress.line(`so far: ${writeRecord(folder, record)}`);
  const sweep = await sweepNoise(noiseSweep, { experiment, train, before, place, signal });
  reportRecord(folder, { ...record, noiseSweep: sweep }, { json });
}

type SweepSurroundings = {
  readonly experiment: Experiment;
  readonly train: Trainer;
  readonly before: Predecessors;
  readonly place: Workplace;
  readonly signal: AbortSignal;
};

/** Trains and evaluates one network for each amount of training noise, each in a folder of its own. */
async function sweepNoise(
  { relativeToMax: amounts, training, evaluation }: NoiseSweepSettings,
  { experiment, train, before, place, signal }: SweepSurroundings,
): Promise<NoiseSweep> {
  const points: NoiseSweepPoint[] = [];
  for (const relativeToMax of amounts) {
    const label = `eta ${relativeToMax}`;
    const folder = join(experiment.folder, 'noise-sweep', label.replace(' ', '-'));
    const settings = withNoise(training, relativeToMax);
    const trained = await train({ label: `training with ${label}`, folder }, settings, before);
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
