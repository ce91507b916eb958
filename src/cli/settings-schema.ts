// The published schemas of settings files for `train --config` and `run`, with all defaults. Records inside them have
// their schemas beside their types.

import { z } from 'zod';
import { nameSchema } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import { type HardwareChoice, hardwareChoiceSchema } from '../crossbar/hardware-choice.ts';
import { type NamedSetName, namedSets } from '../data/named-sets.ts';
import { type NamedTextName, namedTextNames } from '../data/named-texts.ts';
import { LARGEST_SIDE } from '../data/photo-view.ts';
import { type SharedNormalization, sharedNormalizationNames } from '../data/shared-normalizations.ts';
import { usualPhotoSize } from '../data/usual-photos.ts';
import { type EvaluationSettings, evaluationSchema } from '../experiment/evaluation-settings.ts';
import { publicationFaults, publicationSchema } from '../experiment/publication-schema.ts';
import type { Publication } from '../experiment/record.ts';
import { type CharacterNetworkName, characterNetworkNames } from '../nn/character-networks.ts';
import { type NetworkName, networkNames } from '../nn/networks.ts';
import { BACKEND_CHOICES, type BackendChoice } from '../node/backend-choice.ts';
import type { TextFiles } from '../node/load-text.ts';
import { type PairName, pairNames } from '../train/gan.ts';
import { type TrainingSettings, trainingSchema } from '../train/settings.ts';

/** In place of a name: the photos of a folder. */
export const PHOTOS = 'photos';

/** Name of a set of images, or photos. */
export type ImagesName = NamedSetName | typeof PHOTOS;

/** Names of all sets of images, and photos. */
export const imagesNames: readonly ImagesName[] = [...(Object.keys(namedSets) as NamedSetName[]), PHOTOS];

/** True for the name of a set of images, and for photos. */
export function isImagesName(name: string): name is ImagesName {
  return imagesNames.some((known) => known === name);
}

/** How photos are seen. */
export type PhotoSettings = {
  /** Side of the square that a network sees. */
  readonly side: number;
  /** Shorter side of the photo from whose middle the square is cut; absent: 8/7 of the side. */
  readonly shorterSide?: number | undefined;
};

/** What pixels become before a network: `dataset` by the statistics of the training images, or one that recipes share. */
export type NormalizationChoice = 'dataset' | SharedNormalization;

/** The images: a data set, and how many of its first images; absent: all. */
export type DataSettings = {
  readonly dataset: ImagesName;
  readonly photos?: PhotoSettings | undefined;
  readonly normalization?: NormalizationChoice | undefined;
  readonly trainImages?: number | undefined;
  readonly testImages?: number | undefined;
};

/** What `ohmic train` trains on: a named set of images or text, or files of a text. */
export type TrainDataSettings = {
  readonly dataset?: ImagesName | NamedTextName | undefined;
  readonly photos?: PhotoSettings | undefined;
  readonly normalization?: NormalizationChoice | undefined;
  /** UTF-8 files instead of a named set: one, of which 90, 5 and 5 % are the parts, or one for each part. */
  readonly text?: TextFiles | undefined;
  /** Characters of a window; absent: 100. */
  readonly context?: number | undefined;
  readonly trainImages?: number | undefined;
  readonly testImages?: number | undefined;
};

/** Names of everything that can be trained on. */
export const trainDatasets: readonly (ImagesName | NamedTextName)[] = [...imagesNames, ...namedTextNames];

/** In place of a name: the network that the weights of `from` carry, which was imported. */
export const IMPORTED = 'imported';

/** Name of a network for images, or the one that was imported. */
export type ImageModel = NetworkName | typeof IMPORTED;

/** Names of all networks for images. */
export const imageModels: readonly ImageModel[] = [...networkNames, IMPORTED];

/** Name of a network that `ohmic train` knows. */
export type TrainModel = ImageModel | CharacterNetworkName | PairName;

/** Names of all networks that `ohmic train` knows. */
export const trainModels: readonly TrainModel[] = [...imageModels, ...characterNetworkNames, ...pairNames];

