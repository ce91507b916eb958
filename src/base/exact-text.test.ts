import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactText } from './exact-text.ts';

test('numbers that JSON writes alike have different texts', () => {
  const values = [0, -0, null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const texts = values.map((value) => exactText({ value: [value] }));
  assert.equal(new Set(texts).size, values.length);
});

test('other data has the text of JSON', () => {
  const data = { name: 'x', shape: [2, 3], nested: { rate: 0.1, on: true } };
  assert.equal(exactText(data), JSON.stringify(data));
});
