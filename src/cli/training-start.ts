// The start of a training whose settings name files, and what is checked of it before hours of work. The start itself is
// experiment/training-start.ts.

import { exceptionFaults } from '../crossbar/hardware.ts';
import type { DataSplit } from '../data/image-set.ts';
import { normalizedAs } from '../experiment/train-stage.ts';
import { type Predecessors, startOfTraining, type TrainingStart } from '../experiment/training-start.ts';
import type { Network } from '../nn/network.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { readWeights } from './train-stage.ts';

/**
 * Collects the start of a training whose settings may name a teacher's file. Throws what `startOfTraining` throws, and
 * UsageError if the file can't be used.
 */
export async function trainingStart(
  settings: TrainingSettings,
  images: DataSplit,
  { initial, teacher: usual }: Predecessors,
): Promise<TrainingStart> {
  const file = settings.distillation?.teacher;
  const teacher = file === undefined ? usual : await readWeights(file);
  return startOfTraining(settings, images, { initial, teacher });
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
  if (settings === undefined) return [];
  const { hardware, rule } = settings;
  const names = layers.map(({ name }) => name);
  const fullWeights = 'fullWeights' in rule ? rule.fullWeights : undefined;
  return [
    ...exceptionFaults('hardware.layers', hardware?.layers, names),
    ...exceptionFaults('rule.fullWeights', fullWeights, names),
  ].map((fault) => `${place}.${fault}`);
}
