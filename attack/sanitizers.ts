// Address, undefined-behaviour and thread sanitizers: over the native runtime, driven without Node, with every allocation
// failing once; and over generated kernels, the first two as tests run them, the last without Node (kernel-races.ts).

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findCompiler } from '../src/native/compiler.ts';
import { type Campaign, start } from './campaign.ts';
import { kernelRaces } from './kernel-races.ts';

const ROOT = resolve(import.meta.dirname, '..');
const DRIVER = join(ROOT, 'test/runtime-driver.c');
/** Tests that run kernels of all kinds. */
const KERNEL_TESTS = [
  'src/native/backend.test.ts',
  'test/geometries.test.ts',
  'test/products.test.ts',
  'test/threads.test.ts',
];

export const sanitizers: Campaign = {
  name: 'sanitizers',
  run: async ({ folder, effort }) => {
    const compiler = findCompiler();
    if (compiler === undefined) return 'nothing: no C compiler';
    const tried: string[] = [];
    const runs = String(Math.ceil(20_000 * effort));
    for (const kind of ['address,undefined', 'thread']) {
      const program = join(folder, kind);
      const flags = [
        '-std=gnu11',
        '-g',
        '-O1',
        '-pthread',
        `-fsanitize=${kind}`,
        '-fno-sanitize-recover=all',
      ];
      const built = await start([...compiler.words, ...flags, '-o', program, DRIVER], { cwd: folder });
      if (built.code !== 0) continue;
      const { code, out, err } = await start([program, runs], { cwd: folder });
      assert.equal(code, 0, `${kind}: ${out}${err}`);
      tried.push(`runtime with ${kind}: ${out.trim()}, ${runs} runs`);
    }
    const races = await kernelRaces(compiler.words, { folder, runs: Math.ceil(20 * effort) });
    if (races !== undefined) tried.push(races);
    const library = await start([...compiler.words, '-print-file-name=libasan.so'], { cwd: folder });
    const preload = library.out.trim();
    if (existsSync(preload)) {
      const { code, out, err } = await start([process.execPath, '--test', ...KERNEL_TESTS], {
        cwd: ROOT,
        env: {
          CC: `${compiler.command} -fsanitize=address,undefined -fno-sanitize-recover=all`,
          LD_PRELOAD: preload,
          // Node frees nothing at its end; tests ask for more memory than there is.
          ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16',
          OHMIC_CACHE: join(folder, 'cache'),
        },
      });
      assert.equal(code, 0, `${out}${err}`);
      tried.push(`kernels of ${/^. pass (\d+)/m.exec(out)?.[1]} tests with address,undefined`);
    }
    return tried.length === 0 ? 'nothing: the compiler has no sanitizers' : tried.join('; ');
  },
};
