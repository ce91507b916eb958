// What is said of a file that is not the network: everything at once, each fault with what to do about it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mlp, networkByName } from '../nn/networks.ts';
import { resnet } from '../nn/resnet.ts';
import type { StoredTensor } from './number-formats.ts';
import { matchStateDict } from './state-dict.ts';
import {
  akamaster,
  cifar,
  mnist,
  sorted,
  stored,
  torchDict,
  valuesOf,
} from './torch-state-dict.test-data.ts';

test('what a map says wrongly is listed', () => {
  const model = mlp({ ...mnist, hidden: [20], activation: 'relu' });
  const tensors = torchDict(model, valuesOf(model), (layer) => layer.replace('dense', 'fc'));
  const names = {
    fc9: 'dense1',
    fc1: 'dens1',
    'fc2.weight': 'dense2',
    'fc1.bias': 'dense1.bias',
    'fc2.bias': 'dense1.bias',
  };
  assert.throws(
    () =>
      matchStateDict({
        file: 'f',
        layout: 'torch',
        tensors,
        parameters: model.parameters,
        map: { names, flattened: {} },
      }),
    ({ message }: Error) => {
      for (const fault of [
        'the map names "fc9", which is not in the file',
        'the map says that "fc1" is "dens1", which is no layer here',
        'the map says that the tensor "fc2.weight" is "dense2", which is no parameter here',
        'the map says that "fc1.bias" and "fc2.bias" are both "dense1.bias"',
      ]) {
        assert.ok(message.includes(`  - ${fault}\n`), `${fault} in ${message}`);
      }
      return true;
    },
  );
});

test('a matrix in the other layout is called transposed', () => {
  const model = networkByName('mlp', mnist);
  const values = valuesOf(model);
  const torch = torchDict(model, values, (layer) => layer.replace('dense', 'fc'));
  const options = { file: 'f', parameters: model.parameters };
  assert.throws(() => matchStateDict({ ...options, layout: 'ohmic', tensors: torch }), {
    name: 'UsageError',
    message: `f: not the weights of this network: 2 faults
  - "dense1" (weights (784, 250), bias (250)) does not fit "fc1" (weight (250, 784), bias (250)) of the file; it looks transposed: pass --layout torch
  - "dense2" (weights (250, 10), bias (10)) does not fit "fc2" (weight (10, 250), bias (10)) of the file; it looks transposed: pass --layout torch`,
  });
  const own = model.parameters.map(({ name, shape }) => stored(name, shape, values[name]!));
  assert.throws(() => matchStateDict({ ...options, layout: 'torch', tensors: own }), /pass --layout ohmic/);
});

test('every mismatch is listed at once', () => {
  const model = networkByName('resnet20', cifar);
  const values = valuesOf(model);
  const tensors = sorted(torchDict(model, values, akamaster)).flatMap((tensor): StoredTensor[] => {
    const { name } = tensor;
    if (name === 'layer1.1.conv2.weight' || name === 'layer2.0.bn1.running_mean') return [];
    if (name === 'linear.weight') return [stored(name, [100, 56], new Float32Array(5600))];
    if (name === 'linear.bias') return [stored(name, [100], new Float32Array(100))];
    if (name === 'conv1.weight') return [tensor, stored('conv1.bias', [16], new Float32Array(16))];
    if (name === 'bn1.bias') return [{ ...tensor, dtype: 'F8_E4M3', bytes: new Uint8Array(16) }];
    return [tensor];
  });
  const extra = [...tensors, stored('ema.decay', [], Float32Array.of(0.9))];
  assert.throws(
    () => matchStateDict({ file: 'f', layout: 'torch', tensors: extra, parameters: model.parameters }),
    {
      name: 'UsageError',
      message: `f: not the weights of this network: 6 faults
  - "stage1.block1.conv2" (weights (3, 3, 16, 16)) has no partner in the file
  - "dense" (weights (56, 10), bias (10)) does not fit "linear" (bias (100), weight (100, 56)) of the file; is it a network of another size?
  - "ema.decay" (()) of the file is left over: nothing here takes it; "ema.decay": null in the map leaves it out
  - "conv1.bias" (16) is left over: "stem" here has no such parameter
  - "stage2.block0.norm1.runningMean" (28) has no tensor: "layer2.0.bn1" in the file lacks it
  - "bn1.bias" is F8_E4M3, expected F32, F16, BF16 or F64; convert it to float32`,
    },
  );
});

test('projections where there are none here are left over, by name', () => {
  const theirs = networkByName('resnet20', cifar);
  const ours = resnet({ ...cifar, depth: 20, widths: [16, 28, 56], shortcut: 'padded' });
  const tensors = torchDict(theirs, valuesOf(theirs), akamaster);
  assert.throws(
    () => matchStateDict({ file: 'f', layout: 'torch', tensors, parameters: ours.parameters }),
    ({ message }: Error) => {
      assert.match(message, /4 faults/);
      for (const name of [
        'layer2.0.shortcut.0',
        'layer2.0.shortcut.1',
        'layer3.0.shortcut.0',
        'layer3.0.shortcut.1',
      ])
        assert.match(message, new RegExp(`- "${name}" \\(.*\\) of the file is left over`));
      return true;
    },
  );
  // And the other way round.
  const padded = torchDict(ours, valuesOf(ours), akamaster);
  assert.throws(
    () => matchStateDict({ file: 'f', layout: 'torch', tensors: padded, parameters: theirs.parameters }),
    /4 faults.*"stage2.block0.projection" \(weights \(1, 1, 16, 28\)\) has no partner in the file/s,
  );
});

test('two candidates for one layer are named', () => {
  const model = mlp({ ...mnist, hidden: [20], activation: 'relu' });
  const tensors = [
    ...torchDict(model, valuesOf(model), (layer) => layer.replace('dense', 'fc')),
    stored('aux.weight', [10, 20], new Float32Array(200)),
    stored('aux.bias', [10], new Float32Array(10)),
  ];
  assert.throws(() => matchStateDict({ file: 'f', layout: 'torch', tensors, parameters: model.parameters }), {
    message:
      'f: not the weights of this network: one layer here, "dense2", and 2 of the file, "fc2", "aux", would fit (dense (20, 10)), and nothing tells which is which; say it in a map',
  });
});

test('a file without a single fitting tensor, and an empty one, name every layer', () => {
  const model = networkByName('mlp', mnist);
  for (const tensors of [[], [stored('x', [3], new Float32Array(3))]]) {
    assert.throws(
      () => matchStateDict({ file: 'f', layout: 'torch', tensors, parameters: model.parameters }),
      {
        name: 'UsageError',
        message:
          /"dense1" \(weights \(784, 250\), bias \(250\)\) has no partner.*\n.*"dense2" .* has no partner/,
      },
    );
  }
});
