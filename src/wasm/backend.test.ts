import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mock, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { InternalError, UsageError } from '../base/errors.ts';
import { type Backend, type Binding, mapCalls, type Placement, type Plan } from '../compile/backend.ts';
import { div, literal, mod, plus, times, variable } from '../kernel/int.ts';
import type { Kernel, Statement } from '../kernel/kernel.ts';
import { startNodeWorker } from '../node/workers.ts';
import { createWasmBackend } from './backend.ts';
import type { WorkerHandle } from './worker-pool.ts';

const CHUNKS = 64;
const ELEMENTS = 4 * CHUNKS;

/** to = from rotated by one chunk, times a scalar, plus the call's push constant. */
const rotate: Kernel = {
  name: 'rotate',
  lanes: 4,
  buffers: 2,
  pushConstants: 1,
  constants: [],
  scratch: 8,
  chunks: CHUNKS,
  types: ['f32', 'f32', 'i32', 'f32', 'f32', 'f32', 'f32'],
  body: rotateBody(),
};

function rotateBody(): readonly Statement[] {
  const chunk = variable('chunk', CHUNKS);
  const from = times(mod(plus(chunk, literal(1)), CHUNKS), 4);
  return [
    { kind: 'load', target: 0, type: 'f32', buffer: 0, index: from, mode: 'vector' },
    { kind: 'scalar', target: 1, type: 'f32', slot: 0 },
    { kind: 'pushConstant', target: 2, position: 0 },
    { kind: 'operation', target: 3, op: 'toFloat', operands: [2] },
    { kind: 'operation', target: 4, op: 'multiply', operands: [0, 1] },
    { kind: 'operation', target: 5, op: 'add', operands: [4, 3] },
    { kind: 'store', buffer: -1, index: literal(0), value: 5, mode: 'vector', count: 4 },
    { kind: 'load', target: 6, type: 'f32', buffer: -1, index: literal(0), mode: 'vector' },
    { kind: 'store', buffer: 1, index: times(chunk, 4), value: 6, mode: 'vector', count: 4 },
  ];
}

/** Chunk 3 stores far outside memory. */
const broken: Kernel = {
  name: 'broken',
  lanes: 4,
  buffers: 2,
  pushConstants: 0,
  constants: [],
  scratch: 0,
  chunks: CHUNKS,
  types: ['f32'],
  body: [
    { kind: 'literal', target: 0, type: 'f32', value: 1 },
    {
      kind: 'if',
      index: times(div(plus(variable('chunk', CHUNKS), literal(CHUNKS - 4)), CHUNKS), -1),
      below: 0,
      body: [{ kind: 'store', buffer: 1, index: literal(2 ** 29), value: 0, mode: 'vector', count: 4 }],
    },
  ],
};

function binding(name: string, role: Binding['role']): Binding {
  return { name, role, shape: [ELEMENTS], dtype: 'f32', elements: ELEMENTS };
}

/** Rotates `steps` times, x → arena → arena → … → y, each launch reading all that the one before wrote. */
function rotations(steps: number): Plan {
  const place = (position: number): Placement => {
    if (position === 0) return { space: 'binding', binding: 0 };
    if (position === steps) return { space: 'binding', binding: 1 };
    return { space: 'arena', offset: (position % 2) * ELEMENTS };
  };
  return {
    lanes: 4,
    kernels: [broken, rotate],
    launches: Array.from({ length: steps }, (_, l) => ({
      kind: 'single',
      call: { kernel: 1, buffers: [place(l), place(l + 1)], pushConstants: [l] },
    })),
    bindings: [binding('x', 'input'), binding('y', 'output')],
    scalars: [{ name: 'factor', dtype: 'f32' }],
    arenaElements: 2 * ELEMENTS,
  };
}

function expectedRotations(x: Float32Array, steps: number, factor: number): Float32Array {
  let values = x;
  for (let l = 0; l < steps; l++)
    values = values.map((_, i, all) => Math.fround(Math.fround(all[(i + 4) % ELEMENTS]! * factor) + l));
  return values;
}

const bits = (value: number): Uint32Array => new Uint32Array(Float32Array.of(value).buffer);
const ramp: Float32Array = Float32Array.from({ length: ELEMENTS }, (_, i) => Math.sin(i));

type Where = number | 'the calling thread';

async function withBackend(where: Where, use: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await createWasmBackend(
    typeof where === 'number' ? { threads: where, startWorker: startNodeWorker } : { threads: 1 },
  );
  try {
    await use(backend);
  } finally {
    await backend.close();
  }
}

for (const where of [1, 2, 3, 'the calling thread'] as const) {
  test(`launches see what earlier ones wrote, bit for bit, on ${where}${Number(where) ? ' threads' : ''}`, async () => {
    await withBackend(where, async (backend) => {
      const [x, y] = [backend.allocate(ELEMENTS), backend.allocate(ELEMENTS)];
      await x.write(ramp);
      const program = await backend.load(rotations(50));
      await program.run([x, y], bits(0.75));
      assert.deepEqual(await y.read(), expectedRotations(ramp, 50, 0.75));
      // Memory that the workers have not seen yet.
      backend.allocate(3_000_000);
      const z = backend.allocate(ELEMENTS);
      // Runs asked for at once, with other buffers and scalars, keep their order and their arguments.
      await Promise.all([program.run([x, z], bits(0.5)), program.run([z, y], bits(0.25))]);
      assert.deepEqual(await z.read(), expectedRotations(ramp, 50, 0.5));
      assert.deepEqual(await y.read(), expectedRotations(await z.read(), 50, 0.25));
      program.free();
      const other = await backend.load(rotations(1));
      await other.run([x, y], bits(2));
      assert.deepEqual(await y.read(), expectedRotations(ramp, 1, 2));
    });
  });
}

