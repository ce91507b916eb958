// Whole networks: shapes that are computed, branches, functions, fixed batches, files beside the model, several inputs; what is
// a layer and what is not; what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../../base/random.ts';
import { initialParameters } from '../../nn/network.ts';
import { encodeModel, nodeMessage, tensorMessage, valueInfo } from './encode.ts';
import { importOnnx, networkFromDescription } from './import-onnx.ts';
import type { GraphMessage } from './messages.ts';
import type { HostValues } from './model.ts';
import {
  BATCH,
  compareAnswers,
  compareSketch,
  drawInputs,
  drawsOf,
  floats,
  interpreted,
  needsOracle,
  oracle,
  type Sketch,
  wholes,
  writeSketch,
} from './oracle.test-data.ts';

const draw = drawsOf(5);
const number = (value: number): HostValues => ({ kind: 'int', dims: [], values: Float64Array.of(value) });

/** A flattening as the older exporter of PyTorch writes it: sizes through Shape, Gather, Unsqueeze and Concat. */
const chain: Sketch = {
  inputs: { image: ['n', 3, 6, 6] },
  constants: {
    'conv1.weight': floats(draw, [4, 3, 3, 3]),
    'conv1.bias': floats(draw, [4]),
    'fc.weight': floats(draw, [5, 64]),
    'fc.bias': floats(draw, [5]),
    zero: number(0),
    axes: wholes([0]),
    rest: wholes([-1]),
  },
  nodes: [
    { op: 'Conv', name: '/conv1/Conv', inputs: ['image', 'conv1.weight', 'conv1.bias'], outputs: ['c'] },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'Shape', inputs: ['r'], outputs: ['s'] },
    { op: 'Gather', inputs: ['s', 'zero'], outputs: ['n'], attributes: { axis: 0 } },
    { op: 'Unsqueeze', inputs: ['n', 'axes'], outputs: ['n1'] },
    { op: 'Cast', inputs: ['n1'], outputs: ['n2'], attributes: { to: 7 } },
    { op: 'Concat', inputs: ['n2', 'rest'], outputs: ['target'], attributes: { axis: 0 } },
    { op: 'Reshape', inputs: ['r', 'target'], outputs: ['flat'] },
    {
      op: 'Gemm',
      name: '/fc/Gemm',
      inputs: ['flat', 'fc.weight', 'fc.bias'],
      outputs: ['logits'],
      attributes: { transB: 1 },
    },
  ],
  outputs: ['logits'],
};

test('shapes that are computed from shapes are known when a network is imported', needsOracle, async () => {
  const network = await compareSketch(chain, { options: { inputs: { image: { layout: 'channels-last' } } } });
  assert.deepEqual(network.inputs, { image: [6, 6, 3] });
  assert.deepEqual(network.outputs, { logits: [5] });
  assert.deepEqual(
    network.layers.map(({ name, kind, shape }) => `${name} ${kind} ${shape}`),
    ['conv1 convolution 3,3,3,4', 'fc dense 64,5'],
  );
  assert.deepEqual(
    network.parameters.map(({ name }) => name),
    ['conv1.weights', 'conv1.bias', 'fc.weights', 'fc.bias'],
  );
});

test('a network is built again from its description, without the file', async () => {
  const { network, parameters } = await importOnnx(writeSketch(chain), { name: 'chain' });
  const again = networkFromDescription('weights', network.description!);
  assert.deepEqual({ ...again, apply: undefined }, { ...network, apply: undefined });
  const inputs = {
    image: { dims: [BATCH, 6, 6, 3], values: Float32Array.from({ length: BATCH * 108 }, draw) },
  };
  assert.deepEqual(interpreted(again, parameters, inputs), interpreted(network, parameters, inputs));
  assert.ok(!network.description!.includes('"values":[0.'), 'weights are not in it');
  assert.throws(
    () => networkFromDescription('weights', network.description!.replace('"op":"Conv"', '"op":"Reshape"')),
    /weights: the description of its network: node "\/conv1\/Conv" \(Reshape\)/,
  );
  assert.throws(
    () => networkFromDescription('weights', '{'),
    /weights: the description of its network is damaged/,
  );
  assert.throws(
    () => networkFromDescription('weights', '{}'),
    /weights: the description of its network: \d+ faults/,
  );
});

