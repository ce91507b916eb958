// The README's library example: type-checked as it stands, and run with tiny settings.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const entry = join(root, 'src', 'index.ts');
const nodeEntry = join(root, 'src', 'node', 'index.ts');
const folder = mkdtempSync(join(tmpdir(), 'ohmic-readme-'));
after(() => rmSync(folder, { recursive: true }));

const example = libraryExample();

/** The one TypeScript block of the README. */
function libraryExample(): string {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
  assert.equal(blocks.length, 1, 'the README has one TypeScript block');
  return blocks[0]![1]!;
}

/** `text` with `from` replaced; fails if the README no longer says it. */
function replaced(text: string, from: string, to: string): string {
  assert.ok(text.includes(from), `the README's example contains ${from}`);
  return text.replaceAll(from, to);
}

test('the example of the README passes the type check', async () => {
  writeFileSync(join(folder, 'checked.ts'), example);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        paths: { ohmic: [entry], 'ohmic/node': [nodeEntry] },
        typeRoots: [join(root, 'node_modules', '@types')],
      },
      files: ['checked.ts'],
      include: [],
    }),
  );
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((failed) => failed);
  assert.equal(stdout, '');
});

test('the example of the README runs, prints an accuracy for every time, and ends', async () => {
  const sizes = replaced(
    example,
    'generateSynthetic()',
    'generateSynthetic({ trainCount: 200, testCount: 50 })',
  );
  const tiny = [
    ['epochs: 20', 'epochs: 1'],
    ['hardware });', 'hardware, evaluation: { calibrationImages: 50, methods: ["global"] } });'],
    ["'ohmic'", `'${pathToFileURL(entry)}'`],
    ["'ohmic/node'", `'${pathToFileURL(nodeEntry)}'`],
  ].reduce((text, [from, to]) => replaced(text, from!, to!), sizes);
  const file = join(folder, 'run.ts');
  writeFileSync(file, tiny);
  const { stdout } = await run(process.execPath, [file], { timeout: 300_000 });
  assert.match(stdout, /epoch: 1,/);
  assert.equal(stdout.match(/^\d+ s: \d+\.\d %$/gm)?.length, 4);
});
