// Every kind of layer on a chip: the ideal chip is digital, tiles add up, an embedding is the product of one-hot rows, a
// transposed convolution that of an image with zeros between its pixels, groups have rows and tiles of their own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Layer, type LayerGeometry, type Operator } from '../graph/operator.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { type HardwareSpec, hardwareOf } from './hardware.ts';
import { hardwareAware } from './hardware-aware.ts';
import { onChip } from './on-chip.ts';
import { type ConverterRanges, partialSums } from './periphery.ts';
import { hermes256, ideal, standardEvaluation } from './presets.ts';
import { programArrays } from './programming.ts';
import { allRangeStates, calibratedRanges, observing } from './ranges.ts';
import { readArrays } from './reading.ts';
import { tileMatrix } from './tiling.ts';

type Case = {
  readonly layer: Layer;
  readonly inputs: Shape;
  readonly geometry?: LayerGeometry;
  /** Rows of tiles, of 5 rows at most. */
  readonly rowsOfTiles: number;
};

const ROWS = 11;
const cases: readonly Case[] = [
  { layer: { name: 'dense', kind: 'dense', shape: [13, 4] }, inputs: [3, 13], rowsOfTiles: 3 },
  {
    layer: { name: 'convolution', kind: 'convolution', shape: [3, 2, 2, 6], groups: 2 },
    inputs: [2, 7, 6, 4],
    geometry: { stride: [1, 2], padding: [[1, 0], 1], dilation: [2, 1], groups: 2 },
    rowsOfTiles: 3,
  },
  {
    layer: { name: 'depthwise', kind: 'convolution', shape: [3, 3, 1, 4], groups: 4 },
    inputs: [2, 5, 5, 4],
    geometry: { stride: [1, 1], padding: [1, 1], groups: 4 },
    rowsOfTiles: 2,
  },
  {
    layer: { name: 'transposed', kind: 'transposed-convolution', shape: [3, 2, 3, 4] },
    inputs: [2, 3, 4, 3],
    geometry: { stride: [2, 2], padding: [1, 0], outputPadding: [1, 0] },
    rowsOfTiles: 4,
  },
  { layer: { name: 'embedding', kind: 'embedding', shape: [ROWS, 4] }, inputs: [3, 5], rowsOfTiles: 3 },
];

const draw = randomSequence(keyFromSeed(5));
const normals = (shape: Shape): Float64Array =>
  Float64Array.from({ length: elementCount(shape) }, draw.normal);
const inputsOf = ({ layer, inputs }: Case): Float64Array =>
  layer.kind === 'embedding' ? normals(inputs).map(() => draw.below(ROWS)) : normals(inputs);
const samples = cases.map((each) => ({ each, x: inputsOf(each), weights: normals(each.layer.shape) }));

type Maker = (t: Trace, key: GraphKey, weights: Tensor) => Operator;

/** The product of a case, and what `also` makes of it. */
function run(
  { each: { layer, geometry, inputs }, x, weights }: (typeof samples)[number],
  operator: Maker,
  also: (y: Tensor, x: Tensor, weights: Tensor) => Record<string, Tensor> = () => ({}),
): Record<string, Float64Array> {
  const graph = trace((t) => {
    const [image, matrix] = [t.input('x', inputs), t.input('weights', layer.shape)];
    const y = operator(t, t.key('key'), matrix).multiply(image, layer, geometry);
    return { outputs: { y, ...also(y, image, matrix) } };
  });
  return interpret(graph, { x, weights, 'key.0': [3], 'key.1': [4] }).outputs;
}

const exactly: Maker = (_, __, weights) => digital(() => weights);
const fixedRanges = (input: number): ConverterRanges => ({
  inputRange: (_, x) => ({ x, range: input }),
  outputRange: () => 10,
});

/** A chip that is programmed and read at once. */
function onChipOf(chip: HardwareSpec, input = 6): Maker {
  return (t, key, weights) =>
    onChip({
      hardware: chip,
      weights: () => weights,
      sensed: (layer) => {
        const placed = { layer, hardware: hardwareOf(chip, layer.name)! };
        const arrays = programArrays(weights, placed, key);
        const sensed = readArrays(arrays, placed, constant(t, 25), key);
        return { ...sensed, scale: arrays.scale, compensation: constant(t, 1).reshape([1, 1]) };
      },
      ranges: fixedRanges(input),
      key,
    });
}

function largestDifference(a: Float64Array | undefined, b: Float64Array | undefined): number {
  assert.equal(a!.length, b!.length);
  return a!.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b![i]!)), 0);
}

