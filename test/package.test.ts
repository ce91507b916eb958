// The package as it is shipped: built, packed, unpacked in another folder, and used from there, as a command and as a
// library. Its dependencies are those of this checkout.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { findCompiler } from '../src/native/compiler.ts';
import { installPacked } from './packed-package.ts';

const run = promisify(execFile);
const source = join(import.meta.dirname, '..', 'src');
const folder = mkdtempSync(join(tmpdir(), 'ohmic-package-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let unpacked: string;
before(async () => {
  unpacked = await installPacked(folder);
});

/** The command of the unpacked package. */
const ohmic = (...args: string[]): Promise<{ readonly stdout: string }> =>
  run(process.execPath, [join(unpacked, 'dist/cli/main.js'), ...args], { cwd: folder });

test('the package holds what is needed to use it, and no tests', () => {
  const files = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  const { bin, exports, version } = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly bin: Readonly<Record<string, string>>;
    readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  };
  // The condition `ohmic-source` is for scripts in a checkout: see examples/README.md.
  const entries = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string'
      ? entry
      : Object.entries(entry).flatMap(([condition, path]) => (condition === 'ohmic-source' ? [] : path)),
  );
  assert.equal(entries.length, 7);
  const documents = ['README.md', 'LICENSE', 'CHANGELOG.md', 'CITATION.cff', 'docs/physics.md'];
  const c = ['dist/native/runtime.c', 'dist/native/threads.h', 'dist/native/prelude.h'];
  for (const needed of [...documents, ...c, ...Object.values(bin), ...entries].map((name) => normalize(name)))
    assert.ok(files.includes(needed), needed);
  const citation = readFileSync(join(unpacked, 'CITATION.cff'), 'utf8');
  assert.equal(/^version: (.*)$/m.exec(citation)?.[1], version);
  // The compiler emits TypeScript alone.
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' }))
    if (/\.[ch]$/.test(name)) assert.ok(files.includes(`dist/${name}`), name);
  assert.deepEqual(
    files.filter((name) => /\.test\b|test-data|^(src|test|bench|results)\b|\.ts$(?<!\.d\.ts)/.test(name)),
    [],
  );
});

test('the command knows its version and its reproductions', async () => {
  assert.match((await ohmic('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match((await ohmic('reproduce')).stdout, /^joshi2020 +resnet32 on cifar10/m);
});

test('the command serves the page of the lab', async () => {
  const child = spawn(process.execPath, [join(unpacked, 'dist/cli/main.js'), 'lab', '--port', '0']);
  try {
    const [words] = (await once(child.stdout, 'data')) as [Buffer];
    const address = /^The lab is at (http:\/\/127\.0\.0\.1:\d+\/)\nCtrl-C ends it\.\n$/.exec(
      String(words),
    )![1]!;
    const response = await fetch(address);
    assert.equal(response.headers.get('cross-origin-opener-policy'), 'same-origin');
    const page = await response.text();
    assert.match(page, /<title>ohmic lab<\/title>/);
    const script = /src="\.\/(assets\/[^"]+)"/.exec(page)![1]!;
    assert.equal((await fetch(address + script)).status, 200);
  } finally {
    child.kill();
    await once(child, 'close');
  }
});

test('the command trains and evaluates, with worker threads', async () => {
  const small = ['--train-images', '40', '--test-images', '20', '--backend', 'wasm', '--threads', '2'];
  await ohmic(
    ...['train', '--dataset', 'synthetic', '--model', 'lenet5', '--epochs', '1', '--batch-size', '20'],
    ...[...small, '--out', 'trained'],
  );
  const { stdout } = await ohmic(
    ...['evaluate', '--weights', 'trained/weights.safetensors', '--chips', '1', '--times', '25s'],
    ...[...small, '--methods', 'none,global', '--calibration-images', '20', '--out', 'evaluated'],
  );
  assert.match(stdout, /report: evaluated\/report\.html/);
});

for (const backend of findCompiler() === undefined ? ['wasm'] : ['wasm', 'native']) {
  test(`the library can be imported and computes, ${backend}, on either subpath`, async () => {
    const script = join(folder, 'use.mjs');
    writeFileSync(
      script,
      `import { createWasmEngine, trace } from 'ohmic';
import { createEngine, loadDataSet } from 'ohmic/node';
const graph = trace((t) => ({ outputs: { y: t.input('x', [3]).square() } }));
for (const start of [() => createEngine({ backend: '${backend}', threads: 1 }), createWasmEngine]) {
  const { engine } = await start();
  const executable = await engine.compile(graph);
  console.log([...(await executable.run({ inputs: { x: Float32Array.of(1, 2, 3) } })).y].join());
  await engine.close();
}
console.log((await loadDataSet('synthetic', { trainImages: 20, testImages: 10 })).train.count);
`,
    );
    assert.equal((await run(process.execPath, [script])).stdout, '1,4,9\n1,4,9\n20\n');
  });
}
