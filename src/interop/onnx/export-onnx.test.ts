// Networks as ONNX files: ONNX Runtime computes from them what ohmic does, and ohmic reads them again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parameters } from '../../base/parameters.ts';
import { keyFromSeed } from '../../base/random.ts';
import { characterGpt, characterNetworkByName } from '../../nn/character-networks.ts';
import { defineNetwork, feedForward } from '../../nn/define-network.ts';
import {
  activation,
  averagePool,
  batchNormalization,
  convolution,
  dense,
  embedding,
  flatten,
  groupNormalization,
  layerNormalization,
  lstm,
  type Module,
  maxPool,
  sequence,
  transposedConvolution,
} from '../../nn/modules.ts';
import { initialParameters, type Network } from '../../nn/network.ts';
import { networkByName } from '../../nn/networks.ts';
import { vit } from '../../nn/vit.ts';
import { exportOnnx } from './export-onnx.ts';
import { importOnnx } from './import-onnx.ts';
import {
  type Answers,
  compareAnswers,
  drawsOf,
  interpreted,
  needsOracle,
  oracle,
} from './oracle.test-data.ts';

/** Parameters that differ from layer to layer, statistics too. */
function somewhereElse(network: Network): Parameters {
  const draw = drawsOf(9);
  return Object.fromEntries(
    Object.entries(initialParameters(network, keyFromSeed(4))).map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => value + 0.2 * (1 + draw())) },
    ]),
  );
}

const BATCH = 3;

async function roundTrip(network: Network, tolerance = 1e-5): Promise<Network> {
  const parameters = somewhereElse(network);
  const bytes = exportOnnx({ network, parameters, version: '1' });
  const draw = drawsOf(2);
  const [name, shape] = Object.entries(network.inputs)[0]!;
  const count = shape.reduce((a, b) => a * b, BATCH);
  const isIndex = network.name === 'embedding' || network.name === 'gpt';
  const values = Float32Array.from({ length: count }, () =>
    isIndex ? Math.floor((draw() + 1) * 4) : draw(),
  );
  const own = { [name]: { dims: [BATCH, ...shape], values } };
  const expected = interpreted(network, parameters, own);
  const file = { [name]: shape.length === 3 ? channelsFirst(own[name]!) : own[name]! };
  compareAnswers(expected, await oracle(bytes, file), tolerance);
  const again = await importOnnx(bytes, { name: 'again' });
  compareAnswers(interpreted(again.network, again.parameters, own), expected, tolerance);
  return again.network;
}

function channelsFirst({ dims, values }: Answers[string]): Answers[string] {
  const [n, h, w, c] = dims as readonly [number, number, number, number];
  const moved = new Float32Array(values.length);
  for (let b = 0; b < n; b++)
    for (let p = 0; p < h * w; p++)
      for (let q = 0; q < c; q++) moved[(b * c + q) * h * w + p] = values[(b * h * w + p) * c + q]!;
  return { dims: [n, c, h, w], values: moved };
}

for (const name of ['small-cnn', 'resnet8', 'lenet5', 'mlp'] as const) {
  test(`${name} is read by ONNX Runtime, and by ohmic again`, needsOracle, async () => {
    const size = name === 'lenet5' ? 28 : 8;
    const network = networkByName(name, { inputShape: [size, size, 3], classes: 5 });
    const again = await roundTrip(network, 1e-4);
    assert.equal(again.layers.length, network.layers.length);
    assert.deepEqual(
      again.layers.map(({ shape }) => shape),
      network.layers.map(({ shape }) => shape),
    );
  });
}

for (const network of [
  characterGpt({ name: 'gpt', context: 9, symbols: 8, blocks: 2, width: 12, heads: 3 }),
  vit({ inputShape: [8, 8, 3], classes: 5, patch: 4, blocks: 2, width: 12, heads: 2, expansion: 2 }),
])
  test(
    `${network.name}, a transformer, is read by ONNX Runtime, and by ohmic again`,
    needsOracle,
    async () => {
      const again = await roundTrip(network, 1e-4);
      const sizes = (of: Network): string[] =>
        of.layers.map(({ kind, shape }) => `${kind} ${shape.join(' ')}`);
      const tables = network.name === 'gpt' ? ['embedding 8 12'] : [];
      assert.deepEqual(
        sizes(again),
        [...tables, ...sizes(network)],
        'a table is a layer of its own in a file',
      );
    },
  );

const modules: readonly {
  readonly name: string;
  readonly shape: readonly number[];
  readonly module: Module;
}[] = [
  {
    name: 'depthwise',
    shape: [7, 6, 4],
    module: sequence([
      convolution({ name: 'a', filters: 4, size: 3, padding: 1, groups: 4, stride: 2 }),
      batchNormalization('b'),
      activation('relu'),
      maxPool({ size: 3, stride: 1, padding: 1 }),
      convolution({ name: 'c', filters: 6, size: 1 }),
      averagePool(2),
    ]),
  },
  {
    name: 'upwards',
    shape: [4, 4, 3],
    module: sequence([
      transposedConvolution({ name: 'a', filters: 4, size: 4, stride: 2, padding: 1 }),
      groupNormalization({ name: 'g', groups: 2 }),
      activation('tanh'),
    ]),
  },
  {
    name: 'rows',
    shape: [6],
    module: sequence([
      dense({ name: 'a', outputs: 8 }),
      layerNormalization('n'),
      activation('sigmoid'),
      dense({ name: 'b', outputs: 2 }),
    ]),
  },
  {
    name: 'embedding',
    shape: [5],
    module: sequence([
      embedding({ name: 'e', rows: 8, dimension: 3 }),
      flatten,
      dense({ name: 'd', outputs: 2 }),
    ]),
  },
  {
    name: 'recurrent',
    shape: [4, 3],
    module: sequence([lstm({ name: 'r', hidden: 5 }), flatten, dense({ name: 'd', outputs: 2 })]),
  },
];

for (const { name, shape, module } of modules) {
  test(`modules in "${name}" are read by ONNX Runtime`, needsOracle, async () => {
    await roundTrip(feedForward({ name, input: { name: 'x', shape }, output: 'y', module }));
  });
}

test('a network that carries states, a random draw and missing parameters are refused', () => {
  const carries = characterNetworkByName('char-lstm', { context: 4, symbols: 5 });
  assert.throws(() => exportOnnx({ network: carries, parameters: {} }), /export: char-lstm carries states/);
  const network = networkByName('mlp', { inputShape: [2, 2, 1], classes: 2 });
  assert.throws(
    () => exportOnnx({ network, parameters: {} }),
    /export: parameter "dense1.weights" is missing/,
  );
  const sized = defineNetwork({
    name: 'sized',
    inputs: { x: [2] },
    outputs: { y: [2] },
    parts: {},
    connect: ({ x }) => ({ y: x!.shape[0] === 2 ? x!.exp() : x!.tanh() }),
  });
  assert.throws(
    () => exportOnnx({ network: sized, parameters: {} }),
    /export: the nodes of the network depend on the size of the batch/,
  );
});
