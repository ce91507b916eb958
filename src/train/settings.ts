// The settings of a training run, as plain data that is kept with the weights. Type, check and defaults of each record
// are side by side; the compiler checks that schema and type agree.

import { z } from 'zod';
import { nameSchema } from '../base/schema.ts';
import type { Seconds } from '../base/units.ts';
import { LATEST_SECONDS } from '../crossbar/chip.ts';
import { DRIFT_COMPENSATIONS, type DriftCompensation } from '../crossbar/compensation.ts';
import { type HardwareSpec, severalPairsFaults } from '../crossbar/hardware.ts';
import { chosenHardwareSchema } from '../crossbar/hardware-choice.ts';
import type { Augmentation } from '../data/image-set.ts';
import type { ResizedCrop } from '../data/photo-view.ts';
import { isInCells, ruleSchema, type UpdateRuleSettings } from '../insitu/settings.ts';

/** Learning rate over a run. */
export type LearningRate =
  /**
   * From `initial` down to 0 along half a cosine, after a linear rise over `warmupEpochs`; once more from `initial` at
   * the start of each epoch of `restartEpochs` (warm restarts: Loshchilov and Hutter, arXiv 1608.03983).
   */
  | {
      readonly kind: 'cosine';
      readonly initial: number;
      readonly warmupEpochs: number;
      readonly restartEpochs?: readonly number[] | undefined;
    }
  /** `initial`, multiplied by `factor` at the start of each epoch of `atEpochs`; before that, a linear rise over `warmupEpochs`. */
  | {
      readonly kind: 'step';
      readonly initial: number;
      readonly factor: number;
      readonly atEpochs: readonly number[];
      /** Absent: 0. */
      readonly warmupEpochs?: number | undefined;
    };

/** Over what the largest weight or the standard deviation is taken: all weights of a layer, or each column (output). */
export type WeightScale = 'layer' | 'column';

/** Noise on the weights of every analog layer, drawn anew for every mini-batch. */
export type TrainingNoise =
  | { readonly kind: 'none' }
  /** η = σ / max|W|, rising linearly from 0 over the first `rampEpochs`. */
  | {
      readonly kind: 'gaussian';
      readonly relativeToMax: number;
      readonly scale?: WeightScale | undefined;
      readonly rampEpochs?: number | undefined;
    }
  /**
   * That of the hardware's own cells: in every step they are programmed, drift, are read once and compensated, at a time
   * whose logarithm is uniform between those of `earliestSeconds` and `latestSeconds` after programming.
   */
  | {
      readonly kind: 'cells';
      readonly earliestSeconds: Seconds;
      readonly latestSeconds: Seconds;
      readonly compensation: DriftCompensation;
    };

/** Limit on the weights of every analog layer, applied after every step. */
export type WeightClipping =
  | { readonly kind: 'none' }
  /** To ±alpha standard deviations of the layer's weights, or of each column's. */
  | {
      readonly kind: 'standard-deviations';
      readonly alpha: number;
      readonly scale?: WeightScale | undefined;
    };

/** How converter ranges are found while a network is trained for its hardware; `learnedClip` has the equations. */
export type RangeLearning = {
  /** Learning rate of ranges, as a share of that of the weights. */
  readonly rateShare: number;
  /** Share of a range by which it shrinks in a step of rate 1, while few inputs are clipped. */
  readonly decay: number;
  /** A range shrinks only while more than this share of the inputs lies inside it. */
  readonly shareInside: number;
  /** Steps in which the range follows the inputs instead: `initialDeviations` times their standard deviation. */
  readonly initialSteps: number;
  readonly initialDeviations: number;
};

/** Distillation: the answers of a teacher are a part of the loss. */
export type Distillation = {
  /** File of the teacher's weights; absent if the caller gives the teacher. */
  readonly teacher?: string | undefined;
  /** α, the share of the loss. */
  readonly weight: number;
  /** T, which divides the logits of both. */
  readonly temperature: number;
  /** The teacher's answer is the mean of those to an image and to its mirror image; absent: to the image alone. */
  readonly mirrored?: boolean | undefined;
};

/**
 * The network of a run is the exponential moving average of its weights over the steps, with statistics of its own,
 * a ← a + max(1 − decay, 1 / (1 + step)) (w − a): a plain average as long as there are fewer steps than 1 / (1 − decay).
 *
 * @source A. Tarvainen and H. Valpola, arXiv 1703.01780; the plain average at the start is ours
 */