test('a file with a batch of one takes batches of any size', needsOracle, async () => {
  const fixed: Sketch = {
    ...chain,
    inputs: { image: [1, 3, 6, 6] },
    constants: { ...chain.constants, target: wholes([1, 64]) },
    nodes: chain.nodes.filter(({ op }) => !['Shape', 'Gather', 'Unsqueeze', 'Cast', 'Concat'].includes(op)),
  };
  const [one, any] = await Promise.all(
    [fixed, chain].map((sketch) => importOnnx(writeSketch(sketch), { name: 'net' })),
  );
  const inputs = {
    image: { dims: [BATCH, 6, 6, 3], values: Float32Array.from({ length: BATCH * 108 }, draw) },
  };
  assert.deepEqual(
    interpreted(one!.network, one!.parameters, inputs),
    interpreted(any!.network, any!.parameters, inputs),
  );
});

const branchOf = (op: string): GraphMessage => ({
  name: op,
  node: [nodeMessage({ op, inputs: ['x'], outputs: [`${op}.y`] })],
  initializer: [],
  input: [],
  output: [{ name: `${op}.y` }],
});

const branches: Sketch = {
  inputs: { x: ['n', 4], rate: [] },
  kinds: { rate: 'int' },
  constants: { wanted: number(16000) },
  nodes: [
    { op: 'Equal', inputs: ['rate', 'wanted'], outputs: ['is'] },
    {
      op: 'If',
      name: 'choice',
      inputs: ['is'],
      outputs: ['y'],
      attributes: {
        then_branch: { message: branchOf('Tanh') },
        else_branch: { message: branchOf('Einsum') },
      },
    },
  ],
  outputs: ['y'],
};

test('a branch is chosen by a value that is given, and what is not chosen need not be supported', async () => {
  const { network, parameters } = await importOnnx(writeSketch(branches), {
    inputs: { rate: { value: 16000 } },
  });
  assert.deepEqual(Object.keys(network.inputs), ['x']);
  const values = [0.5, -0.5, 1, 2];
  const { y } = interpreted(network, parameters, { x: { dims: [1, 4], values } });
  assert.deepEqual([...Float64Array.from(y!.values)], values.map(Math.tanh));
  await assert.rejects(
    importOnnx(writeSketch(branches), { inputs: { rate: { value: 8000 } } }),
    /onnx: not supported:\n {2}- operator Einsum, node "Einsum_0"\nsupported are Abs, Add/,
  );
  await assert.rejects(
    importOnnx(writeSketch(branches)),
    /onnx: inputs: input "rate": it is a single number; give its value/,
  );
});

/** A branch whose values have the same names as those of every other one: max(0, f(x, matrix)). */
const sameNames = (matrix: HostValues, op: string, domain = ''): GraphMessage => ({
  name: 'branch',
  node: [
    nodeMessage({ op, domain, inputs: ['x', 'inner'], outputs: ['t'] }),
    nodeMessage({ op: 'Relu', inputs: ['t'], outputs: ['out'] }),
  ],
  initializer: [tensorMessage('inner', matrix)],
  input: [],
  output: [valueInfo('out', ['n', 4])],
});

