// Products on a chip and for a chip: the ideal one is digital, tiles add up, ranges and noise do as they say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Multiply } from '../graph/multiply.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { calibratedRanges, observing } from './calibration.ts';
import type { HardwareSpec } from './hardware.ts';
import { hardwareAware } from './hardware-aware.ts';
import { mapWeights } from './mapping.ts';
import { onChip } from './on-chip.ts';
import { partialSums } from './periphery.ts';
import { hermes256, ideal, standardEvaluation } from './presets.ts';
import { programLayer, readLayer } from './program-and-read.ts';

const geometry = { stride: [1, 2], padding: [1, 1] } as const;
const imageShape = [2, 5, 6, 3];
const filterShape = [3, 3, 3, 4];
const draw = randomSequence(keyFromSeed(17));
const normals = (count: number): Float64Array => Float64Array.from({ length: count }, draw.normal);
const given = {
  x: normals(7 * 20),
  weights: normals(20 * 4),
  images: normals(2 * 5 * 6 * 3),
  filter: normals(3 * 3 * 3 * 4),
  'key.0': [5],
  'key.1': [6],
};

/** A dense product and a convolution through the operator that `operator` makes. */
function products(operator: (t: Trace, key: GraphKey, weightsOf: (layer: string) => Tensor) => Multiply): {
  readonly dense: Float64Array;
  readonly convolution: Float64Array;
} {
  const graph = trace((t) => {
    const weights = { dense: t.input('weights', [20, 4]), convolution: t.input('filter', filterShape) };
    const multiply = operator(t, t.key('key'), (layer) => weights[layer as keyof typeof weights]);
    return {
      outputs: {
        dense: multiply.dense(t.input('x', [7, 20]), weights.dense, 'dense'),
        convolution: multiply.convolution(
          t.input('images', imageShape),
          weights.convolution,
          'convolution',
          geometry,
        ),
      },
    };
  });
  return interpret(graph, given).outputs as { dense: Float64Array; convolution: Float64Array };
}

/** Programs the weights, reads them at time 0 and multiplies on that chip. */
function chipOperator(hardware: HardwareSpec, ranges: { readonly input: number; readonly output: number }) {
  return (t: Trace, key: GraphKey, weightsOf: (layer: string) => Tensor): Multiply => {
    const compensation = constant(t, 1).reshape([1, 1]);
    const atOnce = constant(t, 0);
    return onChip({
      hardware,
      conductances: (layer) => {
        const cells = programLayer(weightsOf(layer), hardware, key, layer);
        return { ...readLayer(cells, hardware, atOnce, key, layer), scale: cells.scale, compensation };
      },
      inputRange: () => ranges.input,
      outputRange: () => ranges.output,
      key,
    });
  };
}

const exact = products(() => digital);

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

/** Tolerance of float64 sums of tens of terms of size 1. */
const ROUNDING = 1e-12;

for (const scale of ['per-layer', 'per-column'] as const) {
  test(`an ideal chip equals the digital network, scale ${scale}`, () => {
    const result = products(chipOperator({ ...ideal, mapping: { scale } }, { input: 1, output: 1 }));
    assert.ok(largestDifference(result.dense, exact.dense) < ROUNDING);
    assert.ok(largestDifference(result.convolution, exact.convolution) < ROUNDING);
  });
}

test('converters of 24 bits on small tiles equal the digital network to their resolution', () => {
  const fine: HardwareSpec = {
    ...ideal,
    mapping: { scale: 'per-column' },
    tile: { kind: 'limited', rows: 7, columns: 3 },
    dac: { kind: 'uniform', bits: 24 },
    adc: { kind: 'uniform', bits: 24, range: { kind: 'fixed', fullScale: 10 } },
  };
  const result = products(chipOperator(fine, { input: 6, output: 1 }));
  // Four tiles at most, half an ADC step each (10 / 2^24), times input range 6 and largest weight below 4; DAC likewise.
  const resolution = (4 * 10 + 20 * 1) * 2 ** -24 * 6 * 4;
  assert.ok(largestDifference(result.dense, exact.dense) < resolution);
  assert.ok(largestDifference(result.convolution, exact.convolution) < resolution);
});

test('partial sums of the tiles add to the whole product', () => {
  const hardware: HardwareSpec = { ...ideal, tile: { kind: 'limited', rows: 8, columns: 8 } };
  const graph = trace((t) => {
    const add = (sums: readonly Tensor[]): Tensor => sums.reduce((all, sum) => all.add(sum));
    const x = t.input('x', [7, 20]);
    const weights = t.input('weights', [20, 4]);
    const dense = partialSums({ hardware, x, weights, geometry: undefined });
    const images = t.input('images', imageShape);
    const convolution = partialSums({
      hardware,
      x: images,
      weights: t.input('filter', filterShape),
      geometry,
    });
    assert.deepEqual([dense.length, convolution.length], [3, 4]);
    return { outputs: { dense: add(dense), convolution: add(convolution) } };
  });
  const { dense, convolution } = interpret(graph, given).outputs;
  assert.ok(largestDifference(dense!, exact.dense) < ROUNDING);
  assert.ok(largestDifference(convolution!, exact.convolution) < ROUNDING);
});

