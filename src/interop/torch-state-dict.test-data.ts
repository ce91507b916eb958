// State dicts of PyTorch for tests: a network's parameters in PyTorch's names and axes, written down index by index, so
// that they share nothing with what reads them; names of several people, orders of several writers.

import assert from 'node:assert/strict';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Network } from '../nn/network.ts';
import type { WantedParameter } from './modules.ts';
import type { StoredTensor } from './number-formats.ts';
import { type MatchedStateDict, matchStateDict, type StateDictOptions } from './state-dict.ts';

/** Tasks that named networks are made for. */
export const cifar = { inputShape: [32, 32, 3], classes: 10 } as const;
export const mnist = { inputShape: [28, 28, 1], classes: 10 } as const;

/** Parameters whose values are all different, running statistics and constants included. */
export function valuesOf({ parameters }: Pick<Network, 'parameters'>): Record<string, Float32Array> {
  const draw = randomSequence(keyFromSeed(1));
  return Object.fromEntries(
    parameters.map(({ name, shape }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () => draw.normal()),
    ]),
  );
}

/** A tensor of 32-bit floats as a file has it. */
export function stored(name: string, shape: Shape, values: Float32Array): StoredTensor {
  return {
    name,
    dtype: 'F32',
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/** The counter of a batch normalisation. */
export const counter = (name: string): StoredTensor => ({
  name,
  dtype: 'I64',
  shape: [],
  bytes: new Uint8Array(8),
});

/** Values from a function of the index. */
export function filled(shape: Shape, at: (...index: number[]) => number): Float32Array {
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
  table: 'weight',
  constant: 'constant',
  range: 'range',
} as const;

/** From a layer's name here to its name in a state dict. */
export type Naming = (layer: string) => string;

/** The state dict of a network, in the order in which PyTorch would define it, with counters of batches. */
export function torchDict(
  model: Pick<Network, 'parameters'>,
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

/** How a writer orders tensors. */
export type Order = (tensors: readonly StoredTensor[]) => StoredTensor[];

/** As safetensors of Hugging Face writes: larger types first, then by name. */
export const sorted: Order = (tensors) =>
  tensors.toSorted(
    (a, b) =>
      Number(b.dtype === 'I64') - Number(a.dtype === 'I64') ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );

/** As a hash table may have them. */
export function shuffled(tensors: readonly StoredTensor[]): StoredTensor[] {
  const draw = randomSequence(keyFromSeed(5));
  return tensors
    .map((tensor) => ({ tensor, at: draw.uniform() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ tensor }) => tensor);
}

/** Names of github.com/akamaster/pytorch_resnet_cifar10, which are torchvision's but for `linear` and `shortcut`. */
export const akamaster: Naming = (layer) =>
  layer
    .replace(/^stemNorm$/, 'bn1')
    .replace(/^stem$/, 'conv1')
    .replace(/^dense$/, 'linear')
    .replace(/^stage(\d)\.block(\d+)\.norm/, 'layer$1.$2.bn')
    .replace(/^stage(\d)\.block(\d+)\./, 'layer$1.$2.')
    .replace('projectionNorm', 'shortcut.1')
    .replace('projection', 'shortcut.0');
/** Names of torchvision. */
export const torchvision: Naming = (layer) =>
  akamaster(layer).replace('shortcut', 'downsample').replace('linear', 'fc');
/** Those of a `DataParallel`. */
export const parallel: Naming = (layer) => `module.${akamaster(layer)}`;
/** Everything in one list, as some write it: no hierarchy at all. */
export const flat: Naming = (layer) =>
  layer
    .replace(/^stemNorm$/, 'stem_bn')
    .replace('projectionNorm', 'proj_bn')
    .replace('projection', 'proj_conv')
    .replace('dense', 'head')
    .replaceAll('.', '_');
/** Those of a body with another head. */
export const wrapped: Naming = (layer) =>
  layer === 'dense' ? 'head.1' : `backbone.body.${torchvision(layer)}`;
/** All three orders. */
export const orders: Readonly<Record<string, Order>> = {
  'in definition order': (tensors) => [...tensors],
  sorted,
  shuffled,
};

/** Weights (rows, columns) as (columns, rows), index by index. */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return filled([columns, rows], (j, i) => values[i! * columns + j!]!);
}

/** Matches a state dict and compares what comes out with these values, in the order of the parameters. */
export function assertMatches(
  options: Omit<StateDictOptions, 'file' | 'layout'>,
  values: Readonly<Record<string, Float32Array>>,
): MatchedStateDict {
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
