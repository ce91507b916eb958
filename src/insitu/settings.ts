// Update rules of weights in cells by name, as plain data. Type, check and defaults of each record are side by side; the
// compiler checks that schema and type agree.

import { z } from 'zod';
import { type PulseDeviceSpec, pulseModel } from '../cells/pulse-device.ts';
import { chosenPulseDeviceSchema } from '../cells/pulse-schema.ts';
import type { FullWeight, FullWeights } from '../crossbar/learning-cells.ts';
import type { DescentSettings } from '../rules/descent.ts';
import type { TrainingClock } from './cell-clock.ts';
import type { FastRate } from './fast-rate.ts';
import type { OperandBits } from './operand-bits.ts';
import type { PulseTrains } from './pulse-trains.ts';
import type { TransferMethod } from './transfer.ts';

/** Refresh of pairs; the thresholds are shares of a full device. */
export type RefreshSettings = {
  readonly everySteps: number;
  readonly larger: number;
  readonly smaller: number;
  readonly mostPulses: number;
};

/** Mixed precision by name; mixed-precision.ts has the equations. */
export type MixedPrecisionSettings = FullWeights & {
  readonly kind: 'mixed-precision';
  readonly device: PulseDeviceSpec;
  /** Of the accumulator, in mean steps of the device. */
  readonly granularity: number;
  readonly leastPulses: number;
  readonly mostPulses: number;
  readonly accumulates: boolean;
  readonly everySteps: number;
  readonly refresh: RefreshSettings;
  readonly operands?: OperandBits | undefined;
  readonly clock?: TrainingClock | undefined;
  /** Its changes of weights in cells are gathered; the rest it moves itself. */
  readonly descent: DescentSettings;
};

/** In-memory descent by name; pulsed.ts has the equations. */
export type PulsedSettings = FullWeights & {
  readonly kind: 'pulsed';
  readonly device: PulseDeviceSpec;
  readonly trains: PulseTrains;
  readonly clock?: TrainingClock | undefined;
  readonly digital: DescentSettings;
};

/** Tiki-Taka and its descendants by name; tiki-taka.ts and transfer.ts have the equations. */
export type TikiTakaSettings = FullWeights & {
  readonly kind: 'tiki-taka';
  readonly device: PulseDeviceSpec;
  /** Of the slow array; absent: the same. */
  readonly slowDevice?: PulseDeviceSpec | undefined;
  readonly arrays: number;
  readonly gamma: number;
  readonly fastRate: FastRate;
  readonly trains: PulseTrains;
  readonly transfer: TransferMethod;
  readonly mostPulses: number;
  readonly readNoise: number;
  readonly every: number;
  readonly slower: number;
  readonly unit: 'samples' | 'steps';
  readonly digital: DescentSettings;
};

/** An update rule by name. */
export type UpdateRuleSettings = DescentSettings | MixedPrecisionSettings | PulsedSettings | TikiTakaSettings;

/** True for rules that keep weights in cells. */
export function isInCells({ kind }: Pick<UpdateRuleSettings, 'kind'>): boolean {
  return kind !== 'sgd' && kind !== 'adam' && kind !== 'adamw';
}

const count = z.int().min(1);
const share = z.number().min(0).lt(1);

const weightDecay = z.number().min(0).default(5e-4);
const moments = {
  beta1: share.default(0.9),
  beta2: share.default(0.999),
  epsilon: z.number().positive().default(1e-8),
  weightDecay,
};

const descents = [
  z.strictObject({
    kind: z.literal('sgd'),
    momentum: share.default(0.9),
    nesterov: z.boolean().default(true),
    weightDecay,
  }),
  z.strictObject({ kind: z.literal('adam'), ...moments }),
  z.strictObject({ kind: z.literal('adamw'), ...moments }),
] as const;

/** Schema of `DescentSettings`. */
export const descentSchema: z.ZodType<DescentSettings> = z.discriminatedUnion('kind', [...descents]);

const fullWeight: z.ZodType<FullWeight> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), weight: z.number().positive() }),
  z.strictObject({ kind: z.literal('deviations'), count: z.number().positive() }),
]);

const fullWeights = z
  .record(z.string(), fullWeight)
  .optional()
  .meta({ description: 'exceptions by the name of a layer, or by a pattern with *' });

const clock: z.ZodType<TrainingClock> = z
  .strictObject({ secondsPerStep: z.number().positive().max(1e6) })
  .meta({ description: 'cells drift while training goes on' });

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

/** Of what is not in cells: plain descent, as the cells have. */
const plainDescent = z
  .discriminatedUnion('kind', descents)
  .prefault({ kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 });

/** A device that holds weights: alone from below 0 to above, or one of a pair. */
const weightDevice = chosenPulseDeviceSchema.superRefine((spec, { addIssue }) => {
  const { isOneSided, range } = pulseModel(spec);
  const [low, high] = range;
  if (high > 0 && (isOneSided || low < 0)) return;
  const expected = isOneSided ? 'values above 0' : 'values from below 0 to above, as it moves both ways';
  addIssue({
    code: 'custom',
    message: `expected a device with ${expected}, got ${low} to ${high}; subtract the value that stands for a weight of 0 from its measurements`,
  });
});

const mixedPrecisionFields = z.strictObject({
  kind: z.literal('mixed-precision'),
  device: weightDevice.prefault('pcm-nandakumar-2018'),
  fullWeight: fullWeight.prefault({ kind: 'deviations', count: 10 }),
  fullWeights,
  granularity: z.number().positive().default(1),
  leastPulses: count
    .default(1)
    .meta({ description: 'a weight waits until so many pulses are due, and gets them together' }),
  mostPulses: count.max(31).default(2),
  accumulates: z
    .boolean()
    .default(true)
    .meta({ description: 'false: changes too small for a pulse are lost' }),
  everySteps: count.default(1),
  refresh: refreshSchema.prefault({}),
  operands: z.strictObject({ bits: z.int().min(2).max(24) }).optional(),
  clock: clock.optional(),
  descent: plainDescent,
});

