// Settings laid over settings: field by field, but not across kinds, and nothing is lost in silence.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTree, mergeSettings, settingsDifferences } from './merge.ts';

test('what is said is laid over what was there, at any depth; what is not said stays', () => {
  const base = { a: { b: 1, c: { d: [1, 2], e: true } }, f: 'x' };
  assert.deepEqual(mergeSettings(base, { a: { c: { d: [3] } }, g: null }), {
    a: { b: 1, c: { d: [3], e: true } },
    f: 'x',
    g: null,
  });
  assert.deepEqual(mergeSettings(base, undefined), base);
  assert.deepEqual(mergeSettings(undefined, base), base);
  assert.deepEqual(mergeSettings(base, {}), base);
});

test('nothing of another kind or preset is kept', () => {
  const base = {
    rate: { kind: 'cosine', initial: 0.1 },
    hardware: { preset: 'hermes256', adc: { bits: 6 } },
  };
  assert.deepEqual(mergeSettings(base, { rate: { kind: 'step', factor: 0.5 } }), {
    ...base,
    rate: { kind: 'step', factor: 0.5 },
  });
  assert.deepEqual(mergeSettings(base, { hardware: { preset: 'joshi2020' } }), {
    ...base,
    hardware: { preset: 'joshi2020' },
  });
  assert.deepEqual(mergeSettings({ hardware: { name: 'own', dac: { kind: 'ideal' } } }, base), base);
  // The same kind, the same preset, or none said: field by field.
  assert.deepEqual(mergeSettings(base, { rate: { kind: 'cosine', warmupEpochs: 1 } }), {
    ...base,
    rate: { kind: 'cosine', initial: 0.1, warmupEpochs: 1 },
  });
  assert.deepEqual(mergeSettings(base, { hardware: { adc: { bits: 5 } } }), {
    ...base,
    hardware: { preset: 'hermes256', adc: { bits: 5 } },
  });
});

test('a name replaces fields, fields replace a name, and null says that there is nothing', () => {
  const whole = { name: 'own', dac: { kind: 'ideal' } };
  assert.deepEqual(mergeSettings({ hardware: 'ideal' }, { hardware: whole }), { hardware: whole });
  assert.deepEqual(mergeSettings({ hardware: whole }, { hardware: 'ideal' }), { hardware: 'ideal' });
  assert.deepEqual(mergeSettings({ hardware: whole }, { hardware: null }), { hardware: null });
});

for (const [base, over] of [
  [3, { b: 1 }],
  [{ b: 1 }, 3],
  [[1, 2], { b: 1 }],
  [{ b: 1 }, [1, 2]],
  [false, { b: 1 }],
] as const) {
  const [there, here] = [JSON.stringify(base), JSON.stringify(over)];
  test(`${here} over ${there} is refused with its place`, () => {
    assert.throws(() => mergeSettings({ a: { x: base } }, { a: { x: over } }), {
      name: 'UsageError',
      message: `settings: a.x: expected the same form in both places, got ${there} and ${here}`,
    });
  });
}

test('differences are named by their place, with both values', () => {
  assert.deepEqual(settingsDifferences({ a: { b: 1, c: [1] } }, { a: { b: 2, c: [1] }, d: 'x' }), [
    'a.b: 1 there, 2 here',
    'd: absent there, "x" here',
  ]);
  assert.deepEqual(settingsDifferences({ a: { b: 1 } }, { a: 3 }), ['a: {"b":1} there, 3 here']);
  assert.deepEqual(settingsDifferences({ a: { b: 1 } }, { a: { b: 1 } }), []);
});

test('a tree is fields with values, not a list or nothing', () => {
  assert.deepEqual([{}, { a: 1 }].map(isTree), [true, true]);
  assert.ok(![[], null, 'x', 3, undefined].some(isTree));
});