export type WeightAveraging = {
  /** The part of the average that a step keeps. */
  readonly decay: number;
};

/** Settings of a training run. */
export type TrainingSettings = {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: LearningRate;
  /**
   * Factors of the learning rate by the name of a parameter, or by a pattern in which `*` stands for any text; the first that
   * fits decides. 0: the parameter stays. Absent: 1. Converter ranges have a rate of their own, `ranges.rateShare`.
   */
  readonly rateFactors?: Readonly<Record<string, number>> | undefined;
  readonly rule: UpdateRuleSettings;
  readonly labelSmoothing: number;
  /** Share of a batch's statistics in the running ones. */
  readonly statisticsMomentum: number;
  /**
   * What batch normalisation normalises by in a step: the statistics of the batch, which is the default, or the running ones
   * as the steps before left them, as inference does.
   */
  readonly normalizesBy?: 'batch' | 'running' | undefined;
  readonly augmentation: Augmentation;
  readonly noise: TrainingNoise;
  /** Probability with which a weight is 0 in a step; absent: none. */
  readonly dropConnect?: number | undefined;
  readonly clipping: WeightClipping;
  /**
   * Largest norm of a step's gradient, over all parameters together; a larger one is scaled down to it. Absent: none. Needed
   * by recurrent networks: R. Pascanu et al., ICML 2013 (arXiv 1211.5063).
   */
  readonly gradientNorm?: number | undefined;
  /** Hardware whose converters and output noise are in the forward pass; absent: an ideal periphery. */
  readonly hardware?: HardwareSpec | undefined;
  /** How the ranges of that hardware's converters are learned. */
  readonly ranges?: RangeLearning | undefined;
  readonly distillation?: Distillation | undefined;
  /** Absent: the network is what the last step left. */
  /** `none`, as absent, even if another part of a run has one. */
  readonly averaging?: WeightAveraging | 'none' | undefined;
};

const count = z.int().min(1);
const share = z.number().min(0).lt(1);
/** Larger than any image. */
const pixels = z.int().min(0).max(4096);
const none = z.strictObject({ kind: z.literal('none') });
const weightScale = z.enum(['layer', 'column']);

const learningRateSchema: z.ZodType<LearningRate> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('cosine'),
    initial: z.number().positive().default(0.1),
    warmupEpochs: z.number().min(0).default(0),
    restartEpochs: z.array(z.int().min(1)).optional(),
  }),
  z.strictObject({
    kind: z.literal('step'),
    initial: z.number().positive().default(0.1),
    factor: z.number().positive().default(0.1),
    atEpochs: z.array(z.int().min(0)).default([]),
    warmupEpochs: z.number().min(0).optional(),
  }),
]);

const resizedCropSchema: z.ZodType<ResizedCrop> = z.strictObject({
  smallestArea: z.number().positive().max(1).meta({ description: 'share of the photo; the largest is 1' }),
  largestAspect: z.number().min(1).meta({ description: 'width over height; the smallest is its inverse' }),
});

/** Schema of `Augmentation`: what is absent changes nothing. */
export const augmentationSchema: z.ZodType<Augmentation> = z.strictObject({
  cropPadding: pixels.default(0),
  flip: z.boolean().default(false),
  cutout: pixels.default(0),
  resizedCrop: z
    .union([z.literal('none'), resizedCropSchema])
    .optional()
    .meta({ description: 'of photos: a random rectangle is resized; none or absent: the middle is' }),
});

const readTime = z.number().positive().max(LATEST_SECONDS);

const noiseSchema: z.ZodType<TrainingNoise> = z.discriminatedUnion('kind', [
  none,
  z.strictObject({
    kind: z.literal('gaussian'),
    relativeToMax: z.number().min(0).meta({ description: 'standard deviation / max|W|' }),
    scale: weightScale
      .optional()
      .meta({ description: 'max|W| of what; absent: as the hardware maps weights' }),
    rampEpochs: z.number().positive().optional().meta({ description: 'epochs of linear rise' }),
  }),
  z.strictObject({
    kind: z.literal('cells'),
    earliestSeconds: readTime.default(25).meta({ description: 'since programming' }),
    latestSeconds: readTime
      .default(86_400)
      .meta({ description: 'the logarithm of the time is uniform, anew in every step' }),
    compensation: nameSchema(DRIFT_COMPENSATIONS).default('global'),
  }),
]);

