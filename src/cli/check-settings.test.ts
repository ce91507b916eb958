// Settings of `train` and of `run`: the same mistakes get the same words, whole hardware replaces hardware, and what is not
// said comes from elsewhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../base/schema.ts';
import { hermes256 } from '../crossbar/presets.ts';
import { rangeLearningDefaults } from '../train/settings.ts';
import { checkRunSettings, checkTrainSettings } from './check-settings.ts';
import { laySettings } from './lay-settings.ts';
import type { RunSettings } from './settings-schema.ts';

const common = { data: { dataset: 'synthetic' }, model: 'small-cnn' };
const training = { epochs: 2 };

/** Faults of settings, without what holds them. */
function faultsOf(check: (where: string, raw: Json) => unknown, raw: Json): string[] {
  try {
    check('here', raw);
  } catch (thrown) {
    const [first, ...list] = (thrown as Error).message.split('\n  - ');
    return list.length > 0 ? list : [first!.replace('here: ', '')];
  }
  return [];
}

const mistakes: Readonly<Record<string, Json>> = {
  'a rate in place of a schedule': { learningRate: 0.05 },
  'a name in place of a schedule': { learningRate: 'fast' },
  'a number in place of an augmentation': { augmentation: 4 },
  'a list in place of a rule': { rule: [0.9] },
  'an unknown preset': { hardware: 'hermes25' },
  'an unknown preset with changes': { hardware: { preset: 'hermes25', adc: { bits: 4 } } },
  'a number in place of hardware': { hardware: 4 },
  'changes of no preset': { hardware: { adc: { bits: 4 } } },
  'changes that do not fit': { hardware: { preset: 'hermes256', adc: { bits: 1 }, tiles: 3 } },
  'a scale of an unknown name': { noise: { kind: 'gaussian', relativeToMax: 0.04, scale: 'row' } },
};

for (const [what, mistake] of Object.entries(mistakes)) {
  test(`${what} is refused by train and run with the same words`, () => {
    const own = { ...training, ...(mistake as object) };
    const byTrain = faultsOf(checkTrainSettings, { ...common, training: own });
    assert.ok(byTrain.length > 0);
    assert.deepEqual(faultsOf(checkRunSettings, { ...common, hardware: 'ideal', training: own }), byTrain);
    // In the noise training too, where it is laid over the digital one.
    const sound = { learningRate: { initial: 0.1 }, rule: { momentum: 0.5 }, hardware: 'ideal' };
    const noisy = {
      ...common,
      hardware: 'ideal',
      training: { ...training, ...sound },
      noiseTraining: mistake,
    };
    const expected = byTrain.map((fault) => fault.replaceAll('training.', 'noiseTraining.'));
    if (what !== 'changes of no preset') assert.deepEqual(faultsOf(checkRunSettings, noisy), expected);
  });
}

test('the words name the place, what was expected and what came', () => {
  const raw = {
    ...common,
    data: 5,
    training: { ...training, ...(mistakes['changes that do not fit'] as object) },
  };
  assert.deepEqual(faultsOf(checkTrainSettings, raw), [
    'data: expected object, got 5',
    'training.hardware.adc.bits: expected number to be >=2, got 1',
    'training.hardware: Unrecognized key: "tiles"',
  ]);
});

test('flags over a scalar do not hide it', () => {
  const file = { ...common, data: 5, training: { ...training, learningRate: 0.05, augmentation: 4 } };
  const flags = {
    data: { dataset: 'mnist' },
    training: { learningRate: { kind: 'step' }, augmentation: { flip: false } },
  };
  assert.deepEqual(faultsOf(checkTrainSettings, laySettings(file, flags)!), [
    'data: expected object, got 5',
    'training.learningRate: expected object, got 0.05',
    'training.augmentation: expected object, got 4',
  ]);
});

test('another schedule keeps the rate at the beginning, in flags and in a noise training', () => {
  const cosine = { ...training, learningRate: { kind: 'cosine', initial: 0.3, warmupEpochs: 1 } };
  const expected = { kind: 'step', initial: 0.3, factor: 0.1, atEpochs: [1] };
  const step = { learningRate: { kind: 'step', atEpochs: [1] } };
  const laid = laySettings({ ...common, training: cosine }, { training: step });
  assert.deepEqual(checkTrainSettings('here', laid).training.learningRate, expected);
  const raw = { ...common, hardware: 'ideal', training: cosine, noiseTraining: step };
  assert.deepEqual(checkRunSettings('here', raw).noiseTraining?.learningRate, expected);
});

