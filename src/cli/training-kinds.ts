// What `ohmic train` can train, by the model that is asked for: each kind of task loads its data and makes the subject of
// the training. Another kind is one more value of `TrainingKind`.

import { basename } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { isNamedSet, type NamedSetName, namedSets } from '../data/named-sets.ts';
import { isNamedText, namedTextNames } from '../data/named-texts.ts';
import type { TextSet } from '../data/text.ts';
import { imageSubject, textSubject } from '../experiment/subject.ts';
import { characterNetworkByName, characterNetworkNames } from '../nn/character-networks.ts';
import { networkByName, networkNames } from '../nn/networks.ts';
import { loadText, loadTextFiles } from '../node/load-text.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { imageTask, loadData } from './load-data.ts';
import type { Progress } from './progress.ts';
import type { TrainDataSettings, TrainSettings } from './settings-schema.ts';
import { type FolderTraining, readWeights } from './train-stage.ts';
import { trainingStart } from './training-start.ts';

/** A training with all its data. */
export type PreparedTraining = Pick<FolderTraining, 'subject' | 'settings' | 'initial' | 'teacher'>;

/** Where data come from. */
export type DataPlace = { readonly folder?: string | undefined; readonly progress: Progress };

/** A kind of task. */
export type TrainingKind = {
  readonly models: readonly string[];
  /** Settings that do not suit the kind, as faults. */
  readonly faults: (settings: TrainSettings) => string[];
  /** Loads everything. Throws UsageError if something can't be used. */
  readonly prepare: (settings: TrainSettings, place: DataPlace) => Promise<PreparedTraining>;
};

/** Images to classify. */
const images: TrainingKind = {
  models: networkNames,
  faults: ({ model, data: { dataset, context } }) => [
    ...(dataset !== undefined && isNamedSet(dataset)
      ? []
      : [
          `data: ${model} classifies images, expected one of ${Object.keys(namedSets).join(', ')}, got a text; for a text use --model ${characterNetworkNames.join(' or ')}`,
        ]),
    ...(context === undefined ? [] : ['data.context: images have no windows of characters; leave it out']),
  ],
  prepare: async ({ data, model, training, from }, place) => {
    const { trainImages, testImages } = data;
    const dataset = data.dataset as NamedSetName;
    const split = await loadData({ dataset, trainImages, testImages }, place);
    const network = networkByName(model, imageTask(split));
    const initial = from === undefined ? undefined : await readWeights(from, network);
    const { data: normalized, ...start } = await trainingStart(training, split, { initial });
    return { ...start, subject: imageSubject({ network, dataset, data: normalized }) };
  },
};

/** Characters of a window, unless the settings say otherwise. */
const USUAL_CONTEXT = 100;

/** A text by characters. */
const texts: TrainingKind = {
  models: characterNetworkNames,
  faults: ({ model, data: { dataset, trainImages, testImages }, training }) => {
    const { augmentation, labelSmoothing, distillation } = training;
    const isAugmented = augmentation.cropPadding > 0 || augmentation.flip || augmentation.cutout > 0;
    const isImages = dataset !== undefined && isNamedSet(dataset);
    return [
      ...(dataset === undefined || isNamedText(dataset)
        ? []
        : [
            `data: ${model} reads a text, expected one of ${namedTextNames.join(', ')} or a text file, got the images of ${dataset}`,
          ]),
      ...[
        { name: 'data.trainImages', isGiven: trainImages !== undefined },
        { name: 'data.testImages', isGiven: testImages !== undefined },
        // A set of images brings its own.
        { name: 'training.augmentation', isGiven: isAugmented && !isImages },
        { name: 'training.labelSmoothing', isGiven: labelSmoothing > 0 },
        { name: 'training.distillation', isGiven: distillation !== undefined },
      ].flatMap(({ name, isGiven }) => (isGiven ? [`${name}: a text has none; leave it out`] : [])),
    ];
  },
  prepare: async ({ data, model, training, from }, place) => {
    const { context = USUAL_CONTEXT } = data;
    const { dataset, text } = await loadedText(data, place);
    const network = characterNetworkByName(model, { context, symbols: text.alphabet.length });
    const initial = from === undefined ? undefined : await readWeights(from, network);
    checkAlphabet(`train: ${from}`, initial, text);
    const subject = await textSubject({ network, dataset, text, context });
    return { settings: training, initial: initial?.parameters, subject };
  },
};

/** The text that settings name. Throws UsageError if it can't be used. */
export async function loadedText(
  { dataset, text: files }: Pick<TrainDataSettings, 'dataset' | 'text'>,
  { folder }: Pick<DataPlace, 'folder'>,
): Promise<{ readonly dataset: string; readonly text: TextSet }> {
  if (files !== undefined)
    return {
      dataset: basename(typeof files === 'string' ? files : files.train),
      text: loadTextFiles(files),
    };
  if (dataset === undefined) throw new UsageError('train: data: expected `dataset` or `text`, got neither');
  return { dataset, text: await loadText(dataset, { folder }) };
}

/** Throws UsageError if a network was trained on other characters: its rows and columns stand for them. */
export function checkAlphabet(
  where: string,
  trained: TrainedNetwork | undefined,
  { alphabet }: TextSet,
): void {
  const origin = trained?.provenance.text;
  if (origin === undefined || origin.alphabet === alphabet.join('')) return;
  throwFaults(where, [
    `expected the ${[...origin.alphabet].length} characters that it was trained on, ${JSON.stringify(origin.alphabet)}, got a text with ${alphabet.length}, ${JSON.stringify(alphabet.join(''))}; use the text of its training`,
  ]);
}

/** Every kind. */
const kinds: readonly TrainingKind[] = [images, texts];

/** The kind of task that a model is for. */
export function trainingKind({ model }: Pick<TrainSettings, 'model'>): TrainingKind {
  const kind = kinds.find(({ models }) => models.includes(model));
  if (kind === undefined) throw new UsageError(`train: no kind of task has the model "${model}"`);
  return kind;
}
