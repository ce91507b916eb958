// State dicts of PyTorch as they are found: names of several people, orders of several writers; what decides, and what is
// left to a person.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import { initialParameters, type Network } from '../nn/network.ts';
import { mlp, networkByName } from '../nn/networks.ts';
import { resnet } from '../nn/resnet.ts';
import { emptyNameMap } from './name-map.ts';
import type { StoredTensor } from './number-formats.ts';
import { countReasons, matchStateDict } from './state-dict.ts';
import {
  akamaster,
  assertMatches,
  cifar,
  counter,
  flat,
  mnist,
  type Naming,
  orders,
  parallel,
  shuffled,
  sorted,
  stored,
  torchDict,
  torchvision,
  valuesOf,
  wrapped,
} from './torch-state-dict.test-data.ts';

const resnets: readonly Network[] = [
  networkByName('resnet8', cifar),
  networkByName('resnet20', cifar),
  networkByName('resnet32', cifar),
  networkByName('resnet32-wide', cifar),
  resnet({ ...cifar, depth: 8, widths: [16, 16, 16], shortcut: 'projection', name: 'resnet8-even' }),
  resnet({ ...cifar, depth: 20, widths: [16, 16, 16], shortcut: 'padded', name: 'resnet20-even-padded' }),
];
const namings = { akamaster, torchvision, parallel, flat, wrapped, same: ((layer) => layer) as Naming };

for (const model of resnets) {
  for (const [style, naming] of Object.entries(namings)) {
    for (const [orderName, order] of Object.entries(orders)) {
      test(`${model.name} with names of style "${style}", ${orderName}, comes out as it went in`, () => {
        const values = valuesOf(model);
        const tensors = order(torchDict(model, values, naming));
        const { unused } = assertMatches({ tensors, parameters: model.parameters }, values);
        assert.equal(unused.length, model.normalizationLayers.length);
      });
    }
  }
}

test('a shortcut may be defined before, between or after the convolutions of its block', () => {
  const model = networkByName('resnet20', cifar);
  const values = valuesOf(model);
  const tensors = torchDict(model, values, akamaster);
  const place = ({ name }: StoredTensor, first: boolean): string =>
    first === name.includes('shortcut') ? `${name.split('.').slice(0, 2).join('.')} 0` : '';
  // Stable within a block, so that only the shortcut moves; blocks keep their order.
  const blocks = Map.groupBy(tensors, ({ name }) =>
    name.startsWith('layer') ? name.split('.').slice(0, 2).join('.') : name,
  );
  const first = [...blocks.values()].flatMap((block) =>
    block.toSorted((a, b) => place(b, true).localeCompare(place(a, true))),
  );
  assert.ok(
    first.findIndex(({ name }) => name === 'layer2.0.shortcut.0.weight') <
      first.findIndex(({ name }) => name === 'layer2.0.conv1.weight'),
  );
  const { matches } = assertMatches({ tensors: first, parameters: model.parameters }, values);
  const shortcut = matches.find(({ ours }) => ours === 'stage2.block0.projectionNorm.scale');
  assert.deepEqual(shortcut, {
    ours: 'stage2.block0.projectionNorm.scale',
    theirs: ['layer2.0.shortcut.1.weight'],
    how: 'neighbour',
  });
});

test('the report says what decided', () => {
  const model = networkByName('resnet8', cifar);
  const tensors = torchDict(model, valuesOf(model), akamaster);
  const { matches, unused } = matchStateDict({
    file: 'f',
    layout: 'torch',
    tensors,
    parameters: model.parameters,
  });
  const how = Object.fromEntries(matches.map((match) => [match.ours, match.how]));
  assert.deepEqual(
    ['stem.weights', 'stage1.block0.conv1.weights', 'stage1.block0.norm2.shift', 'dense.bias'].map(
      (name) => how[name],
    ),
    ['shape', 'numbers', 'neighbour', 'shape'],
  );
  assert.deepEqual(unused.slice(0, 2), ['bn1.num_batches_tracked', 'layer1.0.bn1.num_batches_tracked']);
  assert.match(countReasons(matches), /^\d+ by shape, \d+ by numbers, \d+ by neighbour$/);
});

