// The start of a training beside its settings: weights, a teacher, and images with the normalisation of these networks.

import { UsageError } from '../base/errors.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { imageTask } from './subject.ts';
import { type Normalized, normalizedAs, type TrainStage } from './train-stage.ts';

/** Networks that a training can use. */
export type Predecessors = {
  /** The normalisation, if the settings say one; absent: that of the networks, or of the images if there are none. */
  readonly asked?: Normalized | undefined;
  /** The weights to start from. */
  readonly initial?: TrainedNetwork | undefined;
  /** The teacher, if the settings distil. */
  readonly teacher?: TrainedNetwork | undefined;
};

/** The parts of a training that depend on other networks. */
export type TrainingStart = Pick<TrainStage, 'settings' | 'initial' | 'teacher'> & {
  readonly data: DataSplit<LabelledImages>;
};

/** What errors call the normalisation of the settings. */
const ASKED = 'data.normalization';

/**
 * Collects the start of a training. Its images are normalised as those of the weights and of the teacher. The returned
 * settings do not name the teacher's file; the provenance has the digest of the teacher.
 *
 * @throws UsageError if the settings distil and there is no teacher, or the networks were trained with other
 *   normalisations
 */
export function startOfTraining(
  settings: TrainingSettings,
  images: DataSplit<LabelledImages>,
  { asked, initial, teacher }: Predecessors,
): TrainingStart {
  const { distillation } = settings;
  if (distillation === undefined) {
    return {
      data: normalizedAs(images, { [ASKED]: asked, 'the weights to start from': initial }),
      settings,
      initial: initial?.parameters,
    };
  }
  if (teacher === undefined)
    throw new UsageError(
      'training.distillation.teacher: expected a file of weights, got none; name one (--teacher)',
    );
  const { teacher: _, ...rest } = distillation;
  const data = normalizedAs(images, {
    [ASKED]: asked,
    'the weights to start from': initial,
    'the teacher': teacher,
  });
  const network = networkOfWeights(teacher, imageTask(data));
  return {
    data,
    settings: { ...settings, distillation: rest },
    initial: initial?.parameters,
    teacher: { network, parameters: teacher.parameters },
  };
}