for (const [what, op, domain] of [
  ['values', 'MatMul', ''],
  ['calls of functions', 'Shifted', 'own'],
] as const) {
  test(`branches may use the same names for their ${what}`, needsOracle, async () => {
    const node = ['a', 'b'].map((output) => {
      const [chosen, other] = [floats(draw, [4, 4]), floats(draw, [4, 4])].map((matrix) => ({
        message: sameNames(matrix, op, domain),
      }));
      const attributes = { then_branch: chosen!, else_branch: other! };
      return nodeMessage({ op: 'If', name: `if ${output}`, inputs: ['yes'], outputs: [output], attributes });
    });
    const bytes = encodeModel({
      opset: 17,
      graph: {
        name: 'branches',
        node: [...node, nodeMessage({ op: 'Sub', inputs: ['a', 'b'], outputs: ['y'] })],
        initializer: [tensorMessage('yes', { kind: 'bool', dims: [], values: Float64Array.of(1) })],
        input: [valueInfo('x', ['n', 4])],
        output: ['y', 'a', 'b'].map((name) => valueInfo(name, ['n', 4])),
      },
      functions: [
        {
          name: 'Shifted',
          domain: 'own',
          input: ['in', 'matrix'],
          output: ['out'],
          node: [
            nodeMessage({ op: 'MatMul', inputs: ['in', 'matrix'], outputs: ['product'] }),
            nodeMessage({ op: 'Tanh', inputs: ['product'], outputs: ['out'] }),
          ],
        },
      ],
    });
    const inputs = drawInputs({ inputs: { x: ['n', 4] }, nodes: [], outputs: [] }, draw);
    const { network, parameters } = await importOnnx(bytes);
    compareAnswers(interpreted(network, parameters, inputs), await oracle(bytes, inputs), 1e-5);
    assert.equal(network.layers.length, 2);
  });
}

test('all operators that are not supported are named at once', async () => {
  const sketch: Sketch = {
    inputs: { x: ['n', 4] },
    nodes: [
      { op: 'Einsum', name: 'a', inputs: ['x'], outputs: ['a'] },
      { op: 'Einsum', name: 'b', inputs: ['a'], outputs: ['b'] },
      { op: 'Attention', name: 'c', domain: 'com.microsoft', inputs: ['b'], outputs: ['c'] },
      { op: 'TopK', name: 'unused', inputs: ['x'], outputs: ['d'] },
      { op: 'Relu', inputs: ['c'], outputs: ['y'] },
    ],
    outputs: ['y'],
  };
  await assert.rejects(importOnnx(writeSketch(sketch)), {
    message:
      /not supported:\n {2}- operator Einsum, node "a" and others\n {2}- operator Attention \(domain com\.microsoft\), node "c"\nsupported are/,
  });
});

test('nodes whose attributes are not supported are named at once too, and what needs them is not', async () => {
  const two = (first: 'Einsum' | 'Relu'): Sketch => ({
    inputs: { x: ['n', 4] },
    constants: {
      pads: { kind: 'int', dims: [4], values: Float64Array.of(0, 1, 0, 1) },
      repeats: { kind: 'int', dims: [2], values: Float64Array.of(1, 2) },
    },
    nodes: [
      { op: first, name: 'a', inputs: ['x'], outputs: ['a'] },
      {
        op: 'Pad',
        name: 'b',
        inputs: ['x', 'pads'],
        outputs: ['b'],
        attributes: { mode: 'mirror' },
      },
      { op: 'Cast', name: 'c', inputs: ['x'], outputs: ['c'], attributes: { to: 8 } },
      { op: 'Tile', name: 'd', inputs: ['b', 'repeats'], outputs: ['d'] },
      { op: 'Sum', inputs: ['a', 'c', 'd'], outputs: ['y'] },
    ],
    outputs: ['y'],
  });
  const misfits =
    ' {2}- node "b" \\(Pad\\): mode "mirror", expected constant, reflect, edge or wrap\n {2}- node "c" \\(Cast\\): can\'t cast to data type 8';
  await assert.rejects(importOnnx(writeSketch(two('Einsum'))), {
    message: new RegExp(`not supported:\n {2}- operator Einsum, node "a"\n${misfits}\nsupported are Abs`),
  });
  await assert.rejects(importOnnx(writeSketch(two('Relu'))), {
    message: new RegExp(`not supported:\n${misfits}$`),
  });
});

