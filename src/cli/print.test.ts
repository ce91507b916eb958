// What the command prints of files that others made.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { commandIn } from '../../test/command.ts';
import { hostTensor } from '../base/parameters.ts';
import { encodeWeights } from '../train/checkpoint.ts';
import { readable } from './print.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-print-'));
after(() => rmSync(folder, { recursive: true }));
const ohmic = commandIn(folder);
const ESCAPES = '\u001b]0;owned\u0007\u009b31m\u202e';

test('escape codes of files reach no terminal: of metadata, of names, of faults', async () => {
  const provenance = {
    ohmic: ESCAPES,
    model: ESCAPES,
    dataset: ESCAPES,
    seed: 0,
    backend: ESCAPES,
    history: [],
    external: { file: ESCAPES, sha256: ESCAPES },
  };
  const parameters = { [`${ESCAPES}.weights`]: hostTensor([1, 1], Float32Array.of(1)) };
  writeFileSync(join(folder, 'w'), await encodeWeights({ parameters, provenance }));
  writeFileSync(join(folder, `${ESCAPES}.yaml`), `hardware: ${JSON.stringify(ESCAPES)}`);
  for (const words of [
    ['inspect', 'weights', 'w'],
    ['inspect', 'weights', 'w', '--json'],
    ['inspect', 'chip', 'w', '--backend', 'wasm', '--threads', '1'],
    ['evaluate', '--weights', 'w', '--out', 'e'],
    ['run', `${ESCAPES}.yaml`],
  ]) {
    const { out, err } = await ohmic(words);
    assert.ok(out.length + err.length > 0);
    assert.doesNotMatch(out + err, /(?!\n)[\p{Cc}\p{Bidi_Control}]/u, words.join(' '));
  }
});

test('a fault is never longer than can be read', () => {
  assert.ok(readable(`a\n${'x'.repeat(100_000)}`).length < 2100);
  assert.equal(readable('a\nb'), 'a\nb');
});
