// Recovery: simulated devices give their curves and spreads back; then what a fit says when measurements can't tell.
// Seeds are fixed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { fitPulseDevice, type PulseDeviceFit } from './fit-pulse-device.ts';
import { pcmNandakumar2018, softBoundsDevice } from './published-pulse-devices.ts';
import { pulseModel } from './pulse-device.ts';
import type { PulsedDevice, PulseMeasurements } from './pulse-measurements.ts';
import { checkPulseDevice } from './pulse-schema.ts';
import type { PulseDeviceSpec } from './pulse-spec.ts';
import { fabricated, momentsOf, sendPulses, upThenDown } from './pulse-train.test-data.ts';
import { simulatePulses } from './simulate-pulses.test-data.ts';

const options = { name: 'fitted', source: 'simulated' };
const twice = [...upThenDown(150, 150), ...upThenDown(150, 150)];

const soft = softBoundsDevice({
  states: 40,
  stepSpread: 0.2,
  upDownSpread: 0.1,
  boundSpread: 0.1,
  cycleSpread: 0.3,
  noise: 'multiplicative',
});

async function fitOf(
  spec: PulseDeviceSpec,
  count: number,
  isUp: readonly boolean[],
): Promise<PulseDeviceFit> {
  return withEngine(backends[0]!, 2, async (engine) =>
    fitPulseDevice(await simulatePulses(engine, spec, { count, isUp, seed: 3 }), options),
  );
}

// 200 devices, 600 pulses each. Spreads over devices have standard errors of 5 %, means of steps 1.6 %: 3 σ and the bias
// that differing bounds give; false alarm 1 %, were the seed not fixed.
test('soft bounds are recovered: curves within 6 % of the largest step, spreads within 25 %', async () => {
  const { device, curves, steps, warnings } = await fitOf(soft, 200, twice);
  assert.equal(steps, 120_000);
  for (const { isUp, points } of curves) {
    for (const { value, step } of points) {
      const truth = 0.05 * (isUp ? 1 - value : 1 + value);
      assert.ok(Math.abs(step - truth) < 0.06 * 0.1, `${isUp} ${value}: ${step} not ${truth}`);
    }
  }
  const within = (found: number, truth: number): void =>
    assert.ok(Math.abs(found / truth - 1) < 0.25, `${found} not ${truth}`);
  within(device.step.mean, 0.05);
  within(device.step.deviceSpread, 0.2);
  within(device.upDown.deviceSpread, 0.1);
  within(device.step.cycleSpread, 0.3);
  within(device.bounds.highSpread, 0.1);
  within(device.bounds.lowSpread, 0.1);
  assert.ok(Math.abs(device.bounds.high - 1) < 0.03 && Math.abs(device.bounds.low + 1) < 0.03);
  assert.equal(device.writeNoise, 0);
  assert.equal(device.isOneSided, false);
  assert.deepEqual(warnings, []);
  assert.deepEqual(checkPulseDevice('fit', JSON.parse(JSON.stringify(device))), device);
});

// Near the bounds, where a device rests, curves take noise of the reading for steps back: they leave a fifth of its
// variance to the spread from pulse to pulse. With all of it that spread would be 0.89.
test('what a reading adds and the next takes away is write noise, most of it', async () => {
  const { device, warnings } = await fitOf({ ...soft, writeNoise: 0.5 }, 200, twice);
  const noise = device.writeNoise * device.step.mean;
  assert.ok(noise > 0.02 && noise < 0.026, `${noise}`);
  assert.ok(device.step.cycleSpread > 0.25 && device.step.cycleSpread < 0.5, `${device.step.cycleSpread}`);
  assert.match(
    warnings[0]!,
    /^readings scatter by 0\.02\d+: the range is seen too wide, and the spread from pulse to pulse too large$/,
  );
});

// Means over 4,096 devices: 0.003 of sampling, the rest is the error of the fit, 0.024 with this seed.
test('a fitted device responds to pulses as the devices it was fitted to, up to 2 % of the range', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const isUp = upThenDown(60, 60);
    const { device } = fitPulseDevice(
      await simulatePulses(engine, soft, { count: 200, isUp: twice, seed: 3 }),
      options,
    );
    const responses: number[][] = [];
    for (const spec of [soft, device]) {
      const model = pulseModel(spec);
      const means: number[] = [];
      const devices = await fabricated(engine, model, 4096, 5);
      await sendPulses(engine, model, {
        devices,
        isUp,
        seed: 6,
        look: ({ value }) => means.push(momentsOf(value!).mean),
      });
      responses.push(means);
    }
    for (const [k, mean] of responses[0]!.entries())
      assert.ok(Math.abs(mean - responses[1]![k]!) < 0.04, `pulse ${k + 1}: ${mean}, ${responses[1]![k]}`);
  });
});

