import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, formatTime, HOUR, MINUTE, MONTH, YEAR } from './units.ts';

test('times print in the largest unit that they fill', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [0.25, '0.25 s'],
    [25, '25 s'],
    [MINUTE, '1 min'],
    [90, '1.5 min'],
    [HOUR, '1 h'],
    [2 * HOUR, '2 h'],
    [DAY, '1 day'],
    [2 * DAY, '2 days'],
    [MONTH, '1 month'],
    [3 * MONTH, '3 months'],
    [YEAR, '1 year'],
    [10 * YEAR, '10 years'],
  ];
  for (const [seconds, text] of cases) assert.equal(formatTime(seconds), text);
});

test('times keep three digits', () => {
  assert.equal(formatTime(1 / 3), '0.333 s');
  assert.equal(formatTime(10_000), '2.78 h');
  assert.equal(formatTime(12_345 * YEAR), '12300 years');
});
