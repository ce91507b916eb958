// Networks over symbols: their parameters, their layers, and what names are refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { characterNetworkByName } from './character-networks.ts';
import { defineNetwork } from './define-network.ts';
import { lstm, timeDistributed } from './modules.ts';
import { countAnalogWeights, countWeights, initialParameters } from './network.ts';

test('char-lstm has 3,277,874 parameters for 50 symbols', () => {
  const network = characterNetworkByName('char-lstm', { context: 10, symbols: 50 });
  assert.equal(countWeights(network), 3_277_874);
  assert.equal(countWeights(network), 4 * 512 * (50 + 512 + 1) + 4 * 512 * (512 + 512 + 1) + 512 * 50 + 50);
  assert.deepEqual(
    network.layers.map(({ name, kind, shape }) => [name, kind, ...shape]),
    [
      ['lstm1.input', 'embedding', 50, 2048],
      ['lstm1.hidden', 'dense', 512, 2048],
      ['lstm2.input', 'dense', 512, 2048],
      ['lstm2.hidden', 'dense', 512, 2048],
      ['dense', 'dense', 512, 50],
    ],
  );
  assert.deepEqual(
    network.carried.map(({ name }) => name),
    ['lstm1.carried.hidden', 'lstm1.carried.cell', 'lstm2.carried.hidden', 'lstm2.carried.cell'],
  );
});

test('char-gpt has 826,433 parameters for 65 symbols and 128 positions, its matrices are layers', () => {
  const network = characterNetworkByName('char-gpt', { context: 128, symbols: 65 });
  const all = network.parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  assert.equal(all, 826_433);
  assert.equal(all, 65 * 128 + 128 * 128 + 4 * (12 * 128 ** 2 + 13 * 128) + 2 * 128 + 65 * 128 + 65);
  assert.equal(countAnalogWeights(network), 4 * 12 * 128 ** 2 + 65 * 128);
  assert.equal(network.layers.length, 4 * 4 + 1);
  assert.deepEqual(network.carried, []);
  assert.deepEqual(
    network.parameters.filter(({ role }) => role === 'table').map(({ name }) => name),
    ['symbols.table', 'positions.table'],
  );
});

test('biases of forget gates begin at 1, the others at 0', () => {
  const network = characterNetworkByName('char-lstm-small', { context: 10, symbols: 50 });
  const { data } = initialParameters(network, keyFromSeed(0))['lstm1.bias']!;
  assert.deepEqual(
    [...data],
    [0, 1, 0, 0].flatMap((value) => new Array<number>(128).fill(value)),
  );
});

test('impossible tasks and unknown names are refused', () => {
  assert.throws(() => characterNetworkByName('char-lstm', { context: 0, symbols: 1 }), {
    name: 'UsageError',
    message:
      /^network "char-lstm": 2 faults\n.*context must be a whole number from 1, got 0\n.*symbols must be a whole number from 2, got 1$/,
  });
  assert.throws(() => characterNetworkByName('char-lstn', { context: 4, symbols: 5 }), /model: .*char-lstm/);
});

test('a module that carries its state stands for no single steps, and for no two windows', () => {
  const module = lstm({ name: 'r', hidden: 3, carry: true });
  assert.throws(
    () => timeDistributed(module)([4, 5, 2]),
    /^UsageError: timeDistributed: expected a module for single steps, got one that carries r\.carried\.hidden, r\.carried\.cell/,
  );
  assert.throws(
    () => lstm({ name: 'r', hidden: 3, symbols: 4 })([4, 2]),
    /expected an input of \(length\) symbols/,
  );
  const twice = defineNetwork({
    name: 'twice',
    inputs: { x: [4, 2] },
    outputs: { y: [3] },
    parts: { reader: { module, inputShape: [4, 2] } },
    connect: ({ x }, { reader }) => ({ y: reader(x!).add(reader(x!)) }),
  });
  const run = (): unknown =>
    trace((t) => {
      const tensors = Object.fromEntries(
        twice.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
      );
      const { outputs } = twice.apply({
        inputs: { x: t.input('x', [1, 4, 2]) },
        parameters: tensors,
        operator: digital((layer) => tensors[weightsOf(layer)]!),
        mode: { kind: 'inference' },
      });
      return { outputs };
    });
  assert.throws(
    run,
    /network "twice": .*part "reader" is called twice, but carries "r\.carried\.hidden" from its one window/s,
  );
});