test('numbers imply their kind', () => {
  const of = (own: object): unknown => {
    const settings = checkTrainSettings('here', { ...common, training: { ...training, ...own } });
    return [settings.training.learningRate.kind, settings.training.rule.kind];
  };
  assert.deepEqual(of({ learningRate: { initial: 1 }, rule: { momentum: 0 } }), ['cosine', 'sgd']);
  assert.deepEqual(of({ learningRate: { factor: 0.5 }, rule: { beta2: 0.99 } }), ['step', 'adam']);
  assert.deepEqual(of({ momentum: 0.5 }), ['cosine', 'sgd']);
});

test('hardware of a training is whole in the settings, and its ranges are learned as the defaults say', () => {
  const hardware = { preset: 'hermes256', adc: { bits: 6 }, layers: { 'conv1*': 'digital' } };
  const settings = checkTrainSettings('here', { ...common, training: { ...training, hardware } }).training;
  const expected = { ...hermes256, adc: { ...hermes256.adc, bits: 6 }, layers: { 'conv1*': 'digital' } };
  assert.deepEqual(settings.hardware, expected);
  assert.deepEqual(settings.ranges, rangeLearningDefaults);
  const given = { ...training, hardware, ranges: { decay: 0.01 } };
  const own = checkTrainSettings('here', { ...common, training: given });
  assert.deepEqual(own.training.ranges, { ...rangeLearningDefaults, decay: 0.01 });
  // Cells alone have no ranges.
  const cells = { ...common, training: { ...training, hardware: 'joshi2020' } };
  assert.equal(checkTrainSettings('here', cells).training.ranges, undefined);
});

test('noise training changes the hardware of the digital one, or has another', () => {
  const of = (own: Json): unknown =>
    checkRunSettings('here', {
      ...common,
      hardware: 'hermes256',
      training: { ...training, hardware: { preset: 'hermes256', dac: { bits: 5 } } },
      noiseTraining: { hardware: own },
    }).noiseTraining?.hardware;
  const base = { ...hermes256, dac: { kind: 'uniform', bits: 5 } };
  assert.deepEqual(of({ adc: { bits: 4 } }), { ...base, adc: { ...hermes256.adc, bits: 4 } });
  assert.deepEqual(of('hermes256'), hermes256);
  assert.equal((of({ preset: 'standardEvaluation' }) as { dac: { bits: number } }).dac.bits, 8);
});

test('complete settings are complete', () => {
  const hardware = { preset: 'hermes256', adc: { bits: 6 } };
  const once = checkTrainSettings('here', { ...common, training: { ...training, hardware, momentum: 0.5 } });
  assert.deepEqual(checkTrainSettings('here', once as unknown as Json), once);
  const run = checkRunSettings('here', {
    ...common,
    hardware,
    training: { ...training, hardware },
    noiseTraining: { distillation: { weight: 0.2 } },
    noiseSweep: { relativeToMax: [0.1] },
  });
  assert.deepEqual(checkRunSettings('here', run as unknown as Json), run);
});

test('`averaging: none` takes an inherited average away, also from settings that are read again', () => {
  const averaging = { decay: 0.9 };
  const run = (training: object, noiseTraining: object, sweep: object): RunSettings =>
    checkRunSettings('f', {
      data: { dataset: 'synthetic' },
      model: 'small-cnn',
      training: { epochs: 1, ...training },
      noiseTraining: { epochs: 1, noise: { kind: 'gaussian', relativeToMax: 0.1 }, ...noiseTraining },
      hardware: 'joshi2020',
      evaluation: {},
      noiseSweep: { relativeToMax: [0], training: { epochs: 1, ...sweep }, evaluation: {} },
    } as Json);
  const averagesOf = ({ training, noiseTraining, noiseSweep }: RunSettings): unknown[] =>
    [training, noiseTraining!, noiseSweep!.training].map((one) => one.averaging);
  const taken = run({ averaging }, { averaging: 'none' }, {});
  assert.deepEqual(averagesOf(taken), [averaging, 'none', undefined]);
  assert.deepEqual(checkRunSettings('f', taken as unknown as Json), taken);
  assert.deepEqual(averagesOf(run({}, { averaging }, {})), [undefined, averaging, averaging]);
  assert.deepEqual(averagesOf(run({}, { averaging }, { averaging: 'none' })), [undefined, averaging, 'none']);
  // Where there is none, it says nothing: earlier runs without the field go on.
  assert.deepEqual(averagesOf(run({}, { averaging: 'none' }, {})), [undefined, undefined, undefined]);
});
