// Files and folders at the edge: what is no folder, no settings, or can't be written.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readSettingsFile, writeWhole } from './files.ts';
import { enterRunFolder, freshFolder } from './run-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const place = (name: string): string => join(folder, name);
writeFileSync(place('file'), 'kept');

test('a file in place of a folder is refused, and stays', () => {
  const refused = {
    name: 'UsageError',
    message: /file: expected a folder, got a file; choose another --out$/,
  };
  assert.throws(() => enterRunFolder(place('file'), {}, { resume: false }), refused);
  assert.throws(() => freshFolder(place('file')), refused);
  assert.throws(() => writeWhole(place('file/deep/inside'), 'x'), {
    name: 'UsageError',
    message: /inside: can't be written \(.*\); choose another folder or make room$/,
  });
  assert.equal(readFileSync(place('file'), 'utf8'), 'kept');
});

test('files are written whole, with the folders they need, and leave nothing else', () => {
  writeWhole(place('new/deep/text'), 'words');
  writeWhole(place('new/deep/text'), 'other words');
  assert.equal(readFileSync(place('new/deep/text'), 'utf8'), 'other words');
  assert.deepEqual(readdirSync(place('new/deep')), ['text']);
});

test('settings are fields with values, whatever the syntax', () => {
  const read = (content: string): unknown => {
    writeFileSync(place('settings'), content);
    return readSettingsFile(place('settings'));
  };
  assert.deepEqual(read('{"a": 1}'), { a: 1 });
  assert.deepEqual(read('a: { b: [1, 2] }'), { a: { b: [1, 2] } });
  for (const [content, came] of [
    ['- a\n- b\n', 'a list'],
    ['word', '"word"'],
    ['', 'nothing'],
    ['42', '42'],
  ] as const) {
    assert.throws(() => read(content), {
      name: 'UsageError',
      message: `${place('settings')}: expected fields with values, \`name: value\`, got ${came}`,
    });
  }
});