const mixedPrecisionSchema = mixedPrecisionFields.superRefine(({ leastPulses, mostPulses }, { addIssue }) => {
  if (leastPulses > mostPulses)
    addIssue({
      code: 'custom',
      path: ['leastPulses'],
      message: `must be at most mostPulses (${mostPulses}), got ${leastPulses}`,
    });
});

/** Defaults are those of aihwkit, UpdateParameters. */
const trains: z.ZodType<PulseTrains> = z.strictObject({
  length: count.max(31).default(31),
  isLengthManaged: z.boolean().default(true),
  isBalanced: z.boolean().default(true),
});

const pulsedSchema = z.strictObject({
  kind: z.literal('pulsed'),
  device: weightDevice.prefault('ecram'),
  fullWeight: fullWeight.prefault({ kind: 'fixed', weight: 1 }),
  fullWeights,
  trains: trains.prefault({}),
  clock: clock.optional(),
  digital: plainDescent,
});

const fastRate: z.ZodType<FastRate> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('fixed'),
    rate: z.number().positive().default(1),
    isScaled: z.boolean().default(true),
  }),
  z.strictObject({ kind: z.literal('automatic'), share: z.number().positive().default(0.1) }),
]);

const scaled = { rate: z.number().positive().default(1), isScaled: z.boolean().default(false) };
const buffered = {
  ...scaled,
  momentum: share.default(0.1),
  forgets: z.boolean().default(true),
};
const chopped = {
  granularity: z.number().positive().default(1),
  automatic: z.number().positive().optional(),
};

const transferSchema: z.ZodType<TransferMethod> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('direct'), ...scaled }),
  z.strictObject({
    kind: z.literal('buffered'),
    ...buffered,
    threshold: z.number().positive().default(1),
  }),
  z.strictObject({
    kind: z.literal('chopped'),
    ...buffered,
    ...chopped,
    chopProbability: share.default(0.1),
    isRegular: z.boolean().default(false),
  }),
  z.strictObject({
    kind: z.literal('dynamic'),
    ...buffered,
    ...chopped,
    chopProbability: z.number().positive().lt(1).default(0.1),
    tail: z.number().positive().default(5),
  }),
  z.strictObject({ kind: z.literal('low-pass'), share: z.number().positive().max(1).default(0.1) }),
]);

const MOST_ARRAYS = 8;

/** Most samples between two rows: beyond it, the counters of samples would not be exact (whole-numbers.ts). */
const RAREST = 1_000_000;

const tikiTakaFields = z.strictObject({
  kind: z.literal('tiki-taka'),
  device: weightDevice.prefault('reram-sb'),
  slowDevice: weightDevice.optional(),
  fullWeight: fullWeight.prefault({ kind: 'fixed', weight: 1 }),
  fullWeights,
  arrays: count.min(2).max(MOST_ARRAYS).default(2),
  gamma: z.number().min(0).default(0),
  fastRate: fastRate.prefault({ kind: 'fixed' }),
  trains: trains.prefault({}),
  transfer: transferSchema.prefault({ kind: 'buffered' }),
  mostPulses: count.max(31).default(1),
  readNoise: z.number().min(0).default(0),
  every: count.max(RAREST).default(1),
  slower: count.max(1000).default(1),
  unit: z.enum(['samples', 'steps']).default('samples'),
  digital: plainDescent,
});

const tikiTakaSchema = tikiTakaFields.superRefine((rule, { addIssue }) => {
  const { arrays, gamma, transfer, every, slower } = rule;
  if (arrays === 2 && slower > 1)
    addIssue({
      code: 'custom',
      path: ['slower'],
      message: `it has no effect with 2 arrays, of which one hands over its rows, got ${slower}; leave it out, or give every`,
    });
  const rarest = every * slower ** Math.max(0, arrays - 2);
  if (arrays <= MOST_ARRAYS && every <= RAREST && rarest > RAREST)
    addIssue({
      code: 'custom',
      path: ['slower'],
      message: `expected every · slower^(arrays − 2), how seldom the slowest array gets a row, at most ${RAREST}, got ${every} · ${slower}^${arrays - 2}`,
    });
  if (arrays > 2 && gamma === 0)
    addIssue({
      code: 'custom',
      path: ['gamma'],
      message: `expected more than 0 with ${arrays} arrays, whose shares in a weight are its powers, got 0`,
    });
  const hasSigns = transfer.kind === 'chopped' || transfer.kind === 'dynamic';
  if (arrays === 2 && gamma > 0 && hasSigns)
    addIssue({
      code: 'custom',
      path: ['gamma'],
      message: `expected 0 with ${transfer.kind}, whose fast array holds some rows with the opposite sign, got ${gamma}; leave it out`,
    });
  if (arrays > 2 && hasSigns)
    addIssue({
      code: 'custom',
      path: ['transfer', 'kind'],
      message: `expected direct, buffered or low-pass with ${arrays} arrays, got ${transfer.kind}, whose signs belong to the inputs of one fast array`,
    });
});

/** Schema of `UpdateRuleSettings`. */
export const ruleSchema: z.ZodType<UpdateRuleSettings> = z.discriminatedUnion('kind', [
  ...descents,
  mixedPrecisionSchema,
  pulsedSchema,
  tikiTakaSchema,
]);
