// `ohmic attribute`: where one network loses accuracy on its hardware. Each source of error and each group of layers is
// measured alone and left out, on the chips of the network's evaluation.

import type { Json } from '../base/schema.ts';
import { type HardwareSpec, hardwareOf } from '../crossbar/hardware.ts';
import { attributionVariants } from '../experiment/attribute.ts';
import type { Attribution, AttributionPoint } from '../experiment/attribution.ts';
import { attributionStage } from '../experiment/evaluation-stage.ts';
import { imageTask } from '../experiment/subject.ts';
import type { Network } from '../nn/network.ts';
import type { BackendChoice } from '../node/backend-choice.ts';
import { folderStorage } from '../node/folder-storage.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { commandLine } from './command-line.ts';
import {
  type Experiment,
  evaluateInFolder,
  type LabelledNetwork,
  recordOf,
  reportRecord,
} from './evaluate-stage.ts';
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
import { follow } from './follow.ts';
import { interruptible } from './interruption.ts';
import { loadDataFor } from './load-data.ts';
import type { Progress, Task } from './progress.ts';
import { enterRunFolder, storedSettings } from './run-folder.ts';
import { keepBackend } from './train-command.ts';
import { parseList, parsePoints } from './values.ts';
import { type Workplace, withWorkplace } from './workplace.ts';

/** Flags of `ohmic attribute`, as typed. */
export type AttributeFlags = MeasurementFlags & {
  readonly weights: string;
  readonly points: string;
  /** Names or patterns of layers, or `each`. */
  readonly groups?: string;
};

/** Attributes the losses of a network, evaluates it on the same chips, and leaves record, tables and report. */
export async function attributeCommand(flags: AttributeFlags, progress: Progress): Promise<void> {
  const { out, resume = false, json = false } = flags;
  let points: readonly AttributionPoint[] = [];
  const measurement = checkMeasurement('attribute', flags, (attempt) => {
    points = attempt(() => parsePoints(flags.points)) ?? [];
    if (points.length === 0) return {};
    const timesSeconds = points.map(({ timeSeconds }) => timeSeconds).filter(isFirst);
    return { timesSeconds, methods: points.map(({ method }) => method).filter(isFirst) };
  });
  const { evaluation, hardware, seed, trainImages } = measurement;
  const [labelled] = await readNetworks([flags.weights]);
  refusePairs('attribute', [flags.weights], [labelled!]);
  const { trained } = labelled!;
  const dataset = commonDataset('attribute', [labelled!], flags.dataset);
  const stored = resume ? storedSettings(out) : undefined;
  const { backend } = keepBackend({ backend: measurement.backend }, stored) as { backend: BackendChoice };
  await withWorkplace({ ...flags, backend, progress }, async (place) => {
    const { testImages } = evaluation;
    const data = await loadDataFor(
      traineesOf([labelled!]),
      { dataset, trainImages, testImages },
      { folder: flags.data, progress },
    );
    const network = networkOfWeights(trained, imageTask(data));
    const groups = groupsOf(flags, network, hardware);
    // Checked before anything is measured.
    const variants = attributionVariants({ network, hardware, points, groups });
    const [weights] = await digestsOf([flags.weights]);
    const settings = {
      weights,
      dataset,
      trainImages,
      hardware,
      points,
      groups,
      evaluation,
      seed,
      backend: place.engine.backend.name,
    };
    enterRunFolder(out, settings as unknown as Json, { resume });
    const experiment: Experiment = {
      title: `where ${network.name} loses accuracy on ${hardware.name}`,
      command: commandLine(),
      folder: out,
      dataset,
      data,
      networkOf: () => network,
      hardware,
      evaluation,
      seed,
    };
    await interruptible(`${commandLine()} --resume`, async (signal) => {
      const results = await evaluateInFolder(experiment, [labelled!], place, signal);
      const what = { experiment, labelled: labelled!, points, groups, total: variants.length };
      const attribution = await attributeInFolder(what, place, signal);
      reportRecord(out, { ...recordOf(experiment, results, place), attribution }, { json });
    });
  });
}

type Attributed = {
  readonly experiment: Experiment;
  readonly labelled: LabelledNetwork;
  readonly points: readonly AttributionPoint[];
  readonly groups: readonly string[] | undefined;
  /** Number of variants. */
  readonly total: number;
};

/** The groups of layers; undefined: layers grouped by the first part of their names. */
function groupsOf(
  { groups }: AttributeFlags,
  { layers }: Network,
  hardware: HardwareSpec,
): string[] | undefined {
  if (groups !== 'each') return groups === undefined ? undefined : parseList(groups);
  return layers.map(({ name }) => name).filter((name) => hardwareOf(hardware, name) !== undefined);
}

async function attributeInFolder(
  { experiment, labelled, points, groups, total }: Attributed,
  { engine, progress }: Workplace,
  signal: AbortSignal,
): Promise<Attribution> {
  const { folder, data, hardware, evaluation, seed, networkOf } = experiment;
  const { label, trained } = labelled;
  const events = attributionStage({
    engine,
    storage: folderStorage(folder),
    network: networkOf(trained),
    trained,
    data,
    label,
    hardware,
    points,
    groups,
    evaluation,
    seed,
    signal,
  });
  let task: Task | undefined;
  try {
    progress.line(`attributing the losses of ${label}: ${total} variants of its hardware`);
    return await follow(events, ({ variant, done }) => {
      task ??= progress.task({ label: `attributing ${label}`, total, unit: 'variants', done: done - 1 });
      task.update(done, variant);
    });
  } finally {
    task?.end();
  }
}
