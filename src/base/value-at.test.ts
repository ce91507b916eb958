// Values inside values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueAt } from './value-at.ts';

test('a path leads into objects and lists, and to nothing beyond them', () => {
  const value = { a: [{ b: 1 }, null], c: 'text' };
  assert.equal(valueAt(value, []), value);
  assert.equal(valueAt(value, ['a', 0, 'b']), 1);
  for (const path of [['a', 1, 'b'], ['a', 7, 'b'], ['c', 'length'], ['d']])
    assert.equal(valueAt(value, path), undefined);
});
