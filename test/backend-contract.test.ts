// What every backend owes those who use it directly: bits are kept, runs follow one another, and misuse is refused by
// the same words, without harm to what goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../src/base/errors.ts';
import type { Backend, DeviceBuffer, Plan, Program } from '../src/compile/backend.ts';
import { compile } from '../src/compile/compile.ts';
import { trace } from '../src/graph/trace.ts';
import { createNativeBackend } from '../src/native/backend.ts';
import { findCompiler } from '../src/native/compiler.ts';
import { startNodeWorker } from '../src/node/workers.ts';
import { createWasmBackend } from '../src/wasm/backend.ts';
import { backends } from './compare.ts';

const ELEMENTS = 100_000;
const ROUNDS = 40;

/** y = x · factor, then `ROUNDS` times y = y + x: long enough that a run is under way when something else is asked. */
function sums(backend: Backend): Plan {
  const graph = trace((t) => {
    const x = t.input('x', [ELEMENTS]);
    let y = x.multiply(t.scalar('factor'));
    for (let round = 0; round < ROUNDS; round++) y = y.tanh().add(x);
    return { outputs: { y } };
  });
  return compile(graph, backend);
}

const bits = (value: number): Uint32Array => new Uint32Array(Float32Array.of(value).buffer);

type Loaded = {
  readonly backend: Backend;
  readonly program: Program;
  /** Buffers in the order of the plan's bindings. */
  readonly given: (x: DeviceBuffer, y: DeviceBuffer) => DeviceBuffer[];
  readonly allocate: (value: number) => DeviceBuffer;
};

async function withProgram(
  start: (threads: number) => Promise<Backend>,
  use: (loaded: Loaded) => Promise<void>,
): Promise<void> {
  const backend = await start(2);
  try {
    const plan = sums(backend);
    await use({
      backend,
      program: await backend.load(plan),
      given: (x, y) => plan.bindings.map(({ name }) => (name === 'x' ? x : y)),
      allocate: (value) => {
        const buffer = backend.allocate(ELEMENTS);
        void buffer.write(new Float32Array(ELEMENTS).fill(value));
        return buffer;
      },
    });
  } finally {
    await backend.close();
  }
}

for (const { name, start } of backends) {
  test(`${name}: a buffer keeps bits, starts at zero, and refuses misuse`, async () => {
    await withProgram(start, async ({ backend }) => {
      const buffer = backend.allocate(3);
      assert.deepEqual([...(await buffer.read())], [0, 0, 0]);
      const words = Int32Array.of(0x7fc12345, -1, 7);
      await buffer.write(words);
      const kept = await buffer.read();
      assert.deepEqual(new Int32Array(kept.buffer, kept.byteOffset, 3), words);
      for (const count of [2, 4]) {
        await assert.rejects(
          buffer.write(new Float32Array(count)),
          new UsageError(`DeviceBuffer.write: expected 3 values, got ${count}`),
        );
      }
      buffer.free();
      for (const [what, use] of [
        ['read', () => buffer.read()],
        ['write', () => buffer.write(words)],
        ['free', async () => buffer.free()],
      ] as const) {
        await assert.rejects(use, new UsageError(`DeviceBuffer.${what}: the buffer of 3 elements was freed`));
      }
    });
  });

  test(`${name}: a run with the wrong buffers or scalars lists what is wrong`, async () => {
    await withProgram(start, async ({ backend, program, given, allocate }) => {
      const [small, freed] = [backend.allocate(8), allocate(1)];
      freed.free();
      await assert.rejects(program.run(given(small, freed), new Uint32Array(3)), (error: unknown) => {
        assert.ok(error instanceof UsageError);
        assert.deepEqual(error.message.split('\n').sort(), [
          '  - buffer "x" needs 100000 elements, got 8',
          '  - buffer "y" was freed or belongs to another backend',
          '  - expected 1 scalars, got 3',
          'Program.run: 3 faults',
        ]);
        return true;
      });
      await assert.rejects(
        program.run([], bits(1)),
        new UsageError('Program.run: expected 2 buffers, got 0'),
      );
      await withProgram(start, async (other) => {
        await assert.rejects(
          other.program.run(given(allocate(1), other.allocate(1)), bits(1)),
          new UsageError('Program.run: buffer "x" was freed or belongs to another backend'),
        );
      });
    });
  });

  test(`${name}: runs asked for at once follow one another, and what is freed meanwhile stays until they end`, async () => {
    await withProgram(start, async ({ program, given, allocate }) => {
      const expected: Float32Array[] = [];
      for (const value of [0.5, 1, 2]) {
        const [x, y] = [allocate(value), allocate(0)];
        await program.run(given(x, y), bits(value));
        expected.push(await y.read());
      }
      const results = [0.5, 1, 2].map((value) => {
        const [x, y] = [allocate(value), allocate(0)];
        const scalars = bits(value);
        const pending = program.run(given(x, y), scalars);
        // Scalars are the caller's again at once, and so is the memory of the input.
        scalars.fill(0);
        x.free();
        return { y, pending };
      });
      program.free();
      await Promise.all(results.map(({ pending }) => pending));
      for (const [k, { y }] of results.entries()) {
        const values = await y.read();
        assert.equal(
          values.findIndex((value, i) => value !== expected[k]![i]),
          -1,
        );
      }
      await assert.rejects(
        program.run(given(allocate(1), allocate(0)), bits(1)),
        new UsageError('Program.run: the program was freed'),
      );
      assert.throws(() => program.free(), new UsageError('Program.free: the program was freed'));
    });
  });

  test(`${name}: a backend closes once its runs are over, and then says so`, async () => {
    await withProgram(start, async ({ backend, program, given, allocate }) => {
      const buffers = given(allocate(1), allocate(0));
      let isOver = false;
      const pending = program.run(buffers, bits(1)).then(() => {
        isOver = true;
      });
      await backend.close();
      assert.ok(isOver);
      await pending;
      await backend.close();
      const closed = new UsageError(`${name} backend: used after close; create a new one`);
      await assert.rejects(backend.load(sums(backend)), closed);
      await assert.rejects(program.run(buffers, bits(1)), closed);
      // Its memory is gone.
      await assert.rejects(buffers[0]!.read(), closed);
      await assert.rejects(buffers[0]!.write(new Float32Array(ELEMENTS)), closed);
      for (const buffer of buffers) buffer.free();
      program.free();
    });
  });
}

test('impossible numbers of threads are refused', async () => {
  const compiler = findCompiler();
  for (const threads of [0, -1, 1.5, 1e9]) {
    await assert.rejects(
      createWasmBackend({ threads, startWorker: startNodeWorker }),
      new UsageError(`createWasmBackend: threads must be a whole number from 1 to 1024, got ${threads}`),
    );
    if (compiler === undefined) continue;
    await assert.rejects(
      createNativeBackend(compiler, threads),
      new UsageError(`createNativeBackend: threads must be a whole number from 1 to 1024, got ${threads}`),
    );
  }
});