test('8-bit converters stay within half a step of every conversion', () => {
  const result = products(
    chipOperator(
      { ...standardEvaluation, cell: ideal.cell, outputNoise: { kind: 'none' } },
      { input: 6, output: 1 },
    ),
  );
  const largestWeight = Math.max(...given.weights.map(Math.abs));
  // ADC: half of 20 / 254; DAC: 20 rows, half of 2 / 254 each.
  const bound = (10 / 254 + 20 / 254) * 6 * largestWeight;
  const difference = largestDifference(result.dense, exact.dense);
  assert.ok(difference < bound && difference > bound / 1000);
});

// 5 000 outputs: standard deviation of the sample deviation 1 %; 5 σ: false alarm 6e-7.
test('output noise has its standard deviation, in units of a full product, from every tile', () => {
  const noisy: HardwareSpec = {
    ...ideal,
    tile: { kind: 'limited', rows: 2, columns: 8 },
    outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.04 },
  };
  const batch = 5000;
  const graph = trace((t) => {
    const weights = t.input('weights', [8, 1]);
    const { gPlus, gMinus, scale } = mapWeights(weights, noisy);
    const compensation = t.input('compensation', [1, 1]);
    const multiply = onChip({
      hardware: noisy,
      conductances: () => ({ gPlus, gMinus, scale, compensation }),
      inputRange: () => 3,
      outputRange: () => 1,
      key: t.key('key'),
    });
    const x = t.input('x', [batch, 8]);
    return { outputs: { first: multiply.dense(x, weights, 'fc'), second: multiply.dense(x, weights, 'fc') } };
  });
  const { first, second } = interpret(graph, {
    x: new Float64Array(batch * 8),
    weights: [1, -2, 0.5, 0, 0, 0, 0, 0],
    compensation: [1.5],
    'key.0': [1],
    'key.1': [2],
  }).outputs;
  const std = Math.sqrt(first!.reduce((sum, y) => sum + y * y, 0) / batch);
  const expected = 0.04 * Math.sqrt(4) * 3 * 2 * 1.5; // four tiles, input range 3, largest weight 2, compensation 1.5
  assert.ok(Math.abs(std / expected - 1) < 0.05);
  assert.notDeepEqual(first, second);
});

test('conductances of another network are refused', () => {
  assert.throws(
    () =>
      trace((t) => {
        const gPlus = t.input('gPlus', [3, 4]);
        const one = t.input('one', [1, 1]);
        const multiply = onChip({
          hardware: ideal,
          conductances: () => ({ gPlus, gMinus: gPlus, scale: one, compensation: one }),
          inputRange: () => 1,
          outputRange: () => 1,
          key: t.key('key'),
        });
        return { outputs: { y: multiply.dense(t.input('x', [2, 5]), t.input('w', [5, 4]), 'fc') } };
      }),
    { name: 'UsageError', message: /onChip "fc": weights \(5, 4\) need conductances \(5, 4\), got \(3, 4\)/ },
  );
});

// Training

const noRanges = { inputRange: (): number => 4, outputRange: (): number => 1 };

test('hardware-aware training without noise on ideal hardware is digital', () => {
  const result = products((_, key) =>
    hardwareAware({ hardware: ideal, noise: { kind: 'none' }, key, ...noRanges }),
  );
  assert.deepEqual(result, exact);
});

// 40 000 weights: standard deviation of the sample deviation 0.35 %; 5 σ: false alarm 6e-7.
test('training noise has η max|W|, and its gradients are those of the noisy product for the clean weights', () => {
  const [rows, columns] = [200, 200];
  const graph = trace((t) => {
    const weights = t.input('weights', [rows, columns]);
    const multiply = hardwareAware({
      hardware: ideal,
      noise: { kind: 'gaussian', relativeToMax: t.scalar('eta') },
      key: t.key('key'),
      ...noRanges,
    });
    const x = t.input('x', [1, rows]);
    const noise = multiply.dense(t.input('identity', [rows, rows]), weights, 'fc').subtract(weights);
    const y = multiply.dense(x, weights, 'fc');
    const [dw] = gradients(y.square().sum(), [weights]);
    const expected = x.transpose().matmul(y.multiply(2));
    return { outputs: { noise, dw: dw!, expected } };
  });
  const weights = normals(rows * columns);
  const { noise, dw, expected } = interpret(graph, {
    weights,
    x: normals(rows),
    identity: Float64Array.from({ length: rows * rows }, (_, i) => Number(i % (rows + 1) === 0)),
    eta: [0.038],
    'key.0': [1],
    'key.1': [2],
  }).outputs;
  const std = Math.sqrt(noise!.reduce((sum, z) => sum + z * z, 0) / noise!.length);
  const largest = weights.reduce((max, w) => Math.max(max, Math.abs(w)), 0);
  assert.ok(Math.abs(std / (0.038 * largest) - 1) < 5 * 0.0035);
  assert.ok(largestDifference(dw!, expected!) < 1e-9);
});