test('functions of a file are opened where they are called', needsOracle, async () => {
  const bytes = encodeModel({
    opset: 17,
    graph: {
      name: 'calls',
      node: [
        nodeMessage({ op: 'Twice', domain: 'own', name: 'first', inputs: ['x', 'w'], outputs: ['a'] }),
        nodeMessage({ op: 'Twice', domain: 'own', name: 'second', inputs: ['a', 'w'], outputs: ['y'] }),
      ],
      initializer: [tensorMessage('w', floats(draw, [4, 4]))],
      input: [valueInfo('x', ['n', 4])],
      output: [valueInfo('y', ['n', 4])],
    },
    functions: [
      {
        name: 'Twice',
        domain: 'own',
        input: ['in', 'matrix'],
        output: ['out'],
        node: [
          nodeMessage({ op: 'MatMul', name: 'product', inputs: ['in', 'matrix'], outputs: ['t'] }),
          nodeMessage({
            op: 'Constant',
            inputs: [],
            outputs: ['two'],
            attributes: { value_float: { float: 2 } },
          }),
          nodeMessage({ op: 'Mul', inputs: ['t', 'two'], outputs: ['out'] }),
        ],
      },
    ],
  });
  const inputs = drawInputs({ inputs: { x: ['n', 4] }, nodes: [], outputs: [] }, draw);
  const { network, parameters } = await importOnnx(bytes);
  compareAnswers(interpreted(network, parameters, inputs), await oracle(bytes, inputs), 1e-5);
  assert.equal(network.layers.length, 1, 'a matrix that is used twice is one layer');
});

test('weights lie in files beside the model', async () => {
  const weights = floats(draw, [4, 3]);
  const bytes = new Uint8Array((weights.values as Float32Array).buffer);
  const model = (location: string, offset = '0', length = `${bytes.length}`): Uint8Array =>
    encodeModel({
      opset: 17,
      graph: {
        name: 'external',
        node: [nodeMessage({ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] })],
        initializer: [
          {
            ...tensorMessage('w', { kind: 'float', dims: [4, 3], values: new Float32Array(12) }),
            rawData: undefined as never,
            dataLocation: 1,
            externalData: [
              { key: 'location', value: location },
              { key: 'offset', value: offset },
              { key: 'length', value: length },
            ],
          },
        ],
        input: [valueInfo('x', ['n', 4])],
        output: [valueInfo('y', ['n', 3])],
      },
    });
  const readFile = async (name: string): Promise<Uint8Array> => {
    assert.equal(name, 'w.data');
    return bytes;
  };
  const { parameters } = await importOnnx(model('w.data'), { readFile });
  assert.deepEqual(parameters['w.weights']!.data, weights.values);
  await assert.rejects(
    importOnnx(model('w.data')),
    /its weights are in the file "w.data" beside it; hand over a function/,
  );
  for (const outside of ['../w.data', '/etc/passwd', 'C:\\w', 'a/../../b', ''])
    await assert.rejects(importOnnx(model(outside), { readFile }), /expected a file in its own folder/);
  await assert.rejects(
    importOnnx(model('w.data', '8'), { readFile }),
    /tensor "w": expected bytes 8 to 56 of "w.data", which has 48/,
  );
  await assert.rejects(importOnnx(model('w.data', 'x'), { readFile }), /expected bytes x to NaN/);
});

test('states come and go with the batch first, wherever the file has it', needsOracle, async () => {
  const sketch: Sketch = {
    inputs: { x: ['n', 3], state: [2, 'n', 4] },
    constants: {
      w: floats(draw, [1, 16, 3]),
      r: floats(draw, [1, 16, 4]),
      half: wholes([1, 1]),
      axes: wholes([0]),
    },
    nodes: [
      { op: 'Unsqueeze', inputs: ['x', 'axes'], outputs: ['steps'] },
      { op: 'Split', inputs: ['state', 'half'], outputs: ['h', 'c'], attributes: { axis: 0 } },
      {
        op: 'LSTM',
        name: '/rnn/LSTM',
        inputs: ['steps', 'w', 'r', '', '', 'h', 'c'],
        outputs: ['y', 'hn', 'cn'],
        attributes: { hidden_size: 4 },
      },
      { op: 'Concat', inputs: ['hn', 'cn'], outputs: ['stateN'], attributes: { axis: 0 } },
    ],
    outputs: ['y', 'stateN'],
  };
  const network = await compareSketch(sketch);
  assert.deepEqual(network.inputs, { x: [3], state: [2, 4] });
  assert.deepEqual(network.outputs, { y: [1, 1, 4], stateN: [2, 4] });
  assert.deepEqual(
    network.layers.map(({ name }) => name),
    ['rnn.input', 'rnn.hidden'],
  );
  const { network: found } = await importOnnx(writeSketch(sketch));
  assert.deepEqual(found.inputs, network.inputs, 'the batch is found by its name');
});

