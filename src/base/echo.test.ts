import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echo } from './echo.ts';
import { settingsDifferences } from './merge.ts';
import { unknownName } from './suggest.ts';

const long = 'x'.repeat(100_000);

test('values are echoed as JSON, numbers that are none by name', () => {
  assert.deepEqual([1, Number.NaN, 'a"b', null, undefined, [1, { a: 2 }]].map(echo), [
    '1',
    'NaN',
    '"a\\"b"',
    'null',
    'nothing',
    '[1,{"a":2}]',
  ]);
});

test('no echo is longer than a line, wherever it stands', () => {
  for (const text of [
    echo(long),
    unknownName(long, ['cosine', 'step']),
    ...settingsDifferences({ a: long, [long]: 1 }, { a: 2, [long]: [long] }),
  ]) {
    assert.ok(text.length < 700 && text.includes('…'), `${text.length} characters`);
  }
});
