// Comma-separated values against the rules of RFC 4180, one by one, and against what a writer of them makes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCsv } from './csv.ts';
import { keyFromSeed, randomSequence } from './random.ts';

const fieldsOf = (text: string): readonly (readonly string[])[] =>
  parseCsv(text).records.map(({ fields }) => fields);

test('records end in LF or CR LF, the last one also with the text', () => {
  for (const text of ['a,b\n1,2\n', 'a,b\r\n1,2\r\n', 'a,b\n1,2', '\ufeffa,b\r\n1,2']) {
    assert.deepEqual(fieldsOf(text), [
      ['a', 'b'],
      ['1', '2'],
    ]);
  }
  assert.deepEqual(parseCsv(''), { records: [], faults: [] });
});

test('a field in quotes may hold commas, line breaks and doubled quotes', () => {
  assert.deepEqual(fieldsOf('"a,b","say ""x""","two\r\nlines",\n,""'), [
    ['a,b', 'say "x"', 'two\r\nlines', ''],
    ['', ''],
  ]);
});

test('empty lines are passed over, and every record knows its line', () => {
  const { records } = parseCsv('a\n\nb\n"c\nd"\n\r\ne,"f"\ng');
  assert.deepEqual(
    records.map(({ line, fields }) => [line, fields[0]]),
    [
      [1, 'a'],
      [3, 'b'],
      [4, 'c\nd'],
      [7, 'e'],
      [8, 'g'],
    ],
  );
});

test('broken quotes are faults with their line, and the lines after them are read', () => {
  const { records, faults } = parseCsv('a,b\nx"y,1\n2,3\n"p"q,4\n5,6\n"open,7\n8,9\n');
  assert.deepEqual(
    records.map(({ line }) => line),
    [1, 3, 5, 7],
  );
  assert.deepEqual(faults, [
    'line 2: expected a quote only around a whole field; double a quote that belongs to the field',
    'line 4: expected a quote only around a whole field; double a quote that belongs to the field',
    'line 6: a quote is opened and never closed; close it, or double a quote that belongs to the field',
  ]);
});

// 200 tables of random fields, seed 1: what is written by the rules is read again as it was.
test('what is written by the rules is read as it was', () => {
  const draw = randomSequence(keyFromSeed(1));
  const pieces = ['a', ',', '"', '\n', '\r\n', ' ', 'é', '1.5', ''];
  for (let trial = 0; trial < 200; trial++) {
    const rows = Array.from({ length: 1 + draw.below(4) }, () =>
      Array.from({ length: 1 + draw.below(4) }, () =>
        Array.from({ length: draw.below(4) }, () => pieces[draw.below(pieces.length)]!).join(''),
      ),
    );
    const text = rows
      .map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(','))
      .join(trial % 2 === 0 ? '\r\n' : '\n');
    assert.deepEqual(fieldsOf(text), rows);
  }
});
