// Node stands in for a browser: its worker threads speak as Web Workers. test/browser.test.ts does the same for real.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { UsageError } from '../base/errors.ts';
import type { ChosenEngine } from '../engine.ts';
import { trace } from '../graph/trace.ts';
import { createEngine } from '../node/create-engine.ts';
import { webAssembly } from '../wasm/web-assembly.ts';
import { createWasmEngine } from './create-wasm-engine.ts';
import type { WebWorker } from './workers.ts';

/** A worker thread of Node as a Web Worker; `prelude` makes its global scope like that of one. */
function startWorker(file: string = new URL('./worker-main.ts', import.meta.url).href): WebWorker {
  const prelude = `
    const { parentPort } = require('node:worker_threads');
    globalThis.WorkerGlobalScope = {};
    globalThis.postMessage = (reply) => parentPort.postMessage(reply);
    globalThis.addEventListener = (type, listener) => parentPort.on('message', (data) => listener({ data }));
    import(${JSON.stringify(file)});`;
  const worker = new Worker(prelude, { eval: true });
  return {
    postMessage: (message) => worker.postMessage(message),
    addEventListener: (type, listener) => {
      if (type === 'message') worker.on('message', (data) => listener({ data }));
      if (type === 'error') worker.on('error', (error) => listener({ message: error.message }));
    },
    terminate: () => void worker.terminate(),
  };
}

/** The digits of tanh(x · w + noise), summed; closes the engine. */
async function digits({ engine }: ChosenEngine): Promise<Record<string, Float32Array>> {
  const graph = trace((t) => {
    const y = t.input('x', [70, 90]).matmul(t.input('w', [90, 33]));
    const noisy = y.add(t.key('noise').normal([70, 33])).tanh();
    return { outputs: { noisy, sum: noisy.sum() } };
  });
  try {
    const executable = await engine.compile(graph);
    const wave = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i));
    return await executable.run({ inputs: { x: wave(6300), w: wave(2970) }, keys: { noise: [3, 4] } });
  } finally {
    await engine.close();
  }
}

/** Sets one of the globals that tell what the host is. */
function setGlobal(t: TestContext, name: 'crossOriginIsolated', value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true });
  t.after(() => {
    if (before === undefined) delete (globalThis as Record<string, unknown>)[name];
    else Object.defineProperty(globalThis, name, before);
  });
}

test('workers of one’s own and the calling thread give the digits of Node’s workers', async () => {
  const expected = await digits(await createEngine({ backend: 'wasm', threads: 2 }));
  const withWorkers = await createWasmEngine({ threads: 2, startWorker: () => startWorker() });
  assert.deepEqual(
    [withWorkers.engine.backend.description, withWorkers.notice],
    ['WebAssembly SIMD, 2 threads', undefined],
  );
  assert.deepEqual(await digits(withWorkers), expected);
  const alone = await createWasmEngine();
  assert.deepEqual(
    [alone.engine.backend.description, alone.notice],
    [
      'WebAssembly SIMD, on the calling thread',
      'computing on the calling thread, because there are no Web Workers here; for more threads pass startWorker, or on Node use createEngine of ohmic/node',
    ],
  );
  assert.deepEqual(await digits(alone), expected);
});

test('by default there is a worker for every processor', async () => {
  const { engine } = await createWasmEngine({ startWorker: () => startWorker() });
  assert.equal(engine.backend.threads, navigator.hardwareConcurrency);
  await engine.close();
});

test('a page that is not isolated computes on its own thread, and several threads are refused', async (t) => {
  setGlobal(t, 'crossOriginIsolated', false);
  const headers =
    'serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
  // Workers of one's own do not help: memory can't be sent to them.
  const { engine, notice } = await createWasmEngine({ threads: 1, startWorker: () => startWorker() });
  assert.deepEqual(
    [engine.backend.description, notice],
    [
      'WebAssembly SIMD, on the calling thread',
      `computing on the calling thread, because this page is not cross-origin isolated; for more threads ${headers}`,
    ],
  );
  await engine.close();
  await assert.rejects(
    createWasmEngine({ threads: 4 }),
    new UsageError(
      `createWasmEngine: 4 threads need shared memory, but this page is not cross-origin isolated; ${headers}, ` +
        'or leave out threads to compute on the calling thread',
    ),
  );
});

test('impossible numbers of threads are refused', async () => {
  await assert.rejects(
    createWasmEngine({ threads: 0 }),
    new UsageError('createWasmEngine: threads must be a whole number from 1 to 1024, got 0'),
  );
});

test('workers that do not start are reported, whether the browser says why or not', async () => {
  const failing = (event: object): WebWorker => ({
    postMessage: () => undefined,
    addEventListener: (type, listener) => {
      if (type === 'error') setImmediate(() => listener(event));
    },
    terminate: () => undefined,
  });
  for (const [event, reason] of [
    [{}, "wasm worker died: its file can't be loaded"],
    [{ message: 'SyntaxError' }, 'wasm worker died: SyntaxError'],
  ] as const) {
    await assert.rejects(
      createWasmEngine({ threads: 1, startWorker: () => failing(event) }),
      new UsageError(
        `wasm backend: expected 1 worker thread to start, got: ${reason}; ` +
          'ask for fewer threads, or check the file that startWorker loads',
      ),
    );
  }
});

test('a host that does not compile vector instructions is refused', async (t) => {
  t.mock.method(webAssembly, 'compile', async () => {
    throw new Error('blocked by the policy');
  });
  await assert.rejects(
    createWasmEngine(),
    new UsageError(
      'createWasmEngine: expected WebAssembly with SIMD, got: blocked by the policy; ' +
        "use a browser of 2023 or later, and allow 'wasm-unsafe-eval' if the page has a content security policy",
    ),
  );
});

test('the file of a worker refuses to run elsewhere', async () => {
  await assert.rejects(
    import('./worker-main.ts'),
    new UsageError(
      'ohmic/worker: expected a Web Worker to run it, got another place; ' +
        'start it by `new Worker(...)`; on Node, createEngine of ohmic/node starts its own workers',
    ),
  );
});