test('small-cnn is found in a list of numbered modules and in named ones', () => {
  const model = networkByName('small-cnn', cifar);
  const values = valuesOf(model);
  const place = (layer: string): number =>
    3 * (Number(layer.at(-1)) - 1) + (layer.startsWith('norm') ? 1 : 0);
  const sequential: Naming = (layer) => (layer === 'dense' ? 'classifier' : `features.${place(layer)}`);
  const letters: Naming = (layer) =>
    layer === 'dense'
      ? 'out'
      : `${'abcd'[Number(layer.at(-1)) - 1]}_${layer.startsWith('norm') ? 'bn' : 'conv'}`;
  for (const order of Object.values(orders)) {
    for (const naming of [sequential, letters, (layer: string) => layer.replace('norm', 'bn')]) {
      assertMatches(
        { tensors: order(torchDict(model, values, naming)), parameters: model.parameters },
        values,
      );
    }
  }
});

test('lenet5 comes out as it went in, its flattened rows in another order', () => {
  const model = networkByName('lenet5', mnist);
  const values = valuesOf(model);
  const flattened = { dense1: [5, 5, 16] } as const;
  const styles: readonly Naming[] = [
    (layer) => layer.replace('dense', 'fc'),
    (layer) =>
      layer
        .replace(/conv(\d)/, (_, n) => `features.${3 * (n - 1)}`)
        .replace(/dense(\d)/, (_, n) => `classifier.${2 * (n - 1)}`),
  ];
  for (const naming of styles) {
    for (const order of Object.values(orders)) {
      const tensors = order(torchDict(model, values, naming, flattened));
      assertMatches({ tensors, parameters: model.parameters, flattened }, values);
      assertMatches({ tensors, parameters: model.parameters, map: { ...emptyNameMap, flattened } }, values);
    }
  }
});

test('a dense layer behind a convolution says how its image is flattened, or is refused', () => {
  const model = networkByName('lenet5', mnist);
  const tensors = torchDict(model, valuesOf(model), (layer) => layer);
  const options = { file: 'f', layout: 'torch', tensors, parameters: model.parameters } as const;
  assert.throws(() => matchStateDict(options), {
    name: 'UsageError',
    message:
      'f: not the weights of this network: "dense1" takes 400 inputs, which are 25 pixels of the 16 channels of "conv2"; say the size of the image that is flattened: "flattened": {"dense1": [height, width, 16]}',
  });
  assert.throws(() => matchStateDict({ ...options, flattened: { dense1: [5, 5, 15], conv1: [1, 1, 1] } }), {
    name: 'UsageError',
    message: `f: not the weights of this network: 2 faults
  - flattened: "dense1" takes 400 inputs, (5, 5, 15) are 375
  - flattened: "conv1" is no dense layer here`,
  });
});

test('an mlp on colour images has its first rows in another order', () => {
  const model = mlp({ ...cifar, hidden: [20, 20, 20], activation: 'relu' });
  const values = valuesOf(model);
  const flattened = { dense1: [32, 32, 3] } as const;
  const tensors = torchDict(model, values, (layer) => `net.${2 * (Number(layer.at(-1)) - 1)}`, flattened);
  for (const order of Object.values(orders)) {
    assertMatches({ tensors: order(tensors), parameters: model.parameters, flattened }, values);
  }
});

test('equal layers with names that share a number by accident are matched by their order', () => {
  const model = mlp({ ...mnist, hidden: [20, 20, 20, 20], activation: 'relu' });
  const values = valuesOf(model);
  // PyTorch programmers count from 0: dense1 here is dense0 there.
  const tensors = torchDict(model, values, (layer) => `dense${Number(layer.at(-1)) - 1}`);
  for (const order of Object.values(orders)) {
    assertMatches({ tensors: order(tensors), parameters: model.parameters }, values);
  }
});

