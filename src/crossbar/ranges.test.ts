// Ranges of converters from observations: what is observed, what a rule makes of it, and which layers have ranges.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exact, given, ROUNDING } from '../../test/two-layers.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Layer } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import type { HardwareSpec } from './hardware.ts';
import { hermes256, ideal, standardEvaluation } from './presets.ts';
import { allRangeStates, calibratedRanges, observing, rangesFromStates } from './ranges.ts';

const layer: Layer = { name: 'fc', kind: 'dense', shape: [20, 4] };

test('observing leaves the product alone and finds ranges that clip nothing', () => {
  const shape = [7, 20];
  const hardware: HardwareSpec = { ...hermes256, tile: { kind: 'limited', rows: 10, columns: 4 } };
  const graph = trace((t) => {
    const weights = t.input('weights', [20, 4]);
    const observed = observing(
      digital(() => weights),
      () => weights,
      hardware,
    );
    const y = observed.operator.multiply(t.input('x', shape), layer);
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
    const weights = t.input('weights', [3, 4]);
    const observed = observing(
      digital(() => weights),
      () => weights,
      standardEvaluation,
    );
    observed.operator.multiply(t.input('x', [2, 3]), { ...layer, shape: [3, 4] });
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

test('what is not finite makes no range, and batches count by their size', () => {
  const batch = (input: number): Record<string, number[]> => ({
    'fc.inputMax': [100],
    'fc.inputMeanSquare': [input],
  });
  for (const [wrong, name] of [
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ] as const)
    assert.throws(
      () => calibratedRanges('fc', { kind: 'maximum' }, [{ ...batch(1), 'fc.inputMax': [wrong] }]),
      {
        name: 'UsageError',
        message: `calibration: layer "fc": expected finite inputs, got ${name}; check the weights and the images`,
      },
    );
  const rule = { kind: 'root-mean-squares', count: 1 } as const;
  const { input } = calibratedRanges('fc', rule, [batch(1), batch(16)], [40, 10]);
  assert.equal(input, 2);
  assert.equal(calibratedRanges('fc', rule, [batch(1), batch(7)]).input, 2);
});

test('with a range for each example the outputs are those of its full inputs', () => {
  const hardware: HardwareSpec = {
    ...hermes256,
    dac: { kind: 'uniform', bits: 8, range: { kind: 'per-example' } },
  };
  const graph = trace((t) => {
    const weights = t.input('weights', [20, 4]);
    const observed = observing(
      digital(() => weights),
      () => weights,
      hardware,
    );
    observed.operator.multiply(t.input('x', [2, 20]), layer);
    return { outputs: observed.observations() };
  });
  // One large input of the first example; all inputs of the second, which is a thousand times smaller, are full.
  const x = Float64Array.from({ length: 40 }, (_, i) => (i === 0 ? 100 : i < 20 ? 0 : 0.1));
  const batch = interpret(graph, { x, weights: new Float64Array(80).fill(0.5) }).outputs;
  assert.deepEqual(Object.keys(batch), ['fc.outputMax', 'fc.outputMeanSquare']);
  const { output } = calibratedRanges('fc', { kind: 'maximum' }, [batch]);
  assert.ok(Math.abs(output! - 20) < ROUNDING);
});

test('layers that stay digital or have an ideal periphery are not observed', () => {
  const hardware: HardwareSpec = {
    ...hermes256,
    layers: { first: 'digital', second: { dac: ideal.dac, adc: ideal.adc } },
  };
  const graph = trace((t) => {
    const weights = t.input('weights', [20, 4]);
    const observed = observing(
      digital(() => weights),
      () => weights,
      hardware,
    );
    for (const name of ['first', 'second', 'third'])
      observed.operator.multiply(t.input('x', [7, 20]), { ...layer, name });
    return { outputs: observed.observations() };
  });
  assert.deepEqual(Object.keys(graph.outputs), [
    'third.inputMax',
    'third.inputMeanSquare',
    'third.outputMax',
    'third.outputMeanSquare',
  ]);
});

test('a layer that is used twice is observed over both uses', () => {
  const graph = trace((t) => {
    const weights = t.input('weights', [2, 1]);
    const observed = observing(
      digital(() => weights),
      () => weights,
      standardEvaluation,
    );
    const own: Layer = { name: 'fc', kind: 'dense', shape: [2, 1] };
    observed.operator.multiply(t.input('a', [1, 2]), own);
    observed.operator.multiply(t.input('b', [1, 2]), own);
    return { outputs: observed.observations() };
  });
  const { outputs } = interpret(graph, { weights: [1, 1], a: [1, -2], b: [3, 0] });
  assert.equal(outputs['fc.inputMax']![0], 3);
  assert.ok(Math.abs(outputs['fc.inputMeanSquare']![0]! - (2.5 + 4.5) / 2) < ROUNDING);
});

test('a layer has an input range with a periphery, an output range where its ADC is calibrated', () => {
  const names = (hardware: HardwareSpec): string[] =>
    allRangeStates([layer, { ...layer, name: 'other' }], hardware).map(({ name, shape }) => {
      assert.deepEqual(shape, []);
      return name;
    });
  assert.deepEqual(names(ideal), []);
  assert.deepEqual(names(standardEvaluation), ['fc.inputRange', 'other.inputRange']);
  assert.deepEqual(names(hermes256), [
    'fc.inputRange',
    'fc.outputRange',
    'other.inputRange',
    'other.outputRange',
  ]);
  assert.deepEqual(names({ ...hermes256, layers: { fc: 'digital', 'o*': { adc: { kind: 'ideal' } } } }), [
    'other.inputRange',
  ]);
});

test('ranges of a store are its states, and leave the inputs as they are', () => {
  trace((t) => {
    const { inputRange, outputRange } = rangesFromStates(t);
    const x = t.input('x', [2, 3]);
    const limited = inputRange('fc', x, true);
    assert.equal(limited.x, x);
    const fullScale = outputRange('fc', () => assert.fail('a state needs no sums'));
    const states = { input: limited.range, output: fullScale };
    for (const [quantity, range] of Object.entries(states)) {
      assert.ok(typeof range !== 'number');
      assert.deepEqual(range.node.attributes, {
        name: `fc.${quantity}Range`,
        role: 'state',
        shape: [],
        dtype: 'f32',
      });
    }
    return { outputs: {} };
  });
});
