// The package as it is shipped: built, packed, unpacked in another folder, and used from there, as a command and as a
// library. Its dependencies are those of this checkout.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { findCompiler } from '../src/native/compiler.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'ohmic-package-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const modules = join(folder, 'node_modules');
const unpacked = join(modules, 'ohmic');

/** The command of the unpacked package. */
const ohmic = (...args: string[]): Promise<{ readonly stdout: string }> =>
  run(process.execPath, [join(unpacked, 'dist/cli/main.js'), ...args], { cwd: folder });

before(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root });
  // What the build prints comes first.
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ readonly filename: string }];
  mkdirSync(unpacked, { recursive: true });
  await run('tar', ['xzf', join(folder, filename), '--strip-components=1', '-C', unpacked]);
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name));
});

test('the package holds what is needed to use it, and no tests', () => {
  const files = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  const c = ['dist/native/runtime.c', 'dist/native/prelude.h'].map((name) => join(...name.split('/')));
  for (const needed of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', ...c])
    assert.ok(files.includes(needed), needed);
  assert.deepEqual(
    files.filter((name) => /\.test\b|test-data|^src/.test(name)),
    [],
  );
});

test('the command knows its version and its reproductions', async () => {
  assert.match((await ohmic('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match((await ohmic('reproduce')).stdout, /^joshi2020 +resnet32 on cifar10/m);
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
  test(`the library can be imported and computes, ${backend}`, async () => {
    const script = join(folder, 'use.mjs');
    writeFileSync(
      script,
      `import { createEngine, trace } from 'ohmic';
const { engine } = await createEngine({ backend: '${backend}', threads: 1 });
const executable = await engine.compile(trace((t) => ({ outputs: { y: t.input('x', [3]).square() } })));
console.log([...(await executable.run({ inputs: { x: Float32Array.of(1, 2, 3) } })).y].join());
await engine.close();
`,
    );
    assert.equal((await run(process.execPath, [script])).stdout, '1,4,9\n');
  });
}
