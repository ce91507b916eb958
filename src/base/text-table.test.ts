// Columns of text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignRow, displayWidth, widthsOf } from './text-table.ts';

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

test('a width counts what a terminal draws: combining marks take no column, East Asian characters two', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['92.45 ± 0.10 %', 14],
    ['e\u0301', 1],
    ['精度', 4],
    ['🙂', 2],
    ['a\u200db', 2],
  ];
  for (const [text, width] of cases) assert.equal(displayWidth(text), width, text);
  const rows = [
    ['精度', '1'],
    ['abcd', '22'],
  ];
  assert.deepEqual(
    rows.map((row) => displayWidth(alignRow(row, widthsOf(rows), ' '))),
    [7, 7],
  );
});
