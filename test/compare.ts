// What tests between folders share: a graph with values for its inputs, its float64 results, and the comparison of a
// backend with them.

import assert from 'node:assert/strict';
import { type HostTensor, hostTensor } from '../src/base/parameters.ts';
import { deriveKey, type Key, keyFromSeed, type RandomSequence, randomSequence } from '../src/base/random.ts';
import { elementCount, type Shape } from '../src/base/shape.ts';
import type { Backend } from '../src/compile/backend.ts';
import { verifyPlan } from '../src/compile/verify-plan.ts';
import { type Engine, engineOn } from '../src/engine.ts';
import { type Interpreted, interpret } from '../src/graph/interpret.ts';
import type { Graph, Node } from '../src/graph/node.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { type Trace, type Traced, trace } from '../src/graph/trace.ts';
import { createNativeBackend } from '../src/native/backend.ts';
import { findCompiler } from '../src/native/compiler.ts';
import { startNodeWorker } from '../src/node/workers.ts';
import { createWasmBackend } from '../src/wasm/backend.ts';

/** A trace whose inputs come with values. */
export type SampleTrace = Trace & {
  /** Standard normal values, times `scale`. */
  readonly normals: (shape: Shape, scale?: number) => Tensor;
  /** Values in (low, high). */
  readonly uniforms: (shape: Shape, low: number, high: number) => Tensor;
  /** Whole numbers in [low, high). */
  readonly integers: (shape: Shape, low: number, high: number) => Tensor;
  /** An f32 input with these values. */
  readonly values: (shape: Shape, values: ArrayLike<number>) => Tensor;
  /** A state with standard normal values. */
  readonly normalState: (name: string, shape: Shape) => Tensor;
  readonly givenScalar: (name: string, value: number) => Tensor;
};

/** A graph, what it is given, and what it must compute. */
export type Sample = {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>;
  readonly states: Readonly<Record<string, HostTensor>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly keys: Readonly<Record<string, Key>>;
  readonly expected: Interpreted;
};

const KEY: Key = [0x243f6a88, 0x85a308d3];

/** Traces `define` and evaluates it with the float64 interpreter. The key `noise` has a value. */
export function sample(define: (t: SampleTrace) => Traced): Sample {
  const inputs: Record<string, Float32Array | Int32Array> = {};
  const states: Record<string, HostTensor> = {};
  const scalars: Record<string, number> = {};
  const graph = trace((t) => {
    const declare = (shape: Shape, values: Float32Array | Int32Array): Tensor => {
      const name = `x${Object.keys(inputs).length}`;
      inputs[name] = values;
      return t.input(name, shape, values instanceof Int32Array ? 'i32' : 'f32');
    };
    const draw = (shape: Shape, value: (draws: RandomSequence) => number): Float32Array => {
      const draws = randomSequence(
        deriveKey(keyFromSeed(1), Object.keys(inputs).length, Object.keys(states).length),
      );
      return Float32Array.from({ length: elementCount(shape) }, () => value(draws));
    };
    return define({
      ...t,
      normals: (shape, scale = 1) =>
        declare(
          shape,
          draw(shape, (draws) => scale * draws.normal()),
        ),
      uniforms: (shape, low, high) =>
        declare(
          shape,
          draw(shape, (draws) => low + (high - low) * draws.uniform()),
        ),
      integers: (shape, low, high) =>
        declare(shape, Int32Array.from(draw(shape, (draws) => low + draws.below(high - low)))),
      values: (shape, values) => declare(shape, Float32Array.from(values)),
      normalState: (name, shape) => {
        states[name] = hostTensor(
          shape,
          draw(shape, (draws) => draws.normal()),
        );
        return t.state(name, shape);
      },
      givenScalar: (name, value) => {
        scalars[name] = Math.fround(value);
        return t.scalar(name);
      },
    });
  });
  const given: Record<string, ArrayLike<number>> = { ...inputs, 'noise.0': [KEY[0]], 'noise.1': [KEY[1]] };
  for (const [name, value] of Object.entries(scalars)) given[name] = [value];
  for (const [name, { data }] of Object.entries(states)) given[name] = data;
  return { graph, inputs, states, scalars, keys: { noise: KEY }, expected: interpret(graph, given) };
}

/** Results of a backend by name, as numbers: 1 and 0 for a bool. */
export type Results = {
  readonly outputs: Readonly<Record<string, Float64Array>>;
  readonly updates: Readonly<Record<string, Float64Array>>;
};

