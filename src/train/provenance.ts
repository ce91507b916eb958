// Where weights come from: what their files, checkpoints and every report carry with them.

import { z } from 'zod';
import type { Augmentation } from '../data/batches.ts';
import type { Normalization } from '../data/image-set.ts';
import type { EpochRecord } from './fit.ts';
import type { LearningRate, TrainingSettings, WeightClipping, WeightNoise } from './settings.ts';

/** A training: on what, from what, how, and what it came to. */
export type Provenance = {
  readonly ohmic: string;
  readonly model: string;
  readonly dataset: string;
  /** Number of training images; absent in files from before it was kept. */
  readonly trainImages?: number;
  /** Of the images as the network saw them; absent in files from before it was kept. */
  readonly normalization?: Normalization;
  /** Digest of the parameters that it began with (`parametersDigest`); absent: random ones, of the seed. */
  readonly initial?: string;
  readonly settings: TrainingSettings;
  readonly seed: number;
  readonly backend: string;
  readonly history: readonly EpochRecord[];
};

const count = z.int().min(0);
const positiveCount = z.int().min(1);
const share = z.number().min(0).max(1);

const learningRate: z.ZodType<LearningRate> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('cosine'),
    initial: z.number(),
    warmupEpochs: z.number(),
    restartEpochs: z.array(z.number()).optional(),
  }),
  z.strictObject({
    kind: z.literal('step'),
    initial: z.number(),
    factor: z.number(),
    atEpochs: z.array(z.number()),
  }),
]);

const noise: z.ZodType<WeightNoise> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('gaussian'), relativeToMax: z.number() }),
]);

const clipping: z.ZodType<WeightClipping> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('standard-deviations'), alpha: z.number() }),
]);

/** Schema of `Augmentation` in files that ohmic wrote. */
export const augmentationSchema: z.ZodType<Augmentation> = z.strictObject({
  cropPadding: count,
  flip: z.boolean(),
  cutout: count,
});

const settings: z.ZodType<TrainingSettings> = z.strictObject({
  epochs: count,
  batchSize: positiveCount,
  learningRate,
  momentum: z.number(),
  nesterov: z.boolean(),
  weightDecay: z.number(),
  labelSmoothing: z.number(),
  statisticsMomentum: z.number(),
  augmentation: augmentationSchema,
  noise,
  clipping,
});

/** Schema of `Provenance`. */
export const provenanceSchema: z.ZodType<Provenance> = z.strictObject({
  ohmic: z.string(),
  model: z.string(),
  dataset: z.string(),
  trainImages: z.exactOptional(positiveCount),
  normalization: z.exactOptional(
    z.strictObject({ mean: z.array(z.number()), std: z.array(z.number().positive()) }),
  ),
  initial: z.exactOptional(z.string()),
  settings,
  seed: count,
  backend: z.string(),
  history: z.array(
    z.strictObject({
      epoch: positiveCount,
      trainLoss: z.number(),
      trainAccuracy: share,
      testAccuracy: z.exactOptional(share),
    }),
  ),
});
