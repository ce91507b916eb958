// The start of a training beside its settings: weights, a teacher, and images with the normalisation of these networks.

import { UsageError } from '../base/errors.ts';
import { patternFaults } from '../crossbar/hardware.ts';
import type { DataSplit } from '../data/image-set.ts';
import { normalizedAs } from '../experiment/train-stage.ts';
import type { ImageTask } from '../nn/define-network.ts';
import type { Network } from '../nn/network.ts';
import { networkByName } from '../nn/networks.ts';
import { checkParameters, type TrainedNetwork } from '../train/checkpoint.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { imageTask } from './load-data.ts';
import { EXPECTED_WEIGHTS, IMPORTED } from './settings-schema.ts';
import { type FolderTraining, readWeights } from './train-stage.ts';

/** Networks that a training can use. */
export type Predecessors = {
  /** The weights to start from. */
  readonly initial?: TrainedNetwork | undefined;
  /** The teacher, if the settings distil and name no file. */
  readonly teacher?: TrainedNetwork | undefined;
};

/** The parts of a training that depend on other networks. */
export type TrainingStart = Pick<FolderTraining, 'settings' | 'initial' | 'teacher'> & {
  readonly data: DataSplit;
};

/**
 * Collects the start of a training. Its images are normalised as those of the weights and of the teacher. The returned
 * settings do not name the teacher's file; the provenance has the digest of the teacher.
 *
 * @throws UsageError if a file can't be used, there is no teacher, or the networks were trained with other
 * normalisations
 */
export async function trainingStart(
  settings: TrainingSettings,
  images: DataSplit,
  { initial, teacher: usual }: Predecessors,
): Promise<TrainingStart> {
  const { distillation } = settings;
  if (distillation === undefined) {
    return {
      data: normalizedAs(images, { 'the weights to start from': initial }),
      settings,
      initial: initial?.parameters,
    };
  }
  const { teacher: file, ...rest } = distillation;
  const teacher = file === undefined ? usual : await readWeights(file);
  if (teacher === undefined)
    throw new UsageError(
      'training.distillation.teacher: expected a file of weights, got none; name one (--teacher)',
    );
  const data = normalizedAs(images, { 'the weights to start from': initial, 'the teacher': teacher });
  const network = networkOfWeights(teacher, imageTask(data));
  return {
    data,
    settings: { ...settings, distillation: rest },
    initial: initial?.parameters,
    teacher: { network, parameters: teacher.parameters },
  };
}

/** A network for images, and the weights to start from. */
export type ImageNetwork = { readonly network: Network; readonly initial: TrainedNetwork | undefined };

/**
 * The network that settings name: by its name, or the one that was imported with the weights to start from.
 *
 * @throws UsageError if the weights can't be read, are of another network, or can't take the images
 */
export async function imageNetwork(
  { model, from }: { readonly model: string; readonly from?: string | undefined },
  task: ImageTask,
): Promise<ImageNetwork> {
  if (model !== IMPORTED) {
    const network = networkByName(model, task);
    return { network, initial: from === undefined ? undefined : await readWeights(from, network) };
  }
  if (from === undefined) throw new UsageError(`from: ${EXPECTED_WEIGHTS}`);
  const initial = await readWeights(from);
  if (initial.description === undefined)
    throw new UsageError(
      `${from}: ${EXPECTED_WEIGHTS.replace('none', `the network ${initial.provenance.model}`)}; use --model ${initial.provenance.model}`,
    );
  const network = networkOfWeights(initial, task);
  checkParameters(from, network, initial.parameters);
  return { network, initial };
}

/**
 * Reads the teachers that the settings of a run name, before hours of training need them.
 *
 * @throws UsageError if a file can't be used, or a teacher was trained with another normalisation than the digital
 * network
 */
export async function checkTeachers(
  training: TrainingSettings,
  later: readonly (TrainingSettings | undefined)[],
  images: DataSplit,
): Promise<void> {
  const { data } = await trainingStart(training, images, {});
  for (const settings of later) {
    const file = settings?.distillation?.teacher;
    if (file === undefined) continue;
    const teacher = await readWeights(file);
    const digital = { provenance: { normalization: data.normalization } };
    normalizedAs(images, { 'the digital network': digital, 'the teacher': teacher });
  }
}

/** Patterns in the hardware of a training that fit no layer, as faults. */
export function layerFaults(
  place: string,
  settings: TrainingSettings | undefined,
  { layers }: Network,
): string[] {
  if (settings?.hardware === undefined) return [];
  const names = layers.map(({ name }) => name);
  return patternFaults(settings.hardware, names).map((fault) => `${place}.hardware.${fault}`);
}
