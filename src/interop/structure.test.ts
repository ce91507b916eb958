// Structure against networks drawn at random: few widths, so that equal layers abound; hierarchies with names of every
// style. Whatever is matched must be right. What cannot be told must be an error.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import type { WantedParameter } from './modules.ts';
import type { StoredTensor } from './number-formats.ts';
import { matchStateDict } from './state-dict.ts';
import { align, type Item } from './structure.ts';
import { orders, stored } from './torch-state-dict.test-data.ts';

type Draw = { readonly below: (count: number) => number; readonly chance: (p: number) => boolean };

function drawsOf(seed: number): Draw {
  const { uniform } = randomSequence(keyFromSeed(seed));
  return {
    below: (count) => Math.min(count - 1, Math.floor(uniform() * count)),
    chance: (p) => uniform() < p,
  };
}

type RandomNetwork = {
  readonly parameters: WantedParameter[];
  readonly tensors: StoredTensor[];
  /** From names here to names there. */
  readonly truth: Map<string, string>;
};

const words = [
  'zeta',
  'alpha',
  'omega',
  'beta',
  'mu',
  'gamma',
  'kappa',
  'delta',
  'phi',
  'chi',
  'rho',
  'tau',
  'psi',
];
const widths = [4, 4, 4, 6];

/**
 * Adds what is below one path. Children are numbered words (`conv1`, `bn1`), numbers (`0`, `1`), both in the order of the
 * forward pass, or words in any order; their names are joined to the path with a dot, or with `_` without a level.
 */
function grow(network: RandomNetwork, draw: Draw, ours: string, theirs: string, depth: number): void {
  const style = (['numbered', 'numbers', 'words'] as const)[draw.below(3)]!;
  const join = draw.chance(0.2) ? '_' : '.';
  const names = words.map((word) => ({ word, at: draw.below(1000) })).toSorted((a, b) => a.at - b.at);
  const count = 1 + draw.below(4);
  let number = 0;
  for (let k = 0; k < count; k++) {
    const next = (word: string): string => {
      const own =
        style === 'numbered' ? `${word}${k}` : style === 'numbers' ? `${number++}` : names.pop()!.word;
      return theirs === '' ? own : `${theirs}${join}${own}`;
    };
    const here = (name: string): string => (ours === '' ? name : `${ours}.${name}`);
    if (depth < 2 && draw.chance(0.5)) {
      grow(network, draw, here(`part${k}`), next('layer'), depth + 1);
    } else if (draw.chance(0.7)) {
      const [inputs, outputs, size] = [
        widths[draw.below(4)]!,
        widths[draw.below(4)]!,
        draw.chance(0.8) ? 3 : 1,
      ];
      const conv = next('conv');
      const norm = style === 'words' && draw.chance(0.5) ? `${conv}_bn` : next('bn');
      add(network, here(`conv${k}`), 'weights', conv, 'weight', [size, size, inputs, outputs]);
      add(network, here(`norm${k}`), 'scale', norm, 'weight', [outputs]);
      add(network, here(`norm${k}`), 'shift', norm, 'bias', [outputs]);
      add(network, here(`norm${k}`), 'runningMean', norm, 'running_mean', [outputs]);
      add(network, here(`norm${k}`), 'runningVariance', norm, 'running_var', [outputs]);
    } else {
      const [inputs, outputs, name] = [widths[draw.below(4)]!, widths[draw.below(4)]!, next('fc')];
      add(network, here(`dense${k}`), 'weights', name, 'weight', [inputs, outputs]);
      add(network, here(`dense${k}`), 'bias', name, 'bias', [outputs]);
    }
  }
}

function add(
  { parameters, tensors, truth }: RandomNetwork,
  layer: string,
  role: WantedParameter['role'],
  module: string,
  leaf: string,
  shape: readonly number[],
): void {
  const there = shape.length === 4 ? [shape[3]!, shape[2]!, shape[0]!, shape[1]!] : shape.toReversed();
  parameters.push({ name: `${layer}.${role}`, shape, role });
  tensors.push(stored(`${module}.${leaf}`, there, new Float32Array(shape.reduce((a, b) => a * b, 1))));
  truth.set(`${layer}.${role}`, `${module}.${leaf}`);
}