/** Settings of `ohmic train`. */
export type TrainSettings = {
  readonly data: TrainDataSettings;
  readonly model: TrainModel;
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
  readonly model: ImageModel;
  readonly seed: number;
  readonly backend: BackendChoice;
  /** File of weights that take the place of the digital training; absent: it is trained. */
  readonly from?: string | undefined;
  /** Digital training. */
  readonly training: TrainingSettings;
  /** Training with noise, from the digital weights; absent: only the digital network is evaluated. */
  readonly noiseTraining?: TrainingSettings | undefined;
  readonly hardware: HardwareChoice;
  readonly evaluation: EvaluationSettings;
  /** Evaluation of the digital network, the control; absent: as `evaluation`. */
  readonly controlEvaluation?: EvaluationSettings | undefined;
  readonly noiseSweep?: NoiseSweepSettings | undefined;
  /** Published figures, which the report compares with its own. */
  readonly published?: Publication | undefined;
};

/** Settings of `ohmic run` on a text. */
export type TextRunSettings = Omit<RunSettings, 'data' | 'model' | 'noiseSweep' | 'published'> & {
  readonly data: {
    readonly dataset?: NamedTextName | undefined;
    /** UTF-8 files instead of a named text. */
    readonly text?: TextFiles | undefined;
    /** Characters of a window; absent: 100. */
    readonly context?: number | undefined;
  };
  readonly model: CharacterNetworkName;
};

/** Trainings from the digital weights with different noise, and the evaluation of their networks. */
export type NoiseSweepSettings = {
  /** The amounts: η = σ / max|W| of a layer. */
  readonly relativeToMax: readonly number[];
  /** Each training, but for its noise. */
  readonly training: TrainingSettings;
  readonly evaluation: EvaluationSettings;
};

/** What an imported network needs. */
export const EXPECTED_WEIGHTS = 'expected the weights of an imported network (ohmic import), got none';

const count = z.int().min(1);

/** Names of normalisations that settings choose from. */
export const normalizationChoices: readonly NormalizationChoice[] = ['dataset', ...sharedNormalizationNames];

const imageFields = {
  normalization: nameSchema(normalizationChoices).optional().meta({
    description: 'of images: dataset (by the training images), or for pixels from 0 to 1; absent: dataset',
  }),
  trainImages: count.optional().meta({ description: 'only the first so many training images' }),
  testImages: count.optional().meta({ description: 'only the first so many test images' }),
};

/** Schema of `PhotoSettings`. */
export const photoSettingsSchema: z.ZodType<PhotoSettings> = z
  .strictObject({
    side: count.max(LARGEST_SIDE).default(usualPhotoSize.side),
    shorterSide: count.max(LARGEST_SIDE).optional().meta({ description: 'absent: 8/7 of the side' }),
  })
  .meta({
    description: 'of photos: the square that a network sees, and the resized photo that it is cut from',
  });

const data: z.ZodType<DataSettings> = z
  .strictObject({
    dataset: nameSchema(imagesNames),
    photos: photoSettingsSchema.optional(),
    ...imageFields,
  })
  .superRefine(photoFaults);

/** Sizes of what has a size of its own. */
function photoFaults(
  { dataset, photos: size }: Pick<TrainDataSettings, 'dataset' | 'photos'>,
  { addIssue }: z.core.$RefinementCtx,
): void {
  if (size !== undefined && dataset !== PHOTOS)
    addIssue({ code: 'custom', path: ['photos'], message: `only of the data set ${PHOTOS}; leave it out` });
}

const path = z.string().min(1);

const textFiles: z.ZodType<TextFiles> = z.union([
  path,
  z.strictObject({ train: path, valid: path.optional(), test: path }),
]);

