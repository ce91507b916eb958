// Devices that learn at the door: names, changes, whole specifications, and what is refused, by its text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  capacitor,
  ecram,
  pcmNandakumar2018,
  publishedPulseDevices,
  softBoundsDevice,
} from './published-pulse-devices.ts';
import { checkPulseDevice } from './pulse-schema.ts';

test('every published device is accepted whole, by its name, and as a preset without changes', () => {
  for (const [name, spec] of Object.entries(publishedPulseDevices)) {
    assert.equal(spec.name, name);
    for (const choice of [spec, name, { preset: name }, JSON.parse(JSON.stringify(spec))])
      assert.deepEqual(checkPulseDevice('device', choice), spec);
  }
  const made = softBoundsDevice({ states: 20, bound: 1, stepSpread: 0.3, cycleSpread: 0.3 });
  assert.deepEqual(checkPulseDevice('device', made), made);
  assert.equal(made.step.mean, 0.1);
});

test('changes of a preset leave other fields; another kind of a law replaces it', () => {
  assert.deepEqual(checkPulseDevice('device', { preset: 'pcm-nandakumar-2018', gMaxMicrosiemens: 12 }), {
    ...pcmNandakumar2018,
    gMaxMicrosiemens: 12,
  });
  const law = { kind: 'piecewise', up: [2, 1], down: [1, 2] };
  assert.deepEqual(checkPulseDevice('device', { preset: 'ecram', law, step: { mean: 0.01 } }), {
    ...ecram,
    law,
    step: { ...ecram.step, mean: 0.01 },
  });
  const leak = { kind: 'none' };
  assert.deepEqual(checkPulseDevice('device', { preset: 'capacitor', leak }), { ...capacitor, leak });
});

const refused: readonly (readonly [what: string, value: unknown, message: RegExp])[] = [
  ['an unknown name', 'ecramm', /^device: expected one of .*, got "ecramm"; did you mean "ecram"\?$/],
  ['an unknown preset', { preset: 'ecramm' }, /^device: preset: expected one of .*did you mean "ecram"\?$/],
  ['an unknown field', { preset: 'ecram', gMax: 3 }, /^device: Unrecognized key: "gMax"$/],
  ['a number', 5, /^device: expected one of .*, got 5$/],
  [
    'an empty range',
    { preset: 'ecram', bounds: { low: 2 } },
    /^device: bounds: expected a range, low below high, got low 2 and high 1\.1724$/,
  ],
  [
    'a step larger than the range, and a negative spread',
    { preset: 'ecram', step: { mean: 3, deviceSpread: -1 } },
    /^device: 2 faults\n {2}- step\.deviceSpread: expected number to be >=0, got -1\n {2}- step\.mean: expected a step that fits into the range of 2, got 3$/,
  ],
  [
    'a RESET beyond the range',
    { preset: 'ecram', reset: { mean: 1.1724 } },
    /^device: reset\.mean: expected a value from bounds\.low, -0\.8276, to below bounds\.high, 1\.1724, got 1\.1724$/,
  ],
  [
    'nodes of different numbers',
    { preset: 'ecram', law: { kind: 'piecewise', up: [1, 1], down: [1] } },
    /^device: law\.down: expected as many nodes as `up` has$/,
  ],
  [
    'steps of 0 in the middle',
    { preset: 'ecram', law: { kind: 'piecewise', up: [1, 0, 1], down: [1, 1, 1] } },
    /^device: law\.up: expected that up pulses move a device in the middle of its range, got steps of 0 there$/,
  ],
  [
    'a symmetry point outside the range',
    { preset: 'reram-array-om', bounds: { low: 0.1 }, reset: { mean: 0.1 } },
    /^device: law\.reference\.isSymmetryPoint: expected false, as 0 does not lie between the bounds 0\.1 and 1$/,
  ],
  [
    'a share above 1',
    { preset: 'ecram', corrupt: { kind: 'stuck', share: 2, largestValue: 0.1 } },
    /^device: corrupt\.share: expected number to be <=1, got 2$/,
  ],
  [
    'a lifetime below one mini-batch',
    { preset: 'capacitor', leak: { lifetimeBatches: 0.5 } },
    /^device: leak\.lifetimeBatches: expected number to be >=1, got 0\.5$/,
  ],
  [
    'conductances without room',
    { preset: 'pcm-nandakumar-2018', gMaxMicrosiemens: 0.05 },
    /^device: 2 faults\n {2}- gMinMicrosiemens: expected less than gMaxMicrosiemens, 0\.05 µS, got 0\.1\n {2}- reset\.meanMicrosiemens: expected from leastMicrosiemens, 0\.01 µS, to below gMaxMicrosiemens, 0\.05 µS, got 0\.1$/,
  ],
  [
    'SET pulses that lower the conductance, with negative spreads',
    { preset: 'pcm-nandakumar-2018', increment: { offsetMicrosiemens: -2 }, incrementSpread: { slope: -1 } },
    /^device: 3 faults\n {2}- increment: expected that the first pulse after RESET raises the mean, got -1\.055 µS\n {2}- increment\.offsetMicrosiemens: expected that pulses without memory of RESET raise its conductance, got -2\n {2}- incrementSpread: expected standard deviations of at least 0 from 0\.1 to 20 µS, got -19\.74 µS$/,
  ],
];

for (const [what, value, message] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(() => checkPulseDevice('device', value), { name: 'UsageError', message });
  });
}
