// Layouts: what PyTorch's layers hold, written down index by index, and what becomes of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mlp } from '../nn/networks.ts';
import { lstmParameters } from '../nn/recurrent.ts';
import type { WantedParameter } from './modules.ts';
import { emptyNameMap } from './name-map.ts';
import type { StoredTensor } from './number-formats.ts';
import { matchStateDict } from './state-dict.ts';
import { assertMatches, filled, orders, stored, transposed, valuesOf } from './torch-state-dict.test-data.ts';

test('weights in F64 and BF16 are converted', () => {
  const model = mlp({ inputShape: [1, 1, 2], classes: 2, hidden: [], activation: 'relu' });
  const tensors: readonly StoredTensor[] = [
    {
      name: 'fc.weight',
      dtype: 'F64',
      shape: [2, 2],
      bytes: new Uint8Array(Float64Array.of(0.1, 0.2, 0.3, 0.4).buffer),
    },
    {
      name: 'fc.bias',
      dtype: 'BF16',
      shape: [2],
      bytes: new Uint8Array(Uint16Array.of(0x3f80, 0xc000).buffer),
    },
  ];
  const { parameters } = matchStateDict({
    file: 'f',
    layout: 'torch',
    tensors,
    parameters: model.parameters,
  });
  assert.deepEqual(parameters['dense1.weights']!.data, Float32Array.of(0.1, 0.3, 0.2, 0.4));
  assert.deepEqual(parameters['dense1.bias']!.data, Float32Array.of(1, -2));
});
test('an LSTM’s gates keep their order and its two biases become one', () => {
  const [inputs, hidden] = [3, 5];
  const parameters = [
    ...lstmParameters({ layer: 'lower', inputs, hidden }),
    ...lstmParameters({ layer: 'upper', inputs: hidden, hidden }),
  ];
  // Biases are multiples of 1/64, so that taking 1 away and adding it again loses nothing.
  const values = Object.fromEntries(
    Object.entries(valuesOf({ parameters })).map(([name, all]) => [
      name,
      name.endsWith('bias') ? all.map((value) => Math.round(64 * value) / 64) : all,
    ]),
  );
  const tensors = ['lower', 'upper'].flatMap((layer, level) => {
    const size = level === 0 ? inputs : hidden;
    const of = (part: string): Float32Array => values[`${layer}.${part}`]!;
    return [
      stored(`rnn.weight_ih_l${level}`, [20, size], transposed(of('input.weights'), size, 20)),
      stored(`rnn.weight_hh_l${level}`, [20, hidden], transposed(of('hidden.weights'), hidden, 20)),
      stored(
        `rnn.bias_ih_l${level}`,
        [20],
        of('bias').map((value) => value - 1),
      ),
      stored(`rnn.bias_hh_l${level}`, [20], new Float32Array(20).fill(1)),
    ];
  });
  for (const order of Object.values(orders)) {
    const { matches } = assertMatches({ tensors: order(tensors), parameters }, values);
    const { theirs } = matches.find(({ ours }) => ours === 'upper.bias')!;
    assert.deepEqual(theirs, ['rnn.bias_ih_l1', 'rnn.bias_hh_l1']);
  }
});

test('an LSTM in ohmic’s layout, an LSTMCell and one without a second bias are read', () => {
  const [inputs, hidden] = [3, 5];
  const parameters = lstmParameters({ layer: 'cell', inputs, hidden });
  const values = valuesOf({ parameters });
  const own = parameters.map(({ name, shape }) =>
    stored(name.replace('cell', 'other'), shape, values[name]!),
  );
  const result = matchStateDict({ file: 'f', layout: 'ohmic', tensors: own, parameters });
  for (const { name } of parameters) assert.deepEqual(result.parameters[name]!.data, values[name]);
  const cell = [
    stored('lstm.weight_ih', [20, 3], transposed(values['cell.input.weights']!, 3, 20)),
    stored('lstm.weight_hh', [20, 5], transposed(values['cell.hidden.weights']!, 5, 20)),
    stored('lstm.bias_ih', [20], values['cell.bias']!),
  ];
  assertMatches({ tensors: cell, parameters }, values);
  assert.throws(() => matchStateDict({ file: 'f', layout: 'torch', tensors: cell.slice(0, 2), parameters }), {
    message:
      'f: not the weights of this network: "cell.bias" (20) has no tensor: "lstm" in the file lacks it',
  });
});

test('one-dimensional and transposed convolutions and embeddings have their own layouts', () => {
  const parameters: readonly WantedParameter[] = [
    { name: 'table.weights', shape: [7, 7], role: 'weights' },
    { name: 'line.weights', shape: [1, 3, 7, 4], role: 'weights' },
    { name: 'up.weights', shape: [2, 3, 4, 5], role: 'weights' },
    { name: 'head.weights', shape: [7, 7], role: 'weights' },
  ];
  const layers = [
    { name: 'table', kind: 'embedding' },
    { name: 'up', kind: 'transposed-convolution' },
  ] as const;
  const values = valuesOf({
    parameters: parameters.map((each) => ({ ...each, initial: { kind: 'constant', value: 0 } })),
  });
  const [line, up] = [values['line.weights']!, values['up.weights']!];
  const tensors = [
    stored('emb.weight', [7, 7], values['table.weights']!),
    stored(
      'conv.weight',
      [4, 7, 3],
      filled([4, 7, 3], (o, i, x) => line[(x! * 7 + i!) * 4 + o!]!),
    ),
    stored(
      'deconv.weight',
      [4, 5, 2, 3],
      filled([4, 5, 2, 3], (i, o, y, x) => up[((y! * 3 + x!) * 4 + i!) * 5 + o!]!),
    ),
    stored('out.weight', [7, 7], transposed(values['head.weights']!, 7, 7)),
  ];
  // A square matrix may be either: only a name tells.
  assert.throws(() => matchStateDict({ file: 'f', layout: 'torch', tensors, parameters, layers }), {
    message: /"table", "head" have the same shapes as "emb", "out"/,
  });
  const map = { ...emptyNameMap, names: { emb: 'table' } };
  assertMatches({ tensors, parameters, layers, map }, values);
});
