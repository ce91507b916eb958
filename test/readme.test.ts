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

const EVALUATION = 'evaluation: { calibrationImages: 50, methods: ["global"] }';

/** A document with one example, what makes it tiny, and how often it prints what. */
type Example = {
  readonly document: string;
  readonly tiny: readonly (readonly [from: string, to: string])[];
  readonly prints: readonly (readonly [line: RegExp, count: number])[];
};

const documents: readonly Example[] = [
  {
    document: 'README.md',
    tiny: [
      ['generateDigits()', 'generateDigits({ trainCount: 200, testCount: 50 })'],
      ['epochs: 8', 'epochs: 1'],
      ['hardware: joshi2020 });', `hardware: joshi2020, ${EVALUATION} });`],
    ],
    prints: [[/^\d+ (0|1|0\.\d+)$/gm, 4]],
  },
  {
    document: 'docs/library.md',
    tiny: [
      ['generateSynthetic()', 'generateSynthetic({ trainCount: 200, testCount: 50 })'],
      ['epochs: 20', 'epochs: 1'],
      ['hardware });', `hardware, ${EVALUATION} });`],
    ],
    prints: [
      [/epoch: 1,/g, 1],
      [/^\d+ s: \d+\.\d %$/gm, 4],
    ],
  },
];

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

for (const [i, { document, tiny, prints }] of documents.entries()) {
  test(`the example of ${document} runs, prints an accuracy for every time, and ends`, async () => {
    const script = tiny.reduce((text, [from, to]) => replaced(text, from, to), exampleOf(document));
    const file = join(folder, `run-${i}.ts`);
    writeFileSync(file, fromSources(script));
    const { stdout } = await run(process.execPath, [file], { timeout: 300_000 });
    for (const [line, count] of prints) assert.equal(stdout.match(line)?.length, count, stdout);
  });
}

test('the example of the README has ten lines besides its imports', () => {
  const lines = exampleOf('README.md').trim().split('\n');
  assert.equal(lines.filter((line) => line !== '' && !line.startsWith('import ')).length, 10);
});
