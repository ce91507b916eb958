import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { loraDefaults } from '../experiment/evaluation-settings.ts';
import { COMPENSATION_METHODS } from '../experiment/record.ts';
import { parseRecord, toJson } from './json.ts';
import { largeRecord, reproducedRecord, tinyRecord } from './record-fixture.test-data.ts';

test('a record survives writing and reading', () => {
  assert.deepEqual(parseRecord(toJson(tinyRecord)), tinyRecord);
  assert.deepEqual(parseRecord(toJson(largeRecord)), largeRecord);
  assert.deepEqual(parseRecord(toJson(reproducedRecord)), reproducedRecord);
});

test('every method is read, and both forms of the learning rate', () => {
  const methods = {
    ...tinyRecord,
    evaluation: {
      ...tinyRecord.evaluation,
      methods: COMPENSATION_METHODS,
      lora: loraDefaults,
      testImages: 50,
    },
  };
  assert.deepEqual(parseRecord(toJson(methods)), methods);
  const [network] = tinyRecord.networks;
  const { training } = network!;
  const learningRate = { kind: 'step' as const, initial: 0.1, factor: 0.1, atEpochs: [30, 45] };
  const stepped = {
    ...tinyRecord,
    networks: [{ ...network!, training: { ...training, settings: { ...training.settings!, learningRate } } }],
  };
  assert.deepEqual(parseRecord(toJson(stepped)), stepped);
});

test('text that is no JSON is refused', () => {
  assert.throws(
    () => parseRecord('{"format": '),
    isFault(/^record: expected JSON text, got 11 characters that are none: /),
  );
});

test('another format is refused by name', () => {
  const advice = /; use a file that ohmic run wrote$/;
  assert.throws(
    () => parseRecord('{"format": "ohmic-record-9"}'),
    isFault(/expected the format "ohmic-record-1", got "ohmic-record-9"/),
  );
  assert.throws(() => parseRecord('[1, 2]'), isFault(advice));
  assert.throws(() => parseRecord('null'), isFault(/got none/));
});

test('all faults of a record are listed with their places', () => {
  const [network] = tinyRecord.networks;
  const broken = {
    ...tinyRecord,
    seed: 'seven',
    networks: [{ ...network!, digitalAccuracy: 93, histogram: { ...network!.histogram, target: [1] } }],
  };
  const text = JSON.stringify(broken);
  assert.throws(() => parseRecord(text), isFault(/^record: 3 faults\n/));
  assert.throws(() => parseRecord(text), isFault(/ {2}- seed: expected number, got "seven"/));
  assert.throws(() => parseRecord(text), isFault(/ {2}- networks\.0\.digitalAccuracy: /));
  assert.throws(
    () => parseRecord(text),
    isFault(/ {2}- networks\.0\.histogram: expected one count fewer than edges/),
  );
});

test('faults of published figures and of a sweep are found too', () => {
  const { published, noiseSweep } = reproducedRecord;
  const broken = JSON.stringify({
    ...reproducedRecord,
    published: { ...published!, figures: [{ ...published!.figures[0]!, accuracy: 93.87 }] },
    noiseSweep: { ...noiseSweep!, points: [{ ...noiseSweep!.points[0]!, relativeToMax: -1 }] },
  });
  assert.throws(() => parseRecord(broken), isFault(/ {2}- published\.figures\.0\.accuracy: /));
  assert.throws(() => parseRecord(broken), isFault(/ {2}- noiseSweep\.points\.0\.relativeToMax: /));
});

// Records of version 0.1.0 have the numbers of gradient descent beside the other settings.
for (const folder of [
  'joshi2020/faithful',
  'synthetic-small-cnn',
  'joshi2020/faithful/without-clipping/eta-0',
  'joshi2020/faithful/without-clipping/eta-0.08',
]) {
  test(`the kept record of ${folder} is read, with the rule of every training`, async () => {
    const record = parseRecord(
      await readFile(new URL(`../../results/${folder}/record.json`, import.meta.url), 'utf8'),
    );
    const trainings = [...record.networks, ...(record.noiseSweep?.points ?? [])].map(
      ({ training }) => training,
    );
    assert.ok(trainings.length > 0);
    for (const { settings } of trainings) {
      assert.equal(settings?.rule.kind, 'sgd');
      assert.ok(!('momentum' in settings));
    }
  });
}

function isFault(pattern: RegExp): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof UsageError);
    assert.match(thrown.message, pattern);
    return true;
  };
}