/** Schema of `TrainDataSettings`. */
export const trainDataSchema: z.ZodType<TrainDataSettings> = z
  .strictObject({
    dataset: nameSchema(trainDatasets).optional(),
    text: textFiles.optional().meta({
      description: 'UTF-8 files: one, of which 90, 5 and 5 % are training, validation and test, or one each',
    }),
    context: count.optional().meta({ description: 'characters of a window of a text; absent: 100' }),
    photos: photoSettingsSchema.optional(),
    ...imageFields,
  })
  .superRefine(photoFaults)
  .superRefine(({ dataset, text }, { addIssue }) => {
    if (dataset === undefined && text === undefined)
      addIssue({ code: 'custom', path: ['dataset'], message: unknownName(undefined, trainDatasets) });
    if (dataset !== undefined && text !== undefined)
      addIssue({
        code: 'custom',
        path: [],
        message: 'expected `dataset` or `text`, got both; leave one out',
      });
  });

const noiseSweep: z.ZodType<NoiseSweepSettings> = z.strictObject({
  relativeToMax: z
    .array(z.number().min(0))
    .min(1)
    .refine((all) => new Set(all).size === all.length, 'expected different amounts of noise')
    .meta({ description: 'amounts of training noise: standard deviation / max|W| of the layer' }),
  training: trainingSchema.meta({ description: 'fields that are absent are those of `noiseTraining`' }),
  evaluation: evaluationSchema.meta({ description: 'fields that are absent are those of `evaluation`' }),
});

const common = {
  data,
  model: nameSchema(imageModels),
  seed: z.int().min(0).default(0),
  backend: nameSchema(BACKEND_CHOICES).default('auto'),
};

/** Schema of `TrainSettings`. */
export const trainSchema: z.ZodType<TrainSettings> = z
  .strictObject({
    ...common,
    data: trainDataSchema,
    model: nameSchema(trainModels),
    from: path.optional(),
    training: trainingSchema,
  })
  .meta({ title: 'Settings of ohmic train' });

const runFields = {
  name: z
    .string()
    .regex(/^\w[\w.-]*$/, 'expected letters, digits, ".", "-" and "_" only, and neither "." nor "-" first')
    .optional(),
  ...common,
  from: path
    .optional()
    .meta({ description: 'weights in place of the digital training, as of an imported network' }),
  training: trainingSchema,
  noiseTraining: trainingSchema
    .optional()
    .meta({ description: 'fields that are absent are those of `training`' }),
  hardware: hardwareChoiceSchema,
  evaluation: evaluationSchema,
  controlEvaluation: evaluationSchema.optional().meta({
    description: 'of the digital network; fields that are absent are those of `evaluation`',
  }),
  noiseSweep: noiseSweep.optional(),
  published: publicationSchema.optional(),
};

/** Schema of `RunSettings`. */
export const runSchema: z.ZodType<RunSettings> = z
  .strictObject(runFields)
  .superRefine(({ noiseTraining, published, model, from }, { addIssue }) => {
    if (model === IMPORTED && from === undefined)
      addIssue({ code: 'custom', path: ['from'], message: EXPECTED_WEIGHTS });
    const labels = noiseTraining === undefined ? ['digital'] : ['digital', 'noise-trained'];
    for (const { path, message } of published === undefined ? [] : publicationFaults(published, labels))
      addIssue({ code: 'custom', path: ['published', ...path], message });
  })
  .transform((settings) => ({
    ...settings,
    name: settings.name ?? `${settings.data.dataset}-${settings.model}`,
  }))
  .meta({ title: 'Settings of ohmic run' });

const textData: z.ZodType<TextRunSettings['data']> = z
  .strictObject({
    dataset: nameSchema(namedTextNames).optional(),
    text: textFiles.optional(),
    context: z.int().min(1).optional().meta({ description: 'characters of a window; absent: 100' }),
  })
  .refine(
    ({ dataset, text }) => (dataset === undefined) !== (text === undefined),
    'expected either `dataset` or `text`',
  );

const { noiseSweep: _, published: __, ...textRunFields } = runFields;

/** Schema of `TextRunSettings`. */
export const textRunSchema: z.ZodType<TextRunSettings> = z
  .strictObject({ ...textRunFields, data: textData, model: nameSchema(characterNetworkNames) })
  .transform((settings) => ({
    ...settings,
    name: settings.name ?? `${settings.data.dataset ?? 'text'}-${settings.model}`,
  }))
  .meta({ title: 'Settings of ohmic run on a text' });
