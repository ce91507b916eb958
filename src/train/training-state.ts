// The state of a training run at any step, as values: enough to continue it to the same bits.

import { z } from 'zod';
import type { Parameters } from '../base/parameters.ts';

/** The results of one epoch. */
export type EpochRecord = {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  readonly trainLoss: number;
  /** Score of the task on the batches of the epoch; for a classification the accuracy. */
  readonly trainAccuracy: number;
  /** Digital score on the test examples, with the running statistics; absent if it was not measured. */
  readonly testAccuracy?: number;
  /** If weights live in cells: pulses on all of them in the epoch, and pairs that were refreshed. */
  readonly pulses?: number;
  readonly refreshes?: number;
};

/** Schema of `EpochRecord`. */
export const epochRecordSchema: z.ZodType<EpochRecord> = z.strictObject({
  epoch: z.int().min(1),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  testAccuracy: z.exactOptional(z.number()),
  pulses: z.exactOptional(z.number()),
  refreshes: z.exactOptional(z.number()),
});

/** Everything a run needs to continue: bit for bit, on the same backend. */
export type TrainingState = {
  /** Steps done. */
  readonly step: number;
  /** Parameters, the update rule's state, converter ranges, carried states. */
  readonly tensors: Parameters;
  readonly history: readonly EpochRecord[];
  /** Sums over the current epoch: the loss and the task's metrics. */
  readonly running: Readonly<Record<string, number>>;
};