const words = ['input', 'hidden', 'upper', 'last'];
const inWords: Naming = (layer) => words[Number(layer.at(-1)) - 1]!;

test('equal layers whose names tell no order are matched by the order of the file where it keeps one', () => {
  const model = mlp({ ...mnist, hidden: [20, 20, 20], activation: 'relu' });
  const values = valuesOf(model);
  const { matches } = assertMatches(
    { tensors: torchDict(model, values, inWords), parameters: model.parameters },
    values,
  );
  assert.deepEqual(
    matches.map(({ theirs, how }) => `${theirs} ${how}`).filter((text) => text.includes('weight')),
    ['input.weight shape', 'hidden.weight file order', 'upper.weight file order', 'last.weight shape'],
  );
});

test('equal layers of which nothing tells the order are an error with all candidates', () => {
  const model = mlp({ ...mnist, hidden: [20, 20, 20], activation: 'relu' });
  const values = valuesOf(model);
  for (const order of [sorted, shuffled]) {
    const tensors = order(torchDict(model, values, inWords));
    const options = { file: 'f', layout: 'torch', tensors, parameters: model.parameters } as const;
    assert.throws(() => matchStateDict(options), {
      name: 'UsageError',
      message:
        /^f: not the weights of this network: "dense2", "dense3" have the same shapes as ("hidden", "upper"|"upper", "hidden"), and neither numbers in the names nor the order of the file tell which is which; say it in a map$/,
    });
    const names = { hidden: 'dense2', upper: 'dense3' };
    const { matches } = assertMatches(
      { tensors, parameters: model.parameters, map: { ...emptyNameMap, names } },
      values,
    );
    assert.equal(matches.find(({ ours }) => ours === 'dense2.bias')!.how, 'map');
    // One of two is enough: the other is then alone.
    assertMatches(
      { tensors, parameters: model.parameters, map: { ...emptyNameMap, names: { upper: 'dense3' } } },
      values,
    );
  }
});

test('an order of the file that contradicts the numbers in names is no order', () => {
  const model = mlp({ ...mnist, hidden: [20, 20, 20], activation: 'relu' });
  const tensors = torchDict(
    model,
    valuesOf(model),
    (layer) => ['a', 'layer2', 'layer1', 'z'][Number(layer.at(-1)) - 1]!,
  );
  assert.throws(() => matchStateDict({ file: 'f', layout: 'torch', tensors, parameters: model.parameters }), {
    message: /"dense2", "dense3" have the same shapes as "layer2", "layer1"/,
  });
});

