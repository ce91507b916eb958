// The quantiser: error bound, idempotence, symmetry, and the gradient of its straight-through estimator.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { quantize, stepsOf } from './converters.ts';

const range = 3;
const xs = Float64Array.from({ length: 1601 }, (_, i) => (i - 800) / 200); // −4 … 4

function quantized(x: Float64Array, steps: number): Float64Array {
  const graph = trace((t) => ({
    outputs: { y: quantize(t.input('x', [x.length]), t.scalar('range'), steps) },
  }));
  const { y } = interpret(graph, { x, range: [range] }).outputs;
  return y!;
}

test('8 bits are 254 steps', () => {
  assert.equal(stepsOf(8), 254);
});

test('a quantised value is at most half a step away within the range, and at the range outside', () => {
  const steps = stepsOf(4);
  const step = (2 * range) / steps;
  quantized(xs, steps).forEach((y, i) => {
    const clipped = Math.min(Math.max(xs[i]!, -range), range);
    assert.ok(Math.abs(y - clipped) <= step / 2 + 1e-12);
    assert.ok(Math.abs(y) <= range + 1e-12);
  });
});

test('quantising again changes nothing; signs are symmetric; zero is a level', () => {
  const once = quantized(xs, stepsOf(6));
  assert.deepEqual(quantized(once, stepsOf(6)), once);
  const mirrored = quantized(
    xs.map((x) => -x),
    stepsOf(6),
  );
  once.forEach((y, i) => {
    assert.equal(mirrored[i]! + y, 0);
  });
  assert.equal(Math.abs(quantized(Float64Array.of(0.01), stepsOf(6))[0]!), 0);
});

test('a converter uses all of its levels', () => {
  assert.equal(new Set(quantized(xs, stepsOf(5)).map((y) => y + 0)).size, stepsOf(5) + 1);
});

test('a numeric range gives the same levels as a tensor', () => {
  const graph = trace((t) => ({ outputs: { y: quantize(t.input('x', [xs.length]), range, 14) } }));
  const { y } = interpret(graph, { x: xs }).outputs;
  quantized(xs, 14).forEach((expected, i) => {
    assert.ok(Math.abs(y![i]! - expected) < 1e-12);
  });
});

test('the gradient is 1 within the range and 0 outside, where it goes to the range', () => {
  const graph = trace((t) => {
    const x = t.input('x', [4]);
    const limit = t.scalar('range');
    const weights = t.input('weights', [4]);
    const [dx, dRange] = gradients(quantize(x, limit, 254).multiply(weights).sum(), [x, limit]);
    return { outputs: { dx: dx!, dRange: dRange! } };
  });
  const { dx, dRange } = interpret(graph, {
    x: [-5, -0.3, 2.9, 4],
    range: [range],
    weights: [2, 3, 5, 7],
  }).outputs;
  assert.deepEqual([...dx!].map(Math.abs), [0, 3, 5, 0]);
  assert.equal(dRange![0], 7 - 2);
});
