// The settings of twins: trainings in cells, each beside the same training in floating point.

import { z } from 'zod';
import { nameSchema } from '../base/schema.ts';
import { type EvaluationSettings, evaluationSchema } from '../experiment/evaluation-settings.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';
import { twinFigureSchema } from '../experiment/twin-record-schema.ts';
import { isInCells } from '../insitu/settings.ts';
import { type NetworkName, networkNames } from '../nn/networks.ts';
import { BACKEND_CHOICES, type BackendChoice } from '../node/backend-choice.ts';
import { pairNames } from '../train/gan.ts';
import { type TrainingSettings, trainingSchema } from '../train/settings.ts';
import {
  type TrainDataSettings,
  type TrainSettings,
  trainDataSchema,
  trainModels,
} from './settings-schema.ts';

/** One task that is trained twice for each seed. */
export type TwinPart = {
  readonly data: TrainDataSettings;
  readonly model: TrainSettings['model'];
  readonly seeds: readonly number[];
  /** The training in cells. */
  readonly training: TrainingSettings;
  /** What happens to the trained cells afterwards; absent: nothing. */
  readonly afterwards?: EvaluationSettings | undefined;
  /** Of an adversarial pair: the classifier in whose features its images are compared with real ones. */
  readonly classifier?: { readonly model: NetworkName; readonly training: TrainingSettings } | undefined;
  readonly published?: TwinRecord['published'] | undefined;
};

/** Settings of `ohmic twins`. */
export type TwinsSettings = {
  readonly name: string;
  readonly backend: BackendChoice;
  /** By name; each has its folder and its record. */
  readonly parts: Readonly<Record<string, TwinPart>>;
};

/** Schema of `TwinPart`. */
export const twinPartSchema: z.ZodType<TwinPart> = z.strictObject({
  data: trainDataSchema,
  model: nameSchema(trainModels),
  seeds: z.array(z.int().min(0)).min(1).default([1]),
  training: trainingSchema,
  afterwards: evaluationSchema.optional(),
  classifier: z.strictObject({ model: nameSchema(networkNames), training: trainingSchema }).optional(),
  published: z
    .strictObject({ source: z.string().min(1), figures: z.array(twinFigureSchema).min(1) })
    .optional(),
});

/** Schema of `TwinsSettings`. */
export const twinsSchema: z.ZodType<TwinsSettings> = z
  .strictObject({
    name: z.string().min(1),
    backend: z.enum(BACKEND_CHOICES).default('auto'),
    parts: z.record(z.string(), twinPartSchema),
  })
  .superRefine(({ parts }, { addIssue }) => {
    for (const [name, { training, seeds, model, classifier }] of Object.entries(parts)) {
      if (!/^[\w-]+$/.test(name))
        addIssue({
          code: 'custom',
          path: ['parts', name],
          message: 'expected a name of letters, digits and -, since it is a folder',
        });
      if (pairNames.some((pair) => pair === model) !== (classifier !== undefined))
        addIssue({
          code: 'custom',
          path: ['parts', name, 'classifier'],
          message:
            classifier === undefined
              ? `${model} generates images: expected a classifier that compares them, got none`
              : `expected none, since ${model} generates no images`,
        });
      if (!isInCells(training.rule))
        addIssue({
          code: 'custom',
          path: ['parts', name, 'training', 'rule', 'kind'],
          message: `expected a rule of weights in cells, got ${training.rule.kind}, which has no twin`,
        });
      if (new Set(seeds).size !== seeds.length)
        addIssue({ code: 'custom', path: ['parts', name, 'seeds'], message: 'expected different seeds' });
    }
  });