const clippingSchema: z.ZodType<WeightClipping> = z.discriminatedUnion('kind', [
  none,
  z.strictObject({
    kind: z.literal('standard-deviations'),
    alpha: z.number().positive(),
    scale: weightScale.optional(),
  }),
]);

/**
 * Defaults are those of aihwkit-lightning, src/aihwkit_lightning/simulator/parameters/pre_post.py, but for the rate, which
 * is ours: at the weights' own rate ranges of a network with batch normalisation grow too large (decision 0014).
 */
export const rangeLearningDefaults: RangeLearning = {
  rateShare: 0.3,
  decay: 0.001,
  shareInside: 0.95,
  initialSteps: 100,
  initialDeviations: 3,
};

const rangeLearningSchema: z.ZodType<RangeLearning> = z.strictObject({
  rateShare: z.number().min(0).default(rangeLearningDefaults.rateShare),
  decay: z.number().min(0).default(rangeLearningDefaults.decay),
  shareInside: z.number().min(0).max(1).default(rangeLearningDefaults.shareInside),
  initialSteps: z.int().min(0).default(rangeLearningDefaults.initialSteps),
  initialDeviations: z.number().positive().default(rangeLearningDefaults.initialDeviations),
});

const distillationSchema: z.ZodType<Distillation> = z.strictObject({
  teacher: z.string().min(1).optional(),
  weight: z.number().min(0).max(1).default(0.5),
  temperature: z.number().positive().default(2),
  mirrored: z
    .boolean()
    .optional()
    .meta({ description: "the teacher's answer is the mean of those to an image and to its mirror image" }),
});

const averagingSchema: z.ZodType<WeightAveraging> = z.strictObject({
  decay: share.default(0.999),
});

/** What of the settings is a classification's own; other fields are passed over. */
export type ClassificationSettings = Pick<
  TrainingSettings,
  'augmentation' | 'labelSmoothing' | 'distillation'
>;

/** Schema of `ClassificationSettings`, with the words and defaults of a training's. */
export const classificationSchema: z.ZodType<ClassificationSettings> = z.object({
  labelSmoothing: share.default(0),
  augmentation: augmentationSchema.prefault({ cropPadding: 0, flip: false, cutout: 0 }),
  distillation: distillationSchema.optional(),
});