/** Tolerance of float64 sums of tens of terms of size 1. */
const ROUNDING = 1e-12;
const tiles = { kind: 'limited', rows: 5, columns: 3 } as const;
/** Converters that lose nothing one could see. */
const fine = {
  dac: { kind: 'uniform', bits: 30 },
  adc: { kind: 'uniform', bits: 30, range: { kind: 'fixed', fullScale: 10 } },
} as const;
/** Weights up to 4, inputs up to 6, at most 4 tiles: each rounds by half of 20 / 2^30, and so does each of 18 rows. */
const RESOLUTION = (4 * 10 + 18) * 2 ** -30 * 6 * 4;

for (const sample of samples) {
  const { layer, geometry, inputs, rowsOfTiles } = sample.each;
  const exact = run(sample, exactly)['y'];

  test(`${layer.name}: an ideal chip equals the digital layer`, () => {
    for (const scale of ['per-layer', 'per-column'] as const) {
      const chip = { ...ideal, mapping: { scale } };
      assert.ok(largestDifference(run(sample, onChipOf(chip))['y'], exact) < ROUNDING);
      assert.ok(largestDifference(run(sample, onChipOf({ ...chip, tile: tiles }))['y'], exact) < ROUNDING);
    }
  });

  test(`${layer.name}: tiles of 5 x 3 with fine converters equal the digital layer`, () => {
    const found = run(sample, onChipOf({ ...ideal, ...fine, tile: tiles }))['y'];
    assert.ok(largestDifference(found, exact) < RESOLUTION);
  });

  test(`${layer.name}: partial sums of the tiles add to the whole product`, () => {
    const graph = trace((t) => {
      const [x, weights] = [t.input('x', inputs), t.input('weights', layer.shape)];
      const { sums, total } = partialSums({
        hardware: { ...ideal, tile: tiles },
        layer,
        x,
        weights,
        geometry,
      });
      assert.equal(sums.length, rowsOfTiles);
      return { outputs: { y: total(sums) } };
    });
    const { y } = interpret(graph, { x: sample.x, weights: sample.weights }).outputs;
    assert.ok(largestDifference(y, exact) < ROUNDING);
  });

  test(`${layer.name}: training for an ideal periphery has the digital gradients, with tiles too`, () => {
    const slopes = (y: Tensor, x: Tensor, weights: Tensor): Record<string, Tensor> => {
      const [toX, toWeights] = gradients(y.multiply(y).sum(), [x, weights]);
      return { toX: toX!, toWeights: toWeights! };
    };
    const trained = (hardware: HardwareSpec): Maker => {
      return (_, key, weights) =>
        hardwareAware({ hardware, weights: () => weights, ranges: fixedRanges(6), key });
    };
    const wanted = run(sample, exactly, slopes);
    const scale = Math.max(...wanted['toWeights']!.map(Math.abs));
    const plain = run(sample, trained(ideal), slopes);
    const tiled = run(sample, trained({ ...ideal, ...fine, tile: tiles }), slopes);
    for (const name of ['y', 'toX', 'toWeights']) {
      assert.ok(largestDifference(plain[name], wanted[name]) < ROUNDING * scale, name);
      assert.ok(largestDifference(tiled[name], wanted[name]) < RESOLUTION * scale, name);
    }
  });
}

/** Everything at once: noise, tiles, coarse converters, read noise in every product. */
const harsh: HardwareSpec = { ...hermes256, tile: tiles, readNoise: { kind: 'per-product' } };

test('an embedding is a dense layer of one-hot rows, to the draw, whatever the hardware', () => {
  const sample = samples.find(({ each }) => each.layer.kind === 'embedding')!;
  const indices = sample.x.slice(0, 5);
  const oneHot = new Float64Array(5 * ROWS);
  for (const [row, index] of indices.entries()) oneHot[row * ROWS + index] = 1;
  const layer: Layer = { name: 'table', kind: 'embedding', shape: [ROWS, 4] };
  for (const hardware of [harsh, standardEvaluation]) {
    const embedded = run(
      { ...sample, each: { layer, inputs: [5], rowsOfTiles: 3 }, x: indices },
      onChipOf(hardware),
    );
    const dense: Case = { layer: { ...layer, kind: 'dense' }, inputs: [5, ROWS], rowsOfTiles: 3 };
    const product = run({ ...sample, each: dense, x: oneHot }, onChipOf(hardware, 1));
    // Equal but for the order of sums: a rounding that crosses a step of the ADC would show as its full width.
    assert.ok(largestDifference(embedded['y'], product['y']) < ROUNDING);
    assert.ok(largestDifference(embedded['y'], run(sample, exactly)['y']!.slice(0, 20)) > 1e-3, 'noise acts');
  }
});

