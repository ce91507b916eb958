// Products on a chip: the ideal one is digital, tiles add up, converters and noise do as they say, layers that stay
// digital multiply exactly.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  convolutionLayer,
  denseInputs,
  denseLayer,
  exact,
  fixedRanges,
  geometry,
  given,
  imageShape,
  largestDifference,
  type OperatorMaker,
  products,
  ROUNDING,
} from '../../test/two-layers.ts';
import { interpret } from '../graph/interpret.ts';
import type { Layer } from '../graph/operator.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { pairsOf } from './arrays.ts';
import { type HardwareSpec, hardwareOf } from './hardware.ts';
import { mapWeights } from './mapping.ts';
import { onChip, type SensedLayer } from './on-chip.ts';
import { partialSums } from './periphery.ts';
import { ideal, standardEvaluation } from './presets.ts';
import { programArrays } from './programming.ts';
import { readArrays } from './reading.ts';

/** Programs the weights, reads them at time 0 and multiplies on that chip. */
function chipOperator(
  chip: HardwareSpec,
  ranges: { readonly input: number; readonly output: number },
): OperatorMaker {
  return (t, key, weights) => {
    const compensation = constant(t, 1).reshape([1, 1]);
    const atOnce = constant(t, 0);
    return onChip({
      hardware: chip,
      weights,
      sensed: (layer) => {
        const placed = { layer, hardware: hardwareOf(chip, layer.name)! };
        const arrays = programArrays(weights(layer), placed, key);
        return { ...readArrays(arrays, placed, atOnce, key), scale: arrays.scale, compensation };
      },
      ranges: fixedRanges(ranges.input, ranges.output),
      key,
    });
  };
}

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
    const x = t.input('x', denseInputs);
    const weights = t.input('weights', denseLayer.shape);
    const dense = partialSums({ hardware, layer: denseLayer, x, weights, geometry: undefined });
    const images = t.input('images', imageShape);
    const convolution = partialSums({
      hardware,
      layer: convolutionLayer,
      x: images,
      weights: t.input('filter', convolutionLayer.shape),
      geometry,
    });
    assert.deepEqual([dense.sums.length, convolution.sums.length], [3, 4]);
    return {
      outputs: {
        dense: dense.total(dense.sums),
        convolution: convolution.total(convolution.sums),
      },
    };
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

/** A layer whose pairs are exactly what its weights map to. */
function mappedExactly(weights: Tensor, hardware: HardwareSpec, compensation: Tensor): SensedLayer {
  const { gPlus, gMinus, scale } = mapWeights(weights, hardware);
  const cells = pairsOf({}).map((array) => ({
    ...array,
    conductance: array.polarity === 'plus' ? gPlus : gMinus,
  }));
  return { cells, scale, compensation };
}

// 5 000 outputs: standard deviation of the sample deviation 1 %; 5 σ: false alarm 6e-7.
test('output noise has its standard deviation, in units of a full product, from every tile', () => {
  const noisy: HardwareSpec = {
    ...ideal,
    tile: { kind: 'limited', rows: 2, columns: 8 },
    outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.04 },
  };
  const batch = 5000;
  const layer: Layer = { name: 'fc', kind: 'dense', shape: [8, 1] };
  const graph = trace((t) => {
    const weights = t.input('weights', layer.shape);
    const sensed = mappedExactly(weights, noisy, t.input('compensation', [1, 1]));
    const { multiply } = onChip({
      hardware: noisy,
      weights: () => weights,
      sensed: () => sensed,
      ranges: fixedRanges(3),
      key: t.key('key'),
    });
    const x = t.input('x', [batch, 8]);
    return { outputs: { first: multiply(x, layer), second: multiply(x, layer) } };
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
        const g = t.input('g', [3, 4]);
        const one = t.input('one', [1, 1]);
        const { multiply } = onChip({
          hardware: ideal,
          weights: () => t.input('w', [5, 4]),
          sensed: () => ({
            cells: pairsOf({}).map((array) => ({ ...array, conductance: g })),
            scale: one,
            compensation: one,
          }),
          ranges: fixedRanges(1),
          key: t.key('key'),
        });
        const layer: Layer = { name: 'fc', kind: 'dense', shape: [5, 4] };
        return { outputs: { y: multiply(t.input('x', [2, 5]), layer) } };
      }),
    {
      name: 'UsageError',
      message:
        /onChip "fc": 2 faults\n.*weights \(5, 4\) need conductances \(5, 4\), got \(3, 4\) \(plus\).*\n.*\(minus\)/,
    },
  );
});

// Layers that differ

/** Coarse converters and loud amplifiers: no product comes near the exact one by chance. */
const coarse: HardwareSpec = {
  ...standardEvaluation,
  dac: { kind: 'uniform', bits: 3 },
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.5 },
};

test('a layer that stays digital multiplies exactly, to the bit, and asks for no conductances', () => {
  const hardware: HardwareSpec = { ...coarse, layers: { convolution: 'digital' } };
  const result = products(chipOperator(hardware, { input: 6, output: 1 }));
  assert.deepEqual(result.convolution, exact.convolution);
  assert.ok(largestDifference(result.dense, exact.dense) > 1);
  const asked: string[] = [];
  const allDigital: HardwareSpec = { ...coarse, layers: { '*': 'digital' } };
  const none = products((_, key, weights) =>
    onChip({
      hardware: allDigital,
      weights,
      sensed: ({ name }) => {
        asked.push(name);
        throw new Error('no layer is on arrays');
      },
      ranges: fixedRanges(1),
      key,
    }),
  );
  assert.deepEqual([none, asked], [exact, []]);
});

test('changes of one layer leave the others as they were, to the bit', () => {
  const ranges = { input: 6, output: 1 };
  const alike = products(chipOperator(coarse, ranges));
  const changed = products(
    chipOperator({ ...coarse, layers: { 'conv*': { outputNoise: { kind: 'none' } } } }, ranges),
  );
  assert.deepEqual(changed.dense, alike.dense);
  assert.notDeepEqual(changed.convolution, alike.convolution);
  // The layer has what it says: as if all hardware were so.
  const all = products(chipOperator({ ...coarse, outputNoise: { kind: 'none' } }, ranges));
  assert.deepEqual(changed.convolution, all.convolution);
});
