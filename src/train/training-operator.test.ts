// How a network multiplies in training: what each setting asks of a graph, and what it leaves exact.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tinyPerceptron } from '../../test/tiny.ts';
import { denseInputs, denseLayer, exact, given, largestDifference } from '../../test/two-layers.ts';
import { hermes256, joshi2020, standardEvaluation } from '../crossbar/presets.ts';
import { interpret } from '../graph/interpret.ts';
import type { Graph } from '../graph/node.ts';
import { trace } from '../graph/trace.ts';
import type { Network } from '../nn/network.ts';
import { type OperatorSettings, trainedRanges, trainingOperator } from './training-operator.ts';

const network: Network = { ...tinyPerceptron, layers: [denseLayer] };
const noise = { kind: 'gaussian', relativeToMax: 0.1 } as const;

function traced(settings: OperatorSettings): Graph {
  return trace((t) => {
    const weights = t.input('weights', denseLayer.shape);
    const { operator } = trainingOperator(t, network, settings, () => weights);
    return { outputs: { y: operator.multiply(t.input('x', denseInputs), denseLayer) } };
  });
}

/** What a graph asks for beside the inputs and weights. */
function asked(settings: OperatorSettings): string[] {
  const names = traced(settings).inputs.map(({ attributes: { name } }) => name);
  return names.filter((name) => name !== 'x' && name !== 'weights').sort();
}

test('without noise, drop-connect and hardware the product is exact, and asks for nothing', () => {
  const settings: OperatorSettings = { noise: { kind: 'none' } };
  assert.deepEqual(asked(settings), []);
  assert.deepEqual(interpret(traced(settings), given).outputs['y'], exact.dense);
});

test('noise needs its scale and a key, drop-connect a key, learned ranges the step', () => {
  const key = ['noise.0', 'noise.1'];
  assert.deepEqual(asked({ noise }), [...key, 'noiseScale']);
  assert.deepEqual(asked({ noise: { kind: 'none' }, dropConnect: 0.1 }), key);
  const quiet = { ...standardEvaluation, outputNoise: { kind: 'none' } } as const;
  assert.deepEqual(asked({ noise, hardware: quiet }), ['dense.inputRange', ...key, 'noiseScale', 'step']);
  assert.deepEqual(asked({ noise, hardware: hermes256 }), [
    'dense.inputRange',
    'dense.outputRange',
    ...key,
    'noiseScale',
    'step',
  ]);
});

test('the cells of the hardware are not in training, nor their read noise', () => {
  const perProduct = { ...joshi2020, readNoise: { kind: 'per-product' } } as const;
  const settings: OperatorSettings = { noise: { kind: 'none' }, hardware: perProduct };
  const { y } = interpret(traced(settings), { ...given, 'noise.0': [1], 'noise.1': [2] }).outputs;
  assert.ok(largestDifference(y!, exact.dense) < 1e-12);
});

test('ranges are trained of layers on arrays whose periphery is not ideal', () => {
  const names = (settings: OperatorSettings): string[] =>
    trainedRanges(network, settings).map(({ name }) => name);
  assert.deepEqual(names({ noise }), []);
  assert.deepEqual(names({ noise, hardware: joshi2020 }), []);
  assert.deepEqual(names({ noise, hardware: standardEvaluation }), ['dense.inputRange']);
  assert.deepEqual(names({ noise, hardware: { ...hermes256, layers: { 'd*': 'digital' } } }), []);
});
