import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { parseTwinRecord, toJson } from '../report/json.ts';
import { followedTwins, generatingTwins, tinyTwins } from '../report/twins-fixture.test-data.ts';
import { summarizeTwins, type TwinRecord } from './twin-record.ts';
import { checkTwinRecord } from './twin-record-schema.ts';

/** What is said about a record with other fields. */
function faultOf(changes: Readonly<Record<string, unknown>>): string {
  try {
    checkTwinRecord({ ...followedTwins, ...changes });
  } catch (fault) {
    assert.ok(fault instanceof UsageError);
    return fault.message;
  }
  return assert.fail('the record was accepted');
}

const [first, second] = tinyTwins.pairs as [TwinRecord['pairs'][number], TwinRecord['pairs'][number]];

test('a record survives writing and reading', () => {
  for (const record of [tinyTwins, followedTwins, generatingTwins])
    assert.deepEqual(parseTwinRecord(toJson(record)), record);
});

test('kept records are read, and their means are those of their seeds', () => {
  const results = new URL('../../results/', import.meta.url);
  const files = readdirSync(results, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^nandakumar2020\/\w+\/record\.json$/.test(path),
  );
  assert.ok(files.length > 0, 'there are some');
  for (const file of files) {
    const record = parseTwinRecord(readFileSync(new URL(file, results), 'utf8'));
    const { inCells, inFloat, difference } = summarizeTwins(record.pairs);
    assert.deepEqual([record.inCells, record.inFloat, record.difference], [inCells, inFloat, difference]);
  }
});

test('scores of trained cells may be amounts beyond 1', () => {
  const [network] = followedTwins.afterwards!;
  const deployed = [{ timeSeconds: 25, method: 'none' as const, accuracies: [2.5], mean: 2.5 }];
  const record: TwinRecord = {
    ...followedTwins,
    afterwards: [{ ...network!, digitalAccuracy: 2.4, deployed }],
  };
  assert.deepEqual(parseTwinRecord(toJson(record)), record);
});

test('text of another format is refused by name', () => {
  assert.throws(() => parseTwinRecord('{"format": "ohmic-record-1"}'), {
    name: 'UsageError',
    message:
      'record: expected the format "ohmic-twins-1", got "ohmic-record-1"; use a file that ohmic twins wrote',
  });
});

test('all faults of the form are listed with their places', () => {
  const text = faultOf({ dataset: 7, score: { ...tinyTwins.score, isBetter: 'larger' }, surprise: 1 });
  assert.match(text, /^record: 3 faults\n/);
  assert.match(text, / {2}- dataset: expected string, got 7/);
  assert.match(text, / {2}- score\.isBetter: /);
  assert.match(text, /Unrecognized key: "surprise"/);
});

test('estimates are those of the pairs', () => {
  const moved = { ...tinyTwins.difference, mean: -0.03 };
  assert.match(faultOf({ difference: moved }), /^record: difference: expected the estimate of the pairs, \{/);
  const { interval95: _, ...alone } = tinyTwins.inCells;
  assert.match(faultOf({ inCells: alone }), /^record: inCells: expected the estimate of the pairs, \{/);
});

test('seeds differ, and shares are from 0 to 1', () => {
  assert.match(
    faultOf({ pairs: [first, { ...second, seed: first.seed }] }),
    /pairs\.1\.seed: expected different seeds, got 3 again/,
  );
  const beyond = { ...first, inCells: { ...first.inCells, score: 1.5 } };
  assert.match(
    faultOf({ pairs: [beyond, second] }),
    /pairs\.0\.inCells\.score: expected a share from 0 to 1, got 1\.5/,
  );
});

test('histograms of cells fit the edges and the weights', () => {
  const cells = tinyTwins.cells!;
  assert.match(
    faultOf({ cells: { ...cells, edges: [0, 1] } }),
    /cells\.layers\.0\.arrays\.0\.values: expected one count fewer than edges, 1, got 3/,
  );
  const [layer, ...others] = cells.layers;
  assert.match(
    faultOf({ cells: { ...cells, layers: [{ ...layer!, weights: 81 }, ...others] } }),
    /cells\.layers\.0\.arrays\.1\.pulses: expected a device for each of 81 weights, got 80/,
  );
});

test('a picture is a file beside the record', () => {
  for (const file of ['../seed.png', '/seed.png', 'https://example.org/seed.png', '.png'])
    assert.match(
      faultOf({ pictures: [{ label: 'seed 1', file }] }),
      /pictures\.0\.file: expected the name of a file beside the record: letters, digits, \. and -/,
    );
});
