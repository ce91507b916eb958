import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import {
  countAnalogWeights,
  countWeights,
  initialParameters,
  isTrained,
  type ParameterSpec,
} from './network.ts';
import { smallCnn } from './networks.ts';

const spec = (name: string, initial: ParameterSpec['initial'], size = 20_000): ParameterSpec => ({
  name,
  shape: [size],
  role: 'weights',
  initial,
});
const moments = (values: Float32Array): { mean: number; deviation: number } => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
};

test('He-normal values have mean 0 and deviation √(2 / fanIn)', () => {
  // n = 20 000, 5 σ: the mean varies by σ/√n, the deviation by σ/√(2n).
  const sigma = Math.sqrt(2 / 18);
  const drawn = initialParameters(
    { parameters: [spec('a', { kind: 'he-normal', fanIn: 18 })] },
    keyFromSeed(1),
  );
  const { mean, deviation } = moments(drawn['a']!.data);
  assert.ok(Math.abs(mean) < (5 * sigma) / Math.sqrt(20_000), `mean ${mean}`);
  assert.ok(Math.abs(deviation - sigma) < (5 * sigma) / Math.sqrt(40_000), `deviation ${deviation}`);
});

test('uniform values fill (−bound, bound) evenly', () => {
  const drawn = initialParameters(
    { parameters: [spec('a', { kind: 'uniform', bound: 0.5 })] },
    keyFromSeed(1),
  );
  const { data } = drawn['a']!;
  const sigma = 0.5 / Math.sqrt(3);
  const { mean, deviation } = moments(data);
  assert.ok(data.every((x) => Math.abs(x) < 0.5));
  assert.ok(Math.abs(mean) < (5 * sigma) / Math.sqrt(20_000), `mean ${mean}`);
  // The variance of a uniform variable's square is 4/45 · bound⁴, so the deviation varies by σ √(0.2 / n).
  assert.ok(Math.abs(deviation - sigma) < 5 * sigma * Math.sqrt(0.2 / 20_000), `deviation ${deviation}`);
});

test('a parameter starts the same whatever other parameters there are', () => {
  const [a, b] = [spec('a', { kind: 'uniform', bound: 1 }, 5), spec('b', { kind: 'uniform', bound: 1 }, 5)];
  const alone = initialParameters({ parameters: [b] }, keyFromSeed(3));
  const together = initialParameters({ parameters: [a, b] }, keyFromSeed(3));
  assert.deepEqual(alone['b'], together['b']);
  assert.notDeepEqual(together['a']!.data, together['b']!.data);
  assert.notDeepEqual(initialParameters({ parameters: [b] }, keyFromSeed(4))['b'], alone['b']);
});

test('a network starts with neutral normalisation, and only running statistics are not trained', () => {
  const network = smallCnn({ inputShape: [8, 8, 3], classes: 4 });
  const parameters = initialParameters(network, keyFromSeed(0));
  assert.deepEqual(
    Object.keys(parameters),
    network.parameters.map(({ name }) => name),
  );
  assert.ok(parameters['norm2.scale']!.data.every((x) => x === 1));
  assert.ok(parameters['norm2.shift']!.data.every((x) => x === 0));
  assert.ok(parameters['norm2.runningMean']!.data.every((x) => x === 0));
  assert.ok(parameters['norm2.runningVariance']!.data.every((x) => x === 1));
  const fixed = network.parameters.filter((parameter) => !isTrained(parameter)).map(({ name }) => name);
  assert.deepEqual(
    fixed,
    network.normalizationLayers.flatMap((layer) => [`${layer}.runningMean`, `${layer}.runningVariance`]),
  );
});

test('weights on crossbars are those of the layers; counted weights add the biases', () => {
  const network = smallCnn({ inputShape: [8, 8, 3], classes: 4 });
  const cells = network.layers.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  assert.equal(countAnalogWeights(network), cells);
  assert.equal(countWeights(network), cells + 4);
});
