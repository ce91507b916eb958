import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatAccuracy,
  formatCount,
  formatFixed,
  formatPoints,
  formatTick,
  isToldApart,
  listed,
  timeText,
} from './wording.ts';

/** An estimate with a half width. */
const around = (mean: number, half: number) => ({ mean, interval95: [mean - half, mean + half] as const });

test('numbers have a real minus sign, no minus zero, and thousands set apart', () => {
  assert.equal(formatFixed(-1.234, 2), '−1.23');
  assert.equal(formatFixed(-0.001, 2), '0.00');
  assert.equal(formatCount(1_234_567), '1\u202f234\u202f567');
  assert.equal(formatCount(123), '123');
  assert.equal(formatTick(-0.1 - 0.2), '−0.3');
});

test('an accuracy has as many digits as its interval supports', () => {
  const cases: readonly (readonly [number, number, string])[] = [
    [0.924884, 0.000618, '92.49 ± 0.06 %'],
    [0.81904, 0.0678, '81.9 ± 6.8 %'],
    [0.5, 0.123, '50 ± 12 %'],
    [0.918872, 0.00157, '91.89 ± 0.16 %'],
    [0.9, 0.00996, '90.0 ± 1.0 %'],
    [0.1, 0, '10.00 ± 0.00 %'],
  ];
  for (const [mean, half, text] of cases) assert.equal(formatAccuracy(around(mean, half)), text);
  assert.equal(formatAccuracy({ mean: 0.12345 }), '12.35 %');
});

test('differences carry their sign, and are told apart if their interval is on one side of 0', () => {
  assert.equal(formatPoints(around(0.0052, 0.0021)), '+0.52 ± 0.21');
  assert.equal(formatPoints({ mean: -0.013 }), '−1.30');
  assert.equal(formatPoints({ mean: 0 }), '0.00');
  assert.ok(isToldApart(around(0.01, 0.009)) && isToldApart(around(-0.01, 0.009)));
  assert.ok(!isToldApart(around(0.01, 0.011)) && !isToldApart(around(0, 0)) && !isToldApart({ mean: 1 }));
});

test('a time that would be rounded is said in seconds, others in their unit', () => {
  const cases: readonly (readonly [number, string])[] = [
    [25, '25 s'],
    [1000, '1000 s'],
    [3600, '1 h'],
    [5400, '1.5 h'],
    [86_400, '1 day'],
    [31_536_000, '1 year'],
    [12_345_678, '4.76 months'],
    [0.25, '0.25 s'],
  ];
  for (const [seconds, text] of cases) assert.equal(timeText(seconds), text);
});

test('names in a row', () => {
  assert.deepEqual([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed), ['', 'a', 'a and b', 'a, b and c']);
});
