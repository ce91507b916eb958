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
import { iota, type Tensor } from '../graph/tensor.ts';
import { correctCount, logSoftmax, softmaxCrossEntropy } from '../nn/losses.ts';
import { madeAhead } from './examples.ts';
import { classificationSchema, type Distillation } from './settings.ts';
import type { Forwarded, Goal, Task, TaskInMemory, TestBatch } from './task.ts';

/** What varies between classifications. */
export type ClassificationOptions = {
  readonly augmentation?: Augmentation;
  readonly labelSmoothing?: number;
  /** The share of the loss that compares with a teacher; absent: none. */
  readonly distillation?: Distillation | undefined;
};

/**
 * Classification of images: inputs `images` (n, h, w, c) and `labels` (n), output `logits` (n, classes). The loss is
 * the mean cross-entropy; with a teacher (1 − α) of that and α T² ⟨KL(p_teacher ‖ p)⟩, p = softmax(logits / T). A
 * `mirrored` teacher answers each image and its mirror image, and p_teacher is the mean of both answers.
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
          : distilled(hard, logits!, teacherViews(teacher, images!, distillation), distillation);
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
const SMALLEST_FLOAT32 = 1.175_494_4e-38;

/** How many values are infinite or NaN, (). */
function brokenCount(values: Tensor): Tensor {
  return values.abs().lessEqual(LARGEST_FLOAT32).select(0, 1).sum();
}

/** The teacher's logits of what it sees: the images, and their mirror images if the settings want both. */
function teacherViews(
  teacher: Forwarded,
  images: Tensor,
  { mirrored = false }: Distillation,
): readonly Tensor[] {
  const views = mirrored ? [images, mirrorImages(images)] : [images];
  return views.map((view) => teacher({ images: view })['logits']!);
}

/** Images (n, h, w, c) with their columns in reverse order. */
function mirrorImages(images: Tensor): Tensor {
  const width = images.shape[2]!;
  const reversed = iota(images, [width], 0)
    .cast('f32')
    .negate()
    .add(width - 1);
  return images.transpose([2, 0, 1, 3]).gather(reversed).transpose([1, 2, 0, 3]);
}

/** (1 − α) · hard + α T² ⟨Σ p_teacher (log p_teacher − log p)⟩; p_teacher is the mean over the teacher's views. */
function distilled(
  hard: Tensor,
  logits: Tensor,
  views: readonly Tensor[],
  { weight: alpha, temperature }: Distillation,
): Tensor {
  const logP = logSoftmax(logits.multiply(1 / temperature));
  const answers = views.map((view) => logSoftmax(view.multiply(1 / temperature)).detach());
  const teacher = answers
    .map((answer) => answer.exp())
    .reduce((sum, one) => sum.add(one))
    .multiply(1 / views.length);
  // The logarithm of a mean that underflows would be infinite, and its product with the mean NaN.
  const logTeacher = views.length === 1 ? answers[0]! : teacher.maximum(SMALLEST_FLOAT32).log();
  const divergence = teacher.multiply(logTeacher.subtract(logP)).sum([1]).mean();
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
