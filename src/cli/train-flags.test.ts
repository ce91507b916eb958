// The table of flags: every field exists, help shows the schemas' defaults, and texts become values.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { mergeSettings } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { checkTrainSettings } from './check-settings.ts';
import { givenFlags } from './options.ts';
import { flagSettings, trainOptions } from './train-flags.ts';

/** Settings from words of a command line. */
function settingsFrom(...words: string[]): Json {
  const command = new Command();
  for (const option of trainOptions()) command.addOption(option);
  command.parse(words, { from: 'user' });
  return flagSettings(givenFlags(command.opts(), command));
}

test('without flags nothing is said', () => {
  assert.deepEqual(settingsFrom(), {});
});

test('noise is a share or a percentage, and implies its kind', () => {
  for (const eta of ['0.038', '3.8%'])
    assert.deepEqual(settingsFrom('--noise', eta), {
      training: { noise: { kind: 'gaussian', relativeToMax: 0.038 } },
    });
  assert.deepEqual(settingsFrom('--noise', 'much'), {
    training: { noise: { kind: 'gaussian', relativeToMax: 'much' } },
  });
});

test('two kinds of noise at once are refused', () => {
  for (const other of ['--noise 4%', '--noise-ramp 2', '--noise-scale column'])
    assert.throws(() => settingsFrom('--cell-noise', '1d', ...other.split(' ')), {
      name: 'UsageError',
      message:
        'train: --cell-noise: expected no --noise, --noise-ramp or --noise-scale beside it; give one kind of noise',
    });
});

test('every flag of noise, rule and distillation is a field', () => {
  const words =
    '--dataset mnist --model mlp --epochs 5 --noise 4% --noise-ramp 2 --noise-scale column --drop-connect 1% --clip 2 --clip-scale column --rule adamw --lr 1e-3 --weight-decay 0.01 --label-smoothing 10% --teacher t --distill-weight 30% --temperature 4 --mirrored --train-images 2k --drop-at 1,2';
  assert.deepEqual(settingsFrom(...words.split(' ')), {
    data: { dataset: 'mnist', trainImages: 2000 },
    model: 'mlp',
    training: {
      epochs: 5,
      noise: { kind: 'gaussian', relativeToMax: 0.04, rampEpochs: 2, scale: 'column' },
      dropConnect: 0.01,
      clipping: { kind: 'standard-deviations', alpha: 2, scale: 'column' },
      rule: { kind: 'adamw', weightDecay: 0.01 },
      learningRate: { initial: 1e-3, atEpochs: [1, 2] },
      labelSmoothing: 0.1,
      distillation: { teacher: resolve('t'), weight: 0.3, temperature: 4, mirrored: true },
    },
  });
});

test('a data set is a name; what looks like a path is a text file', () => {
  assert.deepEqual(settingsFrom('--dataset', 'shakespeare', '--context', '50'), {
    data: { dataset: 'shakespeare', context: 50 },
  });
  assert.deepEqual(settingsFrom('--dataset', 'novel.txt'), { data: { text: resolve('novel.txt') } });
});

test('switches say yes or no, or nothing', () => {
  const of = (...words: string[]): unknown => settingsFrom(...words);
  assert.deepEqual(of('--flip'), { training: { augmentation: { flip: true } } });
  assert.deepEqual(of('--no-flip'), { training: { augmentation: { flip: false } } });
  assert.deepEqual(of('--no-nesterov'), { training: { rule: { nesterov: false } } });
});

test('the settings accept every field of the table', () => {
  const words =
    '--dataset photos --normalization half --photo-side 64 --photo-shorter-side 70 --context 10 --train-images 10 --test-images 10 --model mlp --from f --seed 3 --epochs 5 --batch-size 5 --lr 0.1 --schedule step --drop-at 3 --drop-factor 0.5 --rule sgd --gradient-norm 1 --momentum 0.5 --no-nesterov --weight-decay 0 --label-smoothing 0 --crop-padding 1 --flip --cutout 2 --teacher t --distill-weight 0.5 --temperature 2 --mirrored --normalize-by running --average 0.99 --noise 1% --noise-ramp 1 --noise-scale layer --drop-connect 1% --clip 3 --clip-scale layer';
  const settings = checkTrainSettings('here', settingsFrom(...words.split(' ')));
  assert.equal(settings.training.dropConnect, 0.01);
  // All but those that belong to the other schedule and to rules in cells.
  const given = words
    .split(' ')
    .filter((word) => word.startsWith('--'))
    .map((word) => word.slice(2));
  const known = trainOptions().map((option) => option.long!.slice(2));
  assert.deepEqual(
    known.filter((name) => !given.includes(name)),
    ['warmup-epochs', 'device', 'no-flip', 'cell-noise'],
  );
  const cells = mergeSettings(
    settingsFrom(...'--dataset mnist --model mlp --epochs 3 --cell-noise 1d'.split(' ')),
    { training: { hardware: 'joshi2020' } },
  );
  assert.deepEqual(checkTrainSettings('here', cells).training.noise, {
    kind: 'cells',
    earliestSeconds: 25,
    latestSeconds: 86_400,
    compensation: 'global',
  });
  const cosine = settingsFrom(
    '--warmup-epochs',
    '2',
    '--dataset',
    'mnist',
    '--model',
    'mlp',
    '--epochs',
    '3',
  );
  assert.deepEqual(checkTrainSettings('here', cosine).training.learningRate, {
    kind: 'cosine',
    initial: 0.1,
    warmupEpochs: 2,
  });
});

test('help shows defaults, those of the schemas', () => {
  const help: Readonly<Record<string, string>> = Object.fromEntries(
    trainOptions().map(({ long, description }) => [long!, description]),
  );
  const settings = checkTrainSettings('here', {
    data: { dataset: 'mnist' },
    model: 'mlp',
    training: { epochs: 1 },
  }).training;
  assert.ok(help['--batch-size']?.endsWith(`(default: ${settings.batchSize})`));
  assert.ok(help['--lr']?.endsWith(`(default: ${settings.learningRate.initial})`));
  assert.ok(help['--rule']?.endsWith('(default: sgd)'));
  assert.ok(help['--drop-factor']?.endsWith('(default: 0.1)'));
  assert.ok(help['--distill-weight']?.endsWith('(default: 0.5)'));
  assert.ok(help['--seed']?.endsWith('(default: 0)'));
  assert.ok(help['--cutout']?.endsWith('(default: as the data set suggests)'));
  assert.doesNotMatch(help['--epochs']!, /default/);
  for (const [flag, text] of Object.entries(help)) assert.doesNotMatch(text, /undefined|\[object/, flag);
});
