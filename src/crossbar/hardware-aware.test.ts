// Products for a chip that is yet to be made: exact without noise, noisy as the settings say, with gradients for the
// clean weights.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { correlation } from '../../test/correlation.ts';
import {
  exact,
  fixedRanges,
  given,
  largestDifference,
  normals,
  type OperatorMaker,
  products,
  ROUNDING,
} from '../../test/two-layers.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import type { Graph } from '../graph/node.ts';
import type { Layer } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import type { HardwareSpec } from './hardware.ts';
import { type HardwareAwareOptions, hardwareAware } from './hardware-aware.ts';
import { ideal, standardEvaluation } from './presets.ts';

const ranges = fixedRanges(4);
const SIZE = 200;
const square: Layer = { name: 'fc', kind: 'dense', shape: [SIZE, SIZE] };
const KEY = { 'key.0': [1], 'key.1': [2] };
const identity = Float64Array.from({ length: SIZE * SIZE }, (_, i) => Number(i % (SIZE + 1) === 0));

type Choice = Partial<Omit<HardwareAwareOptions, 'weights' | 'key' | 'ranges'>>;

/** What the identity times the weights gives under the operator: the weights that multiply. */
function seenWeights(choice: (t: Trace) => Choice, weights: Float64Array): Float64Array {
  const graph = trace((t) => {
    const { multiply } = hardwareAware({
      hardware: ideal,
      weights: () => t.input('weights', square.shape),
      ranges,
      key: t.key('key'),
      ...choice(t),
    });
    return { outputs: { seen: multiply(t.input('identity', square.shape), square) } };
  });
  return interpret(graph, { weights, identity, eta: [0.038], ...KEY }).outputs['seen']!;
}

function deviationOf(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, z) => sum + z * z, 0) / values.length);
}

function largestOf(values: Float64Array): number {
  return values.reduce((max, w) => Math.max(max, Math.abs(w)), 0);
}

test('hardware-aware training without noise on ideal hardware is digital', () => {
  const result = products((_, key, weights) => hardwareAware({ hardware: ideal, weights, key, ranges }));
  assert.deepEqual(result, exact);
});

// 40 000 weights: standard deviation of the sample deviation 0.35 %; 5 σ: false alarm 6e-7.
test('training noise has η max|W|, and its gradients are those of the noisy product for the clean weights', () => {
  const graph = trace((t) => {
    const weights = t.input('weights', square.shape);
    const { multiply } = hardwareAware({
      hardware: ideal,
      weights: () => weights,
      noise: t.scalar('eta'),
      key: t.key('key'),
      ranges,
    });
    const x = t.input('x', [1, SIZE]);
    const noise = multiply(t.input('identity', square.shape), square).subtract(weights);
    const y = multiply(x, square);
    const [dw] = gradients(y.square().sum(), [weights]);
    const expected = x.transpose().matmul(y.multiply(2));
    return { outputs: { noise, dw: dw!, expected } };
  });
  const weights = normals(SIZE * SIZE);
  const { noise, dw, expected } = interpret(graph, {
    weights,
    x: normals(SIZE),
    identity,
    eta: [0.038],
    ...KEY,
  }).outputs;
  assert.ok(Math.abs(deviationOf(noise!) / (0.038 * largestOf(weights)) - 1) < 5 * 0.0035);
  assert.ok(largestDifference(dw!, expected!) < 1e-9);
});

// Backends. 65 536 weights: standard deviation of the mean 0.0039 of the noise's, of its deviation 0.28 %; 5 σ each:
// false alarm 1e-6 for both.
for (const choice of backends) {
  test(`noisy weights have mean W and standard deviation η max|W| on ${choice.name}`, async () => {
    const [rows, columns, eta] = [256, 256, 0.038];
    const layer: Layer = { name: 'fc', kind: 'dense', shape: [rows, columns] };
    const weights = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i));
    weights[1000] = -2.5;
    const graph: Graph = trace((t) => {
      const { multiply } = hardwareAware({
        hardware: ideal,
        weights: () => t.input('weights', layer.shape),
        noise: t.scalar('eta'),
        key: t.key('key'),
        ranges,
      });
      return { outputs: { noisy: multiply(t.input('identity', [rows, rows]), layer) } };
    });
    await withEngine(choice, 2, async (engine) => {
      const executable = await engine.compile(graph);
      const { noisy } = await executable.run({
        inputs: {
          weights,
          identity: Float32Array.from({ length: rows * rows }, (_, i) => Number(i % (rows + 1) === 0)),
        },
        scalars: { eta },
        keys: { key: [1, 2] },
      });
      const noise = Float64Array.from(noisy!, (value, i) => value - weights[i]!);
      const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
      assert.ok(Math.abs(mean) < 5 * 0.0039 * eta * 2.5, `mean ${mean}`);
      const ratio = deviationOf(noise.map((value) => value - mean)) / (eta * 2.5);
      assert.ok(Math.abs(ratio - 1) < 5 * 0.0028, `deviation off by ${ratio}`);
    });
  });
}

/** The columns of a square matrix. */
function columnsOf(matrix: Float64Array): Float64Array[] {
  return Array.from({ length: SIZE }, (_, column) =>
    Float64Array.from({ length: SIZE }, (__, row) => matrix[row * SIZE + column]!),
  );
}