test('tables are embeddings, weights on either side are layers, products of computed tensors are not', async () => {
  const sketch: Sketch = {
    inputs: { tokens: ['n', 5] },
    kinds: { tokens: 'int' },
    constants: {
      'embed.weight': floats(draw, [10, 6]),
      'q.weight': floats(draw, [6, 6]),
      'k.weight': floats(draw, [6, 6]),
      positions: floats(draw, [5, 6]),
    },
    nodes: [
      { op: 'Gather', inputs: ['embed.weight', 'tokens'], outputs: ['e'] },
      { op: 'Add', inputs: ['e', 'positions'], outputs: ['p'] },
      { op: 'MatMul', inputs: ['p', 'q.weight'], outputs: ['q'] },
      { op: 'MatMul', inputs: ['p', 'k.weight'], outputs: ['k'] },
      { op: 'Transpose', inputs: ['k'], outputs: ['kt'], attributes: { perm: [0, 2, 1] } },
      { op: 'MatMul', inputs: ['q', 'kt'], outputs: ['scores'] },
      { op: 'Softmax', inputs: ['scores'], outputs: ['a'] },
      { op: 'MatMul', inputs: ['a', 'p'], outputs: ['y'] },
    ],
    outputs: ['y'],
  };
  const { network, parameters } = await importOnnx(writeSketch(sketch));
  assert.deepEqual(
    network.layers.map(({ name, kind }) => `${name} ${kind}`),
    ['embed embedding', 'q dense', 'k dense'],
  );
  assert.equal(network.parameters.find(({ name }) => name === 'positions.bias')?.role, 'bias');
  const start = initialParameters(network, keyFromSeed(1));
  assert.deepEqual(Object.keys(start), Object.keys(parameters), 'it can be trained from the start');
});

test('a network that classifies images gets the names that tasks use, and gives logits', async () => {
  const sketch: Sketch = {
    ...chain,
    inputs: { image: ['n', 3, 'h', 'w'] },
    nodes: [...chain.nodes, { op: 'Softmax', inputs: ['logits'], outputs: ['shares'] }],
    outputs: ['shares'],
  };
  const { network, parameters } = await importOnnx(writeSketch(sketch), { images: [6, 6, 3] });
  assert.deepEqual([network.inputs, network.outputs], [{ images: [6, 6, 3] }, { logits: [5] }]);
  const values = Float32Array.from({ length: 108 }, draw);
  const { logits } = interpreted(network, parameters, { images: { dims: [1, 6, 6, 3], values } });
  const plain = await importOnnx(writeSketch(chain));
  const { logits: expected } = interpreted(plain.network, plain.parameters, {
    image: { dims: [1, 6, 6, 3], values },
  });
  assert.deepEqual(logits, expected);
  await assert.rejects(
    importOnnx(writeSketch(branches), { images: [4, 4, 1] }),
    /expected one input, the images/,
  );
});

test('batch normalisation keeps its statistics, and training estimates them', async () => {
  const sketch: Sketch = {
    inputs: { x: ['n', 2, 4, 4] },
    constants: Object.fromEntries(
      ['weight', 'bias', 'running_mean', 'running_var'].map((role) => [
        `bn1.${role}`,
        floats(() => 0.5, [2]),
      ]),
    ),
    nodes: [
      {
        op: 'BatchNormalization',
        inputs: ['x', 'bn1.weight', 'bn1.bias', 'bn1.running_mean', 'bn1.running_var'],
        outputs: ['y'],
      },
    ],
    outputs: ['y'],
  };
  const { network } = await importOnnx(writeSketch(sketch));
  assert.deepEqual(network.normalizationLayers, ['bn1']);
  assert.deepEqual(
    network.parameters.map(({ name, role }) => `${name} ${role}`),
    [
      'bn1.scale scale',
      'bn1.shift shift',
      'bn1.runningMean runningMean',
      'bn1.runningVariance runningVariance',
    ],
  );
  const trained = { ...sketch, nodes: [{ ...sketch.nodes[0]!, attributes: { training_mode: 1 } }] };
  await assert.rejects(importOnnx(writeSketch(trained)), /it normalises by the batch \(training_mode 1\)/);
});

