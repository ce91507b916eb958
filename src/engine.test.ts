import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifying } from '../test/compare.ts';
import { UsageError } from './base/errors.ts';
import { hostTensor } from './base/parameters.ts';
import { type Engine, engineOn, type Store } from './engine.ts';
import { trace } from './graph/trace.ts';
import { startNodeWorker } from './node/workers.ts';
import { createWasmBackend } from './wasm/backend.ts';

const newEngine = async (): Promise<Engine> =>
  engineOn(await verifying(createWasmBackend({ threads: 2, startWorker: startNodeWorker })));

let engine: Engine;
before(async () => {
  engine = await newEngine();
});
after(() => engine.close());

const vector = (...values: readonly number[]): ReturnType<typeof hostTensor> =>
  hostTensor([values.length], Float32Array.from(values));

/** count ← count + step · input; the output is the old count. */
const counting = trace((t) => {
  const count = t.state('count', [2]);
  const next = count.add(t.input('input', [2]).multiply(t.scalar('step')));
  return { outputs: { old: count }, updates: { count: next } };
});

test('a run returns outputs by name and changes states in place', async () => {
  const [executable, state] = [await engine.compile(counting), await engine.store({ count: vector(1, 2) })];
  const call = { inputs: { input: Float32Array.of(10, 20) }, scalars: { step: 0.5 }, state };
  assert.deepEqual(await executable.run(call), { old: Float32Array.of(1, 2) });
  assert.deepEqual(await executable.run(call), { old: Float32Array.of(6, 12) });
  assert.deepEqual(await state.read(), { count: vector(11, 22) });
  executable.free();
  state.free();
});

test('calls made at once run one after another, in their order', async () => {
  const [executable, state] = [await engine.compile(counting), await engine.store({ count: vector(0, 0) })];
  const runs = Array.from({ length: 20 }, () =>
    executable.run({ inputs: { input: Float32Array.of(1, 2) }, scalars: { step: 1 }, state }),
  );
  const olds = (await Promise.all(runs)).map(({ old }) => [...old!]);
  assert.deepEqual(
    olds,
    Array.from({ length: 20 }, (_, k) => [k, 2 * k]),
  );
  executable.free();
  state.free();
});

test('a call that fails does not stop those after it', async () => {
  const [executable, state] = [await engine.compile(counting), await engine.store({ count: vector(0, 0) })];
  const failing = executable.run({ state });
  const working = executable.run({ inputs: { input: Float32Array.of(1, 1) }, scalars: { step: 1 }, state });
  await assert.rejects(failing, UsageError);
  assert.deepEqual(await working, { old: Float32Array.of(0, 0) });
  executable.free();
  state.free();
});

test('outputs are copies: the next run does not change them', async () => {
  const executable = await engine.compile(trace((t) => ({ outputs: { y: t.input('x', [2]).multiply(2) } })));
  const first = await executable.run({ inputs: { x: Float32Array.of(1, 2) } });
  await executable.run({ inputs: { x: Float32Array.of(5, 6) } });
  assert.deepEqual(first, { y: Float32Array.of(2, 4) });
  executable.free();
});

test('several executables share one store, and a store may hold more than they need', async () => {
  const state = await engine.store({ w: vector(1, 2), other: vector(9) });
  const double = await engine.compile(
    trace((t) => ({ outputs: {}, updates: { w: t.state('w', [2]).multiply(2) } })),
  );
  const sum = await engine.compile(trace((t) => ({ outputs: { sum: t.state('w', [2]).sum() } })));
  await double.run({ state });
  assert.deepEqual(await sum.run({ state }), { sum: Float32Array.of(6) });
  for (const executable of [double, sum]) executable.free();
  state.free();
});

test('integers and bools go in and come out as 32-bit words', async () => {
  const executable = await engine.compile(
    trace((t) => {
      const i = t.input('i', [3], 'i32');
      return { outputs: { twice: i.multiply(2), negative: i.less(0) } };
    }),
  );
  const { twice, negative } = await executable.run({ inputs: { i: Int32Array.of(-1, 0, 2 ** 30) } });
  assert.deepEqual([...new Int32Array(twice!.buffer)], [-2, 0, -(2 ** 31)]);
  assert.deepEqual([...new Int32Array(negative!.buffer)], [-1, 0, 0]);
  executable.free();
});

