// The mode in which a tile is read: its error is there, of the stated size, only in one phase.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpret } from '../graph/interpret.ts';
import { constant } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import type { HardwareSpec, OutputNoise } from './hardware.ts';
import { checkHardware } from './hardware-schema.ts';
import { convertSums } from './periphery.ts';
import { hermes256, hermes256OnePhase } from './presets.ts';

const N = 20_000;
const FULL_SCALE = 2;

/** Standard deviation of converted outputs whose exact value is 0.3, in units of a full input times a full weight. */
function deviation(hardware: HardwareSpec, outputNoise: OutputNoise = { kind: 'none' }): number {
  const fine: HardwareSpec = {
    ...hardware,
    outputNoise,
    adc: { kind: 'uniform', bits: 24, range: { kind: 'calibrated' } },
  };
  const graph = trace((t) => {
    const sum = constant(t, 0.3).broadcastTo([N]);
    const [converted] = convertSums({
      hardware: fine,
      sums: [{ sum }],
      unit: constant(t, 1),
      calibratedRange: () => FULL_SCALE,
      key: t.key('key'),
    });
    return { outputs: { converted: converted! } };
  });
  const values = interpret(graph, { 'key.0': [5], 'key.1': [6] }).outputs['converted']!;
  const mean = values.reduce((sum, value) => sum + value, 0) / N;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / N);
}

// n = 20 000: the standard error of a standard deviation is σ / √(2 n) = 0.5 %; 5 σ, false alarm 6e-7 each.
test('a read in one phase adds its error, a share of the full scale; one in four phases adds none', () => {
  const expected = 0.0194 * FULL_SCALE;
  assert.ok(deviation(hermes256) < 1e-6);
  assert.ok(Math.abs(deviation(hermes256OnePhase) / expected - 1) < 0.025);
  const noise = { kind: 'gaussian', relativeStandardDeviation: 0.05 } as const;
  const both = Math.hypot(expected, 0.05);
  assert.ok(Math.abs(deviation(hermes256OnePhase, noise) / both - 1) < 0.025, 'with output noise');
});

test('a one-phase read without a full scale is refused, also in one layer', () => {
  const message = /readMode: a one-phase read needs an ADC with a full scale, got an ideal one/;
  assert.throws(() => checkHardware({ ...hermes256OnePhase, adc: { kind: 'ideal' } }), {
    name: 'UsageError',
    message,
  });
  assert.throws(
    () => checkHardware({ ...hermes256OnePhase, layers: { fc: { adc: { kind: 'ideal' } } } }),
    /layers\.fc\.readMode: a one-phase read/,
  );
  assert.throws(
    () => checkHardware({ ...hermes256, readMode: { kind: 'two-phase' } }),
    /readMode\.kind: expected one of four-phase, one-phase/,
  );
});
