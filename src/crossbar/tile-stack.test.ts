// Stacks of tiles compute what tiles one by one compute: sums, conversions, gradients; each tile has noise of its own, and
// a graph does not grow with their number.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { meanOf, standardDeviationOf } from '../base/statistics.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { nodesOf, type RowRange } from '../graph/node.ts';
import { exactProduct, type Layer, type LayerGeometry } from '../graph/operator.ts';
import { concat, constant, type Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { quantize, stepsOf } from './converters.ts';
import type { HardwareSpec } from './hardware.ts';
import { hardwareAware } from './hardware-aware.ts';
import { largestWeight, matrixSize } from './mapping.ts';
import { type AnalogProduct, analogProduct, type ConverterRanges, partialSums } from './periphery.ts';
import { hermes256, ideal } from './presets.ts';
import { meanSquare, stackedSums } from './tile-stack.ts';
import { tileMatrix } from './tiling.ts';

type Case = { readonly layer: Layer; readonly inputs: Shape; readonly geometry?: LayerGeometry };

const cases: readonly Case[] = [
  { layer: { name: 'dense', kind: 'dense', shape: [29, 4] }, inputs: [3, 29] },
  { layer: { name: 'dense over time', kind: 'dense', shape: [20, 3] }, inputs: [2, 4, 20] },
  {
    layer: { name: 'convolution', kind: 'convolution', shape: [3, 3, 3, 5] },
    inputs: [2, 6, 5, 3],
    geometry: { stride: [1, 1], padding: [1, 1] },
  },
  {
    layer: { name: 'strides, dilation, uneven margins', kind: 'convolution', shape: [3, 2, 4, 3] },
    inputs: [2, 9, 8, 4],
    geometry: {
      stride: [2, 3],
      padding: [
        [2, 0],
        [0, 1],
      ],
      dilation: [2, 3],
    },
  },
  {
    layer: { name: 'strided point', kind: 'convolution', shape: [1, 1, 21, 3] },
    inputs: [2, 5, 4, 21],
    geometry: { stride: [2, 2], padding: [0, 0] },
  },
  {
    layer: { name: 'groups', kind: 'convolution', shape: [3, 3, 2, 6], groups: 2 },
    inputs: [2, 5, 5, 4],
    geometry: { stride: [1, 2], padding: [1, 1], groups: 2 },
  },
  {
    layer: { name: 'transposed', kind: 'transposed-convolution', shape: [3, 4, 2, 3] },
    inputs: [2, 3, 4, 2],
    geometry: { stride: [2, 3], padding: [[1, 0], 2], outputPadding: [1, 2] },
  },
  {
    layer: { name: 'transposed, cut', kind: 'transposed-convolution', shape: [2, 3, 4, 4], groups: 2 },
    inputs: [2, 5, 4, 8],
    geometry: { stride: [2, 1], padding: [3, 3], dilation: [1, 2], groups: 2 },
  },
  { layer: { name: 'embedding', kind: 'embedding', shape: [21, 3] }, inputs: [2, 7] },
];

const draw = randomSequence(keyFromSeed(13));
const normals = (shape: Shape): Float64Array =>
  Float64Array.from({ length: elementCount(shape) }, draw.normal);
/** Outside the table, between whole numbers, no number at all; then rows on many tiles. */
const INDICES = [-3, 21, 99, 0.9, 1.999, Number.NaN, -0.5, 2, 3, 7, 12, 13, 19, 20];
const samples = cases.map((each) => ({
  ...each,
  x: each.layer.kind === 'embedding' ? Float64Array.from(INDICES) : normals(each.inputs),
  weights: normals(each.layer.shape),
}));
/** Tolerance of float64 sums of tens of terms of size 1. */
const ROUNDING = 1e-12;

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

type Sample = (typeof samples)[number];

/** Evaluates what `outputs` makes of a sample's inputs and weights. */
function evaluated(
  { layer, inputs, x, weights }: Sample,
  outputs: (x: Tensor, weights: Tensor) => Record<string, Tensor>,
): Record<string, Float64Array> {
  const graph = trace((t) => ({ outputs: outputs(t.input('x', inputs), t.input('weights', layer.shape)) }));
  return interpret(graph, { x, weights }).outputs;
}

function rangesOf(layer: Layer, rows: number): readonly RowRange[] {
  return tileMatrix(matrixSize(layer.shape), { kind: 'limited', rows, columns: 2 }).rowRanges;
}

for (const sample of samples) {
  const { layer, geometry } = sample;

  test(`${layer.name}: a stack holds the outputs of every tile, and they add to the product`, () => {
    // Of the rows of these layers, 1 divides all, 2 some, 3 and 7 few: stacks of one height and of two.
    for (const rows of [1, 2, 3, 7]) {
      const rowRanges = rangesOf(layer, rows);
      const { stacked, single, total, exact } = evaluated(sample, (x, weights) => {
        const product = { layer, x, weights, geometry };
        const { sums, total } = stackedSums(product, rowRanges);
        const ofTile = (range: RowRange): Tensor => exactProduct(x, weights, layer.kind, geometry, range);
        return {
          stacked: concat(sums, 0),
          single: concat(
            rowRanges.map((range) => ofTile(range).reshape([1, -1])),
            0,
          ),
          total: total(sums),
          exact: exactProduct(x, weights, layer.kind, geometry),
        };
      });
      assert.ok(largestDifference(stacked!, single!) < ROUNDING, `rows ${rows}`);
      assert.ok(largestDifference(total!, exact!) < ROUNDING, `rows ${rows}`);
    }
  });
}

// Conversions and gradients

const INPUT_RANGE = 1.5;
/** Not a level of the DAC, so that no sum is exactly at the limit, where rounding would decide its gradient. */
const FULL_SCALE = 0.57;
const fixedRanges: ConverterRanges = {
  inputRange: (_, x) => ({ x, range: INPUT_RANGE }),
  outputRange: () => FULL_SCALE,
};
/** Converters that clip and round; no noise. */
const coarse: HardwareSpec = {
  ...hermes256,
  tile: { kind: 'limited', rows: 2, columns: 2 },
  dac: { kind: 'uniform', bits: 5 },
  adc: { kind: 'uniform', bits: 5, range: { kind: 'calibrated' } },
};

/** The product for training on tiles one by one, written down again. */
function oneByOne({ layer, geometry }: Sample, x: Tensor, weights: Tensor): Tensor {
  const isEmbedding = layer.kind === 'embedding';
  const input = isEmbedding ? x : quantize(x, INPUT_RANGE, stepsOf(5));
  const largest = largestWeight(weights.detach().reshape([-1, layer.shape.at(-1)!]), coarse.mapping).reshape([
    -1,
  ]);
  const fullScale = largest.multiply(FULL_SCALE * (isEmbedding ? 1 : INPUT_RANGE));
  return rangesOf(layer, 2)
    .map((rows) => quantize(exactProduct(input, weights, layer.kind, geometry, rows), fullScale, stepsOf(5)))
    .reduce((all, sum) => all.add(sum));
}

for (const sample of samples) {
  const { layer, geometry } = sample;

  test(`${layer.name}: with converters stacks equal tiles one by one, and so do their gradients`, () => {
    const slopes = (y: Tensor, x: Tensor, weights: Tensor): Record<string, Tensor> => {
      // A gradient that differs from output to output.
      const [toX, toWeights] = gradients(y.multiply(y).sum(), [x, weights]);
      return { y, ...(layer.kind !== 'embedding' && { toX: toX! }), toWeights: toWeights! };
    };
    const expected = evaluated(sample, (x, weights) => slopes(oneByOne(sample, x, weights), x, weights));
    const graph = trace((t) => {
      const [x, weights] = [t.input('x', sample.inputs), t.input('weights', layer.shape)];
      const operator = hardwareAware({
        hardware: coarse,
        weights: () => weights,
        ranges: fixedRanges,
        key: t.key('key'),
      });
      const { sums } = partialSums({ hardware: coarse, layer, x, weights, geometry });
      assert.ok(sums.length <= 2, 'stacks of two heights at most');
      return { outputs: slopes(operator.multiply(x, layer, geometry), x, weights) };
    });
    const given = { x: sample.x, weights: sample.weights, 'key.0': [1], 'key.1': [2] };
    const found = interpret(graph, given).outputs;
    assert.deepEqual(Object.keys(found), Object.keys(expected));
    for (const [name, values] of Object.entries(expected)) {
      assert.ok(values.some((value) => value !== 0));
      const size = Math.max(1, ...values.map(Math.abs));
      assert.ok(largestDifference(found[name]!, values) < 10 * ROUNDING * size, name);
    }
  });
}

// Noise

const N = 20_000;
/** One of one row and 20 of two: two stacks. */
const TILES = 21;
const ROWS = 2 * TILES - 1;

/** Outputs of a dense layer of 41 rows on tiles of 2, for inputs of 1 and weights of 0; n values. */
function noisyOutputs(change: Partial<HardwareSpec>, variance?: Float64Array): Float64Array {
  const layer: Layer = { name: 'fc', kind: 'dense', shape: [ROWS, 1] };
  const hardware: HardwareSpec = { ...ideal, tile: { kind: 'limited', rows: 2, columns: 2 }, ...change };
  const graph = trace((t) => {
    const product: AnalogProduct = {
      hardware,
      layer,
      x: constant(t, 1).broadcastTo([N, ROWS]),
      weights: constant(t, 0).broadcastTo(layer.shape),
      weightScale: constant(t, 3).reshape([1, 1]),
      ranges: { ...fixedRanges, inputRange: (_, x) => ({ x, range: 2 }) },
      key: t.key('key'),
      geometry: undefined,
      ...(variance !== undefined && { variance: t.input('variance', layer.shape) }),
    };
    return { outputs: { y: analogProduct(product) } };
  });
  return interpret(graph, { 'key.0': [7], 'key.1': [8], ...(variance && { variance }) }).outputs['y']!;
}

/** n = 20 000: the sample deviation strays by 0.5 %, the mean by σ / √n. 5 σ each: false alarm 1.2e-6 a call. */
function assertNoise(values: Float64Array, sigma: number): void {
  assert.ok(Math.abs(standardDeviationOf(values) / sigma - 1) < 5 / Math.sqrt(2 * N));
  assert.ok(Math.abs(meanOf(values)) < (5 * sigma) / Math.sqrt(N));
}

// Were the tiles' draws one draw, the deviation would be 21 σ instead of √21 σ; did the stacks share theirs, √23 σ.
test('every tile of a stack has output noise of its own', () => {
  const outputNoise = { kind: 'gaussian', relativeStandardDeviation: 0.05 } as const;
  assertNoise(noisyOutputs({ outputNoise }), 0.05 * 2 * 3 * Math.sqrt(TILES));
});

// A full scale that clips all but the sign: each tile gives ± the full scale with probability 1/2, so their sum is
// binomial, with variance 21 full scales squared. False alarm as above; the kurtosis of the sum is a little below 3.
test('noise comes before the converter of each tile', () => {
  const outputs = noisyOutputs({
    outputNoise: { kind: 'gaussian', relativeStandardDeviation: 1 },
    adc: { kind: 'uniform', bits: 8, range: { kind: 'fixed', fullScale: 1e-6 } },
  });
  assertNoise(outputs, 1e-6 * 2 * 3 * Math.sqrt(TILES));
});

// 4 tiles: false alarm 5e-6 in all.
test('read noise of a product belongs to the tile whose cells have it', () => {
  const dac = { kind: 'uniform', bits: 30 } as const;
  const layer: Layer = { name: 'fc', kind: 'dense', shape: [ROWS, 1] };
  for (const tile of [0, 1, 10, 20]) {
    const [start, end] = rangesOf(layer, 2)[tile]!;
    const variance = new Float64Array(ROWS).fill(0.02, start, end);
    assertNoise(noisyOutputs({ dac }, variance), 3 * Math.sqrt((end - start) * 0.02));
  }
});

// Size

test('a graph does not grow with the number of tiles, nor does the memory of a stack without limit', () => {
  const layer: Layer = { name: 'conv', kind: 'convolution', shape: [3, 3, 64, 16] };
  const traced = (rows: number, n: number): { readonly nodes: number; readonly sums: readonly Shape[] } => {
    let sums: readonly Shape[] = [];
    const graph = trace((t) => {
      const hardware: HardwareSpec = { ...coarse, tile: { kind: 'limited', rows, columns: 16 } };
      const [x, weights] = [t.input('x', [n, 16, 16, 64]), t.input('weights', layer.shape)];
      const geometry = { stride: [1, 1], padding: [1, 1] } as const;
      sums = partialSums({ hardware, layer, x, weights, geometry }).sums.map(({ shape }) => shape);
      const operator = hardwareAware({
        hardware,
        weights: () => weights,
        ranges: fixedRanges,
        key: t.key('key'),
      });
      const loss = operator.multiply(x, layer, geometry).square().sum();
      return { outputs: { loss, slope: gradients(loss, [weights])[0]! } };
    });
    return { nodes: nodesOf(graph).length, sums };
  };
  const [few, many] = [traced(64, 4), traced(1, 4)];
  assert.deepEqual(few.sums, [[9, 4 * 256, 16]]);
  assert.deepEqual(many.sums, [[576, 4 * 256, 16]]);
  assert.equal(many.nodes, few.nodes);
  // 2¹⁸ outputs a tile: 64 tiles in 64 MiB.
  assert.deepEqual(traced(1, 64).sums, new Array(9).fill([64, 64 * 256, 16]));
  // 2²⁴ outputs a tile: as many stacks as there may be.
  assert.deepEqual(traced(1, 4096).sums, new Array(16).fill([36, 4096 * 256, 16]));
});

test('the mean square of stacks counts every tile alike', () => {
  const [a, b] = [
    [1, 2, 3, 4, 5, 6],
    [7, 8],
  ] as const;
  const graph = trace((t) => ({
    outputs: { mean: meanSquare([t.input('a', [3, 2]), t.input('b', [1, 2])]) },
  }));
  const all = [...a, ...b].map((value) => value ** 2);
  assert.ok(Math.abs(interpret(graph, { a, b }).outputs['mean']![0]! - meanOf(all)) < ROUNDING * 100);
});

test('neighbouring tiles differ by a row at most, and the larger ones come last', () => {
  for (let rows = 1; rows <= 60; rows++) {
    for (const limit of [1, 2, 7, 8, 60]) {
      const ranges = tileMatrix({ rows, columns: 1 }, { kind: 'limited', rows: limit, columns: 1 }).rowRanges;
      const heights = ranges.map(([start, end]) => end - start);
      assert.equal(ranges.length, Math.ceil(rows / limit));
      assert.ok(ranges.every(([start], k) => start === (k === 0 ? 0 : ranges[k - 1]![1])));
      assert.equal(ranges.at(-1)![1], rows);
      assert.ok(heights.every((height, k) => height <= limit && height >= (heights[k - 1] ?? 1)));
      assert.ok(heights.at(-1)! - heights[0]! <= 1);
    }
  }
});