test('a map names subtrees, modules and tensors, and leaves out what is too much', () => {
  const model = networkByName('resnet8', cifar);
  const values = valuesOf(model);
  const odd: Naming = (layer) =>
    torchvision(layer).replace('layer1', 'down').replace('layer2', 'mid').replace('layer3', 'up');
  const tensors = [
    ...sorted(torchDict(model, values, odd)),
    stored('aux.weight', [10, 56], new Float32Array(560)),
    stored('aux.bias', [10], new Float32Array(10)),
    stored('temperature', [], Float32Array.of(3)),
  ];
  const names = {
    down: 'stage1',
    mid: 'stage2',
    up: 'stage3',
    'fc.weight': 'dense.weights',
    aux: null,
    temperature: null,
  };
  const map = { ...emptyNameMap, names };
  const { matches, unused } = assertMatches({ tensors, parameters: model.parameters, map }, values);
  assert.deepEqual(unused.slice(-3).toSorted(), ['aux.bias', 'aux.weight', 'temperature']);
  assert.equal(matches.find(({ ours }) => ours === 'dense.bias')!.how, 'map');
});
test('ohmic’s own names and layout go through as they are', () => {
  for (const name of ['mlp', 'lenet5', 'small-cnn', 'resnet8'] as const) {
    const model = networkByName(name, name === 'lenet5' || name === 'mlp' ? mnist : cifar);
    const initial = initialParameters(model, keyFromSeed(1));
    const tensors = Object.entries(initial).map(([own, { shape, data }]) => stored(own, shape, data));
    const result = matchStateDict({
      file: 'f',
      layout: 'ohmic',
      tensors: sorted(tensors),
      parameters: model.parameters,
    });
    assert.deepEqual(result.parameters, initial);
    assert.ok(result.matches.every(({ how }) => how === 'name'));
  }
});
test('whatever a state dict holds, the answer is exact parameters or a UsageError', () => {
  const model = networkByName('resnet8', cifar);
  const values = valuesOf(model);
  const good = torchDict(model, values, akamaster);
  const draw = randomSequence(keyFromSeed(23));
  const pick = (count: number): number => Math.min(count - 1, Math.floor(draw.uniform() * count));
  const parts = [
    'conv1',
    'bn1',
    'layer1',
    '0',
    '1',
    'weight',
    'bias',
    'running_mean',
    'weight_ih_l0',
    'input',
    '',
    '__proto__',
  ];
  let accepted = 0;
  for (let round = 0; round < 1500; round++) {
    let tensors = [shuffled, sorted, (all: StoredTensor[]) => all][round % 3]!(good);
    for (let change = pick(3); change > 0; change--) {
      const at = pick(tensors.length);
      const tensor = tensors[at]!;
      const name = tensor.name.split('.');
      name[pick(name.length)] = parts[pick(parts.length)]!;
      const renamed = { ...tensor, name: name.join('.') };
      const isTaken = tensors.some((other) => other.name === renamed.name);
      const kind = pick(4);
      if (kind === 0) tensors = tensors.toSpliced(at, 1);
      else if (kind === 1 && !isTaken) tensors = tensors.toSpliced(at, 1, renamed);
      else if (kind === 2 && !isTaken) tensors = [...tensors, renamed];
      else tensors = tensors.toSpliced(at, 1, { ...tensor, shape: tensor.shape.toReversed() });
    }
    try {
      const result = matchStateDict({ file: 'f', layout: 'torch', tensors, parameters: model.parameters });
      accepted++;
      for (const { name, shape } of model.parameters) assert.deepEqual(result.parameters[name]!.shape, shape);
    } catch (thrown) {
      assert.equal((thrown as Error).name, 'UsageError', `round ${round}: ${(thrown as Error).stack}`);
    }
  }
  assert.ok(accepted > 400 && accepted < 1400, `${accepted} of 1500 are read`);
});

test('a state dict of torchvision matches ResNet-34 for photos name by name, in any order and below any module', () => {
  const { parameters, layers } = networkByName('resnet34', { inputShape: [224, 224, 3], classes: 1000 });
  const zeros = new Uint8Array(4 * 512 * 512 * 9);
  const dict = parameters.flatMap(({ name, role, shape }): StoredTensor[] => {
    const [kernelRows, kernelColumns, inputs, outputs] = shape as readonly number[];
    const layer = name.slice(0, -role.length - 1);
    const kinds: Readonly<Record<string, string>> = {
      ...{ weights: 'weight', scale: 'weight', bias: 'bias', shift: 'bias' },
      ...{ runningMean: 'running_mean', runningVariance: 'running_var' },
    };
    const theirs = shape.length === 4 ? [outputs!, inputs!, kernelRows!, kernelColumns!] : shape.toReversed();
    const bytes = zeros.subarray(0, 4 * elementCount(shape));
    return [
      { name: `${layer}.${kinds[role]}`, dtype: 'F32', shape: theirs, bytes },
      ...(role === 'runningVariance' ? [counter(`${layer}.num_batches_tracked`)] : []),
    ];
  });
  // As torchvision 0.29.1 counts them: 110 parameters, 72 running statistics, 36 counters.
  assert.equal(dict.length, 218);
  for (const prefix of ['', 'module.']) {
    for (const order of Object.values(orders)) {
      const tensors = order(dict.map((tensor) => ({ ...tensor, name: prefix + tensor.name })));
      const { matches, unused } = matchStateDict({ file: 'f', layout: 'torch', tensors, parameters, layers });
      assert.equal(countReasons(matches), '182 by name');
      assert.equal(unused.length, 36);
    }
  }
});