test('no random network is matched wrongly, and in the order of definition all are matched', () => {
  const outcomes = { matched: 0, refused: 0 };
  for (let seed = 0; seed < 500; seed++) {
    const network: RandomNetwork = { parameters: [], tensors: [], truth: new Map() };
    grow(network, drawsOf(seed), '', '', 0);
    const { parameters, tensors, truth } = network;
    if (new Set(truth.values()).size < parameters.length) continue;
    for (const [order, reordered] of Object.entries(orders)) {
      try {
        const { matches } = matchStateDict({
          file: 'f',
          layout: 'torch',
          tensors: reordered(tensors),
          parameters,
        });
        for (const { ours, theirs, how } of matches) {
          assert.equal(theirs[0], truth.get(ours), `seed ${seed}, ${order}: ${ours} by ${how}`);
        }
        outcomes.matched++;
      } catch (thrown) {
        const { name, message } = thrown as Error;
        assert.equal(name, 'UsageError', message);
        assert.match(message, /have the same shapes as/);
        assert.notEqual(order, 'in definition order', `seed ${seed}: ${message}`);
        outcomes.refused++;
      }
    }
  }
  // Both happen often, so that the test says something of either.
  assert.ok(outcomes.matched > 800 && outcomes.refused > 200, JSON.stringify(outcomes));
});

const items = (...texts: string[]): Item[] =>
  texts.map((text, position) => {
    const [name, signature] = text.split(' ') as [string, string];
    return { name, signature, position, isNormalization: signature.startsWith('norm') };
  });
const strict = { fileKeepsOrder: false, isLenient: false };
const paired = (ours: Item[], theirs: Item[], options = strict): string[] =>
  align({ ours, theirs, known: [] }, options).pairs.map(
    (pair) => `${pair.ours.name} = ${pair.theirs.name} (${pair.how})`,
  );

test('a normalisation goes with the convolution that shares its number, place or word', () => {
  const ours = items('conv1 a', 'norm1 norm', 'conv2 b', 'norm2 norm', 'side c', 'sideNorm norm');
  assert.deepEqual(
    paired(ours, items('bn1 norm', 'bn2 norm', 'conv1 a', 'conv2 b', 'down.0 c', 'down.1 norm')).slice(3),
    ['norm1 = bn1 (neighbour)', 'norm2 = bn2 (neighbour)', 'sideNorm = down.1 (neighbour)'],
  );
});

test('numbers that normalisations share with convolutions by accident decide nothing alone', () => {
  const ours = items('conv1 a', 'norm1 norm', 'conv2 b', 'norm2 norm');
  assert.deepEqual(paired(ours, items('bn0 norm', 'bn1 norm', 'conv1 a', 'conv2 b')).slice(2), [
    'norm1 = bn0 (numbers)',
    'norm2 = bn1 (numbers)',
  ]);
});

test('a hierarchy that contradicts an order is ambiguous', () => {
  const ours = items('body.0 a', 'body.1 a', 'head a');
  const theirs = items('stem a', 'rest.0 a', 'rest.1 a');
  // By groups alone, `body` would be `rest`; the file says that `stem` comes first.
  const { pairs, ambiguities } = align({ ours, theirs, known: [] }, { ...strict, fileKeepsOrder: true });
  assert.deepEqual(
    [pairs, ambiguities],
    [[], [{ ours: ['body.0', 'body.1', 'head'], theirs: ['rest.0', 'rest.1', 'stem'] }]],
  );
});

test('a lenient matching keeps to groups that differ in one module', () => {
  const ours = items('s.0.conv1 a', 's.0.conv2 a', 's.0.fc b', 's.1.conv1 a', 's.1.conv2 a', 's.1.fc b');
  const theirs = items('l.0.conv1 a', 'l.0.conv2 a', 'l.0.head b', 'l.1.conv2 a', 'l.1.head b');
  // Four of `a` here and three there: without the groups, nothing tells which one is missing.
  assert.deepEqual(paired(ours, theirs), ['s.0.fc = l.0.head (numbers)', 's.1.fc = l.1.head (numbers)']);
  const { pairs } = align({ ours, theirs, known: [] }, { ...strict, isLenient: true });
  assert.deepEqual(pairs.map((pair) => `${pair.ours.name} = ${pair.theirs.name}`).toSorted(), [
    's.0.conv1 = l.0.conv1',
    's.0.conv2 = l.0.conv2',
    's.0.fc = l.0.head',
    's.1.conv2 = l.1.conv2',
    's.1.fc = l.1.head',
  ]);
});
