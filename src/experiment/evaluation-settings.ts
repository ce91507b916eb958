// How networks are evaluated on chips, as plain data: type, check and defaults in one place.

import { z } from 'zod';
import { nameSchema, positiveAmount } from '../base/schema.ts';
import type { Seconds } from '../base/units.ts';
import { LATEST_SECONDS } from '../crossbar/chip.ts';
import type { RangeRule } from '../crossbar/ranges.ts';
import type { Augmentation } from '../data/image-set.ts';
import { descentSchema } from '../insitu/settings.ts';
import type { Network } from '../nn/network.ts';
import type { DescentSettings } from '../rules/descent.ts';
import { augmentationSchema } from '../train/settings.ts';
import { COMPENSATION_METHODS, type CompensationMethod, USUAL_METHODS } from './compensation-method.ts';

/** How AdaBS re-estimates statistics of batch normalisation. The calibration images are drawn anew for every chip. */
export type AdabsSettings = {
  readonly batches: number;
  readonly batchSize: number;
  /** Weight of the trained statistics after all batches. */
  readonly memory: number;
  /** Augmentation of the calibration images; absent: none. That of the training fits the trained statistics. */
  readonly augmentation?: Augmentation | undefined;
};

/** How digital corrections of low rank are fitted to a chip. The examples are drawn anew for every chip. */
export type LoraSettings = {
  readonly rank: number;
  readonly steps: number;
  readonly batchSize: number;
  /** Of the first step; it falls to 0 along half a cosine. */
  readonly rate: number;
  readonly rule: DescentSettings;
  /** Augmentation of images; absent: none. */
  readonly augmentation?: Augmentation | undefined;
};

/** How networks are evaluated. */
export type EvaluationSettings = {
  readonly chips: number;
  readonly timesSeconds: readonly Seconds[];
  readonly methods: readonly CompensationMethod[];
  readonly adabs: AdabsSettings;
  /** Of the method `lora`; checked settings have it if it is among the methods. */
  readonly lora?: LoraSettings | undefined;
  /** Training images for the calibration of converter ranges. */
  readonly calibrationImages: number;
  /** The rule for converter ranges, for networks without ranges of their own. */
  readonly ranges: RangeRule;
  /** Number of test images, from the first on; all by default. */
  readonly testImages?: number | undefined;
  /** Of weights that were trained in cells: those very cells, which is the default, or their weights programmed anew. */
  readonly cells?: 'trained' | 'programmed' | undefined;
};

const count = z.int().min(1);

/** 2,600 images; memory: V. Joshi et al., Nat. Commun. 11:2473 (2020), as quoted in a public re-implementation. */
const adabsSchema: z.ZodType<AdabsSettings> = z.strictObject({
  batches: count.max(10_000).default(13),
  batchSize: count.default(200),
  memory: z
    .number()
    .min(0)
    .lt(1)
    .default(0.015)
    .meta({ description: 'weight of the statistics as trained after all batches' }),
  augmentation: augmentationSchema.optional().meta({
    description:
      'of the calibration images; absent: none. That of the training fits what the network expects',
  }),
});

/** Fields of `LoraSettings` that are not given. The rank: E. J. Hu et al., ICLR 2022, find few enough; the rest is ours. */
export const loraDefaults: LoraSettings = {
  rank: 8,
  steps: 100,
  batchSize: 32,
  rate: 2e-3,
  rule: { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};

const loraSchema: z.ZodType<LoraSettings> = z.strictObject({
  rank: count.max(4096).default(loraDefaults.rank),
  steps: count.max(1_000_000).default(loraDefaults.steps),
  batchSize: count.default(loraDefaults.batchSize),
  rate: z.number().positive().default(loraDefaults.rate).meta({ description: 'falls to 0' }),
  rule: descentSchema.prefault(loraDefaults.rule),
  augmentation: augmentationSchema.optional(),
});

const rangeRuleSchema: z.ZodType<RangeRule> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('maximum') }),
  z.strictObject({ kind: z.literal('root-mean-squares'), count: positiveAmount }),
]);

/** Schema of `EvaluationSettings`. Every field has a default. */
export const evaluationSchema: z.ZodType<EvaluationSettings> = z
  .strictObject({
    chips: count.max(100_000).default(5),
    timesSeconds: z
      .array(z.number().min(0).max(LATEST_SECONDS))
      .min(1)
      .superRefine(expectDifferent)
      .default([25, 3600, 86_400])
      .meta({ description: 'seconds since programming' }),
    methods: z
      .array(nameSchema(COMPENSATION_METHODS))
      .min(1)
      .superRefine(expectDifferent)
      .default([...USUAL_METHODS]),
    adabs: adabsSchema.prefault({ batches: 13, batchSize: 200, memory: 0.015 }),
    lora: loraSchema
      .optional()
      .meta({ description: 'digital corrections of low rank; absent: the defaults, if methods has lora' }),
    calibrationImages: count.default(250),
    ranges: rangeRuleSchema.prefault({ kind: 'root-mean-squares', count: 6 }),
    testImages: count.optional().meta({ description: 'only the first so many test images' }),
    cells: z
      .enum(['trained', 'programmed'])
      .optional()
      .meta({ description: 'of weights trained in cells: these cells (default), or programmed anew' }),
  })
  .transform((settings) =>
    settings.methods.includes('lora') && settings.lora === undefined
      ? { ...settings, lora: loraDefaults }
      : settings,
  )
  .meta({ title: 'How networks are evaluated on chips' });

/** A fault if a value occurs twice. */
export function expectDifferent(
  values: readonly (string | number)[],
  { addIssue, issues }: z.RefinementCtx,
): void {
  // Values that are faulty themselves are reported already.
  if (issues.length > 0) return;
  const twice = values.find((value, position) => values.indexOf(value) !== position);
  if (twice === undefined) return;
  addIssue({ code: 'custom', message: `must differ from one another, got ${twice} twice` });
}

/** All faults of evaluation settings for these numbers of examples; none if they can be run. */
export function evaluationFaults(
  evaluation: EvaluationSettings,
  { trainCount, testCount }: { readonly trainCount: number; readonly testCount: number },
): string[] {
  const faults: string[] = [];
  const expectAtMost = (name: string, value: number | undefined, most: number): void => {
    if (value !== undefined && value > most)
      faults.push(`${name} must be a whole number from 1 to ${most}, got ${value}`);
  };
  if (evaluation.methods.includes('adabs'))
    expectAtMost('adabs.batchSize', evaluation.adabs.batchSize, trainCount);
  if (evaluation.methods.includes('lora'))
    expectAtMost('lora.batchSize', evaluation.lora?.batchSize, trainCount);
  expectAtMost('calibrationImages', evaluation.calibrationImages, trainCount);
  expectAtMost('testImages', evaluation.testImages, testCount);
  return faults;
}

/** The methods that apply to a network: AdaBS needs batch normalisation. */
export function methodsFor(
  methods: readonly CompensationMethod[],
  { normalizationLayers }: Pick<Network, 'normalizationLayers'>,
): readonly CompensationMethod[] {
  return normalizationLayers.length > 0 ? methods : methods.filter((method) => method !== 'adabs');
}

/** A fault if no method is left for a network. */
export function methodFaults(
  { methods }: Pick<EvaluationSettings, 'methods'>,
  network: Pick<Network, 'name' | 'normalizationLayers'>,
): string[] {
  if (methods.length === 0 || methodsFor(methods, network).length > 0) return [];
  return [`methods must name another than adabs: ${network.name} has no batch normalisation`];
}
