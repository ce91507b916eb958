import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeSettings, settingsDifferences } from '../base/merge.ts';
import { nearestName, unknownName } from '../base/suggest.ts';
import { DAY, HOUR, MONTH, YEAR } from '../base/units.ts';
import { formatDuration } from './progress.ts';
import {
  backendChoice,
  countOrText,
  numberOrText,
  parseList,
  parsePoints,
  parseSeed,
  parseTime,
  shareOrText,
} from './values.ts';

test('times are read with their units', () => {
  assert.deepEqual(
    ['25s', '90', '2min', '1h', '30d', '1month', '1y', '1.5e3 s'].map((text) => parseTime(text)),
    [25, 90, 120, HOUR, 30 * DAY, MONTH, YEAR, 1500],
  );
});

test('a negative time and a text that is no time are refused', () => {
  assert.throws(() => parseTime('-1h'), /at least 0 s, got "-1h"/);
  for (const text of ['', 'h', '1 fortnight', '1h2', 'NaN'])
    assert.throws(() => parseTime(text), /expected a number with one of s, min/);
});

test('a seed is a whole number that is exact', () => {
  assert.deepEqual(['0', '12', String(2 ** 53 - 1)].map(parseSeed), [0, 12, 2 ** 53 - 1]);
  for (const text of ['', ' ', '-1', '1.5', '1e300', 'x'])
    assert.throws(() => parseSeed(text), { name: 'UsageError', message: /--seed: expected a whole number/ });
});

test('lists drop blanks, numbers keep texts that are none', () => {
  assert.deepEqual(parseList(' a, b,,c '), ['a', 'b', 'c']);
  assert.deepEqual(['1e-3', '', ' ', 'x', 'Infinity'].map(numberOrText), [0.001, '', ' ', 'x', 'Infinity']);
});

test('a share is a number or a percentage, read in decimals', () => {
  assert.deepEqual(['0.038', '3.8%', '3.8 %', '7%', '-1%', '%', 'x%', 'x', '1e-3'].map(shareOrText), [
    0.038,
    0.038,
    0.038,
    0.07,
    -0.01,
    '%',
    'x%',
    'x',
    0.001,
  ]);
});

test('a count may be in thousands and millions', () => {
  assert.deepEqual(['50000', '50k', '1.5M', '2.6 k', 'k', '-1k', 'x'].map(countOrText), [
    50_000,
    50_000,
    1_500_000,
    2600,
    'k',
    '-1k',
    'x',
  ]);
});

test('points are times with methods, and all faults of a list are named', () => {
  assert.deepEqual(parsePoints(' 25s:none, 1d : global'), [
    { timeSeconds: 25, method: 'none' },
    { timeSeconds: DAY, method: 'global' },
  ]);
  assert.throws(() => parsePoints('25s:none,1fortnight:global,1h:adabss,3,1:2:3'), {
    name: 'UsageError',
    message: `--points: 4 faults
  - expected a number with one of s, min, h, d, month, y, got "1fortnight"; write for example 25s,1h,30d
  - "1h:adabss": expected one of none, global, per-column, adabs, lora, got "adabss"; did you mean "adabs"?
  - expected a time and a method, got "3"; write for example 25s:none,1d:global
  - expected a time and a method, got "1:2:3"; write for example 25s:none,1d:global`,
  });
  assert.throws(() => parsePoints(','), /--points: expected at least one point, got ","/);
  assert.throws(() => parsePoints('-1h:none'), /--points: a time since programming must be at least 0 s/);
});

test('a near name is suggested, a far one is not', () => {
  const known = ['resnet32', 'small-cnn'];
  assert.equal(nearestName('ResNet-32', known), 'resnet32');
  assert.equal(nearestName('transformer', known), undefined);
  assert.equal(unknownName(7, known), 'expected one of resnet32, small-cnn, got 7');
  assert.throws(() => backendChoice('wsam'), /--backend: expected one of auto, native, wasm, got "wsam"/);
});

test('settings are laid over each other by field, but not across kinds', () => {
  const base = { rate: { kind: 'cosine', initial: 0.1 }, epochs: 3 };
  assert.deepEqual(mergeSettings(base, { rate: { initial: 0.2 } }), {
    rate: { kind: 'cosine', initial: 0.2 },
    epochs: 3,
  });
  assert.deepEqual(mergeSettings(base, { rate: { kind: 'step', factor: 0.5 } }), {
    rate: { kind: 'step', factor: 0.5 },
    epochs: 3,
  });
});

test('differences name the field and both values', () => {
  assert.deepEqual(settingsDifferences({ a: { b: 1, c: [1] } }, { a: { b: 2, c: [1] }, d: 'x' }), [
    'a.b: 1 there, 2 here',
    'd: absent there, "x" here',
  ]);
});

test('durations show their two largest units', () => {
  assert.deepEqual([12.4, 80, 7500].map(formatDuration), ['12 s', '1 min 20 s', '2 h 5 min']);
});
