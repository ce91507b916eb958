// The check and the defaults of a descent's settings.

import { z } from 'zod';
import type { DescentSettings } from './descent.ts';

const share = z.number().min(0).lt(1);
const weightDecay = z.number().min(0).default(5e-4);
const moments = {
  beta1: share.default(0.9),
  beta2: share.default(0.999),
  epsilon: z.number().positive().default(1e-8),
  weightDecay,
};

/** Schema of `DescentSettings`. */
export const descentSchema: z.ZodType<DescentSettings> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('sgd'),
    momentum: share.default(0.9),
    nesterov: z.boolean().default(true),
    weightDecay,
  }),
  z.strictObject({ kind: z.literal('adam'), ...moments }),
  z.strictObject({ kind: z.literal('adamw'), ...moments }),
]);
