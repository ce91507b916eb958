// What a training trains on what: the network, its task, and what provenance and people are told of the data. Each kind
// of task makes values of one type, so that stages and commands do not ask which kind they have.

import { sha256 } from '../base/digest.ts';
import type { Augmentation, DataSplit } from '../data/image-set.ts';
import type { TextSet } from '../data/text.ts';
import type { Network } from '../nn/network.ts';
import { classification, classificationGoal } from '../train/classification.ts';
import { languageModelling } from '../train/language-modelling.ts';
import type { Provenance } from '../train/provenance.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { Score, Task } from '../train/task.ts';

/** Everything of a training that depends on the kind of its task. */
export type Subject = {
  readonly network: Network;
  /** Name of the data set. */
  readonly dataset: string;
  /** The task under the settings of a training. */
  readonly task: (
    settings: Pick<TrainingSettings, 'augmentation' | 'labelSmoothing' | 'distillation'>,
  ) => Task;
  /** How the scores of the task are read. */
  readonly score: Score;
  /** What the provenance keeps of the data and of the score. */
  readonly origin: Pick<Provenance, 'trainImages' | 'normalization' | 'text' | 'score'>;
  /** Training examples for people: what they are, and the whole of the data. */
  readonly examples: { readonly unit: string; readonly size: string };
  /** What a training does with the examples, for people. */
  readonly preparation: (settings: Pick<TrainingSettings, 'augmentation' | 'batchSize'>) => string;
};

/** Images to classify. */
export function imageSubject({
  network,
  dataset,
  data,
}: {
  readonly network: Network;
  readonly dataset: string;
  readonly data: DataSplit;
}): Subject {
  const { train, normalization } = data;
  return {
    network,
    dataset,
    task: (settings) => classification(data, settings),
    score: classificationGoal([train.height, train.width, train.channels]).score,
    origin: { trainImages: train.count, normalization },
    examples: { unit: 'images', size: `${train.count} images` },
    preparation: ({ augmentation }) =>
      `augmentation ${augmentationText(augmentation)}, as ${isSuggested(augmentation, data) ? `${dataset} suggests` : 'the settings say'}`,
  };
}

/** A text whose next characters are predicted, in windows of `context` characters. */
export async function textSubject({
  network,
  dataset,
  text,
  context,
}: {
  readonly network: Network;
  readonly dataset: string;
  readonly text: TextSet;
  readonly context: number;
}): Promise<Subject> {
  const { alphabet, train } = text;
  const { length } = train;
  // Made at once, so that a text that is too short is refused before anything is written.
  const task = characterTask(text, context, network);
  const { name } = task.score;
  return {
    network,
    dataset,
    task: () => task,
    score: task.score,
    origin: {
      text: { context, alphabet: alphabet.join(''), characters: length, sha256: await textDigest(text) },
      score: { name },
    },
    examples: { unit: 'windows', size: `${length} characters, ${alphabet.length} different ones` },
    preparation: ({ batchSize }) =>
      network.carried.length > 0
        ? `windows of ${context} characters in ${batchSize} streams; states are carried from window to window`
        : `windows of ${context} characters, shuffled`,
  };
}

/** Language modelling of a text by characters; in order for a network that carries its state. */
export function characterTask(text: TextSet, context: number, { carried }: Pick<Network, 'carried'>): Task {
  const { alphabet, train, test } = text;
  return languageModelling({
    train,
    test,
    context,
    vocabulary: alphabet.length,
    token: 'character',
    carry: carried.length > 0,
  });
}

/** SHA-256 of the training part in UTF-8. */
function textDigest({ alphabet, train }: TextSet): Promise<string> {
  return sha256(new TextEncoder().encode(Array.from(train, (token) => alphabet[token]).join('')));
}

/** The changes of an augmentation: `crops after padding by 4, mirrored at random`. */
function augmentationText({ cropPadding, flip, cutout }: Augmentation): string {
  const changes = [
    ...(cropPadding > 0 ? [`crops after padding by ${cropPadding}`] : []),
    ...(flip ? ['mirrored at random'] : []),
    ...(cutout > 0 ? [`cutouts of ${cutout} x ${cutout}`] : []),
  ];
  return changes.length === 0 ? 'none' : changes.join(', ');
}

function isSuggested(
  { cropPadding, flip, cutout }: Augmentation,
  { augmentation: suggested }: Pick<DataSplit, 'augmentation'>,
): boolean {
  return (
    suggested !== undefined &&
    suggested.cropPadding === cropPadding &&
    suggested.flip === flip &&
    suggested.cutout === cutout
  );
}
