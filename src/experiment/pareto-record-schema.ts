// The schema of `ParetoRecord`; `ohmic schema pareto` prints it.

import { z } from 'zod';
import { check, exactly } from '../base/schema.ts';
import { estimateSchema } from '../cost/estimate-schema.ts';
import { hardwareSchema } from '../crossbar/hardware-schema.ts';
import { PARETO_FORMAT, type ParetoPoint, type ParetoRecord } from './pareto-record.ts';
import { COMPENSATION_METHODS } from './record.ts';

const share = z.number().min(0).max(1);
const count = z.int().min(1);

const point = exactly<ParetoPoint>()(
  z.strictObject({
    name: z.string().min(1),
    hardware: hardwareSchema,
    copies: count,
    accuracy: z.strictObject({
      accuracies: z.array(share).min(1),
      mean: share,
      interval95: z.exactOptional(z.tuple([z.number(), z.number()])),
    }),
    cost: estimateSchema,
  }),
);

/** Schema of `ParetoRecord`. */
export const paretoSchema: z.ZodType<ParetoRecord> = exactly<ParetoRecord>()(
  z
    .strictObject({
      format: z.literal(PARETO_FORMAT),
      title: z.string(),
      ohmic: z.string(),
      command: z.string(),
      machine: z.strictObject({ backend: z.string(), processor: z.string(), node: z.string() }),
      seed: z.number(),
      dataset: z.string(),
      testImages: count,
      network: z.string(),
      digitalAccuracy: share,
      timeSeconds: z.number().min(0),
      method: z.enum(COMPENSATION_METHODS),
      chips: count,
      points: z.array(point).min(1),
    })
    .meta({
      title: 'ohmic pareto record',
      description: 'Accuracy against energy over variants of hardware.',
    }),
);

/**
 * The record in `value`, which is of unknown origin.
 *
 * @throws UsageError that lists every fault with its path
 */
export function checkPareto(value: unknown): ParetoRecord {
  return check(paretoSchema, 'pareto record', value);
}