// The noise in units of each column's: 40 000 values, deviation known to 0.35 %. One column has 200 values, deviation
// known to 5 %; 5 σ for each of 200 columns: false alarm 1e-4.
test('noise by column has η times the largest weight of each column, by layer of all weights', () => {
  // Column c is 1 + c / 20 times as large as column 0.
  const weights = normals(SIZE * SIZE).map((w, i) => w * (1 + (i % SIZE) / 20));
  const noiseOf = (choice: Choice): Float64Array[] => {
    const seen = seenWeights((t) => ({ noise: t.scalar('eta'), ...choice }), weights);
    return columnsOf(seen.map((value, i) => value - weights[i]!));
  };
  const largest = columnsOf(weights).map(largestOf);
  const byColumn = noiseOf({ noiseScale: 'per-column' });
  const units = byColumn.map((noise, column) => deviationOf(noise) / (0.038 * largest[column]!));
  for (const [column, unit] of units.entries())
    assert.ok(Math.abs(unit - 1) < 5 * 0.05, `column ${column}: ${unit}`);
  assert.ok(Math.abs(deviationOf(units) - 1) < 5 * 0.0035, `all: ${deviationOf(units)}`);
  for (const noise of noiseOf({ noiseScale: 'per-layer' }))
    assert.ok(Math.abs(deviationOf(noise) / (0.038 * Math.max(...largest)) - 1) < 5 * 0.05);
  // Unless it is said, as the hardware maps weights.
  const mapped: HardwareSpec = { ...ideal, mapping: { scale: 'per-column' } };
  assert.deepEqual(noiseOf({ hardware: mapped }), byColumn);
  assert.deepEqual(noiseOf({ hardware: mapped, noiseScale: 'per-layer' }), noiseOf({}));
});

// Drop-connect

// 40 000 weights, p = 0.1: the share of zeros has a standard deviation of 0.0015; 5 σ: false alarm 6e-7. Correlation of
// independent samples 1/√n = 0.005, 5 σ: false alarm 6e-7.
test('drop-connect makes its share of the weights 0 and leaves the others, whatever their noise', () => {
  const weights = normals(SIZE * SIZE);
  const p = 0.1;
  const seen = seenWeights(() => ({ dropConnect: p }), weights);
  const isDropped = seen.map((value) => Number(value === 0));
  const share = isDropped.reduce((sum, one) => sum + one, 0) / seen.length;
  assert.ok(Math.abs(share - p) < 5 * 0.0015, `share ${share}`);
  for (const [i, value] of seen.entries()) assert.ok(value === 0 || value === weights[i]);
  const noisy = seenWeights((t) => ({ noise: t.scalar('eta'), dropConnect: p }), weights);
  assert.deepEqual(
    noisy.map((value) => Number(value === 0)),
    isDropped,
  );
  const free = seenWeights((t) => ({ noise: t.scalar('eta') }), weights);
  for (const [i, value] of noisy.entries()) assert.ok(value === 0 || value === free[i]);
  const noise = free.map((value, i) => value - weights[i]!);
  assert.ok(Math.abs(correlation(noise, isDropped)) < 5 / SIZE);
  assert.deepEqual(
    seenWeights(() => ({ dropConnect: 0 }), weights),
    weights,
  );
});

test('the gradient of a dropped weight is zero, of a kept one that of the product', () => {
  const graph = trace((t) => {
    const weights = t.input('weights', square.shape);
    const { multiply } = hardwareAware({
      hardware: ideal,
      weights: () => weights,
      dropConnect: 0.4,
      key: t.key('key'),
      ranges,
    });
    const x = t.input('x', [1, SIZE]);
    const seen = multiply(t.input('identity', square.shape), square);
    const y = multiply(x, square);
    const [dw, dx] = gradients(y.square().sum(), [weights, x]) as [Tensor, Tensor];
    const whole = x.transpose().matmul(y.multiply(2));
    return { outputs: { seen, dw, whole, dx, expectedDx: y.multiply(2).matmul(seen.transpose()) } };
  });
  const weights = normals(SIZE * SIZE);
  const { seen, dw, whole, dx, expectedDx } = interpret(graph, {
    weights,
    x: normals(SIZE),
    identity,
    ...KEY,
  }).outputs;
  const dropped = Array.from(seen!.keys()).filter((i) => seen![i] === 0);
  // n = 40 000, p = 0.4: far from none and all.
  assert.ok(dropped.length > 15_000 && dropped.length < 17_000);
  const expected = whole!.map((slope, i) => (seen![i] === 0 ? 0 : slope));
  assert.ok(largestDifference(dw!, expected) < 1e-9);
  for (const i of dropped) assert.equal(Math.abs(dw![i]!), 0);
  // The input sees the weights that multiplied it.
  assert.ok(largestDifference(dx!, expectedDx!) < 1e-9);
});

// Converters

test('hardware-aware converters let gradients through where nothing clips', () => {
  const layer: Layer = { name: 'fc', kind: 'dense', shape: [20, 4] };
  const graph = trace((t) => {
    const weights = t.input('weights', [20, 4]);
    const { multiply } = hardwareAware({
      hardware: { ...standardEvaluation, outputNoise: { kind: 'none' } },
      weights: () => weights,
      key: t.key('key'),
      ranges: fixedRanges(6),
    });
    const x = t.input('x', [7, 20]);
    const [dx, dw] = gradients(multiply(x, layer).sum(), [x, weights]);
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

// Layers that differ

test('a layer that stays digital has neither noise nor zeros nor converters, to the bit', () => {
  const rough = (layers: HardwareSpec['layers']): OperatorMaker => {
    const hardware: HardwareSpec = { ...standardEvaluation, ...(layers && { layers }) };
    return (_, key, weights) =>
      hardwareAware({ hardware, weights, noise: 0.2, dropConnect: 0.3, key, ranges: fixedRanges(6) });
  };
  const [some, all] = [products(rough({ dense: 'digital' })), products(rough(undefined))];
  assert.deepEqual(some.dense, exact.dense);
  assert.deepEqual(some.convolution, all.convolution);
  assert.ok(largestDifference(all.convolution, exact.convolution) > 0.1);
});
