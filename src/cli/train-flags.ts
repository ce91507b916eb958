// The flags of `ohmic train` that are fields of its settings, as one table: field, parser and help text of each.
// Defaults in the help are those of the schemas.

import { resolve } from 'node:path';
import { Option } from 'commander';
import { UsageError } from '../base/errors.ts';
import { mergeSettings, treeAt } from '../base/merge.ts';
import { check, type Json } from '../base/schema.ts';
import { valueAt } from '../base/value-at.ts';
import { pcmNandakumar2018 } from '../cells/published-pulse-devices.ts';
import {
  normalizationChoices,
  type TrainSettings,
  trainDatasets,
  trainModels,
  trainSchema,
} from './settings-schema.ts';
import { countOrText, numberOrText, parseList, parseTime, shareOrText } from './values.ts';

/** A flag that is a field of the settings. */
type SettingFlag = {
  readonly flag: string;
  /** The field, dotted. */
  readonly path: string;
  readonly help: string;
  /** Parses the text; absent: the text itself is the value. */
  readonly read?: (text: string) => Json;
  /** Shown instead of the schema's default. */
  readonly fallback?: string;
  /** Another field that this text is for. */
  readonly pathFor?: (text: string) => string;
  /** Another field that the flag implies. */
  readonly implies?: readonly [path: string, value: Json];
};

const OF_THE_SET = 'as the data set suggests';
const AS_MAPPED = 'as the hardware maps weights, else layer';

const dataFlags: readonly SettingFlag[] = [
  {
    flag: '--dataset <name>',
    path: 'data.dataset',
    help: `${trainDatasets.join(', ')}, or a text file, as novel.txt`,
    // A misspelt name is told what names there are.
    pathFor: (text) => (isTextFile(text) ? 'data.text' : 'data.dataset'),
    read: (text) => (isTextFile(text) ? resolve(text) : text),
  },
  {
    flag: '--context <n>',
    path: 'data.context',
    help: 'characters of a window of a text',
    read: countOrText,
    fallback: '100',
  },
  {
    flag: '--normalization <name>',
    path: 'data.normalization',
    help: `of images: ${normalizationChoices.join(', ')}; dataset is by the training images, for photos by ImageNet`,
    fallback: 'dataset',
  },
  {
    flag: '--photo-side <pixels>',
    path: 'data.photos.side',
    help: 'of photos: side of the square that the network sees',
    read: countOrText,
    fallback: '224',
  },
  {
    flag: '--photo-shorter-side <pixels>',
    path: 'data.photos.shorterSide',
    help: 'of photos: shorter side of the photo from whose middle the square is cut',
    read: countOrText,
    fallback: '8/7 of the side',
  },
  {
    flag: '--train-images <n>',
    path: 'data.trainImages',
    help: 'only the first n training images',
    read: countOrText,
    fallback: 'all',
  },
  {
    flag: '--test-images <n>',
    path: 'data.testImages',
    help: 'only the first n test images',
    read: countOrText,
    fallback: 'all',
  },
  { flag: '--model <name>', path: 'model', help: trainModels.join(', ') },
  {
    flag: '--from <weights>',
    path: 'from',
    help: 'start from these weights',
    read: (file) => resolve(file),
    fallback: 'random ones',
  },
  { flag: '--seed <n>', path: 'seed', help: 'seed of all random draws', read: numberOrText },
];