test('keys go to both words of their name, and different keys draw differently', async () => {
  const executable = await engine.compile(
    trace((t) => ({ outputs: { a: t.key('a').uniform([4]), b: t.key('b').uniform([4]) } })),
  );
  const drawn = (
    a: readonly [number, number],
    b: readonly [number, number],
  ): ReturnType<typeof executable.run> => executable.run({ keys: { a, b } });
  const same = await drawn([1, 2], [1, 2]);
  assert.deepEqual(same['a'], same['b']);
  const others = [await drawn([1, 2], [2, 1]), await drawn([1, 2], [1, 0xffffffff])];
  for (const other of others) {
    assert.deepEqual(other['a'], same['a']);
    assert.notDeepEqual(other['b'], same['b']);
  }
  executable.free();
});

test('a store reads, overwrites in part, and knows its names', async () => {
  const store = await engine.store({ a: vector(1, 2), b: hostTensor([1, 1], Float32Array.of(3)) });
  assert.deepEqual([store.names(), store.has('a'), store.has('c')], [['a', 'b'], true, false]);
  await store.write({ a: vector(5, 6) });
  assert.deepEqual(await store.read(), { a: vector(5, 6), b: hostTensor([1, 1], Float32Array.of(3)) });
  store.free();
});

test('a store refuses names that it does not hold, and other shapes', async () => {
  const store = await engine.store({ a: vector(1, 2), b: vector(3) });
  assert.throws(() => store.buffer('c'), new UsageError('store: no tensor "c"; it holds a, b'));
  await assert.rejects(store.write({ c: vector(1) }), new UsageError('store: no tensor "c"; it holds a, b'));
  await assert.rejects(
    store.write({ a: hostTensor([2, 1], new Float32Array(2)) }),
    new UsageError('store: "a" has shape (2), got (2, 1)'),
  );
  store.free();
});

const needy = trace((t) => {
  const x = t.input('x', [2, 3]).multiply(t.scalar('rate'));
  const labels = t.input('labels', [2], 'i32');
  const noise = t.key('noise').derive('a').normal([2, 3]);
  return { outputs: { y: x.add(noise).add(t.state('w', [3])), labels } };
});

test('what a call lacks is refused by name, with what to pass', async () => {
  const executable = await engine.compile(needy);
  const state: Store = await engine.store({ w: vector(1, 2, 3) });
  const small: Store = await engine.store({ w: vector(1, 2) });
  const other: Store = await engine.store({ v: vector(1) });
  const full = {
    inputs: { x: new Float32Array(6), labels: Int32Array.of(0, 1) },
    scalars: { rate: 1 },
    keys: { noise: [1, 2] as const },
    state,
  };
  await executable.run(full);
  const faults: readonly (readonly [object, string])[] = [
    [{ state: undefined }, 'run: the graph has the state "w"; pass `state`'],
    [{ state: small }, 'run: state "w" needs shape (3), the store holds 2 values'],
    [{ state: other }, 'store: no tensor "w"; it holds v'],
    [{ inputs: { labels: Int32Array.of(0, 1) } }, 'run: no values for input "x" (2, 3)'],
    [
      { inputs: { ...full.inputs, x: new Float32Array(5) } },
      'run: input "x" needs shape (2, 3), got 5 values',
    ],
    [
      { inputs: { ...full.inputs, x: new Int32Array(6) } },
      'run: input "x" is f32, got Int32Array; pass Float32Array',
    ],
    [
      { inputs: { ...full.inputs, labels: new Float32Array(2) } },
      'run: input "labels" is i32, got Float32Array; pass Int32Array',
    ],
    [
      { inputs: { ...full.inputs, x: new Float64Array(full.inputs.x.length) as unknown as Float32Array } },
      'run: input "x" is f32, got Float64Array; pass Float32Array',
    ],
    [{ scalars: {} }, 'run: no value for scalar "rate"'],
    [{ keys: {} }, 'run: no key "noise"; pass it in `keys`'],
  ];
  for (const [change, message] of faults) {
    await assert.rejects(executable.run({ ...full, ...change } as typeof full), new UsageError(message));
  }
  executable.free();
  for (const store of [state, small, other]) store.free();
});

test('closing waits for the runs that were asked for', async () => {
  const own = await newEngine();
  const executable = await own.compile(
    trace((t) => ({ outputs: { y: t.input('x', [100_000]).exp().sum() } })),
  );
  const run = executable.run({ inputs: { x: new Float32Array(100_000) } });
  await Promise.all([own.close(), run]);
  assert.deepEqual(await run, { y: Float32Array.of(100_000) });
});
