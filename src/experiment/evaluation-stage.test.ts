// Measurements over a storage: they continue where they were stopped, never continue another, and agree with each other.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { tinyConvolutional, tinyPerceptron, tinySplit, trainedNetwork } from '../../test/tiny.ts';
import { memoryStorage, type Storage } from '../base/storage.ts';
import { hermes256, joshi2020 } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { attributionVariants } from './attribute.ts';
import type { AttributionPoint } from './attribution.ts';
import {
  type AttributionStage,
  attributionStage,
  type EvaluationStage,
  evaluationStage,
  experimentRecord,
} from './evaluation-stage.ts';
import type { EvaluationSettings } from './record.ts';
import { checkRecord } from './record-schema.ts';

const engine = engineOn(await backends.find(({ name }) => name === 'wasm')!.start(1));
after(() => engine.close());
const data = tinySplit({ train: 32, test: 20 });
const trained = await trainedNetwork(engine, tinyConvolutional, data);
const evaluation: EvaluationSettings = {
  chips: 2,
  timesSeconds: [25, 86_400],
  methods: ['none', 'global'],
  adabs: { batches: 1, batchSize: 8, memory: 0.015 },
  calibrationImages: 8,
  ranges: { kind: 'maximum' },
};
const points: AttributionPoint[] = [
  { timeSeconds: 25, method: 'none' },
  { timeSeconds: 86_400, method: 'global' },
];
const common = { engine, network: tinyConvolutional, trained, data, label: 'digital', seed: 3 } as const;

function evaluationIn(storage: Storage, more: Partial<EvaluationStage> = {}): EvaluationStage {
  return { ...common, storage, hardware: joshi2020, evaluation, ...more };
}

function attributionIn(storage: Storage, more: Partial<AttributionStage> = {}): AttributionStage {
  return { ...common, storage, hardware: joshi2020, points, groups: ['conv*', 'dense'], evaluation, ...more };
}

/** Everything that a stage says, and its result; ends it where `isEnough`. */
async function follow<E, R>(
  stage: AsyncGenerator<E, R>,
  isEnough: (event: E) => boolean = () => false,
): Promise<{ readonly events: E[]; readonly result: R | undefined }> {
  const events: E[] = [];
  for (;;) {
    const { done, value } = await stage.next();
    if (done === true) return { events, result: value };
    events.push(value);
    if (isEnough(value)) {
      await stage.return(undefined as never);
      return { events, result: undefined };
    }
  }
}

const evaluated = await follow(evaluationStage(evaluationIn(memoryStorage())));
const attributed = await follow(attributionStage(attributionIn(memoryStorage())));

test('an evaluation that is left continues with its next chip, to the same result', async () => {
  const storage = memoryStorage();
  let chips = 0;
  await follow(evaluationStage(evaluationIn(storage)), (event) => event.kind === 'accuracy' && chips++ === 5);
  const { events, result } = await follow(evaluationStage(evaluationIn(storage)));
  assert.deepEqual(events[0], { kind: 'begun', chips: 1, done: 4, total: 8 });
  assert.equal(events.filter(({ kind }) => kind === 'accuracy').length, 4);
  assert.deepEqual(result, evaluated.result);
});

test('an attribution that is left continues with its next variant, to the same result', async () => {
  const storage = memoryStorage();
  await follow(attributionStage(attributionIn(storage)), ({ done }) => done === 4);
  const { events, result } = await follow(attributionStage(attributionIn(storage)));
  const total = attributionVariants(attributionIn(storage)).length;
  assert.equal(total, 2 + 2 * 3 + 2 * 2);
  assert.deepEqual([events[0]?.done, events.length], [5, total - 4]);
  assert.deepEqual(result, attributed.result);
});

test('the whole chip of an attribution is the chip of the evaluation', () => {
  const { reference, digitalAccuracy } = attributed.result!;
  assert.equal(digitalAccuracy, evaluated.result!.digitalAccuracy);
  for (const [k, { timeSeconds, method }] of points.entries()) {
    const same = evaluated.result!.deployed.find(
      (one) => one.timeSeconds === timeSeconds && one.method === method,
    );
    assert.deepEqual(reference[k], same!.accuracies);
  }
});

test('without any source, and with no layer on the chip but exact ones, nothing is lost', () => {
  const { exact, digitalAccuracy } = attributed.result!;
  assert.deepEqual(exact, [
    [digitalAccuracy, digitalAccuracy],
    [digitalAccuracy, digitalAccuracy],
  ]);
});

test('both make a record that the schema accepts', () => {
  const record = experimentRecord(
    {
      title: 'tiny',
      ohmic: '0.0.0',
      command: 'none',
      machine: { backend: 'wasm', processor: 'any', node: 'any' },
      dataset: 'tiny',
      data,
      hardware: joshi2020,
      evaluation,
      seed: 3,
    },
    [evaluated.result!],
  );
  const whole = { ...record, attribution: attributed.result! };
  assert.deepEqual(checkRecord(JSON.parse(JSON.stringify(whole))), whole);
});

test('what is finished of one measurement is not taken for another', async () => {
  const storage = memoryStorage('m');
  await follow(evaluationStage(evaluationIn(storage)));
  for (const other of [
    { hardware: hermes256 },
    { seed: 4 },
    { evaluation: { ...evaluation, chips: 3 } },
  ] satisfies Partial<EvaluationStage>[]) {
    await assert.rejects(follow(evaluationStage(evaluationIn(storage, other))), {
      name: 'UsageError',
      message: /^m\/evaluation-digital-\w{12}\.json: of an evaluation with other settings; remove it/,
    });
  }
});

test('layers that have their own hardware, and layers that stay digital, can be attributed', async () => {
  const hardware = { ...hermes256, layers: { conv1: 'digital', dense: { dac: { kind: 'ideal' } } } } as const;
  const stage = attributionIn(memoryStorage(), { hardware, evaluation: { ...evaluation, chips: 1 } });
  const { result } = await follow(attributionStage({ ...stage, groups: ['conv2', 'dense'] }));
  assert.deepEqual(
    result!.entries.map(
      ({ subject, role }) => `${subject.kind === 'source' ? subject.source : subject.name} ${role}`,
    ),
    ['programming-noise', 'read-noise', 'drift', 'converters', 'conv2', 'dense'].flatMap((name) => [
      `${name} alone`,
      `${name} left-out`,
    ]),
  );
});

test('points, groups and methods that can not be are refused at once', () => {
  const wrong = { network: tinyPerceptron, hardware: joshi2020, groups: ['conv*'] };
  const adabs = [{ timeSeconds: 25, method: 'adabs' }] as const;
  assert.throws(() => attributionVariants({ ...wrong, points: adabs }), {
    name: 'UsageError',
    message: `attribute: 2 faults
  - a point names adabs, but tiny-perceptron has no batch normalisation; leave the method out
  - the group "conv*" fits no layer on the chip; there are dense1, dense2`,
  });
  assert.throws(() => attributionVariants({ ...wrong, groups: undefined, points: [] }), {
    name: 'UsageError',
    message: 'attribute: points: expected array to have >=1 items, got []',
  });
  const digital = { ...joshi2020, layers: { '*': 'digital' } } as const;
  assert.throws(
    () => attributionVariants({ network: tinyPerceptron, hardware: digital, points }),
    /no layer of the network is on the chip/,
  );
});
