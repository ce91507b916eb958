// Unrolled networks on every backend against the float64 interpreter: parts of values in memory, sums over steps. And
// what their plans consist of: kernels that do not grow in number with the steps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../src/compile/compile.ts';
import { verifyPlan } from '../src/compile/verify-plan.ts';
import { digital, weightsOf } from '../src/graph/operator.ts';
import { concat, type Tensor } from '../src/graph/tensor.ts';
import { gru, lstm, type Module, sequence } from '../src/nn/modules.ts';
import { type SampleTrace, sample } from './compare.ts';
import { type Results, testEverywhere, withGradients } from './everywhere.ts';

type Sizes = { readonly time: number; readonly batch: number; readonly features: number };

/** A module's results, and their gradients for its input and parameters. */
function unrolled(t: SampleTrace, name: string, module: Module, { time, batch, features }: Sizes): Results {
  const placed = module([time, features]);
  const x = t.normals([batch, time, features]);
  const parameters = Object.fromEntries(
    placed.parameters.map((spec) => [spec.name, t.normals(spec.shape, 0.2)]),
  );
  const { value } = placed.apply(x, {
    parameters,
    operator: digital((layer) => parameters[weightsOf(layer)]!),
    mode: { kind: 'training' },
    freshKey: () => t.key('noise'),
  });
  return withGradients(t, name, value, { x, ...parameters });
}

const two = (kind: typeof lstm, hidden: number): Module =>
  sequence([
    kind({ name: 'a', hidden, returnSequence: true }),
    kind({ name: 'b', hidden, returnSequence: true }),
  ]);

/** Slices of inputs and states, of values that are outputs, and parts of parts. */
function partsOfValues(t: SampleTrace): { outputs: Results; updates: Results } {
  const x = t.normals([6, 5, 16]);
  const kept = t.normalState('kept', [8, 16]);
  const rows = (value: Tensor, from: number, to: number): Tensor =>
    value.slice(
      value.shape.map((_, axis) => (axis === 0 ? from : 0)),
      value.shape.with(0, to),
    );
  const weights = rows(kept, 2, 6).exp();
  const parts = [0, 1, 2, 3, 4, 5].map((k) =>
    rows(x, k, k + 1)
      .reshape([5, 16])
      .exp(),
  );
  const inner = concat(parts.slice(1, 4), 0);
  const whole = concat([parts[0]!, inner, parts[0]!, parts[5]!], 0);
  const narrow = concat(
    [rows(parts[4]!, 0, 1), rows(whole, 7, 12), x.slice([1, 2, 3], [2, 3, 19 - 3])].map((one) =>
      one.reshape([-1]),
    ),
    0,
  );
  const products = [0, 3, 9].map((k) => rows(whole, k, k + 4).matmul(rows(kept, 0, 4).reshape([16, 4])));
  return {
    outputs: {
      inner,
      whole,
      narrow,
      product: products.reduce((a, b) => a.add(b)),
      filtered: parts[2]!.matmul(rows(x, 3, 4).reshape([5, 16]).transpose([1, 0])),
      slice: rows(whole, 3, 9).add(rows(inner, 2, 8)),
      state: rows(kept, 0, 2),
      weights,
    },
    updates: { kept: concat([rows(kept, 4, 8), rows(kept, 0, 4).multiply(2)], 0) },
  };
}

testEverywhere({
  'two layers of LSTM': (t) => ({
    outputs: unrolled(t, 'lstm', two(lstm, 16), { time: 6, batch: 8, features: 5 }),
  }),
  'LSTM and GRU of sizes that fill no vector': (t) => ({
    outputs: {
      ...unrolled(t, 'lstm', two(lstm, 7), { time: 5, batch: 3, features: 4 }),
      ...unrolled(t, 'gru', two(gru, 9), { time: 5, batch: 1, features: 3 }),
      ...unrolled(t, 'last', gru({ name: 'g', hidden: 16 }), { time: 4, batch: 4, features: 16 }),
    },
  }),
  'one that is wide enough for panels': (t) => ({
    outputs: unrolled(t, 'wide', lstm({ name: 'w', hidden: 128 }), { time: 3, batch: 33, features: 8 }),
  }),
  'parts of values': partsOfValues,
});

test('kernels of an unrolled network do not grow in number with its steps, and no step is copied', () => {
  const planOf = (time: number) => {
    const { graph } = sample((t) => ({
      outputs: unrolled(t, 'lstm', two(lstm, 32), { time, batch: 8, features: 5 }),
    }));
    const plan = compile(graph, { lanes: 16, registers: 32 });
    assert.deepEqual(verifyPlan(plan), []);
    return plan;
  };
  const [short, long] = [planOf(8), planOf(16)];
  assert.equal(long.kernels.length, short.kernels.length);
  assert.equal(long.kernels.filter(({ name }) => name.startsWith('pad')).length, 0);
});
