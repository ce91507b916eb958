// State dicts of PyTorch as they are found: names of several people, orders of several writers, other number types; and
// everything that may be wrong with them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { initialParameters, type Model } from '../nn/model.ts';
import { mlp, modelByName } from '../nn/models.ts';
import { lstmParameters } from '../nn/recurrent.ts';
import { resnet } from '../nn/resnet.ts';
import type { WantedParameter } from './modules.ts';
import { emptyNameMap } from './name-map.ts';
import type { StoredTensor } from './number-formats.ts';
import { countReasons, matchStateDict, type StateDictOptions } from './state-dict.ts';

const cifar = { inputShape: [32, 32, 3], classes: 10 } as const;
const mnist = { inputShape: [28, 28, 1], classes: 10 } as const;

const key = keyFromSeed(1);

/** Parameters whose values are all different, running statistics and constants included. */
function valuesOf({ parameters }: Pick<Model, 'parameters'>): Record<string, Float32Array> {
  const draw = randomSequence(key);
  return Object.fromEntries(
    parameters.map(({ name, shape }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () => draw.normal()),
    ]),
  );
}

function stored(name: string, shape: Shape, values: Float32Array): StoredTensor {
  return {
    name,
    dtype: 'F32',
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

const counter = (name: string): StoredTensor => ({ name, dtype: 'I64', shape: [], bytes: new Uint8Array(8) });

/** Values from a function of the index. */
function filled(shape: Shape, at: (...index: number[]) => number): Float32Array {
  const values = new Float32Array(elementCount(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    values[i] = at(...index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return values;
}

/** A parameter as PyTorch holds it, written down index by index. `image`: the flattened image before a dense layer. */
function toTorch(
  name: string,
  { shape, role }: WantedParameter,
  values: Float32Array,
  image?: readonly [number, number, number],
): StoredTensor {
  if (role !== 'weights') return stored(name, shape, values);
  if (shape.length === 2) {
    const [rows, columns] = shape as readonly [number, number];
    const row = (i: number): number => {
      if (image === undefined) return i;
      const [height, width, channels] = image;
      const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
      return (y * width + x) * channels + c;
    };
    return stored(
      name,
      [columns, rows],
      filled([columns, rows], (o, i) => values[row(i!) * columns + o!]!),
    );
  }
  const [kh, kw, inputs, outputs] = shape as readonly [number, number, number, number];
  const torch = [outputs, inputs, kh, kw];
  const at = (o: number, i: number, y: number, x: number): number =>
    values[((y * kw + x) * inputs + i) * outputs + o]!;
  return stored(
    name,
    torch,
    filled(torch, (o, i, y, x) => at(o!, i!, y!, x!)),
  );
}

const roleNames = {
  weights: 'weight',
  bias: 'bias',
  scale: 'weight',
  shift: 'bias',
  runningMean: 'running_mean',
  runningVariance: 'running_var',
} as const;

type Naming = (layer: string) => string;

/** The state dict of a network, in the order in which PyTorch would define it, with counters of batches. */
function torchDict(
  model: Pick<Model, 'parameters'>,
  values: Readonly<Record<string, Float32Array>>,
  naming: Naming,
  images: Readonly<Record<string, readonly [number, number, number]>> = {},
): StoredTensor[] {
  return model.parameters.flatMap((parameter) => {
    const layer = parameter.name.slice(0, -parameter.role.length - 1);
    const tensor = toTorch(
      `${naming(layer)}.${roleNames[parameter.role]}`,
      parameter,
      values[parameter.name]!,
      images[layer],
    );
    const isLast = parameter.role === 'runningVariance';
    return isLast ? [tensor, counter(`${naming(layer)}.num_batches_tracked`)] : [tensor];
  });
}

/** As safetensors of Hugging Face writes: larger types first, then by name. */
const sorted = (tensors: readonly StoredTensor[]): StoredTensor[] =>
  tensors.toSorted(
    (a, b) =>
      Number(b.dtype === 'I64') - Number(a.dtype === 'I64') ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );

/** As a hash table may have them. */
function shuffled(tensors: readonly StoredTensor[]): StoredTensor[] {
  const draw = randomSequence(keyFromSeed(5));
  return tensors
    .map((tensor) => ({ tensor, at: draw.uniform() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ tensor }) => tensor);
}

/** Names of github.com/akamaster/pytorch_resnet_cifar10, which are torchvision's but for `linear` and `shortcut`. */
const akamaster: Naming = (layer) =>
  layer
    .replace(/^stemNorm$/, 'bn1')
    .replace(/^stem$/, 'conv1')
    .replace(/^dense$/, 'linear')
    .replace(/^stage(\d)\.block(\d+)\.norm/, 'layer$1.$2.bn')
    .replace(/^stage(\d)\.block(\d+)\./, 'layer$1.$2.')
    .replace('projectionNorm', 'shortcut.1')
    .replace('projection', 'shortcut.0');
const torchvision: Naming = (layer) =>
  akamaster(layer).replace('shortcut', 'downsample').replace('linear', 'fc');
const parallel: Naming = (layer) => `module.${akamaster(layer)}`;
/** Everything in one list, as some write it: no hierarchy at all. */
const flat: Naming = (layer) =>
  layer
    .replace(/^stemNorm$/, 'stem_bn')
    .replace('projectionNorm', 'proj_bn')
    .replace('projection', 'proj_conv')
    .replace('dense', 'head')
    .replaceAll('.', '_');
const wrapped: Naming = (layer) => (layer === 'dense' ? 'head.1' : `backbone.body.${torchvision(layer)}`);

const resnets: readonly Model[] = [
  modelByName('resnet8', cifar),
  modelByName('resnet20', cifar),
  modelByName('resnet32', cifar),
  modelByName('resnet32-wide', cifar),
  resnet({ ...cifar, depth: 8, widths: [16, 16, 16], shortcut: 'projection', name: 'resnet8-even' }),
  resnet({ ...cifar, depth: 20, widths: [16, 16, 16], shortcut: 'padded', name: 'resnet20-even-padded' }),
];
const namings = { akamaster, torchvision, parallel, flat, wrapped, same: ((layer) => layer) as Naming };

const orders = { 'in definition order': (tensors: StoredTensor[]) => tensors, sorted, shuffled };

function assertMatches(
  options: Omit<StateDictOptions, 'file' | 'layout'>,
  values: Readonly<Record<string, Float32Array>>,
): ReturnType<typeof matchStateDict> {
  const result = matchStateDict({ file: 'f', layout: 'torch', ...options });
  assert.deepEqual(
    Object.keys(result.parameters),
    options.parameters.map(({ name }) => name),
  );
  for (const { name, shape } of options.parameters) {
    assert.deepEqual(result.parameters[name]!.shape, shape, name);
    assert.deepEqual(result.parameters[name]!.data, values[name], name);
  }
  assert.deepEqual(
    result.matches.map(({ ours }) => ours),
    options.parameters.map(({ name }) => name),
  );
  return result;
}

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
  const model = modelByName('resnet20', cifar);
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
  const model = modelByName('resnet8', cifar);
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
  const model = modelByName('small-cnn', cifar);
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
  const model = modelByName('lenet5', mnist);
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
  const model = modelByName('lenet5', mnist);
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
  const model = modelByName('resnet8', cifar);
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

test('ohmic’s own names and layout go through as they are', () => {
  for (const name of ['mlp', 'lenet5', 'small-cnn', 'resnet8'] as const) {
    const model = modelByName(name, name === 'lenet5' || name === 'mlp' ? mnist : cifar);
    const initial = initialParameters(model, key);
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

test('a matrix in the other layout is called transposed', () => {
  const model = modelByName('mlp', mnist);
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
  const model = modelByName('resnet20', cifar);
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
  - "stage2.block0.norm1.runningMean" (28) has no tensor: "layer2.0.bn1" in the file lacks it
  - "conv1.bias" (16) is left over: "stem" here has no such parameter
  - "bn1.bias" is F8_E4M3, expected F32, F16, BF16 or F64; convert it to float32`,
    },
  );
});

test('projections where there are none here are left over, by name', () => {
  const theirs = modelByName('resnet20', cifar);
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
  const model = modelByName('mlp', mnist);
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

/** Weights, transposed index by index. */
const transposed = (values: Float32Array, rows: number, columns: number): Float32Array =>
  filled([columns, rows], (j, i) => values[i! * columns + j!]!);

test('an LSTM’s gates keep their order and its two biases become one', () => {
  const [inputs, hidden] = [3, 5];
  const parameters = [
    ...lstmParameters({ layer: 'lower', inputs, hidden }),
    ...lstmParameters({ layer: 'upper', inputs: hidden, hidden }),
  ];
  const values = valuesOf({ parameters });
  const pieces = ['lower', 'upper'].flatMap((layer, level) => {
    const size = level === 0 ? inputs : hidden;
    const bias = values[`${layer}.bias`]!;
    return [
      stored(
        `rnn.weight_ih_l${level}`,
        [4 * hidden, size],
        transposed(values[`${layer}.input.weights`]!, size, 4 * hidden),
      ),
      stored(
        `rnn.weight_hh_l${level}`,
        [4 * hidden, hidden],
        transposed(values[`${layer}.hidden.weights`]!, hidden, 4 * hidden),
      ),
      stored(
        `rnn.bias_ih_l${level}`,
        [4 * hidden],
        bias.map((value) => value - 1),
      ),
      stored(
        `rnn.bias_hh_l${level}`,
        [4 * hidden],
        bias.map(() => 1),
      ),
    ];
  });
  // Exact: multiples of a power of 2 lose nothing when 1 is taken away and added again.
  for (const name of ['lower.bias', 'upper.bias'])
    values[name]!.forEach((value, i, all) => (all[i] = Math.round(value * 64) / 64));
  const rebuilt = pieces.map((tensor) => {
    const level = tensor.name.endsWith('l0') ? 'lower' : 'upper';
    return tensor.name.includes('bias_ih')
      ? stored(
          tensor.name,
          tensor.shape,
          values[`${level}.bias`]!.map((value) => value - 1),
        )
      : tensor;
  });
  for (const order of Object.values(orders)) {
    const { matches } = assertMatches({ tensors: order(rebuilt), parameters }, values);
    assert.deepEqual(matches.find(({ ours }) => ours === 'upper.bias')!.theirs, [
      'rnn.bias_ih_l1',
      'rnn.bias_hh_l1',
    ]);
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

test('whatever a state dict holds, the answer is exact parameters or a UsageError', () => {
  const model = modelByName('resnet8', cifar);
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
