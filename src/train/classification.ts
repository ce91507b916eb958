// Classification of images as a task: cross-entropy with label smoothing, optionally towards a teacher's answers;
// scored by the share of right answers.

import { throwFaults } from '../base/errors.ts';
import { check } from '../base/schema.ts';
import type { Shape } from '../base/shape.ts';
import { emptyBatch, fillBatchInto, type LabelledBatch, RESIZED_CROP_OF_PHOTOS } from '../data/batches.ts';
import {
  type Augmentation,
  type DataSplit,
  type ImageSet,
  type LabelledImages,
  type Normalization,
  splitFaults,
} from '../data/image-set.ts';
import { fillPhotosInto } from '../data/photo-batches.ts';
import { isPhotoSet, type PhotoSet } from '../data/photo-set.ts';
import type { Tensor } from '../graph/tensor.ts';
import { correctCount, logSoftmax, softmaxCrossEntropy } from '../nn/losses.ts';
import { madeAhead } from './examples.ts';
import { classificationSchema, type Distillation } from './settings.ts';
import type { Goal, Task, TaskInMemory, TestBatch } from './task.ts';

/** What varies between classifications. */
export type ClassificationOptions = {
  readonly augmentation?: Augmentation;
  readonly labelSmoothing?: number;
  /** The share of the loss that compares with a teacher; absent: none. */
  readonly distillation?: Distillation | undefined;
};

/**
 * Classification of images: inputs `images` (n, h, w, c) and `labels` (n), output `logits` (n, classes). The loss is
 * the mean cross-entropy; with a teacher (1 − α) of that and α T² ⟨KL(p_teacher ‖ p)⟩, p = softmax(logits / T).
 *
 * The accuracy is NaN if any logit of an evaluation is infinite or NaN.
 *
 * @throws UsageError that lists all faults of the images, their normalization or the options
 * @source G. Hinton et al., arXiv 1503.02531 (distillation)
 */
export function classification(data: DataSplit, options?: ClassificationOptions): TaskInMemory;
export function classification(data: DataSplit<LabelledImages>, options?: ClassificationOptions): Task;
export function classification(data: DataSplit<LabelledImages>, options: ClassificationOptions = {}): Task {
  throwFaults('classification: data', splitFaults(data));
  const { train, test, normalization } = data;
  const settings = check(classificationSchema, 'classification', options);
  const { augmentation } = settings;
  const { resizedCrop = 'none' } = augmentation;
  throwFaults(
    'classification: augmentation',
    resizedCrop === 'none' || isPhotoSet(train) ? [] : [RESIZED_CROP_OF_PHOTOS],
  );
  return {
    ...classificationGoal([train.height, train.width, train.channels], settings),
    examples: {
      trainCount: train.count,
      testCount: test.count,
      fillTraining: ({ images, labels }, indices, { key, epoch }) => {
        const source = { indices, normalization, augment: { settings: augmentation, key, epoch } };
        return isPhotoSet(train)
          ? fillPhotosInto(images!, labels!, { ...source, set: train })
          : fillBatchInto(images!, labels!, { ...source, set: train });
      },
      testBatches: (size) =>
        isPhotoSet(test)
          ? { [Symbol.asyncIterator]: () => photoBatches(test, normalization, size) }
          : batchesOf(test, normalization, size),
    },
  };
}

/** Classification of images of a shape, (height, width, channels), without any images. */
export function classificationGoal(
  inputShape: Shape,
  { labelSmoothing = 0, distillation }: Omit<ClassificationOptions, 'augmentation'> = {},
): Goal {
  return {
    name: 'classification',
    batch: { images: inputShape, labels: [] },
    evaluate: (forward, { images, labels }, teacher) => {
      const { logits } = forward({ images: images! });
      const hard = softmaxCrossEntropy(logits!, labels!, { smoothing: labelSmoothing });
      const loss =
        teacher === undefined || distillation === undefined
          ? hard
          : distilled(hard, logits!, teacher({ images: images! })['logits']!, distillation);
      return {
        objectives: [{ name: 'cross-entropy', loss }],
        metrics: { correct: correctCount(logits!, labels!) },
      };
    },
    measure: (forward, { images, labels }) => {
      const { logits } = forward({ images: images! });
      return { correct: correctCount(logits!, labels!), broken: brokenCount(logits!) };
    },
    // An overflow must not count as a wrong answer, or the result would look like an accuracy.
    score: {
      name: 'accuracy',
      isShare: true,
      of: ({ correct, broken = 0 }, examples) => (broken > 0 ? Number.NaN : correct! / examples),
    },
  };
}

const LARGEST_FLOAT32 = 3.402_823_5e38;

/** How many values are infinite or NaN, (). */
function brokenCount(values: Tensor): Tensor {
  return values.abs().lessEqual(LARGEST_FLOAT32).select(0, 1).sum();
}

/** (1 − α) · hard + α T² ⟨Σ p_teacher (log p_teacher − log p)⟩ */
function distilled(
  hard: Tensor,
  logits: Tensor,
  teacherLogits: Tensor,
  { weight: alpha, temperature }: Distillation,
): Tensor {
  const logP = logSoftmax(logits.multiply(1 / temperature));
  const logTeacher = logSoftmax(teacherLogits.multiply(1 / temperature)).detach();
  const divergence = logTeacher.exp().multiply(logTeacher.subtract(logP)).sum([1]).mean();
  return hard.multiply(1 - alpha).add(divergence.multiply(alpha * temperature ** 2));
}

/** A set as batches of a fixed size, in order. Empty places of the last one have label −1, which never counts as correct. */
export function batchesOf(set: ImageSet, normalization: Normalization, size: number): TestBatch[] {
  return Array.from({ length: Math.ceil(set.count / size) }, (_, batch) => {
    const { part, values, count } = partOf(set, batch, size, emptyBatch(set, size));
    fillBatchInto(part.images, part.labels, { set, indices: part.indices, normalization });
    return { values, count };
  });
}

/** The same of photos, each batch decoded while the one before is computed. A batch holds until the next is asked for. */
function photoBatches(
  set: PhotoSet,
  normalization: Normalization,
  size: number,
): AsyncGenerator<TestBatch, void> {
  const pair = [emptyBatch(set, size), emptyBatch(set, size)] as const;
  return madeAhead(Math.ceil(set.count / size), async (batch) => {
    const { part, values, count } = partOf(set, batch, size, pair[(batch % 2) as 0 | 1]);
    await fillPhotosInto(part.images, part.labels, { set, indices: part.indices, normalization });
    return { values, count };
  });
}

/** Batch number `batch` of a set in memory of a batch, and the part of it that examples fill. */
function partOf(
  { height, width, channels, count: all }: LabelledImages,
  batch: number,
  size: number,
  { images, labels }: LabelledBatch,
): { readonly part: LabelledBatch & { readonly indices: Uint32Array } } & TestBatch {
  const first = batch * size;
  const count = Math.min(size, all - first);
  labels.fill(-1);
  return {
    part: {
      images: images.subarray(0, count * height * width * channels),
      labels: labels.subarray(0, count),
      indices: Uint32Array.from({ length: count }, (_, place) => first + place),
    },
    values: { images, labels },
    count,
  };
}
