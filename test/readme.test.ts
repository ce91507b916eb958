// The examples of the README and of docs/library.md: type-checked as they stand, and run with tiny settings.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { blocksOf, checkTypes, fromSources } from './snippets.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'ohmic-readme-'));
after(() => rmSync(folder, { recursive: true }));

/** Documents with one example each, what makes it tiny, and what it prints. */
const documents = [
  {
    document: 'README.md',
    hardware: 'hardware: joshi2020 });',
    prints: [/^\d+ (0|1|0\.\d+)$/gm],
  },
  {
    document: 'docs/library.md',
    hardware: 'hardware });',
    prints: [/epoch: 1,/g, /^\d+ s: \d+\.\d %$/gm],
  },
] as const;

/** The one TypeScript block of a document. */
function exampleOf(document: string): string {
  const blocks = blocksOf(document, 'ts');
  assert.equal(blocks.length, 1, `${document} has one TypeScript block`);
  return blocks[0]!;
}

/** `text` with `from` replaced; fails if the document no longer says it. */
function replaced(text: string, from: string, to: string): string {
  assert.ok(text.includes(from), `the example contains ${from}`);
  return text.replaceAll(from, to);
}

test('the examples of README and docs/library.md pass the type check', async () => {
  const scripts = documents.map(({ document }, i) => [`checked-${i}.ts`, exampleOf(document)] as const);
  assert.equal(await checkTypes(folder, Object.fromEntries(scripts)), '');
});

for (const [i, { document, hardware, prints }] of documents.entries()) {
  test(`the example of ${document} runs, prints an accuracy for every time, and ends`, async () => {
    const tiny = [
      ['generateSynthetic()', 'generateSynthetic({ trainCount: 200, testCount: 50 })'],
      ['epochs: 20', 'epochs: 1'],
      [
        hardware,
        `${hardware.replace(' });', '')}, evaluation: { calibrationImages: 50, methods: ["global"] } });`,
      ],
    ].reduce((text, [from, to]) => replaced(text, from!, to!), exampleOf(document));
    const file = join(folder, `run-${i}.ts`);
    writeFileSync(file, fromSources(tiny));
    const { stdout } = await run(process.execPath, [file], { timeout: 300_000 });
    const counts = prints.map((line) => stdout.match(line)?.length ?? 0);
    assert.deepEqual(counts, prints.length === 1 ? [4] : [1, 4], stdout);
  });
}

test('the first example of the README is short', () => {
  const lines = exampleOf('README.md').trim().split('\n');
  assert.ok(lines.filter((line) => line !== '').length <= 12, `${lines.length} lines`);
});
