// Columns of text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignRow, widthsOf } from './text-table.ts';

test('columns are as wide as their widest cell; the first is flush left, the others right', () => {
  const rows = [
    ['', 'a', 'long'],
    ['name', '12', ''],
  ];
  const widths = widthsOf(rows);
  assert.deepEqual(widths, [4, 2, 4]);
  assert.deepEqual(
    rows.map((row) => alignRow(row, widths, ' | ')),
    ['     |  a | long', 'name | 12 |'],
  );
});