const ruleFlags: readonly SettingFlag[] = [
  {
    flag: '--epochs <n>',
    path: 'training.epochs',
    help: 'passes over the training images, or the text',
    read: countOrText,
  },
  {
    flag: '--batch-size <n>',
    path: 'training.batchSize',
    help: 'images of a step, or streams of a text',
    read: countOrText,
  },
  {
    flag: '--lr <rate>',
    path: 'training.learningRate.initial',
    help: 'learning rate at the beginning',
    read: numberOrText,
  },
  { flag: '--schedule <kind>', path: 'training.learningRate.kind', help: 'cosine or step' },
  {
    flag: '--warmup-epochs <n>',
    path: 'training.learningRate.warmupEpochs',
    help: 'cosine: epochs of linear rise',
    read: numberOrText,
  },
  {
    flag: '--drop-at <epochs>',
    path: 'training.learningRate.atEpochs',
    help: 'step: epochs at which the rate drops, as 100,150',
    read: (text) => parseList(text).map(numberOrText),
    fallback: 'none',
  },
  {
    flag: '--drop-factor <factor>',
    path: 'training.learningRate.factor',
    help: 'step: what the rate is multiplied by',
    read: numberOrText,
  },
  {
    flag: '--rule <kind>',
    path: 'training.rule.kind',
    help: 'update rule: sgd, adam, adamw; of weights in cells: mixed-precision, pulsed, tiki-taka',
  },
  {
    flag: '--device <name>',
    path: 'training.rule.device',
    help: 'rules in cells: the device, as pcm-nandakumar-2018 (pcm for short), reram-es, ecram (ohmic presets)',
    read: (name) => (name === 'pcm' ? pcmNandakumar2018.name : name),
    fallback: 'as the rule suggests',
  },
  {
    flag: '--gradient-norm <value>',
    path: 'training.gradientNorm',
    help: 'scale larger gradients down to this norm',
    read: numberOrText,
    fallback: 'none',
  },
  {
    flag: '--momentum <value>',
    path: 'training.rule.momentum',
    help: 'sgd: momentum',
    read: numberOrText,
  },
  { flag: '--no-nesterov', path: 'training.rule.nesterov', help: 'sgd: plain momentum' },
  {
    flag: '--weight-decay <value>',
    path: 'training.rule.weightDecay',
    help: 'L2 penalty; adamw: decay beside the gradient',
    read: numberOrText,
  },
];

const lossFlags: readonly SettingFlag[] = [
  {
    flag: '--label-smoothing <share>',
    path: 'training.labelSmoothing',
    help: 'share of a label that is spread evenly over all classes',
    read: shareOrText,
  },
  {
    flag: '--crop-padding <pixels>',
    path: 'training.augmentation.cropPadding',
    help: 'random crops after padding',
    read: numberOrText,
    fallback: OF_THE_SET,
  },
  {
    flag: '--flip',
    path: 'training.augmentation.flip',
    help: 'mirror images at random',
    fallback: OF_THE_SET,
  },
  { flag: '--no-flip', path: 'training.augmentation.flip', help: 'do not mirror images' },
  {
    flag: '--cutout <pixels>',
    path: 'training.augmentation.cutout',
    help: 'side of a blank square',
    read: numberOrText,
    fallback: OF_THE_SET,
  },
  {
    flag: '--teacher <weights>',
    path: 'training.distillation.teacher',
    help: 'distil the answers of this network',
    read: (file) => resolve(file),
    fallback: 'none',
  },
  {
    flag: '--distill-weight <share>',
    path: 'training.distillation.weight',
    help: "share of the loss that is towards the teacher's answers",
    read: shareOrText,
  },
  {
    flag: '--temperature <value>',
    path: 'training.distillation.temperature',
    help: 'what divides the logits of both',
    read: numberOrText,
  },
  {
    flag: '--mirrored',
    path: 'training.distillation.mirrored',
    help: "the teacher's answer is the mean of those to an image and to its mirror image",
  },
  {
    flag: '--normalize-by <what>',
    path: 'training.normalizesBy',
    help: 'statistics of batch normalisation in a step: batch or running, as in inference',
    fallback: 'batch',
  },
  {
    flag: '--average <decay>',
    path: 'training.averaging.decay',
    help: 'keep the moving average of the weights over the steps: the part that a step keeps, 0.999',
    read: numberOrText,
    fallback: 'none',
  },
];

