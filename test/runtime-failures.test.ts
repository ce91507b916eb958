// The C of the native runtime where memory ends: every allocation fails once, under the address and undefined-behaviour
// sanitizers where the compiler has them. `npm run attack` does the same with more runs, and with the thread sanitizer.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findCompiler } from '../src/native/compiler.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-runtime-'));
after(() => rmSync(folder, { recursive: true }));
const compiler = findCompiler();

test('each allocation of the runtime may fail: it says so, gives back what it took, and goes on', {
  skip: compiler === undefined && 'no C compiler',
}, () => {
  const [command, ...first] = compiler!.words as [string, ...string[]];
  const driver = join(import.meta.dirname, 'runtime-driver.c');
  const program = join(folder, 'driver');
  const build = (...flags: string[]): boolean =>
    spawnSync(command, [...first, '-std=gnu11', '-g', '-O1', '-pthread', ...flags, '-o', program, driver])
      .status === 0;
  const isBuilt = build('-fsanitize=address,undefined', '-fno-sanitize-recover=all') || build();
  assert.ok(isBuilt);
  const { status, stdout, stderr } = spawnSync(program, ['200'], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /^\d\d+ failures\n$/);
});
