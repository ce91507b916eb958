import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, normalsOf, runModule } from '../../test/run-module.ts';
import {
  activation,
  batchNormalization,
  dense,
  dropout,
  embedding,
  flatten,
  identity,
  parallel,
  reshape,
  sequence,
  timeDistributed,
} from './modules.ts';

test('parallel branches lie one behind the other, with the parameters of all', () => {
  const module = parallel([identity, dense({ name: 'a', outputs: 2 }), activation('relu')]);
  const { value, x, parameters } = runModule(module, [3]);
  const dense1 = runModule(dense({ name: 'a', outputs: 2 }), [3], { x, parameters }).value;
  const row = (n: number): number[] => {
    const own = [0, 1, 2].map((k) => x[n * 3 + k]!);
    return [...own, ...dense1.slice(2 * n, 2 * n + 2), ...own.map((v) => Math.max(0, v))];
  };
  assertClose(value, [...row(0), ...row(1)]);
  assert.deepEqual(Object.keys(parameters), ['a.weights', 'a.bias']);
  assert.throws(() => parallel([identity, flatten])([2, 2]), {
    name: 'UsageError',
    message: 'parallel: expected branches that differ in the last axis only, got (2, 2), (4)',
  });
  assert.throws(() => parallel([])([2]), /^UsageError: parallel: expected at least one branch, got none$/);
});

test('a reshaped vector is an image with the same elements, and flat again the vector', () => {
  const { value, x, outputShape } = runModule(reshape([2, 3, 2]), [12]);
  assert.deepEqual(outputShape, [2, 3, 2]);
  assertClose(value, x);
  assert.deepEqual(sequence([reshape([2, 3, 2]), flatten])([12]).outputShape, [12]);
  assert.throws(() => reshape([2, 3, 2])([13]), {
    name: 'UsageError',
    message: 'reshape: expected an input of 12 elements for (2, 3, 2), got (13)',
  });
});

test('a module for every step has one set of parameters, and statistics over all steps', () => {
  const inner = sequence([dense({ name: 'a', outputs: 2 }), batchNormalization('n')]);
  const mode = { kind: 'training' } as const;
  const steps = runModule(timeDistributed(inner), [3, 4], { mode });
  const flat = runModule(inner, [4], { batch: 6, x: steps.x, parameters: steps.parameters, mode });
  assert.deepEqual(steps.outputShape, [3, 2]);
  assertClose(steps.value, flat.value);
  assertClose(steps.statistics['n.runningMean']!, flat.statistics['n.runningMean']!);
  assert.throws(
    () => timeDistributed(identity)([]),
    /^UsageError: timeDistributed: expected an input of \(time, …\), got \(\)$/,
  );
});

test('an embedding takes a row for each index', () => {
  const table = normalsOf('table', [4, 3]);
  const { value, outputShape } = runModule(embedding({ name: 'e', rows: 4, dimension: 3 }), [2], {
    x: [0, 3, 1, 1],
    parameters: { 'e.weights': table },
  });
  assert.deepEqual(outputShape, [2, 3]);
  assertClose(
    value,
    [0, 3, 1, 1].flatMap((row) => [...table.slice(3 * row, 3 * row + 3)]),
  );
});

// n = 20,000 draws at rate 0.3; the share of zeros has σ = √(0.3 · 0.7 / n) = 0.0032; 5 σ: false alarm 6e-7.
test('dropout drops its share and scales the rest, anew for every module and every key', () => {
  const count = 10_000;
  const x = new Float64Array(2 * count).fill(1);
  const { value } = runModule(dropout(0.3), [count], { x, draws: 1 });
  const zeros = value.filter((v) => v === 0).length / value.length;
  assert.ok(Math.abs(zeros - 0.3) < 5 * 0.0032);
  assert.ok(value.every((v) => v === 0 || Math.abs(v - 1 / 0.7) < 1e-12));
  const again = (draws: number): Float64Array => runModule(dropout(0.3), [count], { x, draws }).value;
  assert.deepEqual(again(1), value);
  assert.notDeepEqual(again(2), value);
  // Two in a row keep 0.7² of the values: their draws differ. σ = √(0.49 · 0.51 / n) = 0.0035.
  const twice = runModule(sequence([dropout(0.3), dropout(0.3)]), [count], { x, draws: 1 }).value;
  const kept = twice.filter((v) => v !== 0).length / twice.length;
  assert.ok(Math.abs(kept - 0.49) < 5 * 0.0035);
});

test('dropout without a key is the identity, in training mode too; impossible rates are refused', () => {
  for (const kind of ['inference', 'training'] as const) {
    const { value, x } = runModule(dropout(0.5), [8], { mode: { kind } });
    assert.deepEqual(value, x);
  }
  for (const rate of [-0.1, 1, Number.NaN]) {
    const message = `dropout: rate must be at least 0 and below 1, got ${rate}`;
    assert.throws(() => dropout(rate), { name: 'UsageError', message });
  }
});
