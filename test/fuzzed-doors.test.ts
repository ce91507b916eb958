// Random faults in everything that enters as plain data: a door gives a value without NaN, or a UsageError in the form of
// the house, and nothing else. 4,200 seeded cases.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { deriveKey, keyFromSeed, type RandomSequence, randomSequence } from '../src/base/random.ts';
import { check, type Json } from '../src/base/schema.ts';
import { cellSchema } from '../src/cells/cell-schema.ts';
import { hermesOneDevice, pcmNandakumar2019 } from '../src/cells/published-cells.ts';
import { checkRunSettings, checkTrainSettings } from '../src/cli/check-settings.ts';
import { resolveHardware } from '../src/crossbar/hardware-choice.ts';
import { checkHardware } from '../src/crossbar/hardware-schema.ts';
import { hermes256, joshi2020, standardEvaluation } from '../src/crossbar/presets.ts';
import { dataSplit } from '../src/data/image-set.ts';
import { evaluationSchema } from '../src/experiment/evaluation-settings.ts';
import { attributionPointsSchema } from '../src/experiment/record-schema.ts';
import { networkByName } from '../src/nn/networks.ts';
import { parseRecord } from '../src/report/json.ts';
import { classification } from '../src/train/classification.ts';
import { tinyEvaluation } from './deployed.ts';
import { fullSettings, tinyImages, tinyTask } from './tiny.ts';

/** A value at a door. */
type Door = {
  readonly what: string;
  readonly values: readonly unknown[];
  readonly enter: (value: never) => unknown;
  readonly cases: number;
  /** Values come from a file. */
  readonly isPlain?: boolean;
};

/** Arguments of a function, of which some may not be there. */
type Arguments = Readonly<
  Record<'train' | 'test' | 'augmentation' | 'data' | 'options' | 'name' | 'task', never>
>;

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

/** What people, programs and damaged files put in place of a value. */
const junk: readonly unknown[] = [
  Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0, -0, 1, 0.5, 2 ** 53, 1e300, -1e300, 1e38, 1e-300,
  Number.MIN_VALUE, 1e20, 5n, '', '5', 'none', 'x'.repeat(1000), null, undefined, true, false, [], {}, [[]], [null], cyclic,
  { kind: 'none' }, { kind: 'uniform' }, { preset: 'hermes256' }, 'hermes256', 'constructor', '__proto__', new Date(0),
  () => 1, Symbol.iterator,
]; // biome-ignore format: one list

/** What JSON and YAML can hold of it. */
const plainJunk = junk.filter(
  (one) => one !== cyclic && !['bigint', 'function', 'symbol'].includes(typeof one) && !(one instanceof Date),
);

function argumentsIn(value: unknown): Arguments {
  return (isRecord(value) ? value : {}) as Arguments;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}

/** A copy with one thing changed at a random place. */
function mutated(value: unknown, draw: RandomSequence, others: readonly unknown[]): unknown {
  const names = isRecord(value) ? Object.keys(value) : [];
  const isHere = names.length === 0 || draw.uniform() < 0.1;
  if (isHere) return changed(value, names, draw, others);
  const name = names[draw.below(names.length)]!;
  const copy = copyOf(value as Record<string, unknown>);
  copy[name] = mutated(copy[name], draw, others);
  return copy;
}

