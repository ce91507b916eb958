import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Layer, type Operator, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { initialParameters } from './network.ts';
import { lstmLayers, lstmParameters, lstmStep } from './recurrent.ts';

const [N, INPUTS, HIDDEN] = [2, 3, 2];
const specs = lstmParameters({ layer: 'lstm', inputs: INPUTS, hidden: HIDDEN });
const initial = initialParameters({ parameters: specs }, keyFromSeed(1));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

test('an LSTM step equals its equations, through two analog layers', () => {
  const layers: Layer[] = [];
  const graph = trace((t) => {
    const parameters = Object.fromEntries(specs.map((spec) => [spec.name, t.input(spec.name, spec.shape)]));
    const exact = digital((layer) => parameters[weightsOf(layer)]!);
    const operator: Operator = {
      multiply: (x, layer) => {
        layers.push(layer);
        return exact.multiply(x, layer);
      },
    };
    const state = { hidden: t.input('h', [N, HIDDEN]), cell: t.input('c', [N, HIDDEN]) };
    const next = lstmStep({ layer: 'lstm', x: t.input('x', [N, INPUTS]), state, parameters, operator });
    return { outputs: { hidden: next.hidden, cell: next.cell } };
  });
  const [x, h, c] = [
    [0.5, -1, 2, 1, 0, -0.25],
    [0.1, -0.2, 0.3, 0.4],
    [1, -1, 0.5, 2],
  ];
  const values = Object.fromEntries(Object.entries(initial).map(([name, { data }]) => [name, data]));
  const { outputs } = interpret(graph, { ...values, x, h, c });

  const [wx, wh, b] = specs.map(({ name }) => initial[name]!.data) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (let row = 0; row < N; row++) {
    for (let unit = 0; unit < HIDDEN; unit++) {
      const [i, f, g, o] = [0, 1, 2, 3].map((gate) => {
        const column = gate * HIDDEN + unit;
        let sum = b[column]!;
        for (let k = 0; k < INPUTS; k++) sum += x[row * INPUTS + k]! * wx[k * 4 * HIDDEN + column]!;
        for (let k = 0; k < HIDDEN; k++) sum += h[row * HIDDEN + k]! * wh[k * 4 * HIDDEN + column]!;
        return sum;
      }) as [number, number, number, number];
      const at = row * HIDDEN + unit;
      const cell = sigmoid(f) * c[at]! + sigmoid(i) * Math.tanh(g);
      assert.ok(Math.abs(outputs['cell']![at]! - cell) < 1e-14);
      assert.ok(Math.abs(outputs['hidden']![at]! - sigmoid(o) * Math.tanh(cell)) < 1e-14);
    }
  }
  assert.deepEqual(
    layers.map(({ name }) => name),
    ['lstm.input', 'lstm.hidden'],
  );
  assert.deepEqual(layers, lstmLayers({ layer: 'lstm', inputs: INPUTS, hidden: HIDDEN }));
});

test('the layers of an LSTM are those of its weights, in their shapes', () => {
  const weights = specs.filter(({ role }) => role === 'weights');
  const layers = lstmLayers({ layer: 'lstm', inputs: INPUTS, hidden: HIDDEN });
  assert.deepEqual(
    layers.map((layer) => [weightsOf(layer), layer.kind, layer.shape]),
    weights.map(({ name, shape }) => [name, 'dense', shape]),
  );
});
