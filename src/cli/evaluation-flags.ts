// The common flags of `ohmic evaluate` and `ohmic attribute`: hardware, images and evaluation settings. They are
// checked together, so that all faults are listed at once.

import { basename, dirname, resolve } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import { check, type Json } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { type EvaluationSettings, evaluationSchema } from '../experiment/evaluation-settings.ts';
import type { BackendChoice } from '../node/backend-choice.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { isPairName } from '../train/gan.ts';
import { isNoiseTrained } from '../train/provenance.ts';
import type { LabelledNetwork } from './evaluate-stage.ts';
import { readBytes } from './files.ts';
import { type HardwareFlags, hardwareFromFlags } from './hardware-flag.ts';
import type { Trainees } from './load-data.ts';
import { type DataSettings, imagesNames, isImagesName, trainDatasets } from './settings-schema.ts';
import type { WorkFlags } from './train-command.ts';
import { isTextFile } from './train-flags.ts';
import { readWeights } from './train-stage.ts';
import { backendChoice, countOrText, numberOrText, parseList, parseSeed } from './values.ts';

/** Flags that both commands have, as typed. */
export type MeasurementFlags = WorkFlags &
  HardwareFlags & {
    readonly out: string;
    readonly chips?: string;
    readonly dataset?: string;
    readonly trainImages?: string;
    readonly testImages?: string;
    readonly adabsBatches?: string;
    readonly adabsBatchSize?: string;
    readonly adabsAugmentation?: string;
    readonly loraRank?: string;
    readonly loraSteps?: string;
    readonly loraBatchSize?: string;
    readonly loraRate?: string;
    readonly calibrationImages?: string;
    readonly seed: string;
    readonly json?: boolean;
  };

/** The values of the flags, checked. */
export type Measurement = {
  readonly evaluation: EvaluationSettings;
  readonly hardware: HardwareSpec;
  readonly seed: number;
  readonly backend: BackendChoice;
  readonly trainImages: number | undefined;
};

/** Collects the faults of several attempts. */
export type Attempt = <T>(read: () => T) => T | undefined;

/**
 * The values of the flags.
 *
 * @param command for errors
 * @param own     fields of the evaluation that the command has flags of its own for
 * @throws UsageError that lists all faults
 */
export function checkMeasurement(
  command: string,
  flags: MeasurementFlags,
  own: (attempt: Attempt) => Json,
): Measurement {
  const faults: string[] = [];
  const attempt: Attempt = (read) => {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof UsageError)) throw thrown;
      // An error with several faults has a heading and a list; the list is joined into this one.
      const [heading, ...list] = messageOf(thrown).split('\n  - ');
      const place = heading!.replace(/\d+ faults$/, '');
      const texts = list.length > 0 ? list.map((fault) => `${place}${fault}`) : [heading!];
      faults.push(...texts.map((text) => text.replace(/^: /, '')));
      return undefined;
    }
  };
  const raw = { ...evaluationFields(flags, attempt), ...(own(attempt) as object) };
  const evaluation = attempt(() => check(evaluationSchema, '', raw));
  const hardware = attempt(() => hardwareFromFlags(flags));
  const seed = attempt(() => parseSeed(flags.seed));
  const backend = attempt(() => backendChoice(flags.backend ?? 'auto'));
  const trainImages = flags.trainImages === undefined ? undefined : countOrText(flags.trainImages);
  if (trainImages !== undefined && !(Number.isInteger(trainImages) && Number(trainImages) > 0))
    faults.push(`--train-images: expected a whole number from 1, got "${flags.trainImages}"`);
  const { dataset } = flags;
  if (dataset !== undefined && !trainDatasets.some((known) => known === dataset) && !isTextFile(dataset))
    faults.push(`--dataset: ${unknownName(dataset, trainDatasets)}`);
  throwFaults(command, faults);
  return {
    evaluation: evaluation!,
    hardware: hardware!,
    seed: seed!,
    backend: backend!,
    trainImages: trainImages as number | undefined,
  };
}

