// The published schemas of settings files: what `train --config` and `run` accept, with every default. Ranges that a
// schema can say are said here; conditions between fields are those of train/settings.ts.

import { z } from 'zod';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hardwareSchema } from '../crossbar/hardware-schema.ts';
import { type NamedSetName, namedSets } from '../data/named-sets.ts';
import { publicationSchema } from '../experiment/publication-schema.ts';
import { COMPENSATION_METHODS, type EvaluationSettings, type Publication } from '../experiment/record.ts';
import { type ModelName, modelNames } from '../nn/models.ts';
import { BACKEND_CHOICES, type BackendChoice } from '../node/create-engine.ts';
import { type LearningRate, type TrainingSettings, trainingFaults } from '../train/settings.ts';
import { type HardwareName, hardwareNames } from './hardware-choice.ts';
import { unknownName } from './suggest.ts';

/** Which images; the first so many, where a count is given. */
export type DataSettings = {
  readonly dataset: NamedSetName;
  readonly trainImages?: number | undefined;
  readonly testImages?: number | undefined;
};

/** Settings of `ohmic train`. */
export type TrainSettings = {
  readonly data: DataSettings;
  readonly model: ModelName;
  readonly seed: number;
  readonly backend: BackendChoice;
  /** File of weights to start from; absent: random ones. */
  readonly from?: string | undefined;
  readonly training: TrainingSettings;
};

/** Settings of `ohmic run`. */
export type RunSettings = {
  /** Name of the run's folder. */
  readonly name: string;
  readonly data: DataSettings;
  readonly model: ModelName;
  readonly seed: number;
  readonly backend: BackendChoice;
  /** Digital training. */
  readonly training: TrainingSettings;
  /** Training with noise, from the digital weights; absent: only the digital network is evaluated. */
  readonly noiseTraining?: TrainingSettings | undefined;
  readonly hardware: HardwareName | HardwareSpec;
  readonly evaluation: EvaluationSettings;
  /** Evaluation of the digital network, the control; absent: as `evaluation`. */
  readonly controlEvaluation?: EvaluationSettings | undefined;
  readonly noiseSweep?: NoiseSweepSettings | undefined;
  /** Figures that the report sets beside its own. */
  readonly published?: Publication | undefined;
};

/** Trainings from the digital weights that differ in their noise, and how their networks are evaluated. */
export type NoiseSweepSettings = {
  /** The amounts: η = σ / max|W| of a layer. */
  readonly relativeToMax: readonly number[];
  /** Each training, but for its noise. */
  readonly training: TrainingSettings;
  readonly evaluation: EvaluationSettings;
};

const name = <N extends string>(known: readonly N[]): z.ZodType<N, N> =>
  z.enum(known as readonly [N, ...N[]], { error: ({ input }) => unknownName(input, known) });
const count = z.int().min(1);
const share = z.number().min(0).lt(1);
const pixels = z.int().min(0);
const none = z.strictObject({ kind: z.literal('none') });

const data = z.strictObject({
  dataset: name(Object.keys(namedSets) as NamedSetName[]),
  trainImages: count.optional().meta({ description: 'only the first so many training images' }),
  testImages: count.optional().meta({ description: 'only the first so many test images' }),
});

const learningRate = z.discriminatedUnion('kind', [
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
  }),
]);

/** As CIFAR-10 networks are commonly trained. */
const augmentation = z.strictObject({
  cropPadding: pixels.default(4),
  flip: z.boolean().default(true),
  cutout: pixels.default(0),
});

const training = z
  .strictObject({
    epochs: z.int().min(0),
    batchSize: count.default(128),
    learningRate: learningRate.prefault({ kind: 'cosine' } satisfies Pick<LearningRate, 'kind'>),
    momentum: share.default(0.9),
    nesterov: z.boolean().default(true),
    weightDecay: z.number().min(0).default(5e-4),
    labelSmoothing: share.default(0),
    statisticsMomentum: z.number().positive().max(1).default(0.1),
    augmentation: augmentation.prefault({}),
    noise: z
      .discriminatedUnion('kind', [
        none,
        z.strictObject({
          kind: z.literal('gaussian'),
          relativeToMax: z.number().min(0).meta({ description: 'standard deviation / max|W| of the layer' }),
        }),
      ])
      .prefault({ kind: 'none' }),
    clipping: z
      .discriminatedUnion('kind', [
        none,
        z.strictObject({ kind: z.literal('standard-deviations'), alpha: z.number().positive() }),
      ])
      .prefault({ kind: 'none' }),
  })
  .superRefine((settings, { addIssue }) => {
    for (const fault of trainingFaults(settings)) addIssue({ code: 'custom', message: fault, path: [] });
  });

const evaluation = z.strictObject({
  chips: count.default(5),
  timesSeconds: z
    .array(z.number().min(0))
    .min(1)
    .default([25, 3600, 86_400])
    .meta({ description: 'seconds since programming' }),
  methods: z
    .array(name(COMPENSATION_METHODS))
    .min(1)
    .default([...COMPENSATION_METHODS]),
  adabs: z
    .strictObject({
      batches: count.default(10),
      batchSize: count.default(128),
      augmentation: augmentation.optional().meta({
        description:
          'of the calibration images; absent: none. That of the training fits what the network expects',
      }),
    })
    .prefault({}),
  calibrationImages: count.default(250),
  testImages: count.optional().meta({ description: 'only the first so many test images' }),
});

const noiseSweep = z.strictObject({
  relativeToMax: z
    .array(z.number().min(0))
    .min(1)
    .refine((all) => new Set(all).size === all.length, 'expected different amounts of noise')
    .meta({ description: 'amounts of training noise: standard deviation / max|W| of the layer' }),
  training: training.meta({ description: 'fields that are absent are those of `noiseTraining`' }),
  evaluation: evaluation
    .prefault({})
    .meta({ description: 'fields that are absent are those of `evaluation`' }),
});

const common = {
  data,
  model: name(modelNames),
  seed: z.int().min(0).default(0),
  backend: name(BACKEND_CHOICES).default('auto'),
};

// A schema's output has `?: T | undefined` where the records have `?: T`; parsing JSON never gives the former.

/** Schema of `TrainSettings`. */
export const trainSchema: z.ZodType<TrainSettings> = z
  .strictObject({ ...common, from: z.string().min(1).optional(), training })
  .meta({ title: 'Settings of ohmic train' });

/** Schema of `EvaluationSettings`. */
export const evaluationSchema: z.ZodType<EvaluationSettings> =
  evaluation as unknown as z.ZodType<EvaluationSettings>;

/** Schema of `RunSettings`. */
export const runSchema: z.ZodType<RunSettings> = z
  .strictObject({
    name: z
      .string()
      .regex(/^\w[\w.-]*$/, 'expected letters, digits, ".", "-" and "_" only, and neither "." nor "-" first')
      .optional(),
    ...common,
    training,
    noiseTraining: training
      .optional()
      .meta({ description: 'fields that are absent are those of `training`' }),
    hardware: z.union([name(hardwareNames), hardwareSchema]),
    evaluation: evaluation.prefault({}),
    controlEvaluation: evaluation.optional().meta({
      description: 'of the digital network; fields that are absent are those of `evaluation`',
    }),
    noiseSweep: noiseSweep.optional(),
    published: publicationSchema.optional(),
  })
  .transform((settings) => ({
    ...settings,
    name: settings.name ?? `${settings.data.dataset}-${settings.model}`,
  }))
  .meta({ title: 'Settings of ohmic run' }) as unknown as z.ZodType<RunSettings>;
