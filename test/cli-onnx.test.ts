// `ohmic import` and `ohmic export` with ONNX files: an imported network goes through the commands like any other.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { keyFromSeed } from '../src/base/random.ts';
import { exportOnnx } from '../src/interop/onnx/export-onnx.ts';
import { importOnnx } from '../src/interop/onnx/import-onnx.ts';
import { drawsOf, floats, type Sketch, writeSketch } from '../src/interop/onnx/oracle.test-data.ts';
import { initialParameters } from '../src/nn/network.ts';
import { networkByName } from '../src/nn/networks.ts';
import { decodeWeights } from '../src/train/checkpoint.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-onnx-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);
const draw = drawsOf(8);

/** A small network for the generated images, of 32 x 32 in three colours, with ten classes. */
const sketch: Sketch = {
  inputs: { pixels: ['n', 3, 32, 32] },
  constants: {
    'conv1.weight': floats(draw, [4, 3, 4, 4]),
    'conv1.bias': floats(draw, [4]),
    'fc.weight': floats(draw, [10, 64]),
    'fc.bias': floats(draw, [10]),
  },
  nodes: [
    {
      op: 'Conv',
      inputs: ['pixels', 'conv1.weight', 'conv1.bias'],
      outputs: ['c'],
      attributes: { strides: [8, 8] },
    },
    { op: 'HardSwish', inputs: ['c'], outputs: ['h'] },
    { op: 'Flatten', inputs: ['h'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'fc.weight', 'fc.bias'], outputs: ['logits'], attributes: { transB: 1 } },
    { op: 'Softmax', inputs: ['logits'], outputs: ['shares'] },
  ],
  outputs: ['shares'],
};
writeFileSync(join(folder, 'small.onnx'), writeSketch(sketch));

test('an imported network is tested, trained with noise, evaluated and exported', async () => {
  const few = ['--backend', 'wasm', '--quiet'];
  const imported = await ohmic([
    ...['import', 'small.onnx', '--dataset', 'synthetic', '--normalization', 'half'],
    ...['--test-images', '100', '--out', 'imported', '--backend', 'wasm'],
  ]);
  assert.equal(imported.code, 0, imported.err);
  assert.match(
    imported.out,
    /2 layers with 832 weights, 1 batch normalisations, 1 of them restored from biases/,
  );
  assert.match(imported.out, /digital accuracy on 100 test images of synthetic: \d+\.\d\d %\n$/, 'last');
  const bytes = readFileSync(join(folder, 'imported', 'weights.safetensors'));
  const { provenance, description } = await decodeWeights('weights', bytes);
  assert.deepEqual(provenance.normalization, { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  assert.equal(provenance.external?.file, 'small.onnx');
  assert.ok(description !== undefined);
  const trained = await ohmic([
    ...['train', '--dataset', 'synthetic', '--model', 'imported', '--from', 'imported/weights.safetensors'],
    ...[
      '--noise',
      '3%',
      '--epochs',
      '1',
      '--train-images',
      '256',
      '--test-images',
      '100',
      '--out',
      'noisy',
      ...few,
    ],
  ]);
  assert.equal(trained.code, 0, trained.err);
  const measured = await ohmic([
    ...['evaluate', '--weights', 'imported/weights.safetensors', 'noisy/weights.safetensors', '--chips', '1'],
    ...['--times', '1d', '--methods', 'global,adabs', '--adabs-batches', '2', '--adabs-batch-size', '50'],
    ...['--train-images', '256', '--test-images', '100', '--out', 'evaluated', '--json', ...few],
  ]);
  assert.equal(measured.code, 0, measured.err);
  assert.match(measured.out, /"imported"/);
  assert.match(measured.out, /noise-trained/);
  const exported = await ohmic([
    ...[
      'export',
      'noisy/weights.safetensors',
      '--hardware',
      'joshi2020',
      '--time',
      '1d',
      '--method',
      'adabs',
    ],
    ...['--train-images', '256', '--out', 'chip.onnx', ...few],
  ]);
  assert.equal(exported.code, 0, exported.err);
  assert.match(exported.out, /as chip 1 of joshi2020 is read 1d after programming, compensated by adabs/);
  const again = await importOnnx(readFileSync(join(folder, 'chip.onnx')), {
    name: 'chip',
    images: [32, 32, 3],
  });
  assert.deepEqual(again.network.outputs, { logits: [10] });
});

test('a network that no data set is named for is converted, and what it can not be used for is said', async () => {
  const { code, out } = await ohmic([
    'import',
    'small.onnx',
    '--out',
    'plain.safetensors',
    '--json',
    '--backend',
    'wasm',
  ]);
  assert.equal(code, 0);
  const summary = JSON.parse(out) as { readonly inputs: object; readonly outputs: object };
  assert.deepEqual(summary.inputs, { pixels: [32, 32, 3] });
  assert.deepEqual(summary.outputs, { shares: [10] });
  const refused = await ohmic([
    'import',
    'small.onnx',
    '--dataset',
    'mnist',
    '--model',
    'mlp',
    '--out',
    'x',
    '--input-shape',
    'a',
  ]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /--model: an ONNX file has its network in it; leave it out/);
  assert.match(refused.err, /--input-shape: expected NAME=NUMBERS, as audio=512, got "a"/);
  const noWeights = await ohmic([
    'train',
    '--dataset',
    'synthetic',
    '--model',
    'imported',
    '--epochs',
    '1',
    '--out',
    'y',
  ]);
  assert.match(
    noWeights.err,
    /from: expected the weights of an imported network \(ohmic import\), got none; name them with --from/,
  );
});

test('a network of ohmic is exported without its data set, and comes back with its accuracy', async () => {
  const network = networkByName('lenet5', { inputShape: [32, 32, 3], classes: 10 });
  const parameters = initialParameters(network, keyFromSeed(2));
  writeFileSync(join(folder, 'lenet5.onnx'), exportOnnx({ network, parameters }));
  const imported = await ohmic([
    ...[
      'import',
      'lenet5.onnx',
      '--dataset',
      'synthetic',
      '--test-images',
      '50',
      '--out',
      'lenet5.safetensors',
    ],
    ...['--backend', 'wasm', '--quiet'],
  ]);
  assert.equal(imported.code, 0, imported.err);
  const exported = await ohmic(['export', 'lenet5.safetensors', '--out', 'again.onnx']);
  assert.equal(exported.code, 0, exported.err);
  assert.match(exported.out, /^lenet5, as it was trained: again\.onnx\nimages: pixels from 0 to 1, minus /);
});