test('hardware-aware converters let gradients through where nothing clips', () => {
  const graph = trace((t) => {
    const weights = t.input('weights', [20, 4]);
    const multiply = hardwareAware({
      hardware: { ...standardEvaluation, outputNoise: { kind: 'none' } },
      noise: { kind: 'none' },
      key: t.key('key'),
      inputRange: () => 6,
      outputRange: () => 1,
    });
    const x = t.input('x', [7, 20]);
    const [dx, dw] = gradients(multiply.dense(x, weights, 'fc').sum(), [x, weights]);
    const [dxDigital] = gradients(x.matmul(weights).sum(), [x]);
    return { outputs: { dx: dx!, dxDigital: dxDigital!, dw: dw! } };
  });
  const { dx, dxDigital, dw } = interpret(graph, given).outputs;
  assert.ok(largestDifference(dx!, dxDigital!) < ROUNDING);
  // d/dw sees the quantised inputs: half a step of the DAC for each of the 7 samples.
  const columnSums = Float64Array.from({ length: 80 }, (_, i) => {
    const row = Math.floor(i / 4);
    return Array.from({ length: 7 }, (__, sample) => given.x[sample * 20 + row]!).reduce((sum, x) => sum + x);
  });
  assert.ok(largestDifference(dw!, columnSums) < (7 * 6) / 254);
});

// Calibration

test('observing leaves the product alone and finds ranges that clip nothing', () => {
  const shape = [7, 20];
  const graph = trace((t) => {
    const observed = observing(digital, { ...hermes256, tile: { kind: 'limited', rows: 10, columns: 4 } });
    const y = observed.multiply.dense(t.input('x', shape), t.input('weights', [20, 4]), 'fc');
    return { outputs: { y, ...observed.observations() } };
  });
  const { y, ...batch } = interpret(graph, given).outputs;
  assert.deepEqual(y, exact.dense);
  const { input, output } = calibratedRanges('fc', { kind: 'maximum' }, [batch]);
  assert.equal(input, Math.max(...given.x.map(Math.abs)));
  let largest = 0;
  for (let sample = 0; sample < 7; sample++)
    for (let column = 0; column < 4; column++)
      for (const start of [0, 10]) {
        const scale = Math.max(...given.weights.filter((_, i) => i % 4 === column).map(Math.abs));
        let sum = 0;
        for (let r = start; r < start + 10; r++)
          sum += (given.x[sample * 20 + r]! * given.weights[r * 4 + column]!) / scale;
        largest = Math.max(largest, Math.abs(sum));
      }
  assert.ok(Math.abs(output! * input - largest) < ROUNDING);

  const rms = Math.sqrt(given.x.reduce((sum, x) => sum + x * x, 0) / given.x.length);
  const clipped = calibratedRanges('fc', { kind: 'root-mean-squares', count: 1.5 }, [batch, batch]);
  assert.ok(Math.abs(clipped.input - 1.5 * rms) < ROUNDING);
});

test('a fixed ADC range needs no observation of outputs, and a silent layer gets range 1', () => {
  const graph = trace((t) => {
    const observed = observing(digital, standardEvaluation);
    observed.multiply.dense(t.input('x', [2, 3]), t.input('weights', [3, 4]), 'fc');
    return { outputs: observed.observations() };
  });
  const batch = interpret(graph, { x: new Float64Array(6), weights: new Float64Array(12) }).outputs;
  assert.deepEqual(calibratedRanges('fc', { kind: 'maximum' }, [batch]), { input: 1, output: undefined });
});

test('ranges of a layer that was not observed are refused', () => {
  const message = 'calibration: layer "fc" was not observed; pass the outputs of `observing`';
  assert.throws(() => calibratedRanges('fc', { kind: 'maximum' }, []), { name: 'UsageError', message });
  assert.throws(() => calibratedRanges('fc', { kind: 'maximum' }, [{}]), { name: 'UsageError', message });
});