function copyOf(value: Record<string, unknown>): Record<string, unknown> {
  return (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
}

function changed(
  value: unknown,
  names: readonly string[],
  draw: RandomSequence,
  others: readonly unknown[],
): unknown {
  const way = draw.below(6);
  if (isRecord(value) && way === 0) return { ...value, surprise: others[draw.below(others.length)] };
  if (isRecord(value) && names.length > 0 && way === 1) {
    const copy = copyOf(value);
    delete copy[names[draw.below(names.length)]!];
    return copy;
  }
  if (Array.isArray(value) && way === 2) return [...value, ...value];
  if (typeof value === 'number' && way < 3)
    return [-value, value * 10 ** (draw.below(80) - 40), value + 0.5][way];
  return others[draw.below(others.length)];
}

/** Every number inside a value, with its path. */
function* numbersIn(value: unknown, path = ''): Generator<readonly [string, number]> {
  if (typeof value === 'number') yield [path, value];
  else if (isRecord(value))
    for (const [name, inner] of Object.entries(value)) yield* numbersIn(inner, `${path}.${name}`);
}

function checkMessage(message: string): void {
  assert.doesNotMatch(message, /undefined|received|\[object|NaN \(|Invalid (input|discriminator)/);
  const [, ...faults] = message.split('\n  - ');
  assert.equal(new Set(faults).size, faults.length, message);
  for (const line of message.split('\n')) assert.ok(line.length < 2000, line);
}

const record = JSON.parse(
  readFileSync(new URL('../results/synthetic-small-cnn/record.json', import.meta.url), 'utf8'),
) as Json;
const training = { ...fullSettings, hardware: { preset: 'hermes256', adc: { bits: 6 } } };
const run = {
  data: { dataset: 'synthetic', trainImages: 60 },
  model: 'small-cnn',
  training,
  noiseTraining: { noise: { kind: 'gaussian', relativeToMax: 0.04 } },
  hardware: { preset: 'standardEvaluation', layers: { 'conv*': 'digital', dense: { cell: 'ideal-cell' } } },
  evaluation: tinyEvaluation,
  controlEvaluation: { chips: 1 },
  noiseSweep: { relativeToMax: [0.1, 0.2], evaluation: { chips: 2 } },
  published: {
    source: 'a',
    figures: [{ what: 'b', accuracy: 0.9, locator: 'c', network: 'noise-trained' }],
  },
};
const [train, images] = [tinyImages('train', 8, 60), tinyImages('test', 4, 60)];
const split = dataSplit(train, images, { cropPadding: 1, flip: true, cutout: 2 });

const doors: readonly Door[] = [
  {
    what: 'hardware',
    values: [
      { ...hermes256, layers: { a: 'digital', b: { tile: { kind: 'unlimited' } } } },
      standardEvaluation,
      joshi2020,
    ],
    enter: checkHardware,
    cases: 600,
  },
  {
    what: 'a choice of hardware',
    values: [
      'hermes256',
      standardEvaluation,
      {
        preset: 'joshi2020',
        cell: 'hermes-one-device',
        layers: { 'a*': { dac: { kind: 'uniform', bits: 4 } } },
      },
    ],
    enter: resolveHardware,
    cases: 600,
  },
  {
    what: 'a cell',
    values: [pcmNandakumar2019, hermesOneDevice],
    enter: (value) => check(cellSchema, 'cell', value),
    cases: 600,
  },
  {
    what: 'settings of an evaluation',
    values: [tinyEvaluation, {}],
    enter: (value) => check(evaluationSchema, 'evaluation', value),
    cases: 600,
  },
  {
    what: 'points of an attribution',
    values: [
      [
        { timeSeconds: 25, method: 'none' },
        { timeSeconds: 25, method: 'global' },
      ],
    ],
    enter: (value) => check(attributionPointsSchema, 'points', value),
    cases: 200,
  },
  {
    what: 'settings of a training',
    values: [{ data: run.data, model: run.model, training }],
    enter: (value) => checkTrainSettings('train', value),
    cases: 400,
    isPlain: true,
  },
  {
    what: 'settings of a run',
    values: [run],
    enter: (value) => checkRunSettings('run', value),
    cases: 400,
    isPlain: true,
  },
  {
    what: 'a record',
    values: [record],
    enter: (value) => parseRecord(JSON.stringify(value) ?? ''),
    cases: 200,
    isPlain: true,
  },
  {
    what: 'a data split',
    values: [{ train, test: images, augmentation: split.augmentation }],
    enter: (value) => {
      const given = argumentsIn(value);
      return dataSplit(given.train, given.test, given.augmentation);
    },
    cases: 200,
    isPlain: true,
  },
  {
    what: 'a classification',
    values: [
      {
        data: split,
        options: {
          labelSmoothing: 0.1,
          augmentation: split.augmentation,
          distillation: { weight: 0.5, temperature: 2 },
        },
      },
    ],
    enter: (value) => {
      const given = argumentsIn(value);
      return classification(given.data, given.options);
    },
    cases: 200,
    isPlain: true,
  },
  {
    what: 'a network by name',
    values: [{ name: 'small-cnn', task: tinyTask }],
    enter: (value) => {
      const given = argumentsIn(value);
      return networkByName(given.name, given.task);
    },
    isPlain: true,
    cases: 200,
  },
];

for (const { what, values, enter, cases, isPlain } of doors) {
  test(`${what} with random faults is refused in words, or is sound`, () => {
    const draw = randomSequence(deriveKey(keyFromSeed(13), what));
    let refused = 0;
    for (let k = 0; k < cases; k++) {
      let value = values[k % values.length];
      for (let times = 1 + draw.below(3); times > 0; times--)
        value = mutated(value, draw, isPlain === true ? plainJunk : junk);
      let entered: unknown;
      try {
        entered = enter(value as never);
      } catch (thrown) {
        const { name, message, stack } = thrown as Error;
        assert.equal(name, 'UsageError', `case ${k}: ${stack}`);
        checkMessage(message);
        refused += 1;
        continue;
      }
      for (const [path, number] of numbersIn(entered))
        assert.ok(Number.isFinite(number), `case ${k}: ${path}`);
    }
    // Neither all nor none, or the test would see little.
    assert.ok(refused > cases / 4 && refused < cases, `${refused} of ${cases} refused`);
  });
}