test('PCM under SET pulses becomes a one-sided device, and the warning tells what its spread does', async () => {
  const { device, curves, warnings } = await fitOf(pcmNandakumar2018, 300, upThenDown(30, 0));
  assert.equal(device.isOneSided, true);
  assert.equal(curves.length, 1);
  const [first, ...others] = curves[0]!.points.map(({ step }) => step);
  assert.ok(others.every((step) => step <= first!));
  // The first step of the model, with the limit at 0.1 µS: 1.96 µS; a straight line through two nodes stays near it.
  assert.ok(Math.abs(first! - 1.96) < 0.5, `${first}`);
  assert.ok(Math.abs(device.reset.mean - 0.1) < 0.003 && Math.abs(device.reset.deviceSpread - 0.01) < 0.002);
  assert.match(warnings[0]!, /^no down pulses: the device is taken as one-sided, lowered by RESET only$/);
  assert.match(warnings.at(-1)!, /^the scatter of small steps is .* the model has one relative spread$/);
});

const train = (name: string, values: readonly number[], isUp: (k: number) => boolean): PulsedDevice => ({
  name,
  readings: values.map((value, pulse) => ({ pulse, isUp: isUp(pulse), value })),
});
const of = (...devices: readonly PulsedDevice[]): PulseMeasurements => ({ devices, unusedColumns: ['note'] });

test('exact equal steps of one device are found exactly, and what they can not tell is said', () => {
  const values = [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0];
  const { device, warnings, steps } = fitPulseDevice(of(train('a', values, (k) => k <= 5)), options);
  assert.equal(steps, 10);
  assert.ok(Math.abs(device.step.mean - 1) < 1e-6 && device.step.cycleSpread < 1e-6);
  assert.deepEqual([device.bounds.low, device.bounds.high, device.step.deviceSpread], [0, 5, 0]);
  assert.deepEqual(warnings, [
    'spreads over devices are not known: there is one device; they count as 0',
    "values from 0 to 5 can't be weights of both signs: subtract the value that stands for 0",
    'up: fewer than 10 steps around 0, 5',
    'down: fewer than 10 steps around 0, 5',
    'up: steps at the upper end are 100 % of the largest: the bound may lie further out than the values do',
    'down: steps at the lower end are 100 % of the largest: the bound may lie further out than the values do',
    'columns that are not used: note',
  ]);
});

// One device, 24 pulses: too few for three nodes. Without noise the straight line between two is exact.
test('few steps of soft bounds give two nodes, and the granularity is the step in the middle of the range', async () => {
  const exact = softBoundsDevice({ states: 20 });
  const { device } = await fitOf(exact, 1, upThenDown(12, 12));
  assert.ok(device.law.kind === 'piecewise' && device.law.up.length === 2);
  const { low, high } = device.bounds;
  const expected = exact.step.mean * (1 - (low + high) / 2);
  const { granularity } = pulseModel(device);
  assert.ok(Math.abs(granularity / expected - 1) < 0.05, `${granularity} beside ${expected}`);
});

test('pulses that are missing give no steps', () => {
  const whole = train('a', [0, 1, 2, 3, 4, 5, 6], () => true);
  const gap = { ...whole, readings: whole.readings.filter(({ pulse }) => pulse !== 3) };
  assert.equal(fitPulseDevice(of(gap), options).steps, 4);
});

test('measurements that determine nothing are refused, and impossible options too', () => {
  const refusal = (measurements: PulseMeasurements, nodes?: number) => (): PulseDeviceFit =>
    fitPulseDevice(measurements, { ...options, nodes });
  assert.throws(refusal(of(train('a', [1, 1, 1], () => true)), 1), {
    name: 'UsageError',
    message:
      'fitting pulse responses: 2 faults\n  - nodes: expected a whole number from 2 to 33, got 1\n  - expected values of one device before and after up pulses (numbers without a gap), got 0 such steps of 0',
  });
  assert.throws(refusal(of(train('a', [3, 2, 1, 0], () => true))), {
    message:
      'fitting pulse responses: expected that up pulses raise values on average, they lower them; is `direction` the other way?',
  });
  assert.throws(refusal(of(train('a', [0, 1e8, 2e8, 3e8], () => true))), {
    name: 'UsageError',
    message: /^the fitted device: /,
  });
});
