import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributedRecord, reproducedRecord, tinyRecord } from './record-fixture.test-data.ts';
import { tableJson, tableSummary } from './table-json.ts';
import { verdict } from './verdict.ts';

test('the JSON form has every cell of the table', () => {
  const summary = tableSummary(tinyRecord);
  assert.deepEqual(summary.networks[0], {
    label: 'noise-trained',
    digitalAccuracy: 0.93,
    testImages: 200,
    results: [
      { timeSeconds: 25, method: 'none', chips: 2, mean: 0.915, interval95: [0.905, 0.925] },
      { timeSeconds: 86_400, method: 'none', chips: 2, mean: 0.63, interval95: [0.58, 0.68] },
      { timeSeconds: 25, method: 'global', chips: 2, mean: 0.92, interval95: [0.91, 0.93] },
      { timeSeconds: 86_400, method: 'global', chips: 2, mean: 0.902, interval95: [0.8995, 0.9045] },
    ],
  });
  assert.equal(summary.verdict, verdict(tinyRecord));
  assert.deepEqual(Object.keys(summary), ['title', 'dataset', 'hardware', 'seed', 'networks', 'verdict']);
});

test('a sweep, published figures and losses are there where the record has them', () => {
  const { noiseSweep, published } = tableSummary(reproducedRecord);
  assert.deepEqual(
    noiseSweep!.map(({ relativeToMax, results }) => [relativeToMax, results.length]),
    [
      [0.038, 1],
      [0, 1],
    ],
  );
  assert.deepEqual(published!.slice(0, 3), [
    { what: 'digital', meaning: 'equal', published: 0.9387, ours: { mean: 0.93 } },
    {
      what: 'after a day',
      meaning: 'above',
      published: 0.9,
      ours: { mean: 0.902, interval95: [0.8995, 0.9045] },
    },
    { what: 'after 1,000 s', meaning: 'about', published: 0.1 },
  ]);
  const { attribution } = tableSummary(attributedRecord);
  assert.deepEqual(attribution!.wholeChip[0]!.loss, { mean: 0.03, interval95: [0.005159, 0.054841] });
  assert.deepEqual(attribution!.noSource![1]!.loss, { mean: 0, interval95: [0, 0] });
  assert.deepEqual(
    attribution!.subjects.map(({ kind, alone, leftOut }) => [kind, alone!.length, leftOut!.length]),
    [...Array(3).fill(['source', 2, 2]), ...Array(2).fill(['layers', 2, 2])],
  );
});

test('the text is JSON without a control character, and says what the plain data says', () => {
  const title = 'a\u001b[31m\u009b2J\u202e';
  const text = tableJson({ ...tinyRecord, title });
  assert.doesNotMatch(text, /(?!\n)\p{Cc}|\p{Bidi_Control}/u);
  assert.deepEqual(JSON.parse(text), { ...tableSummary(tinyRecord), title });
});
