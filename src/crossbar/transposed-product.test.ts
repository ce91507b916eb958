// The product backwards: noise and conversions of a convolution's gradient are those of the single results that it adds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKey, keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import { interpret } from '../graph/interpret.ts';
import type { Layer, LayerGeometry } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import type { HardwareSpec } from './hardware.ts';
import { ideal } from './presets.ts';
import { transposedProduct } from './transposed-product.ts';

const SEED = keyFromSeed(21);
/** Examples, equal but for their draws. */
const EXAMPLES = 3000;

type Case = {
  readonly layer: Layer;
  readonly geometry: LayerGeometry | undefined;
  /** Of one example. */
  readonly x: readonly number[];
  readonly delta: readonly number[];
  /** Results that each input pixel adds, row by row. */
  readonly results: readonly number[];
};

const cases: readonly Case[] = [
  {
    layer: { name: 'dense', kind: 'dense', shape: [5, 4] },
    geometry: undefined,
    x: [5],
    delta: [4],
    results: [1],
  },
  {
    layer: { name: 'padded', kind: 'convolution', shape: [3, 3, 2, 3] },
    geometry: { stride: [1, 1], padding: [1, 1] },
    x: [3, 4, 2],
    delta: [3, 4, 3],
    results: [4, 6, 6, 4, 6, 9, 9, 6, 4, 6, 6, 4],
  },
  {
    layer: { name: 'strided', kind: 'convolution', shape: [3, 3, 1, 2] },
    geometry: { stride: [2, 2], padding: [0, 0] },
    x: [5, 5, 1],
    delta: [2, 2, 2],
    results: [1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 2, 2, 4, 2, 2, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1],
  },
  {
    layer: { name: 'depthwise', kind: 'convolution', shape: [2, 2, 1, 2], groups: 2 },
    geometry: { stride: [1, 1], padding: [0, 0], groups: 2 },
    x: [2, 3, 2],
    delta: [1, 2, 2],
    results: [1, 2, 1, 1, 2, 1],
  },
  {
    layer: { name: 'up', kind: 'transposed-convolution', shape: [4, 4, 2, 3] },
    geometry: { stride: [2, 2], padding: [1, 1] },
    x: [2, 2, 2],
    delta: [4, 4, 3],
    results: [9, 9, 9, 9],
  },
];

function normals(name: string, count: number): Float64Array {
  const draw = randomSequence(deriveKey(SEED, name));
  return Float64Array.from({ length: count }, () => draw.normal());
}

/** Gradients of the inputs, one example after another; also without noise and converters. */
function gradientsOn(
  hardware: HardwareSpec,
  { layer, geometry, x, delta }: Case,
): { readonly noisy: Float64Array; readonly exact: Float64Array; readonly largestDelta: number } {
  const graph = trace((t) => {
    const options = {
      layer,
      geometry,
      delta: t.input('delta', [EXAMPLES, ...delta]),
      x: t.input('x', [EXAMPLES, ...x]),
      weights: t.input('weights', layer.shape),
      fullWeight: t.input('full', [1, 1]),
      key: t.key('noise'),
    };
    return {
      outputs: {
        noisy: transposedProduct({ ...options, hardware }),
        exact: transposedProduct({ ...options, hardware: ideal }),
      },
    };
  });
  const one = normals(`${layer.name} delta`, elementCount(delta));
  const inputs = {
    delta: Float64Array.from({ length: EXAMPLES * one.length }, (_, at) => one[at % one.length]!),
    x: new Float64Array(EXAMPLES * elementCount(x)),
    weights: normals(`${layer.name} weights`, elementCount(layer.shape)).map((value) => value / 3),
    full: Float64Array.of(1),
  };
  const [first, second] = deriveKey(SEED, layer.name);
  const { outputs } = interpret(graph, { ...inputs, 'noise.0': [first], 'noise.1': [second] });
  return {
    noisy: Float64Array.from(outputs['noisy']!),
    exact: Float64Array.from(outputs['exact']!),
    largestDelta: Math.max(...one.map(Math.abs)),
  };
}

/** Mean and variance of each input's error over the examples. */
function errors(noisy: Float64Array, exact: Float64Array): { mean: number[]; variance: number[] } {
  const size = noisy.length / EXAMPLES;
  const over = (f: (at: number) => number): number[] =>
    Array.from({ length: size }, (_, place) => {
      let sum = 0;
      for (let example = 0; example < EXAMPLES; example++) sum += f(example * size + place);
      return sum / EXAMPLES;
    });
  const mean = over((at) => noisy[at]! - exact[at]!);
  const square = over((at) => (noisy[at]! - exact[at]!) ** 2);
  return { mean, variance: square.map((value, place) => value - mean[place]! ** 2) };
}

const NOISE = 0.05;
const noisy: HardwareSpec = {
  ...ideal,
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: NOISE },
};
/** Steps of 2 · 2 / 62: with the noise above, a rounding is nearly independent of what it rounds. */
const STEP = 4 / 62;
const converted: HardwareSpec = {
  ...noisy,
  adc: { kind: 'uniform', bits: 6, range: { kind: 'fixed', fullScale: 2 } },
};

for (const each of cases) {
  const { layer, x, results } = each;
  const channels = layer.kind === 'dense' ? x[0]! : x[2]!;
  for (const [name, hardware, ofOne] of [
    ['output noise', noisy, NOISE ** 2],
    ['output noise and roundings', converted, NOISE ** 2 + STEP ** 2 / 12],
  ] as const) {
    test(`${layer.name}: ${name} of a gradient is that of the results it adds`, () => {
      const { noisy: actual, exact, largestDelta } = gradientsOn(hardware, each);
      const { mean, variance } = errors(actual, exact);
      // A variance of 3000 draws has a relative standard deviation of 0.026, a mean one of σ / 55. Within five of them: one false
      // alarm in 10,000 for all 250 comparisons. The rounding that is done knows its sum: its error may be off by 0.04 of its variance.
      for (const [place, found] of variance.entries()) {
        const count = results[Math.floor(place / channels)]!;
        const expected = count * ofOne * largestDelta ** 2;
        assert.ok(Math.abs(found / expected - 1) < 5 * 0.026 + 0.01, `${place}: ${found}, ${expected}`);
        const deviation = Math.sqrt(expected);
        assert.ok(Math.abs(mean[place]!) < 5 * (deviation / Math.sqrt(EXAMPLES)) + 0.02 * deviation);
      }
    });
  }
}

test('results of a strided convolution that no output belongs to are zero, and no NaN', () => {
  const layer: Layer = { name: 'gaps', kind: 'convolution', shape: [1, 1, 1, 1] };
  const each: Case = {
    layer,
    geometry: { stride: [2, 2], padding: [0, 0] },
    x: [3, 3, 1],
    delta: [2, 2, 1],
    results: [],
  };
  const { noisy: actual } = gradientsOn(converted, each);
  for (const [at, value] of actual.entries()) {
    const isBetween = Math.floor((at % 9) / 3) % 2 === 1 || (at % 3) % 2 === 1;
    assert.ok(isBetween ? value === 0 : Number.isFinite(value));
  }
});
