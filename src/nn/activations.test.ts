import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, runModule } from '../../test/run-module.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { type Activation, activation, leakyRelu } from './modules.ts';

/** Φ(x) by Simpson's rule, 2,000 intervals: the error is below 1e-13. */
function normalDistribution(x: number): number {
  const [count, width] = [2000, x / 2000];
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let k = 1; k < count; k++) sum += (k % 2 === 1 ? 4 : 2) * density(k * width);
  return 0.5 + (sum * width) / 3;
}

const functions: readonly (readonly [Activation, (x: number) => number])[] = [
  ['relu', (x) => Math.max(0, x)],
  ['leaky-relu', (x) => (x > 0 ? x : 0.01 * x)],
  ['gelu', (x) => x * normalDistribution(x)],
  ['sigmoid', (x) => 1 / (1 + Math.exp(-x))],
  ['tanh', Math.tanh],
  ['hard-swish', (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6],
];
const x = [-8, -3, -1.5, -0.2, 0, 0.2, 0.7, 3, 8];

test('activations are the named functions', () => {
  for (const [kind, f] of functions) {
    const { value } = runModule(activation(kind), [x.length], { x, batch: 1 });
    // The error function is known to 1.5e-7, half of it counts, times x.
    assertClose(value, x.map(f), kind === 'gelu' ? 8 * 0.75e-7 : 1e-14);
  }
  assertClose(runModule(leakyRelu(0.2), [3], { x: [-5, 0, 5], batch: 1 }).value, [-1, 0, 5]);
});

test('the slope of gelu is Φ(x) + x φ(x), at 0 too', () => {
  const graph = trace((t) => {
    const input = t.input('x', [1, x.length]);
    const context = { parameters: {}, operator: digital(() => input), mode: { kind: 'inference' } } as const;
    const { value } = activation('gelu')([x.length]).apply(input, context);
    return { outputs: { slope: gradients(value.sum(), [input])[0]! } };
  });
  const wanted = x.map(
    (at) => normalDistribution(at) + (at * Math.exp((-at * at) / 2)) / Math.sqrt(2 * Math.PI),
  );
  assertClose(interpret(graph, { x }).outputs['slope']!, wanted, 2e-6);
});

test('a softmax sums to one along the last axis and does not overflow', () => {
  const { value } = runModule(activation('softmax'), [2, 2], { x: [1000, 1001, 0, Math.log(3)], batch: 1 });
  assertClose(value, [1 / (1 + Math.E), Math.E / (1 + Math.E), 0.25, 0.75], 1e-12);
  assert.ok(value.every(Number.isFinite));
});
