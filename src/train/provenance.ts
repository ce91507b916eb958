// Provenance: where weights come from. It is kept in weights files, checkpoints and reports.

import { z } from 'zod';
import { amount, positiveAmount } from '../base/schema.ts';
import type { Normalization } from '../data/image-set.ts';
import type { PhotoSize } from '../data/photo-view.ts';
import { type TrainingSettings, trainingSchema } from './settings.ts';
import type { Score } from './task.ts';
import { type EpochRecord, epochRecordSchema } from './training-state.ts';

/** The text that a network was trained on. */
export type TextOrigin = {
  /** Characters of a window. */
  readonly context: number;
  /** The characters in the order of their tokens. */
  readonly alphabet: string;
  /** Number of characters to train on. */
  readonly characters: number;
  /** SHA-256 of the training part in UTF-8. */
  readonly sha256: string;
};

/** The photos that a network was trained on. */
export type PhotoOrigin = PhotoSize & {
  /** Names of the classes, in the order of their labels. */
  readonly classes: readonly string[];
};

/** What a score is called, and if it is a share, which people read in per cent. */
export type ScoreWords = Pick<Score, 'name' | 'isShare'>;

/** A training: its data, start, settings and results. */
export type Provenance = {
  readonly ohmic: string;
  /** Name of the network. */
  readonly model: string;
  readonly dataset: string;
  /** Number of training images; absent in files from before it was kept. */
  readonly trainImages?: number;
  /** Normalization of the training images; absent in files from before it was kept. */
  readonly normalization?: Normalization;
  /** Of a text; absent: images. */
  readonly text?: TextOrigin;
  /** Of photos; absent: images of a named set, or a text. */
  readonly photos?: PhotoOrigin;
  /** How the scores of the history are read; absent: as accuracies. */
  readonly score?: ScoreWords;
  /** Digest of the initial parameters (`parametersDigest`); absent: random ones, from the seed. */
  readonly initial?: string;
  /** Digest of the teacher's parameters; absent: no teacher. */
  readonly teacher?: string;
  /**
   * For weights that another program trained: the file they were imported from. Settings and history are then empty.
   */
  readonly external?: { readonly file: string; readonly sha256: string };
  /** Absent for weights that were trained elsewhere. */
  readonly settings?: TrainingSettings;
  readonly seed: number;
  readonly backend: string;
  readonly history: readonly EpochRecord[];
};

const count = z.int().min(0);
const positiveCount = z.int().min(1);

/** Schema of `Normalization`. */
export const normalizationSchema: z.ZodType<Normalization> = z.strictObject({
  mean: z.array(amount).min(1),
  std: z.array(positiveAmount).min(1),
});

const textSchema: z.ZodType<TextOrigin> = z.strictObject({
  context: positiveCount,
  alphabet: z.string().min(1),
  characters: positiveCount,
  sha256: z.string(),
});

const photosSchema: z.ZodType<PhotoOrigin> = z.strictObject({
  side: positiveCount,
  shorterSide: positiveCount,
  classes: z.array(z.string()).min(2),
});

/** Schema of `ScoreWords`. */
export const scoreSchema: z.ZodType<ScoreWords> = z.strictObject({
  name: z.string().min(1),
  isShare: z.exactOptional(z.boolean()),
});

/** Schema of `Provenance`. */
export const provenanceSchema: z.ZodType<Provenance> = z.strictObject({
  ohmic: z.string(),
  model: z.string(),
  dataset: z.string(),
  trainImages: z.exactOptional(positiveCount),
  normalization: z.exactOptional(normalizationSchema),
  text: z.exactOptional(textSchema),
  photos: z.exactOptional(photosSchema),
  score: z.exactOptional(scoreSchema),
  initial: z.exactOptional(z.string()),
  teacher: z.exactOptional(z.string()),
  external: z.exactOptional(z.strictObject({ file: z.string(), sha256: z.string() })),
  settings: z.exactOptional(trainingSchema),
  seed: count,
  backend: z.string(),
  history: z.array(epochRecordSchema),
});

/** True if weights were trained with noise on them. */
export function isNoiseTrained({ settings }: Provenance): boolean {
  const noise = settings?.noise;
  return noise?.kind === 'cells' || (noise?.kind === 'gaussian' && noise.relativeToMax > 0);
}