/** Schema of `TrainingSettings`. Every field but `epochs` has a default. */
export const trainingSchema: z.ZodType<TrainingSettings> = z
  .strictObject({
    epochs: z.int().min(0),
    batchSize: count.default(128),
    learningRate: learningRateSchema.prefault({ kind: 'cosine', initial: 0.1, warmupEpochs: 0 }),
    rateFactors: z.record(z.string().min(1), z.number().min(0)).optional().meta({
      description:
        'factors of the learning rate by parameter, by name or by a pattern with *, the first that fits; 0: it stays',
    }),
    rule: ruleSchema.prefault({ kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
    labelSmoothing: share.default(0),
    statisticsMomentum: z.number().positive().max(1).default(0.1),
    normalizesBy: z
      .enum(['batch', 'running'])
      .optional()
      .meta({ description: 'statistics of a step; absent: batch' }),
    augmentation: augmentationSchema.prefault({ cropPadding: 0, flip: false, cutout: 0 }),
    noise: noiseSchema.prefault({ kind: 'none' }),
    dropConnect: share.optional(),
    clipping: clippingSchema.prefault({ kind: 'none' }),
    gradientNorm: z
      .number()
      .positive()
      .optional()
      .meta({ description: 'largest norm of the gradient of all parameters; absent: none' }),
    hardware: chosenHardwareSchema
      .optional()
      .meta({ description: 'converters and output noise of the forward pass; absent: an ideal periphery' }),
    ranges: rangeLearningSchema.optional(),
    distillation: distillationSchema.optional(),
    averaging: z
      .union([averagingSchema, z.literal('none')])
      .optional()
      .meta({
        description:
          'the network is the moving average of the weights over the steps; absent: none, unless another part of a run has one',
      }),
  })
  .superRefine((settings, { addIssue }) => {
    for (const message of contradictions(settings)) addIssue({ code: 'custom', message, path: [] });
  });

/** Conditions between fields; faults of single fields are reported already. */
function contradictions(settings: TrainingSettings): string[] {
  const { epochs, learningRate, noise, hardware } = settings;
  const faults: string[] = [...cellFaults(settings)];
  if (epochs < 0) return faults;
  const { warmupEpochs = 0 } = learningRate;
  if (warmupEpochs > epochs)
    faults.push(`learningRate.warmupEpochs must be between 0 and epochs, got ${warmupEpochs}`);
  if (learningRate.kind === 'cosine') {
    const { restartEpochs = [] } = learningRate;
    for (const at of restartEpochs) {
      if (at >= 1 && (at < warmupEpochs || at >= epochs))
        faults.push(
          `learningRate.restartEpochs must be whole numbers after the warm-up and below epochs, got ${at}`,
        );
    }
  }
  if (noise.kind === 'gaussian' && noise.rampEpochs !== undefined && noise.rampEpochs > epochs)
    faults.push(`noise.rampEpochs must be at most epochs, got ${noise.rampEpochs}`);
  if (noise.kind === 'cells' && hardware === undefined)
    faults.push('noise of cells needs their hardware, got none; set hardware, for example joshi2020');
  if (noise.kind === 'cells' && noise.earliestSeconds > noise.latestSeconds)
    faults.push(
      `noise.earliestSeconds must be at most latestSeconds (${noise.latestSeconds}), got ${noise.earliestSeconds}`,
    );
  return faults;
}

/** How the weights of a training are averaged; undefined: not at all. */
export function averagingOf({ averaging }: Pick<TrainingSettings, 'averaging'>): WeightAveraging | undefined {
  return averaging === 'none' ? undefined : averaging;
}

/** What a rule in cells would pass over: weights are as the cells hold them, and samples are written as they are. */
function cellFaults({
  rule,
  noise,
  dropConnect,
  clipping,
  gradientNorm,
  averaging,
  hardware,
}: TrainingSettings): string[] {
  if (!isInCells(rule)) return [];
  const unheard = {
    noise: noise.kind !== 'none',
    dropConnect: dropConnect !== undefined,
    clipping: clipping.kind !== 'none',
    averaging: averagingOf({ averaging }) !== undefined,
    gradientNorm: gradientNorm !== undefined && rule.kind !== 'mixed-precision',
  };
  const faults = Object.entries(unheard).flatMap(([field, isGiven]) =>
    isGiven
      ? [`${field} has no effect with the rule "${rule.kind}", whose weights are in cells; leave it out`]
      : [],
  );
  const single = singleDevices(rule);
  if (hardware !== undefined && single !== undefined)
    faults.push(...severalPairsFaults(hardware, single).map((fault) => `hardware: ${fault}`));
  if (gradientNorm !== undefined && rule.kind === 'mixed-precision' && rule.operands !== undefined)
    faults.push(
      'gradientNorm has no effect with rule.operands, which form their own gradient; leave one out',
    );
  const isTimed = rule.kind === 'mixed-precision' || rule.kind === 'pulsed';
  if (isTimed && rule.clock !== undefined && rule.device.drift.kind === 'none')
    faults.push(`rule.clock has no effect on "${rule.device.name}", which does not drift; leave it out`);
  return faults;
}

/** Why each weight has one device or one pair; undefined: it may have several pairs. */
function singleDevices(rule: UpdateRuleSettings): string | undefined {
  if (rule.kind !== 'mixed-precision') return `with the rule "${rule.kind}"`;
  const { device } = rule;
  return device.kind === 'steps' && !device.isOneSided
    ? `with "${device.name}", which moves both ways and is in no pair`
    : undefined;
}

/** η at step `step` of a run with `stepsPerEpoch` steps in an epoch; 0 without Gaussian noise. */
export function noiseScaleAt(noise: TrainingNoise, step: number, stepsPerEpoch: number): number {
  if (noise.kind !== 'gaussian') return 0;
  const { relativeToMax, rampEpochs } = noise;
  return rampEpochs === undefined
    ? relativeToMax
    : relativeToMax * Math.min(1, (step + 1) / (rampEpochs * stepsPerEpoch));
}

/** The time at which a step reads its cells, from a uniform number of 0 … 1. */
export function readSecondsAt(
  { earliestSeconds, latestSeconds }: Extract<TrainingNoise, { readonly kind: 'cells' }>,
  uniform: number,
): Seconds {
  return earliestSeconds * (latestSeconds / earliestSeconds) ** uniform;
}