/** Runs a sample once. */
export async function runSample(
  engine: Engine,
  { graph, inputs, states, scalars, keys }: Sample,
): Promise<Results> {
  const executable = await engine.compile(graph);
  const state = await engine.store(states);
  try {
    const outputs = await executable.run({ inputs, scalars, keys, state });
    const kept = await state.read();
    return {
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, values]) => [name, numbersOf(graph.outputs[name]!, values)]),
      ),
      updates: Object.fromEntries(
        Object.keys(graph.updates).map((name) => [name, Float64Array.from(kept[name]!.data)]),
      ),
    };
  } finally {
    executable.free();
    state.free();
  }
}

function numbersOf({ dtype }: Node, values: Float32Array): Float64Array {
  if (dtype === 'f32') return Float64Array.from(values);
  return Float64Array.from(new Int32Array(values.buffer, values.byteOffset, values.length), (word) =>
    dtype === 'bool' ? -word : word,
  );
}

/**
 * ‖actual − expected‖ / ‖expected‖ over the finite values; infinite unless infinities and NaN stand at the same places.
 * One wrong element among n of equal size gives 1/√n: 1e-5 finds it among 1e10.
 *
 * @param floor size below which values count as zeros: they may be what is left of larger ones
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>, floor = 0): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let error = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (!Number.isFinite(e) || !Number.isFinite(a)) {
      if (!Object.is(a, e)) return Number.POSITIVE_INFINITY;
      continue;
    }
    error += (a - e) ** 2;
    norm += e ** 2 + floor ** 2;
  }
  return error === 0 ? 0 : Math.sqrt(error / norm);
}

/**
 * Relative error allowed to f32 results. Single operations round by 2^-24 = 6e-8; sums of n terms of either sign stray
 * by about √n 2^-24 of their own size, 3e-6 for the longest here. What subtracts nearly equal values says so itself.
 */
export const TOLERANCE = 1e-5;

/** Fails, naming every result that is further from the interpreter's than `tolerance`; integers and bools must be equal. */
export async function assertAgrees(
  engine: Engine,
  given: Sample,
  { tolerance = TOLERANCE, floor = 0 }: { readonly tolerance?: number; readonly floor?: number } = {},
): Promise<void> {
  const { outputs, updates } = await runSample(engine, given);
  const { graph, expected } = given;
  const faults: string[] = [];
  const compare = (name: string, dtype: string, actual: Float64Array, wanted: Float64Array): void => {
    const error = relativeError(actual, wanted, dtype === 'f32' ? floor : 0);
    if (error <= (dtype === 'f32' ? tolerance : 0)) return;
    const at = actual.findIndex((value, i) => relativeError([value], [wanted[i]!]) > 10 * tolerance);
    faults.push(
      `${name}: relative error ${error}; element ${at} of ${wanted.length} is ${actual[at]}, expected ${wanted[at]}`,
    );
  };
  for (const [name, node] of Object.entries(graph.outputs))
    compare(name, node.dtype, outputs[name]!, expected.outputs[name]!);
  for (const name of Object.keys(graph.updates))
    compare(`update ${name}`, 'f32', updates[name]!, expected.updates[name]!);
  assert.deepEqual(faults, []);
}

/** A way to start a backend that works here. */
export type BackendChoice = { readonly name: string; readonly start: (threads: number) => Promise<Backend> };

const compiler = findCompiler();

/** A backend that fails to load a plan with faults. */
export async function verifying(backend: Backend | Promise<Backend>): Promise<Backend> {
  const inner = await backend;
  return {
    ...inner,
    load: (plan) => {
      assert.deepEqual(verifyPlan(plan), []);
      return inner.load(plan);
    },
  };
}

/** WebAssembly, and native code where a C compiler is found; both verify what they are given. */
const allBackends: readonly BackendChoice[] = [
  ...(compiler === undefined
    ? []
    : [{ name: 'native', start: (threads: number) => verifying(createNativeBackend(compiler, threads)) }]),
  {
    name: 'wasm',
    start: (threads: number) => verifying(createWasmBackend({ threads, startWorker: startNodeWorker })),
  },
];

/** The backends that are tested: all, or the one that OHMIC_TEST_BACKEND names, as `npm run test:aarch64` does. */
export const backends: readonly BackendChoice[] = allBackends.filter(
  ({ name }) => (process.env['OHMIC_TEST_BACKEND'] || name) === name,
);

/** Hands an engine to `use` and closes it afterwards. */
export async function withEngine<T>(
  choice: BackendChoice,
  threads: number,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = engineOn(await choice.start(threads));
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}