/** Fields of an evaluation that flags set; the schema has the others. */
function evaluationFields(flags: MeasurementFlags, attempt: Attempt): object {
  const { chips, testImages, calibrationImages, adabsBatches, adabsBatchSize, adabsAugmentation } = flags;
  const { loraRank, loraSteps, loraBatchSize, loraRate } = flags;
  const field = (name: string, text: string | undefined): object =>
    text === undefined ? {} : { [name]: countOrText(text) };
  const ofLora = {
    ...field('rank', loraRank),
    ...field('steps', loraSteps),
    ...field('batchSize', loraBatchSize),
    ...(loraRate === undefined ? {} : { rate: numberOrText(loraRate) }),
  };
  const lora = Object.keys(ofLora).length === 0 ? {} : { lora: ofLora };
  return {
    ...field('chips', chips),
    ...field('testImages', testImages),
    ...field('calibrationImages', calibrationImages),
    ...lora,
    adabs: {
      ...field('batches', adabsBatches),
      ...field('batchSize', adabsBatchSize),
      ...(adabsAugmentation === undefined
        ? {}
        : { augmentation: attempt(() => augmentationOf(adabsAugmentation)) }),
    },
  };
}

/** `4,8`: crops after padding by 4, flips, a cutout of 8. Throws UsageError for a third number. */
function augmentationOf(text: string): object {
  const [cropPadding = '', cutout = '0', ...more] = parseList(text);
  if (more.length > 0)
    throw new UsageError(
      `--adabs-augmentation: expected padding and cutout, got "${text}"; write for example 4,8`,
    );
  return { cropPadding: numberOrText(cropPadding), flip: true, cutout: numberOrText(cutout) };
}

/** The networks of files, each under a name of its own. */
export async function readNetworks(files: readonly string[]): Promise<LabelledNetwork[]> {
  const networks = await Promise.all(files.map(async (file) => ({ file, trained: await readWeights(file) })));
  const kinds = networks.map(({ trained }) => kindOf(trained));
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

/**
 * Refuses adversarial pairs.
 *
 * @throws UsageError if there is one among the networks
 */
export function refusePairs(
  command: string,
  files: readonly string[],
  networks: readonly LabelledNetwork[],
): void {
  throwFaults(
    command,
    networks.flatMap(({ trained: { provenance } }, k) =>
      isPairName(provenance.model)
        ? [
            `--weights: ${files[k]}: expected a network whose answers are scored, got the adversarial pair ${provenance.model}; see its images with ohmic generate WEIGHTS --out samples.png, measure their distance with --classifier`,
          ]
        : [],
    ),
  );
}

/** Name of a network for people, from its training. */
function kindOf({ provenance }: TrainedNetwork): string {
  if (isNoiseTrained(provenance)) return 'noise-trained';
  if (provenance.settings?.hardware !== undefined) return 'hardware-trained';
  return provenance.external === undefined ? 'digital' : 'imported';
}

/**
 * Files of weights with their content, for the settings of a run.
 *
 * @throws UsageError if two files have the same content
 */
export async function digestsOf(files: readonly string[]): Promise<{ file: string; sha256: string }[]> {
  const found = await Promise.all(
    files.map(async (file) => ({ file: resolve(file), sha256: await sha256(readBytes(file)) })),
  );
  const digests = found.map(({ sha256: digest }) => digest);
  const faults = digests.flatMap((digest, position) => {
    const first = digests.indexOf(digest);
    if (first === position) return [];
    return [`${files[first]} and ${files[position]} hold the same network; give each network once`];
  });
  throwFaults('--weights', faults);
  return found;
}

/** The data set that all networks were trained on, unless a flag names another. */
export function commonDataset(
  command: string,
  networks: readonly LabelledNetwork[],
  asked: string | undefined,
): DataSettings['dataset'] {
  const trainedOn = networks.map(({ trained }) => trained.provenance.dataset).filter(isFirst);
  const dataset = asked ?? trainedOn[0]!;
  if (asked === undefined && trainedOn.length > 1) {
    throw new UsageError(
      `${command}: expected networks of one data set, got ${trainedOn.join(' and ')}; choose with --dataset`,
    );
  }
  if (!isImagesName(dataset))
    throw new UsageError(
      `${command}: expected images, one of ${imagesNames.join(', ')}, got "${dataset}"; choose with --dataset`,
    );
  return dataset;
}

/** What images are loaded for: networks, by their labels. */
export function traineesOf(networks: readonly LabelledNetwork[]): Trainees {
  return networks.map(({ label, trained: { provenance } }) => ({ name: label, provenance }));
}

/** True for the first of equal values. */
export function isFirst<T>(value: T, position: number, all: readonly T[]): boolean {
  return all.indexOf(value) === position;
}
