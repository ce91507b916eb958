import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { platform } from '../native/platforms.ts';
import { createEngine } from './create-engine.ts';

const { PATH, CC } = process.env;
afterEach(() => {
  process.env['PATH'] = PATH;
  if (CC === undefined) delete process.env['CC'];
  else process.env['CC'] = CC;
});

const MISSING = `native backend: expected a C compiler on PATH (${platform.compilers.join(', ')}), found none that works; install gcc or clang, set CC, or use --backend wasm`;

test('without a C compiler, auto is WebAssembly, and says why; native is refused', async () => {
  process.env['PATH'] = '/nowhere';
  delete process.env['CC'];
  const { engine, notice } = await createEngine({ threads: 1 });
  assert.equal(engine.backend.name, 'wasm');
  assert.equal(notice, `using WebAssembly, which is slower than native code (${MISSING})`);
  await engine.close();
  await assert.rejects(createEngine({ backend: 'native' }), new UsageError(MISSING));
});

test('a CC that does not work is refused, unless WebAssembly was asked for', async () => {
  process.env['CC'] = '/nowhere/cc';
  const message =
    'native backend: expected a C compiler in CC, but "/nowhere/cc" does not work; set CC to another, unset it, or use --backend wasm';
  for (const backend of ['auto', 'native'] as const) {
    await assert.rejects(createEngine({ backend }), new UsageError(message));
  }
  const { engine, notice } = await createEngine({ backend: 'wasm', threads: 1 });
  assert.deepEqual([engine.backend.name, notice], ['wasm', undefined]);
  await engine.close();
});

test('impossible numbers of threads are refused', async () => {
  for (const threads of [0, -1, 1.5, Number.NaN]) {
    await assert.rejects(
      createEngine({ threads }),
      new UsageError(`createEngine: threads must be a whole number from 1 to 1024, got ${threads}`),
    );
  }
});
