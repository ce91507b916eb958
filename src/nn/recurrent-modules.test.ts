// Recurrent modules against their steps and their equations, and what they ask of the hardware.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, runModule } from '../../test/run-module.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Operator, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { gru, lstm } from './modules.ts';
import { gruParameters, gruStep, lstmParameters, lstmStep } from './recurrent.ts';

const [N, TIME, INPUTS, HIDDEN] = [2, 3, 4, 5];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Hidden states of all steps by single steps from zeros, (n, time, hidden). */
function unrolled(
  specs: ReturnType<typeof lstmParameters>,
  values: Readonly<Record<string, ArrayLike<number>>>,
  step: (
    x: Tensor,
    hidden: Tensor,
    cell: Tensor,
    parameters: Record<string, Tensor>,
    operator: Operator,
  ) => { hidden: Tensor; cell: Tensor },
): number[] {
  const graph = trace((t) => {
    const parameters = Object.fromEntries(specs.map(({ name, shape }) => [name, t.input(name, shape)]));
    const x = t.input('x', [N, TIME, INPUTS]);
    const outputs: Record<string, Tensor> = {};
    let state = { hidden: t.input('zeros', [N, HIDDEN]), cell: t.input('zeros', [N, HIDDEN]) };
    for (let at = 0; at < TIME; at++) {
      const own = x.slice([0, at, 0], [N, at + 1, INPUTS]).reshape([N, INPUTS]);
      state = step(
        own,
        state.hidden,
        state.cell,
        parameters,
        digital((layer) => parameters[weightsOf(layer)]!),
      );
      outputs[`h${at}`] = state.hidden;
    }
    return { outputs };
  });
  const { outputs } = interpret(graph, { ...values, zeros: new Float64Array(N * HIDDEN) });
  return Array.from({ length: N }, (_, n) =>
    Array.from({ length: TIME }, (_, at) => [
      ...outputs[`h${at}`]!.slice(n * HIDDEN, (n + 1) * HIDDEN),
    ]).flat(),
  ).flat();
}

const sizes = { layer: 'r', inputs: INPUTS, hidden: HIDDEN };

test('an lstm module is its step, over and over', () => {
  const all = runModule(lstm({ name: 'r', hidden: HIDDEN, returnSequence: true }), [TIME, INPUTS]);
  const wanted = unrolled(
    lstmParameters(sizes),
    { x: all.x, ...all.parameters },
    (x, hidden, cell, parameters, operator) =>
      lstmStep({ layer: 'r', x, state: { hidden, cell }, parameters, operator }),
  );
  assertClose(all.value, wanted);
  const last = runModule(lstm({ name: 'r', hidden: HIDDEN }), [TIME, INPUTS]).value;
  for (let n = 0; n < N; n++)
    assertClose(
      last.slice(n * HIDDEN, (n + 1) * HIDDEN),
      wanted.slice(((n + 1) * TIME - 1) * HIDDEN, (n + 1) * TIME * HIDDEN),
    );
});

test('a gru module is its step, over and over', () => {
  const all = runModule(gru({ name: 'r', hidden: HIDDEN, returnSequence: true }), [TIME, INPUTS]);
  const wanted = unrolled(
    gruParameters(sizes),
    { x: all.x, ...all.parameters },
    (x, hidden, cell, parameters, operator) => ({
      hidden: gruStep({ layer: 'r', x, hidden, parameters, operator }),
      cell,
    }),
  );
  assertClose(all.value, wanted);
});

test('a gru step equals its equations, with the reset gate after the product', () => {
  const specs = gruParameters({ layer: 'r', inputs: 2, hidden: 2 });
  const values = Object.fromEntries(
    specs.map(({ name, shape }, k) => [
      name,
      Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(3 * i + 5 * k + 1)),
    ]),
  );
  const [x, h] = [
    [0.5, -1],
    [0.3, -0.8],
  ] as const;
  const graph = trace((t) => {
    const parameters = Object.fromEntries(specs.map(({ name, shape }) => [name, t.input(name, shape)]));
    const operator = digital((layer) => parameters[weightsOf(layer)]!);
    return {
      outputs: {
        h: gruStep({
          layer: 'r',
          x: t.input('x', [1, 2]),
          hidden: t.input('h', [1, 2]),
          parameters,
          operator,
        }),
      },
    };
  });
  const found = interpret(graph, { ...values, x: [...x], h: [...h] }).outputs['h']!;
  const [wx, bx, wh, bh] = specs.map(({ name }) => values[name]!) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (const unit of [0, 1]) {
    const from = (input: readonly [number, number], w: Float64Array, b: Float64Array, gate: number): number =>
      input[0] * w[gate * 2 + unit]! + input[1] * w[6 + gate * 2 + unit]! + b[gate * 2 + unit]!;
    const r = sigmoid(from(x, wx, bx, 0) + from(h, wh, bh, 0));
    const z = sigmoid(from(x, wx, bx, 1) + from(h, wh, bh, 1));
    const n = Math.tanh(from(x, wx, bx, 2) + r * from(h, wh, bh, 2));
    assert.ok(Math.abs(found[unit]! - ((1 - z) * n + z * h[unit]!)) < 1e-14);
  }
});

test('inputs are multiplied once for all steps, the hidden state once for each but the first', () => {
  for (const module of [lstm, gru]) {
    const asked: string[] = [];
    runModule(module({ name: 'r', hidden: HIDDEN }), [TIME, INPUTS], {
      operator: (base) => ({
        multiply: (x, layer) => {
          asked.push(`${layer.name} ${x.shape[0]}`);
          return base.multiply(x, layer);
        },
      }),
    });
    assert.deepEqual(asked, ['r.input 6', 'r.hidden 2', 'r.hidden 2']);
  }
});

test('a recurrent module refuses what is no sequence', () => {
  const message = 'lstm "r": expected an input of (length, channels), got (4, 4, 1)';
  assert.throws(() => lstm({ name: 'r', hidden: 2 })([4, 4, 1]), { name: 'UsageError', message });
});
