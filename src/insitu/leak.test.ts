// Devices that leak: every rule in cells lets them lose a share of their value after each step.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { softBoundsDevice } from '../cells/published-pulse-devices.ts';
import type { PulseDeviceSpec } from '../cells/pulse-device.ts';
import { type OneParameter, run } from './one-parameter.test-data.ts';
import { ruleSchema, type UpdateRuleSettings } from './settings.ts';
import { updateRule } from './update-rule.ts';

const [ROWS, COLUMNS, SAMPLES] = [2, 3, 2];
const LIFETIME = 20;
const RESET = 0.2;
const tight = softBoundsDevice({ states: 20 });
const leaky: PulseDeviceSpec = {
  ...tight,
  reset: { ...tight.reset, mean: RESET },
  leak: { kind: 'exponential', lifetimeBatches: LIFETIME, deviceSpread: 0, source: 'a test' },
};
const weights = [0.4, -0.3, 0.1, 0, -0.45, 0.5];

const rules: readonly object[] = [
  { kind: 'mixed-precision' },
  { kind: 'pulsed' },
  { kind: 'tiki-taka' },
  { kind: 'tiki-taka', gamma: 0.5, unit: 'steps' },
];

function setupOf(rule: object, device: PulseDeviceSpec): OneParameter {
  const full = { fullWeight: { kind: 'fixed', weight: 0.5 } };
  const settings: UpdateRuleSettings = ruleSchema.parse({ ...full, ...rule, device });
  return { rule: updateRule(settings), rows: ROWS, columns: COLUMNS, samples: SAMPLES };
}

for (const rule of rules) {
  const name = Object.values(rule).join(' ');
  const gamma = 'gamma' in rule ? (rule.gamma as number) : 0;
  // Nothing is written where the gradient is zero, so the leak alone moves the weights.
  const still = { x: new Array(SAMPLES * ROWS).fill(1), delta: new Array(SAMPLES * COLUMNS).fill(0) };
  const steps = Array.from({ length: 5 }, () => ({ samples: still, rate: 0.1 }));

  test(`a leaky device loses a share of its distance from RESET in each step: ${name}`, () => {
    // What the fast array leaks is handed over only once it is worth a pulse: here never.
    const quiet = name.startsWith('tiki-taka')
      ? { ...rule, transfer: { kind: 'buffered', rate: 1e-9 } }
      : rule;
    const results = run(setupOf(quiet, leaky), weights, steps);
    for (const [k, { states }] of results.entries()) {
      const left = (1 - 1 / LIFETIME) ** k;
      for (const [i, w] of weights.entries()) {
        const slow = RESET + (w / 0.5 - RESET) * left;
        const fast = RESET * (1 - left);
        assert.ok(Math.abs(states['layer.cells.plus.value']![i]! - slow) < 1e-9, `cell ${i} after step ${k}`);
        const expected = 0.5 * (slow + gamma * fast);
        assert.ok(Math.abs(states['layer.weights']![i]! - expected) < 1e-9, `weight ${i} after step ${k}`);
      }
    }
  });

  test(`a device that does not leak stays as it is: ${name}`, () => {
    const { states } = run(setupOf(rule, tight), weights, steps).at(-1)!;
    assert.deepEqual(Array.from(states['layer.weights']!), weights);
  });
}

test('the mean leak of devices with write noise is that of their persistent value', () => {
  const noisy: PulseDeviceSpec = { ...leaky, writeNoise: 0.5 };
  const { states } = run(setupOf({ kind: 'pulsed' }, noisy), weights, [
    { samples: { x: [1, 1, 1, 1], delta: [0, 0, 0, 0, 0, 0] }, rate: 0.1 },
  ])[1]!;
  for (const [i, w] of weights.entries()) {
    const expected = RESET + (w / 0.5 - RESET) * (1 - 1 / LIFETIME);
    assert.ok(Math.abs(states['layer.cells.plus.persistent']![i]! - expected) < 1e-9);
    // Sensed with a fresh draw; of 6 draws, none is beyond 6 σ.
    const off = states['layer.cells.plus.value']![i]! - expected;
    assert.ok(off !== 0 && Math.abs(off) < 6 * 0.5 * 0.1);
    assert.ok(Math.abs(states['layer.weights']![i]! - 0.5 * (expected + off)) < 1e-9);
  }
});
