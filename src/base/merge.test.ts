// Settings laid over settings: field by field, but not across kinds, and nothing is lost in silence.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTree, mergeSettings, settingsDifferences, treeAt, withValueAt } from './merge.ts';
import type { Json } from './schema.ts';

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

for (const plain of [3, 'x', false, [1, 2], null] as const) {
  test(`where fields meet ${JSON.stringify(plain)}, that is kept for the schema to refuse`, () => {
    assert.deepEqual(mergeSettings({ a: { x: plain, y: 1 } }, { a: { x: { b: 1 } } }), {
      a: { x: plain, y: 1 },
    });
    assert.deepEqual(mergeSettings({ a: { x: { b: 1 } } }, { a: { x: plain } }), { a: { x: plain } });
  });
}

test('fields of some names are laid by rules of their own, at any depth', () => {
  const joined = { list: (base: Json = '', over: Json = ''): Json => `${base}${over}` };
  assert.deepEqual(
    mergeSettings({ list: 'a', b: { list: 'c', d: 1 } }, { list: 'x', b: { list: 'y' } }, joined),
    { list: 'ax', b: { list: 'cy', d: 1 } },
  );
});

test('a value is set at its path, unless something on the way has no fields', () => {
  assert.deepEqual(treeAt(['a', 'b'], 1), { a: { b: 1 } });
  assert.deepEqual(treeAt([], 1), 1);
  assert.deepEqual(withValueAt({ a: { b: { kind: 'x' }, c: 2 } }, ['a', 'b'], 1), { a: { b: 1, c: 2 } });
  assert.deepEqual(withValueAt({}, ['a', 'b'], 1), { a: { b: 1 } });
  assert.deepEqual(withValueAt({ a: 5 }, ['a', 'b'], 1), { a: 5 });
});

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
