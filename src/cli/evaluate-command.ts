// `ohmic evaluate`: trained networks, on hardware, over time.

import { basename, dirname, resolve } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { check } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { isNamedSet, namedSets } from '../data/named-sets.ts';
import { type EvaluationSettings, evaluationSchema } from '../experiment/evaluation-settings.ts';
import { networkByName } from '../nn/networks.ts';
import type { BackendChoice } from '../node/create-engine.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { isNoiseTrained } from '../train/provenance.ts';
import { commandLine } from './command-line.ts';
import { evaluateInFolder, type LabelledNetwork, recordOf, reportRecord } from './evaluate-stage.ts';
import { readBytes } from './files.ts';
import { hardwareFromFlag } from './hardware-flag.ts';
import { interruptible } from './interruption.ts';
import { imageTask, loadData } from './load-data.ts';
import type { Progress } from './progress.ts';
import { enterRunFolder, storedSettings } from './run-folder.ts';
import type { DataSettings } from './settings-schema.ts';
import { keepBackend, type WorkFlags } from './train-command.ts';
import { readNetwork } from './train-stage.ts';
import { backendChoice, numberOrText, parseList, parseSeed, parseTime } from './values.ts';
import { withWorkplace } from './workplace.ts';

/** Flags of `ohmic evaluate`, as typed. */
export type EvaluateFlags = WorkFlags & {
  readonly weights: readonly string[];
  readonly out: string;
  readonly hardware: string;
  readonly chips: string;
  readonly times: string;
  readonly methods: string;
  readonly dataset?: string;
  readonly trainImages?: string;
  readonly testImages?: string;
  readonly adabsBatches: string;
  readonly adabsBatchSize: string;
  readonly adabsAugmentation?: string;
  readonly calibrationImages: string;
  readonly seed: string;
};

/** Evaluates networks as the flags say, and leaves record, table and report in the folder. */
export async function evaluateCommand(flags: EvaluateFlags, progress: Progress): Promise<void> {
  const { out, resume = false } = flags;
  const { evaluation, hardware, seed, backend: asked, trainImages } = checkFlags(flags);
  const networks = await readNetworks(flags.weights);
  const dataset = commonDataset(networks, flags.dataset);
  const stored = resume ? storedSettings(out) : undefined;
  const { backend } = keepBackend({ backend: asked }, stored) as { readonly backend: BackendChoice };
  await withWorkplace({ ...flags, backend, progress }, async (place) => {
    const { testImages } = evaluation;
    const data = await loadData({ dataset, trainImages, testImages }, { folder: flags.data, progress });
    const weights = await Promise.all(
      flags.weights.map(async (file) => ({ file: resolve(file), sha256: await sha256(readBytes(file)) })),
    );
    const settings = {
      weights,
      dataset,
      trainImages,
      hardware,
      evaluation,
      seed,
      backend: place.engine.backend.name,
    };
    enterRunFolder(out, settings as unknown as Json, { resume });
    const models = networks.map(({ trained }) => trained.provenance.model).filter(isFirst);
    const experiment = {
      title: `${models.join(', ')} on ${hardware.name}`,
      command: commandLine(),
      folder: out,
      dataset,
      data,
      networkOf: ({ provenance }: TrainedNetwork) => networkByName(provenance.model, imageTask(data)),
      hardware,
      evaluation,
      seed,
    };
    const results = await interruptible(`${commandLine()} --resume`, (signal) =>
      evaluateInFolder(experiment, networks, place, signal),
    );
    reportRecord(out, recordOf(experiment, results, place));
  });
}

type Checked = {
  readonly evaluation: EvaluationSettings;
  readonly hardware: HardwareSpec;
  readonly seed: number;
  readonly backend: BackendChoice;
  readonly trainImages: number | undefined;
};

