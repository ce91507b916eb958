// Files and folders at the edge: what is no folder, no settings, or can't be written.

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readSettingsFile, writeWhole } from './files.ts';
import { createFolder, enterRunFolder, freshFolder } from './run-folder.ts';

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

test('settings that would take minutes or all memory are refused in less than a second', () => {
  const nested = (depth: number): string => `a: ${'['.repeat(depth)}1${']'.repeat(depth)}`;
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (let k = 1; k < 10; k++) {
    const [name, before] = ['abcdefghij'[k], 'abcdefghij'[k - 1]];
    bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`);
  }
  const keys = (count: number): string => Array.from({ length: count }, (_, k) => `k${k}: ${k}`).join('\n');
  for (const [content, expected] of [
    ['a: &x\n  b: *x\n', /expected at most 64 levels of fields; an alias/],
    ['&x [*x]', /expected at most 64 levels/],
    [bomb.join('\n'), /neither JSON nor YAML: Excessive alias count/],
    [keys(50_000), /settings: expected at most 10000 values, got more$/],
    [keys(200_000), /expected settings, got \d+ characters; more than 1000000 are none$/],
    [
      JSON.stringify(
        Object.fromEntries(
          keys(50_000)
            .split('\n')
            .map((line) => line.split(': ')),
        ),
      ),
      /at most 10000 values/,
    ],
    [nested(65), /expected at most 64 levels/],
    [nested(100_000), /neither JSON nor YAML: /],
    ['a: 1\nb: 2\na: 3\n', /neither JSON nor YAML: "a" stands there twice/],
    ['{ [a]: 1 }', /expected a name before each colon, got fields, a list, bytes or an alias$/],
    ['!!binary x: 1', /expected a name before each colon/],
    ['- '.repeat(500_000), /./],
  ] as const) {
    writeFileSync(place('settings'), content);
    const begun = process.cpuUsage();
    assert.throws(
      () => readSettingsFile(place('settings')),
      (error: unknown) => {
        assert.ok(error instanceof Error && error.name === 'UsageError', String(error));
        assert.match(error.message, expected);
        assert.ok(error.message.length < 1000, `${error.message.length} characters`);
        return true;
      },
    );
    // Of the processor, whatever else the machine does: half a second for the longest; the fault took 25 s.
    assert.ok(process.cpuUsage(begun).user < 10_000_000, content.slice(0, 20));
  }
  writeFileSync(place('settings'), 'a: &x { b: 1 }\nc: *x\n');
  assert.deepEqual(readSettingsFile(place('settings')), { a: { b: 1 }, c: { b: 1 } });
});

test('a file without end is no settings file', { skip: !existsSync('/dev/zero') && 'no /dev/zero' }, () => {
  assert.throws(() => readSettingsFile('/dev/zero'), {
    name: 'UsageError',
    message: /got \d+ characters; more/,
  });
});

test('a folder that is no run’s is neither begun nor continued in, and stays as it is', () => {
  const settings = { backend: 'wasm', seed: 0 };
  const enter = (name: string, resume: boolean): void => enterRunFolder(place(name), settings, { resume });
  writeWhole(place('photos/one.jpg'), 'x');
  writeWhole(place('editor/settings.json'), '{ "editor.fontSize": 12 }');
  writeWhole(place('list/settings.json'), '[1]');
  mkdirSync(place('locked/.lock'), { recursive: true });
  for (const resume of [false, true]) {
    for (const [name, message] of [
      ['photos', /photos holds files that are no run's; choose another --out$/],
      ['editor', /editor\/settings\.json: expected the settings of a run, got another file; choose another/],
      ['list', /list\/settings\.json: expected fields with values/],
      ['locked', /locked\/\.lock: can't be locked/],
    ] as const)
      assert.throws(() => enter(name, resume), { name: 'UsageError', message });
  }
  assert.deepEqual(readdirSync(place('photos')), ['one.jpg']);
  assert.equal(readFileSync(place('editor/settings.json'), 'utf8'), '{ "editor.fontSize": 12 }');
  assert.throws(() => createFolder(place('file')), {
    name: 'UsageError',
    message: /file: can't be created \(a file stands there\); choose another --out$/,
  });
  assert.throws(() => createFolder('/proc/ohmic/run'), { name: 'UsageError' });
  // Settings alone, of a run that failed at its start, are no hindrance.
  writeWhole(place('failed/settings.json'), JSON.stringify(settings));
  enter('failed', false);
});
