import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from './csv.ts';
import { reproducedRecord, tinyRecord } from './record-fixture.test-data.ts';

test('the values of a tiny record are this text; a label with a comma is quoted', () => {
  const lines = [
    'network,method,time_seconds,chip,accuracy',
    'noise-trained,none,25,1,0.91',
    'noise-trained,none,25,2,0.92',
    'noise-trained,none,86400,1,0.61',
    'noise-trained,none,86400,2,0.65',
    'noise-trained,global,25,1,0.915',
    'noise-trained,global,25,2,0.925',
    'noise-trained,global,86400,1,0.9',
    'noise-trained,global,86400,2,0.904',
    '"control, plain",none,25,1,0.8',
    '"control, plain",none,25,2,0.82',
    '"control, plain",none,86400,1,0.1',
    '"control, plain",none,86400,2,0.1',
    '"control, plain",global,25,1,0.8',
    '"control, plain",global,25,2,0.82',
    '',
  ];
  assert.equal(toCsv(tinyRecord), lines.join('\r\n'));
});

test('a sweep and published accuracies on chips follow; a published one has no chip', () => {
  const lines = toCsv(reproducedRecord).slice(toCsv(tinyRecord).length).split('\r\n');
  assert.deepEqual(lines, [
    'eta 0.038,global,25,1,0.88',
    'eta 0.038,global,25,2,0.89',
    'eta 0,global,25,1,0.88',
    'eta 0,global,25,2,0.89',
    'noise-trained (published),global,86400,,0.9',
    'noise-trained (published),none,1000,,0.1',
    'noise-trained (published),global,31536000,,0.8',
    '',
  ]);
});

test('quotes are doubled and line breaks are quoted', () => {
  const [network] = tinyRecord.networks;
  const label = 'so-called "robust"\nnetwork';
  const text = toCsv({ ...tinyRecord, networks: [{ ...network!, label }] });
  assert.ok(text.includes('\r\n"so-called ""robust""\nnetwork",none,25,1,0.91\r\n'));
});