test('indices outside a table stand for its first and last rows, on tiles too', () => {
  const sample = samples.find(({ each }) => each.layer.kind === 'embedding')!;
  const each: Case = { ...sample.each, inputs: [6] };
  const x = Float64Array.of(-3, Number.NaN, 0.9, 4.9, 10.5, 99);
  const rows = [0, 0, 0, 4, 10, 10];
  const wanted = Float64Array.from(rows.flatMap((row) => [...sample.weights.slice(4 * row, 4 * row + 4)]));
  for (const operator of [exactly, onChipOf({ ...ideal, ...fine, tile: tiles })]) {
    assert.ok(largestDifference(run({ ...sample, each, x }, operator)['y'], wanted) < RESOLUTION);
  }
});

test('a transposed convolution on a chip is the convolution of an image with zeros between its pixels', () => {
  // Stride 2, a 3 x 2 kernel, no padding: zeros between the pixels, a margin of 2 and 1, the filter turned by half a turn.
  const filter = [3, 2, 3, 4];
  const transposed: Layer = { name: 'up', kind: 'transposed-convolution', shape: filter };
  const plain: Layer = { name: 'up', kind: 'convolution', shape: filter };
  const [x, weights] = [normals([2, 3, 4, 3]), normals(filter)];
  const spread = new Float64Array(2 * 5 * 7 * 3);
  for (const [at, value] of x.entries()) {
    const [n, i, j, c] = [Math.floor(at / 36), Math.floor(at / 12) % 3, Math.floor(at / 3) % 4, at % 3];
    spread[((n * 5 + 2 * i) * 7 + 2 * j) * 3 + c] = value;
  }
  const turned = weights.map((_, at) => weights[(5 - Math.floor(at / 12)) * 12 + (at % 12)]!);
  // One tile, so that the order of its rows does not matter; a coarse ADC and output noise act.
  const hardware: HardwareSpec = { ...standardEvaluation, cell: ideal.cell, tile: { kind: 'unlimited' } };
  const up = run(
    {
      each: {
        layer: transposed,
        inputs: [2, 3, 4, 3],
        geometry: { stride: [2, 2], padding: [0, 0] },
        rowsOfTiles: 1,
      },
      x,
      weights,
    },
    onChipOf(hardware),
  );
  const over = run(
    {
      each: {
        layer: plain,
        inputs: [2, 5, 7, 3],
        geometry: { stride: [1, 1], padding: [2, 1] },
        rowsOfTiles: 1,
      },
      x: spread,
      weights: turned,
    },
    onChipOf(hardware),
  );
  assert.ok(largestDifference(up['y'], over['y']) < ROUNDING);
});

test('an embedding has no input range: none is kept, observed or asked for', () => {
  const layers = samples.map(({ each }) => each.layer);
  assert.deepEqual(
    allRangeStates(layers, hermes256).map(({ name }) => name),
    [
      ...['dense', 'convolution', 'depthwise', 'transposed'].flatMap((name) => [
        `${name}.inputRange`,
        `${name}.outputRange`,
      ]),
      'embedding.outputRange',
    ],
  );
  const sample = samples.find(({ each }) => each.layer.kind === 'embedding')!;
  const { layer, inputs } = sample.each;
  const graph = trace((t) => {
    const weights = t.input('weights', layer.shape);
    const observed = observing(
      digital(() => weights),
      () => weights,
      hermes256,
    );
    observed.operator.multiply(t.input('x', inputs), layer);
    return { outputs: observed.observations() };
  });
  const seen = interpret(graph, { x: sample.x, weights: sample.weights }).outputs;
  assert.deepEqual(Object.keys(seen), ['embedding.outputMax', 'embedding.outputMeanSquare']);
  const { input, output } = calibratedRanges('embedding', { kind: 'maximum' }, [seen]);
  assert.equal(input, 1);
  // Column scales: the largest ŵ of the rows in use is at most 1.
  assert.ok(output! > 0.5 && output! <= 1);
  const refusing: ConverterRanges = { ...fixedRanges(1), inputRange: () => assert.fail('it was asked for') };
  run(sample, (_, key, weights) =>
    hardwareAware({ hardware: hermes256, weights: () => weights, ranges: refusing, key }),
  );
});

test('each group of a convolution has tiles of its own', () => {
  const tile = { kind: 'limited', rows: 6, columns: 4 } as const;
  const { rowRanges, columnRanges, tileCount, utilisation } = tileMatrix(
    { rows: 9, columns: 6, groups: 2 },
    tile,
  );
  assert.deepEqual(rowRanges, [
    [0, 4],
    [4, 9],
  ]);
  assert.deepEqual(columnRanges, [
    [0, 3],
    [3, 6],
  ]);
  assert.equal(tileCount, 4);
  assert.equal(utilisation, 54 / (4 * 24));
  assert.equal(tileMatrix({ rows: 9, columns: 8, groups: 8 }, { kind: 'unlimited' }).tileCount, 8);
});