test('a plan without launches runs', async () => {
  await withBackend(2, async (backend) => {
    const program = await backend.load({ ...rotations(1), launches: [] });
    await program.run([backend.allocate(ELEMENTS), backend.allocate(ELEMENTS)], bits(1));
  });
});

for (const where of [2, 'the calling thread'] as const) {
  test(`a trap in a kernel rejects the run, and the backend runs on: ${where}`, async () => {
    await withBackend(where, async (backend) => {
      const [x, y] = [backend.allocate(ELEMENTS), backend.allocate(ELEMENTS)];
      await x.write(ramp);
      const good = rotations(5);
      const bad = await backend.load({
        ...good,
        launches: [mapCalls(good.launches[0]!, (call) => ({ ...call, kernel: 0 })), ...good.launches],
      });
      await assert.rejects(bad.run([x, y], bits(1)), (error: unknown) => {
        assert.ok(error instanceof InternalError);
        assert.match(error.message, /^internal: wasm worker failed: kernel "broken": .*out of bounds/);
        return true;
      });
      const program = await backend.load(good);
      await program.run([x, y], bits(1));
      assert.deepEqual(await y.read(), expectedRotations(ramp, 5, 1));
    });
  });
}

test('the calling thread gets turns while it computes', async () => {
  await withBackend('the calling thread', async (backend) => {
    const [x, y] = [backend.allocate(ELEMENTS), backend.allocate(ELEMENTS)];
    await x.write(ramp);
    const program = await backend.load(rotations(20_000));
    let turns = 0;
    let isOver = false;
    const takeTurn = (): void => {
      turns++;
      if (!isOver) setImmediate(takeTurn);
    };
    setImmediate(takeTurn);
    await program.run([x, y], bits(0.5));
    isOver = true;
    // 1.3 million chunks take far longer than the 20 ms between two turns.
    assert.ok(turns >= 2, `${turns} turns`);
    assert.deepEqual(await y.read(), expectedRotations(ramp, 20_000, 0.5));
  });
});

test('several threads without workers are refused', async () => {
  await assert.rejects(
    createWasmBackend({ threads: 2 }),
    new UsageError('createWasmBackend: 2 threads need startWorker; pass it, or threads: 1'),
  );
});

/** A worker that answers nothing. */
const silent: WorkerHandle = {
  post: () => undefined,
  onReply: () => undefined,
  onDeath: () => undefined,
  keepAlive: () => undefined,
  stop: async () => undefined,
};

/** A worker of Node's that runs `source`. */
function startWorkerWith(source: string): WorkerHandle {
  const worker = new Worker(source, { eval: true });
  return {
    post: (request) => worker.postMessage(request),
    onReply: (handler) => worker.on('message', handler),
    onDeath: (handler) => worker.on('error', (error) => handler(error.message)),
    keepAlive: () => undefined,
    stop: async () => void (await worker.terminate()),
  };
}

const notStarted = (threads: string, reason: string): UsageError =>
  new UsageError(
    `wasm backend: expected ${threads} to start, got: ${reason}; ` +
      'ask for fewer threads, or check the file that startWorker loads',
  );

test('workers that do not start are reported, with what to do', async () => {
  const dies = 'require("node:worker_threads").parentPort.on("message", () => { throw new Error("gone") })';
  await assert.rejects(
    createWasmBackend({ threads: 2, startWorker: () => startWorkerWith(dies) }),
    notStarted('2 worker threads', 'wasm worker died: gone'),
  );
  let [started, stopped] = [0, 0];
  const startWorker = (): WorkerHandle => {
    if (started === 2) throw new RangeError('no more threads');
    started++;
    return { ...silent, stop: async () => void stopped++ };
  };
  await assert.rejects(
    createWasmBackend({ threads: 3, startWorker }),
    notStarted('3 worker threads', 'no more threads'),
  );
  assert.deepEqual([started, stopped], [2, 2], 'none is left');
});

test('a worker that never answers is given up', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const backend = createWasmBackend({ threads: 1, startWorker: () => silent });
  mock.timers.tick(60_000);
  mock.timers.reset();
  await assert.rejects(backend, notStarted('1 worker thread', 'no answer within 60 s'));
});

test('a worker that dies rejects what was asked, now and later', async () => {
  const diesLater = `const { parentPort } = require("node:worker_threads");
    parentPort.on("message", ({ kind }) => { if (kind === "greet") parentPort.postMessage({}); else throw new Error("gone later") })`;
  const backend = await createWasmBackend({ threads: 1, startWorker: () => startWorkerWith(diesLater) });
  await assert.rejects(
    backend.load(rotations(1)),
    new InternalError('internal: wasm worker died: gone later'),
  );
  await assert.rejects(
    backend.load(rotations(1)),
    new InternalError('internal: wasm worker died: gone later'),
  );
  await backend.close();
});

test('idle workers do not keep a process alive', () => {
  const program = `
    const { createWasmBackend } = await import(${JSON.stringify(new URL('./backend.ts', import.meta.url).href)});
    const { startNodeWorker } = await import(${JSON.stringify(new URL('../node/workers.ts', import.meta.url).href)});
    const backend = await createWasmBackend({ threads: 2, startWorker: startNodeWorker });
    console.log(backend.description);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: 60_000,
    encoding: 'utf8',
  });
  assert.equal(output, 'WebAssembly SIMD, 2 threads\n');
});
