// What tests of modules share: a placed module, traced and evaluated in float64 with random inputs and parameters.

import assert from 'node:assert/strict';
import { deriveKey, keyFromSeed, randomSequence } from '../src/base/random.ts';
import { elementCount, type Shape } from '../src/base/shape.ts';
import { interpret } from '../src/graph/interpret.ts';
import { digital, type Operator, weightsOf } from '../src/graph/operator.ts';
import { trace } from '../src/graph/trace.ts';
import type { Module } from '../src/nn/modules.ts';
import type { Mode } from '../src/nn/network.ts';

/** Standard normal values, by name. */
export function normalsOf(name: string, shape: Shape): Float64Array {
  const draw = randomSequence(deriveKey(keyFromSeed(3), name));
  return Float64Array.from({ length: elementCount(shape) }, draw.normal);
}

/** What a module is run with; what is absent is random. */
export type ModuleRun = {
  readonly batch?: number;
  readonly x?: ArrayLike<number>;
  readonly parameters?: Readonly<Record<string, ArrayLike<number>>>;
  readonly mode?: Mode;
  /** Seed of the key for draws; absent: the context has none. */
  readonly draws?: number;
  /** Wraps the digital operator. */
  readonly operator?: (base: Operator) => Operator;
};

/** What came of it, and with what. */
export type ModuleValues = {
  readonly outputShape: Shape;
  readonly value: Float64Array;
  readonly statistics: Readonly<Record<string, Float64Array>>;
  readonly x: ArrayLike<number>;
  readonly parameters: Readonly<Record<string, ArrayLike<number>>>;
};

/** Evaluates a module, and checks the shape that it promised. */
export function runModule(module: Module, inputShape: Shape, run: ModuleRun = {}): ModuleValues {
  const { batch = 2, mode = { kind: 'inference' }, draws, operator = (base) => base } = run;
  const placed = module(inputShape);
  const x = run.x ?? normalsOf('x', [batch, ...inputShape]);
  const parameters = Object.fromEntries(
    placed.parameters.map(({ name, shape }) => [name, run.parameters?.[name] ?? normalsOf(name, shape)]),
  );
  const graph = trace((t) => {
    const tensors = Object.fromEntries(
      placed.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
    );
    let asked = 0;
    const { value, statistics } = placed.apply(t.input('x', [batch, ...inputShape]), {
      parameters: tensors,
      operator: operator(digital((layer) => tensors[weightsOf(layer)]!)),
      mode,
      freshKey: draws === undefined ? undefined : () => t.key('draws').derive(asked++),
    });
    assert.deepEqual(value.shape, [batch, ...placed.outputShape]);
    return { outputs: { ...statistics, value } };
  });
  const key = { 'draws.0': [draws ?? 0], 'draws.1': [1] };
  const { value, ...statistics } = interpret(graph, { x, ...parameters, ...key }).outputs;
  return { outputShape: placed.outputShape, value: value!, statistics, x, parameters };
}

/** Fails unless two lists of numbers are equal but for rounding. */
export function assertClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 1e-12): void {
  assert.equal(found.length, wanted.length);
  for (let i = 0; i < found.length; i++) {
    const [a, b] = [found[i]!, wanted[i]!];
    assert.ok(Math.abs(a - b) <= tolerance, `element ${i}: ${a}, expected ${b}`);
  }
}