const noiseFlags: readonly SettingFlag[] = [
  {
    flag: '--noise <eta>',
    path: 'training.noise.relativeToMax',
    help: 'training noise: standard deviation relative to the largest weight, 0.038 or 3.8%',
    read: shareOrText,
    fallback: 'none',
    implies: ['training.noise.kind', 'gaussian'],
  },
  {
    flag: '--noise-ramp <epochs>',
    path: 'training.noise.rampEpochs',
    help: 'epochs of linear rise of the training noise',
    read: numberOrText,
    fallback: 'none',
  },
  {
    flag: '--noise-scale <what>',
    path: 'training.noise.scale',
    help: 'largest weight of what: layer or column',
    fallback: AS_MAPPED,
  },
  {
    flag: '--cell-noise <time>',
    path: 'training.noise.latestSeconds',
    help: "training noise of the hardware's own cells, programmed anew in every step and read within this time, 1d",
    read: (time) => parseTime(time, '--cell-noise'),
    fallback: 'none',
    implies: ['training.noise.kind', 'cells'],
  },
  {
    flag: '--drop-connect <share>',
    path: 'training.dropConnect',
    help: 'probability with which a weight is 0 in a step',
    read: shareOrText,
    fallback: 'none',
  },
  {
    flag: '--clip <alpha>',
    path: 'training.clipping.alpha',
    help: 'limit weights to so many of their standard deviations',
    read: numberOrText,
    fallback: 'none',
    implies: ['training.clipping.kind', 'standard-deviations'],
  },
  {
    flag: '--clip-scale <what>',
    path: 'training.clipping.scale',
    help: 'standard deviation of what: layer or column',
    fallback: 'layer',
  },
];

const settingFlags: readonly SettingFlag[] = [...dataFlags, ...ruleFlags, ...lossFlags, ...noiseFlags];

/** The options of `ohmic train` that are fields of its settings, in the order of help. */
export function trainOptions(): Option[] {
  const defaults = defaultSettings();
  return settingFlags.map(({ flag, path, help, fallback }) => {
    const value = fallback ?? valueAt(defaults, path.split('.'));
    const isSwitch = flag.startsWith('--no-');
    return new Option(flag, isSwitch || value === undefined ? help : `${help} (default: ${String(value)})`);
  });
}

/** The settings of these flags. */
export function flagSettings(flags: Readonly<Record<string, unknown>>): Json {
  const { noise, noiseRamp, noiseScale, cellNoise } = flags;
  if (cellNoise !== undefined && [noise, noiseRamp, noiseScale].some((flag) => flag !== undefined))
    throw new UsageError(
      'train: --cell-noise: expected no --noise, --noise-ramp or --noise-scale beside it; give one kind of noise',
    );
  const trees = settingFlags.flatMap(({ flag, path, pathFor = () => path, read, implies }): Json[] => {
    const value = flags[new Option(flag).attributeName()];
    const isText = typeof value === 'string';
    // `--flip` and `--no-flip` set one field.
    if (!isText && (typeof value !== 'boolean' || value === flag.startsWith('--no-'))) return [];
    const field = isText ? pathFor(value) : path;
    const own = treeAt(field.split('.'), isText && read !== undefined ? read(value) : value);
    return implies === undefined ? [own] : [treeAt(implies[0].split('.'), implies[1]), own];
  });
  return trees.reduce((all: Json, tree) => mergeSettings(all, tree)!, {});
}

/** True for what can only be a path: no name of a data set has a dot or a slash. */
export function isTextFile(text: string): boolean {
  return /[./\\\\]/.test(text);
}

/** All defaults of the settings; of the learning rate those of both kinds. */
function defaultSettings(): Json {
  const settingsOf = (training: object): TrainSettings =>
    check(trainSchema, 'defaults', {
      data: { dataset: 'synthetic' },
      model: 'mlp',
      training: { epochs: 1, ...training },
    });
  const { data: _data, model: _model, training, ...rest } = settingsOf({ distillation: {} });
  const { epochs: _epochs, learningRate: cosine, ...others } = training;
  const { learningRate: step } = settingsOf({ learningRate: { kind: 'step' } }).training;
  return { ...rest, training: { ...others, learningRate: { ...step, ...cosine } } } as unknown as Json;
}