/** What the flags say, or all their faults. */
function checkFlags(flags: EvaluateFlags): Checked {
  const faults: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof UsageError)) throw thrown;
      // Several faults come as a heading and a list; the list is joined into this one.
      const [heading, ...list] = messageOf(thrown).split('\n  - ');
      faults.push(...(list.length > 0 ? list : [heading!]));
      return undefined;
    }
  };
  const times = parseList(flags.times).map((text) => attempt(() => parseTime(text)));
  const raw = {
    chips: numberOrText(flags.chips),
    methods: parseList(flags.methods),
    adabs: {
      batches: numberOrText(flags.adabsBatches),
      batchSize: numberOrText(flags.adabsBatchSize),
      ...(flags.adabsAugmentation === undefined ? {} : augmentationOf(flags.adabsAugmentation)),
    },
    calibrationImages: numberOrText(flags.calibrationImages),
    ...(times.includes(undefined) ? {} : { timesSeconds: times }),
    ...(flags.testImages === undefined ? {} : { testImages: numberOrText(flags.testImages) }),
  };
  const evaluation = attempt(() => check(evaluationSchema, '', raw));
  const hardware = attempt(() => hardwareFromFlag(flags.hardware));
  const seed = attempt(() => parseSeed(flags.seed));
  const trainImages = flags.trainImages === undefined ? undefined : Number(flags.trainImages);
  if (trainImages !== undefined && !(Number.isInteger(trainImages) && trainImages > 0)) {
    faults.push(`--train-images must be a whole number from 1, got "${flags.trainImages}"`);
  }
  const { dataset } = flags;
  const backend = attempt(() => backendChoice(flags.backend ?? 'auto'));
  if (dataset !== undefined && !isNamedSet(dataset))
    faults.push(`--dataset: ${unknownName(dataset, Object.keys(namedSets))}`);
  throwFaults(
    'evaluate',
    faults.map((fault) => fault.replace(/^: /, '')),
  );
  return { evaluation: evaluation!, hardware: hardware!, seed: seed!, backend: backend!, trainImages };
}

/** The networks of files, each under a name of its own. */
async function readNetworks(files: readonly string[]): Promise<LabelledNetwork[]> {
  const networks = await Promise.all(files.map(async (file) => ({ file, trained: await readNetwork(file) })));
  const kinds = networks.map(({ trained }) =>
    isNoiseTrained(trained.provenance) ? 'noise-trained' : 'digital',
  );
  const labels = networks.map(({ file }, k) =>
    kinds.filter((kind) => kind === kinds[k]).length === 1
      ? kinds[k]!
      : `${kinds[k]} (${basename(dirname(resolve(file)))})`,
  );
  return networks.map(({ trained }, k) => ({
    label: labels.indexOf(labels[k]!) === k ? labels[k]! : `${labels[k]} ${k + 1}`,
    trained,
  }));
}

/** The data set that all networks were trained on, unless another is asked for. */
function commonDataset(
  networks: readonly LabelledNetwork[],
  asked: string | undefined,
): DataSettings['dataset'] {
  const trainedOn = networks.map(({ trained }) => trained.provenance.dataset).filter(isFirst);
  const dataset = asked ?? trainedOn[0]!;
  if (asked === undefined && trainedOn.length > 1) {
    throw new UsageError(
      `evaluate: expected networks of one data set, got ${trainedOn.join(' and ')}; choose with --dataset`,
    );
  }
  if (!isNamedSet(dataset))
    throw new UsageError(`evaluate: the network was trained on "${dataset}"; choose with --dataset`);
  return dataset;
}

function isFirst<T>(value: T, position: number, all: readonly T[]): boolean {
  return all.indexOf(value) === position;
}

/** `4,8`: crops after padding by 4, flips, a cutout of 8. */
function augmentationOf(text: string): { readonly augmentation: Readonly<Record<string, unknown>> } {
  const [cropPadding, cutout = '0'] = parseList(text);
  return {
    augmentation: {
      cropPadding: numberOrText(cropPadding ?? ''),
      flip: true,
      cutout: numberOrText(cutout),
    },
  };
}
