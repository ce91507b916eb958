// The start of a training whose settings name files, and what is checked of it before hours of work. The start itself is
// experiment/training-start.ts.

import { UsageError } from '../base/errors.ts';
import { exceptionFaults } from '../crossbar/hardware.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import { imageTask } from '../experiment/subject.ts';
import { normalizedAs } from '../experiment/train-stage.ts';
import { type Predecessors, startOfTraining, type TrainingStart } from '../experiment/training-start.ts';
import type { ImageTask } from '../nn/define-network.ts';
import type { Network } from '../nn/network.ts';
import { networkByName, networkNames } from '../nn/networks.ts';
import { checkParameters, type TrainedNetwork } from '../train/checkpoint.ts';
import { rateFactorFaults } from '../train/fit.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { EXPECTED_WEIGHTS, IMPORTED } from './settings-schema.ts';
import { readWeights } from './train-stage.ts';

/**
 * Collects the start of a training whose settings may name a teacher's file. Throws what `startOfTraining` throws, and
 * UsageError if the file can't be used.
 */
export async function trainingStart(
  settings: TrainingSettings,
  images: DataSplit<LabelledImages>,
  { teacher: usual, ...before }: Predecessors,
): Promise<TrainingStart> {
  const file = settings.distillation?.teacher;
  const teacher = file === undefined ? usual : await readTeacher(file, imageTask(images));
  return startOfTraining(settings, images, { ...before, teacher });
}

/** A teacher from a file. Throws UsageError that names the file if its network can't answer for these images. */
async function readTeacher(file: string, task: ImageTask): Promise<TrainedNetwork> {
  const teacher = await readWeights(file);
  const { provenance, description } = teacher;
  if (description === undefined && !networkNames.some((known) => known === provenance.model))
    throw new UsageError(
      `${file}: expected a teacher that classifies images, got ${provenance.model}; name other weights`,
    );
  checkParameters(file, networkOfWeights(teacher, task), teacher.parameters);
  return teacher;
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
  images: DataSplit<LabelledImages>,
): Promise<void> {
  const { data } = await trainingStart(training, images, {});
  for (const settings of later) {
    const file = settings?.distillation?.teacher;
    if (file === undefined) continue;
    const teacher = await readTeacher(file, imageTask(data));
    const digital = { provenance: { normalization: data.normalization } };
    normalizedAs(images, { 'the digital network': digital, 'the teacher': teacher });
  }
}

/** Patterns in the settings of a training that fit no layer, or no parameter, as faults. */
export function layerFaults(
  place: string,
  settings: TrainingSettings | undefined,
  network: Network,
): string[] {
  if (settings === undefined) return [];
  const { hardware, rule } = settings;
  const names = network.layers.map(({ name }) => name);
  const fullWeights = 'fullWeights' in rule ? rule.fullWeights : undefined;
  return [
    ...exceptionFaults('hardware.layers', hardware?.layers, names),
    ...exceptionFaults('rule.fullWeights', fullWeights, names),
    ...rateFactorFaults(settings, network),
  ].map((fault) => `${place}.${fault}`);
}
