// When an order is believed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkByName } from '../nn/networks.ts';
import { foreignModules, isBatchCounter } from './modules.ts';
import type { StoredTensor } from './number-formats.ts';
import { contradictsOrder, inOrder, keepsDefinitionOrder } from './order.ts';
import {
  akamaster,
  cifar,
  shuffled,
  sorted,
  stored,
  torchDict,
  valuesOf,
} from './torch-state-dict.test-data.ts';

const placed = (...names: string[]) => names.map((name, position) => ({ name, position }));

test('numbers in names are compared as numbers', () => {
  const found = inOrder(placed('layer10.0', 'layer2.1', 'layer2.0', 'layer1.12'), false);
  assert.deepEqual(
    found?.ordered.map(({ name }) => name),
    ['layer1.12', 'layer2.0', 'layer2.1', 'layer10.0'],
  );
  assert.equal(found?.source, 'numbers');
});

test('names that differ first in a word have the order of the file, if it keeps one', () => {
  const members = placed('upper', 'lower', 'last2');
  assert.equal(inOrder(members, false), undefined);
  assert.deepEqual(inOrder(members.toReversed(), true), { ordered: members, source: 'file order' });
  // A number on one side alone says nothing.
  assert.equal(inOrder(placed('conv', 'conv1'), false), undefined);
  assert.equal(inOrder(placed('conv01', 'conv1'), false), undefined);
});

test('numbers and a file that contradict each other give no order', () => {
  assert.equal(inOrder(placed('layer2', 'layer1'), true), undefined);
  assert.equal(inOrder(placed('layer2', 'layer1', 'other'), true), undefined);
  assert.equal(inOrder(placed('layer2', 'layer1'), false)?.source, 'numbers');
  assert.ok(contradictsOrder(placed('layer2', 'x', 'layer1'), false));
  assert.ok(!contradictsOrder(placed('layer1', 'x', 'layer2'), true));
  assert.ok(contradictsOrder(placed('b', 'a').toReversed(), true));
  assert.ok(!contradictsOrder(placed('b', 'a').toReversed(), false));
});

const keeps = (tensors: readonly StoredTensor[]): boolean => {
  const used = tensors.filter((tensor) => !isBatchCounter(tensor));
  return keepsDefinitionOrder(foreignModules(used), used);
};

test('a file in PyTorch’s order is told from a sorted one and from that of a hash table', () => {
  for (const name of ['small-cnn', 'resnet20'] as const) {
    const model = networkByName(name, cifar);
    const tensors = torchDict(model, valuesOf(model), akamaster);
    assert.ok(keeps(tensors), name);
    assert.ok(!keeps(sorted(tensors)), name);
    assert.ok(!keeps(shuffled(tensors)), name);
  }
});

test('a file of weights alone shows no order', () => {
  const weights = ['b', 'a'].map((name) => stored(`${name}.weight`, [2, 2], new Float32Array(4)));
  assert.ok(!keeps(weights));
  assert.ok(keeps([...weights, stored('a.bias', [2], new Float32Array(2))]));
});