const faults: readonly {
  readonly what: string;
  readonly bytes: () => Uint8Array;
  readonly expected: RegExp;
}[] = [
  { what: 'an empty file', bytes: () => new Uint8Array(), expected: /onnx: it has no graph/ },
  {
    what: 'a text',
    bytes: () => new TextEncoder().encode('not a model'),
    expected: /damaged or no ONNX file/,
  },
  {
    what: 'an old version',
    bytes: () => writeSketch({ ...chain, opset: 3 }),
    expected: /its operators are of version 3, expected 7 to 26/,
  },
  {
    what: 'open sizes',
    bytes: () => writeSketch({ ...chain, inputs: { image: ['n', 3, 'height', 6] } }),
    expected: /input "image": axis 2 \("height"\) may have any size; give the shape of one example/,
  },
  {
    what: 'an input that nothing makes',
    bytes: () => writeSketch({ ...chain, nodes: chain.nodes.slice(1) }),
    expected: /node "Relu_0" \(Relu\): its input "c" is made by no node before it/,
  },
  {
    what: 'an output that nothing makes',
    bytes: () => writeSketch({ ...chain, outputs: ['none'] }),
    expected: /output "none" is made by no node/,
  },
  {
    what: 'an output without a batch',
    bytes: () =>
      writeSketch({
        ...chain,
        nodes: [{ op: 'ReduceSum', inputs: ['image'], outputs: ['y'], attributes: { keepdims: 0 } }],
        outputs: ['y'],
      }),
    expected: /none of its outputs has the batch as an axis/,
  },
  {
    what: 'matrices that do not chain',
    bytes: () =>
      writeSketch({ ...chain, constants: { ...chain.constants, 'fc.weight': floats(draw, [5, 60]) } }),
    expected: /node "\/fc\/Gemm" \(Gemm\): \(13, 64\) and \(5, 60\) do not chain/,
  },
  {
    what: 'a shape that depends on the data',
    bytes: () =>
      writeSketch({
        inputs: { x: ['n', 4], s: ['n'] },
        kinds: { s: 'int' },
        nodes: [{ op: 'Reshape', name: 'r', inputs: ['x', 's'], outputs: ['y'] }],
        outputs: ['y'],
      }),
    expected: /node "r" \(Reshape\): input 1 depends on the data/,
  },
];

for (const { what, bytes, expected } of faults) {
  test(`${what} is refused with its reason`, async () => {
    await assert.rejects(importOnnx(bytes()), expected);
  });
}

test('options for inputs and outputs that do not exist are refused', async () => {
  const bytes = writeSketch(chain);
  await assert.rejects(
    importOnnx(bytes, { inputs: { audio: { shape: [3] } } }),
    /input "audio": there is none; the file has "image"/,
  );
  await assert.rejects(
    importOnnx(bytes, { outputs: { scores: 'y' } }),
    /there is no output "scores"; the file has "logits"/,
  );
  await assert.rejects(
    importOnnx(bytes, { inputs: { image: { shape: [3, 6, 7] } } }),
    /axis 3 is 6, the given shape says 7/,
  );
});

test('what is no bytes is refused', async () => {
  for (const value of [null, 'network.onnx'])
    await assert.rejects(importOnnx(value as unknown as Uint8Array), {
      name: 'UsageError',
      message: /^onnx: expected the bytes of an ONNX file, a Uint8Array, got (null|"network\.onnx")$/,
    });
});
