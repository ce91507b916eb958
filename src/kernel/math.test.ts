// Elementary functions against float64, as WebAssembly computes them; that other backends give the same bits is tested
// in test/backends.test.ts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifying } from '../../test/compare.ts';
import {
  keyFromSeed,
  normalFromWord,
  randomSequence,
  randomWord,
  threefry2x32,
  uniformFromWord,
} from '../base/random.ts';
import { type Engine, engineOn } from '../engine.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { startNodeWorker } from '../node/workers.ts';
import { createWasmBackend } from '../wasm/backend.ts';

const COUNT = 40_000;

type FunctionName = 'exp' | 'log' | 'tanh' | 'cos';

let engine: Engine;
before(async () => {
  engine = engineOn(await verifying(createWasmBackend({ threads: 1, startWorker: startNodeWorker })));
});
after(() => engine.close());

async function evaluate(name: FunctionName, x: Float32Array): Promise<Float32Array> {
  const executable = await engine.compile(
    trace((t) => ({ outputs: { y: (t.input('x', [x.length])[name] as () => Tensor)() } })),
  );
  const { y } = await executable.run({ inputs: { x } });
  executable.free();
  return y!;
}

/** Evenly spaced from low to high, both included. */
function evenly(low: number, high: number, count: number = COUNT): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
}

/** Random floats of every magnitude, positive. */
function everyMagnitude(): Float32Array {
  const draw = randomSequence(keyFromSeed(1));
  return new Float32Array(Uint32Array.from({ length: COUNT }, () => draw.below(0x7f800000)).buffer);
}

/** The largest `error(actual, expected)` over x, and where it is. */
function worst(
  x: Float32Array,
  y: Float32Array,
  f: (x: number) => number,
  error: (actual: number, expected: number) => number,
): { readonly error: number; readonly at: number } {
  return x.reduce(
    (most, at, i) => {
      const own = error(y[i]!, f(at));
      return own <= most.error ? most : { error: own, at };
    },
    { error: 0, at: Number.NaN },
  );
}

const relative = (actual: number, expected: number): number =>
  Math.abs(actual - expected) / Math.abs(expected);
const absolute = (actual: number, expected: number): number => Math.abs(actual - expected);

test('exp is right to 2e-7 of its value wherever that is a normal float', async () => {
  for (const x of [evenly(-87.3, 88.7), evenly(-1, 1)]) {
    const { error, at } = worst(x, await evaluate('exp', x), Math.exp, relative);
    assert.ok(error < 2e-7, `${error} at ${at}`);
  }
});

test('exp underflows gradually, overflows to infinity, and is exact at 0', async () => {
  const x = evenly(-104, -87.3);
  // 2^-149 is the smallest float: rounding to it costs a half of it, the two factors of the result another.
  const { error, at } = worst(x, await evaluate('exp', x), Math.exp, absolute);
  assert.ok(error < 2 ** -149 + 2e-7 * Math.exp(-87.3), `${error} at ${at}`);
  const special = [0, -0, 88.8, 1000, Number.POSITIVE_INFINITY, -150, Number.NEGATIVE_INFINITY, Number.NaN];
  assert.deepEqual(
    [...(await evaluate('exp', Float32Array.from(special)))],
    [1, 1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0, Number.NaN],
  );
});

test('log is right to 1e-7 + 1e-7 |log x| for every positive float, denormal ones included', async () => {
  for (const x of [everyMagnitude(), evenly(0.5, 2), evenly(2 ** -149, 2 ** -130)]) {
    const scaled = (actual: number, expected: number): number =>
      Math.abs(actual - expected) / (1 + Math.abs(expected));
    const { error, at } = worst(x, await evaluate('log', x), Math.log, scaled);
    assert.ok(error < 1e-7, `${error} at ${at}`);
  }
});

test('log has its limits at the ends, and no value below zero', async () => {
  const special = [1, 0, -0, -1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN];
  const { NEGATIVE_INFINITY, POSITIVE_INFINITY } = Number;
  assert.deepEqual(
    [...(await evaluate('log', Float32Array.from(special)))],
    [0, NEGATIVE_INFINITY, NEGATIVE_INFINITY, Number.NaN, Number.NaN, POSITIVE_INFINITY, Number.NaN],
  );
});

test('tanh is right to 4e-7 of its value, is odd, and saturates', async () => {
  for (const x of [evenly(-12, 12), evenly(-0.4, 0.4), everyMagnitude()]) {
    const y = await evaluate('tanh', x);
    const { error, at } = worst(x, y, Math.tanh, (actual, expected) =>
      expected === 0 ? 0 : relative(actual, expected),
    );
    assert.ok(error < 4e-7, `${error} at ${at}`);
    assert.deepEqual(
      await evaluate(
        'tanh',
        x.map((value) => -value),
      ),
      y.map((value) => -value),
    );
  }
  const special = [0, 100, -100, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
  assert.deepEqual([...(await evaluate('tanh', Float32Array.from(special)))], [0, 1, -1, 1, -1, Number.NaN]);
});

test('cos is right to 5e-7 up to 1000, and even', async () => {
  for (const x of [evenly(-1000, 1000), evenly(-4, 4)]) {
    const y = await evaluate('cos', x);
    const { error, at } = worst(x, y, Math.cos, absolute);
    assert.ok(error < 5e-7, `${error} at ${at}`);
    assert.deepEqual(
      await evaluate(
        'cos',
        x.map((value) => -value),
      ),
      y,
    );
  }
  assert.deepEqual([...(await evaluate('cos', Float32Array.of(0)))], [1]);
});

test('a uniform draw is the float of its word exactly, a normal draw what its word stands for to 1e-6', async () => {
  const executable = await engine.compile(
    trace((t) => {
      const key = t.key('k').derive('draws');
      return { outputs: { uniform: key.uniform([COUNT]), normal: key.normal([COUNT]) } };
    }),
  );
  const { uniform, normal } = await executable.run({ keys: { k: [3, 4] } });
  executable.free();
  const { stream } = trace((t) => ({ outputs: { x: t.key('k').derive('draws').uniform([1]) } })).outputs['x']!
    .attributes as {
    readonly stream: readonly [number, number];
  };
  const key = threefry2x32(3, 4, stream[0], stream[1]);
  for (let i = 0; i < COUNT; i++) {
    const word = randomWord(key, i);
    assert.equal(uniform![i], uniformFromWord(word));
    assert.ok(Math.abs(normal![i]! - normalFromWord(word)) < 1e-6);
  }
});
