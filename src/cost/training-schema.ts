// The schema of `TrainingEstimate`, which records of trainings in cells hold.

import { z } from 'zod';
import { exactly } from '../base/schema.ts';
import { EVIDENCE } from './cost-spec.ts';
import { TRAINING_STEPS, type TrainingEstimate } from './training-energy.ts';

const amount = z.number().min(0);
const evidence = z.enum(EVIDENCE);

/** Schema of `TrainingEstimate`. */
export const trainingEstimateSchema: z.ZodType<TrainingEstimate> = exactly<TrainingEstimate>()(
  z.strictObject({
    rule: z.enum(['mixed-precision', 'pulsed']),
    batchSize: z.int().min(1),
    terms: z.array(z.strictObject({ step: z.enum(TRAINING_STEPS), picojoules: amount.nullable(), evidence })),
    picojoules: amount,
    low: amount,
    high: amount,
    evidence,
    gaps: z.array(z.string()),
    digitalPicojoules: amount,
  }),
);
