// Settings of training in cells: what is impossible is refused with its reason.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainSettings } from '../../test/tiny.ts';
import { check } from '../base/schema.ts';
import { trainingSchema } from './settings.ts';

const cells = { kind: 'mixed-precision' };

for (const [changes, message] of [
  [
    { rule: cells, noise: { kind: 'gaussian', relativeToMax: 0.03 } },
    'noise has no effect with the rule "mixed-precision", whose weights are in cells; leave it out',
  ],
  [
    { rule: { kind: 'pulsed' }, dropConnect: 0.1 },
    'dropConnect has no effect with the rule "pulsed", whose weights are in cells; leave it out',
  ],
  [
    { rule: { kind: 'tiki-taka' }, clipping: { kind: 'standard-deviations', alpha: 2 } },
    'clipping has no effect with the rule "tiki-taka", whose weights are in cells; leave it out',
  ],
  [
    { rule: cells, averaging: { decay: 0.99 } },
    'averaging has no effect with the rule "mixed-precision", whose weights are in cells; leave it out',
  ],
  [
    { rule: cells, noise: { kind: 'cells' }, hardware: 'joshi2020' },
    'noise has no effect with the rule "mixed-precision", whose weights are in cells; leave it out',
  ],
  [
    { noise: { kind: 'cells' } },
    'noise of cells needs their hardware, got none; set hardware, for example joshi2020',
  ],
  [
    { noise: { kind: 'cells', latestSeconds: 20 }, hardware: 'joshi2020' },
    'noise.earliestSeconds must be at most latestSeconds (20), got 25',
  ],
  [
    { noise: { kind: 'cells', earliestSeconds: 0 }, hardware: 'joshi2020' },
    'noise.earliestSeconds: expected number to be >0, got 0',
  ],
  [{ averaging: { decay: 1 } }, 'averaging.decay: expected number to be <1, got 1'],
  [{ rule: { ...cells, granularity: 0 } }, 'rule.granularity: expected number to be >0, got 0'],
  [
    { rule: { ...cells, refresh: { larger: 1.2 } } },
    'rule.refresh.larger: expected number to be <1, got 1.2',
  ],
  [
    { rule: { ...cells, refresh: { larger: 0.3, smaller: 0.5 } } },
    'rule.refresh.smaller: smaller must be at most larger (0.3), got 0.5',
  ],
  [
    { rule: { kind: 'tiki-taka', arrays: 3 } },
    'rule.gamma: expected more than 0 with 3 arrays, whose shares in a weight are its powers, got 0',
  ],
  [
    { rule: { kind: 'tiki-taka', slower: 5 } },
    'rule.slower: it has no effect with 2 arrays, of which one hands over its rows, got 5; leave it out, or give every',
  ],
  [
    { rule: { kind: 'tiki-taka', arrays: 5, gamma: 0.1, every: 10, slower: 100 } },
    'rule.slower: expected every · slower^(arrays − 2), how seldom the slowest array gets a row, at most 1000000, got 10 · 100^3',
  ],
  [
    { rule: { kind: 'tiki-taka', arrays: 3, gamma: 0.1, transfer: { kind: 'chopped' } } },
    'rule.transfer.kind: expected direct, buffered or low-pass with 3 arrays, got chopped, whose signs belong to the inputs of one fast array',
  ],
  [
    { rule: { kind: 'tiki-taka', gamma: 0.1, transfer: { kind: 'dynamic' } } },
    'rule.gamma: expected 0 with dynamic, whose fast array holds some rows with the opposite sign, got 0.1; leave it out',
  ],
  [
    { rule: { kind: 'pulsed', device: { preset: 'ecram', bounds: { low: 0 } } } },
    'rule.device: expected a device with values from below 0 to above, as it moves both ways, got 0 to 1.1724; subtract the value that stands for a weight of 0 from its measurements',
  ],
  [
    { rule: { kind: 'pulsed', device: 'ecram', clock: { secondsPerStep: 1 } } },
    'rule.clock has no effect on "ecram", which does not drift; leave it out',
  ],
  [
    { rule: { ...cells, operands: { bits: 8 } }, gradientNorm: 1 },
    'gradientNorm has no effect with rule.operands, which form their own gradient; leave one out',
  ],
  [{ rule: { ...cells, leastPulses: 3 } }, 'rule.leastPulses: must be at most mostPulses (2), got 3'],
  [{ rule: { ...cells, mostPulses: 40 } }, 'rule.mostPulses: expected number to be <=31, got 40'],
  [{ rule: { ...cells, device: { preset: 'ecram', step: { mean: 5 } } } }, /^settings: rule\.device.*step/],
  [
    { rule: { ...cells, device: { preset: 'ecram', bounds: { low: 1, high: -1 } } } },
    /^settings: rule\.device/,
  ],
  [
    { rule: { ...cells, device: { preset: 'ecram', step: { cycleSpread: -1 } } } },
    /^settings: rule\.device.*cycleSpread/,
  ],
  [{ gradientNorm: 0 }, 'gradientNorm: expected number to be >0, got 0'],
] as const) {
  test(`refused: ${JSON.stringify(changes)}`, () => {
    assert.throws(() => check(trainingSchema, 'settings', { ...plainSettings, ...changes }), {
      name: 'UsageError',
      message: typeof message === 'string' ? `settings: ${message}` : message,
    });
  });
}

test('a rule in cells needs its kind alone', () => {
  for (const kind of ['mixed-precision', 'pulsed', 'tiki-taka'] as const)
    assert.equal(check(trainingSchema, 'settings', { ...plainSettings, rule: { kind } }).rule.kind, kind);
});
