// Update rules of weights in cells by name, as plain data. Type, check and defaults of each record are side by side; the
// compiler checks that schema and type agree.

import { z } from 'zod';
import type { PulseDeviceSpec } from '../cells/pulse-device.ts';
import { chosenPulseDeviceSchema } from '../cells/pulse-schema.ts';
import type { FullWeight } from '../crossbar/learning-cells.ts';
import type { DescentSettings } from '../rules/descent.ts';
import { descentSchema } from '../rules/descent-schema.ts';
import type { PulseTrains } from './pulse-trains.ts';

/** Refresh of pairs; the thresholds are shares of a full device. */
export type RefreshSettings = {
  readonly everySteps: number;
  readonly larger: number;
  readonly smaller: number;
  readonly mostPulses: number;
};

/** Mixed precision by name; mixed-precision.ts has the equations. */
export type MixedPrecisionSettings = {
  readonly kind: 'mixed-precision';
  readonly device: PulseDeviceSpec;
  readonly fullWeight: FullWeight;
  /** Of the accumulator, in mean steps of the device. */
  readonly granularity: number;
  readonly mostPulses: number;
  readonly everySteps: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly refresh: RefreshSettings;
  /** Moves what is not in cells. */
  readonly digital: DescentSettings;
};

/** In-memory descent by name; pulsed.ts has the equations. */
export type PulsedSettings = {
  readonly kind: 'pulsed';
  readonly device: PulseDeviceSpec;
  readonly fullWeight: FullWeight;
  readonly trains: PulseTrains;
  readonly digital: DescentSettings;
};

/** An update rule by name. */
export type UpdateRuleSettings = DescentSettings | MixedPrecisionSettings | PulsedSettings;

const count = z.int().min(1);
const share = z.number().min(0).lt(1);

const fullWeight: z.ZodType<FullWeight> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), weight: z.number().positive() }),
  z.strictObject({ kind: z.literal('deviations'), count: z.number().positive() }),
]);

const refreshSchema: z.ZodType<RefreshSettings> = z
  .strictObject({
    everySteps: count.default(100),
    larger: z.number().positive().lt(1).default(0.75),
    smaller: z.number().positive().lt(1).default(0.25),
    mostPulses: count.max(100).default(20),
  })
  .superRefine(({ larger, smaller }, { addIssue }) => {
    if (smaller > larger)
      addIssue({
        code: 'custom',
        message: `smaller must be at most larger (${larger}), got ${smaller}`,
        path: ['smaller'],
      });
  });

const plainDescent = descentSchema.prefault({ kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 });

/** Schema of `MixedPrecisionSettings`. */
export const mixedPrecisionSchema: z.ZodType<MixedPrecisionSettings> = z.strictObject({
  kind: z.literal('mixed-precision'),
  device: chosenPulseDeviceSchema.prefault('pcm-nandakumar-2018'),
  fullWeight: fullWeight.prefault({ kind: 'deviations', count: 10 }),
  granularity: z.number().positive().default(1),
  mostPulses: count.max(31).default(2),
  everySteps: count.default(1),
  momentum: share.default(0),
  weightDecay: z.number().min(0).default(0),
  refresh: refreshSchema.prefault({}),
  digital: plainDescent,
});

/** Defaults are those of aihwkit, UpdateParameters. */
const trains: z.ZodType<PulseTrains> = z.strictObject({
  length: count.max(31).default(31),
  isLengthManaged: z.boolean().default(true),
  isBalanced: z.boolean().default(true),
});

/** Schema of `PulsedSettings`. */
export const pulsedSchema: z.ZodType<PulsedSettings> = z.strictObject({
  kind: z.literal('pulsed'),
  device: chosenPulseDeviceSchema.prefault('ecram'),
  fullWeight: fullWeight.prefault({ kind: 'fixed', weight: 1 }),
  trains: trains.prefault({}),
  digital: plainDescent,
});

/** Schema of `UpdateRuleSettings`. */
export const ruleSchema: z.ZodType<UpdateRuleSettings> = z.union([
  descentSchema,
  mixedPrecisionSchema,
  pulsedSchema,
]);
