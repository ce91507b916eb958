// Step devices against aihwkit: the same presets under the same pulses, as statistics over devices; then what holds for
// any device: bounds, write noise, corrupt devices, RESET, leak. Seeds are fixed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { keyFromSeed } from '../base/random.ts';
import type { Engine } from '../engine.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { AIHWKIT_DEVICES, aihwkitResponses } from './aihwkit-responses.test-data.ts';
import {
  capacitor,
  ecram,
  idealDevice,
  pcmAihwkit,
  publishedPulseDevices,
  reramArrayHfO2,
  reramArrayOM,
  reramES,
  reramSB,
  softBoundsDevice,
} from './published-pulse-devices.ts';
import { pulseModel } from './pulse-device.ts';
import type { StepDeviceSpec } from './pulse-spec.ts';
import { drawsOf, fabricated, momentsOf, sendPulses, upThenDown } from './pulse-train.test-data.ts';
import { stepDeviceModel } from './step-device.ts';

const backend = backends[0]!;
const DEVICES = 65_536;

/** Both ways from 0, as aihwkit's devices were measured. */
const twoSided = (name: string): StepDeviceSpec => ({
  ...(publishedPulseDevices[name] as StepDeviceSpec),
  isOneSided: false,
});

// 65,536 devices against 4,096 of aihwkit at 15 of 80 pulses. The error of our sample is a quarter of that of aihwkit's,
// which is fixed: its worst pull is 4.8 for the PCM preset, whose steps are mostly noise, 2.7 for all others. Another
// seed of ours moves pulls by a quarter, so that the limits are 4 σ and more away: false alarm 1e-3 for all.
test('presets respond to 40 up and 40 down pulses as in aihwkit: means and spreads over devices', async () => {
  await withEngine(backend, 2, async (engine) => {
    for (const [name, expected] of Object.entries(aihwkitResponses)) {
      const model = stepDeviceModel(twoSided(name));
      const limit = name === 'pcm-aihwkit' ? 6 : 3.7;
      const devices = await fabricated(engine, model, DEVICES, 1);
      await sendPulses(engine, model, {
        devices,
        isUp: upThenDown(40, 40),
        seed: 2,
        look: ({ value }, k) => {
          const row = expected.find(([pulses]) => pulses === k + 1);
          if (row === undefined) return;
          const { mean, std, meanError, stdError } = momentsOf(value!);
          const theirs = Math.sqrt(DEVICES / AIHWKIT_DEVICES);
          const pulls = [(row[1] - mean) / (meanError * theirs), (row[2] - std) / (stdError * theirs)];
          for (const pull of pulls)
            assert.ok(Math.abs(pull) < limit, `${name}, pulse ${k + 1}: ${pulls.join(', ')} σ`);
        },
      });
    }
  });
});

async function afterPulses(
  engine: Engine,
  spec: StepDeviceSpec,
  {
    count = 4096,
    isUp = upThenDown(30, 30),
  }: { readonly count?: number; readonly isUp?: readonly boolean[] },
): Promise<{ readonly made: Readonly<Record<string, Float32Array>>; readonly steps: Float32Array[] }> {
  const model = pulseModel(spec);
  const made = await fabricated(engine, model, count, 5);
  const steps: Float32Array[] = [];
  await sendPulses(engine, model, {
    devices: made,
    isUp,
    seed: 6,
    look: (states) => steps.push(states['persistent'] ?? states['value']!),
  });
  return { made, steps };
}

test('no pulse takes a device beyond its own bounds', async () => {
  await withEngine(backend, 2, async (engine) => {
    const specs = [pcmAihwkit, reramES, reramSB, reramArrayOM, reramArrayHfO2, ecram, capacitor];
    for (const spec of specs) {
      const { made, steps } = await afterPulses(engine, spec, {});
      const { high, low, reference } = made;
      let reached = 0;
      for (const values of steps) {
        for (const [i, w] of values.entries()) {
          const own = w + (reference?.[i] ?? 0);
          assert.ok(own <= high![i]! + 1e-6 && own >= low![i]! - 1e-6, `${spec.name}: ${own}`);
          if (own >= high![i]! - 1e-6 || own <= low![i]! + 1e-6) reached++;
        }
      }
      if (spec === reramArrayHfO2) assert.ok(reached > 1000, `${reached} at a bound`);
    }
  });
});

// 65,536 devices, share 0.1348: 5 σ of the binomial are 0.0067; false alarm 6e-7.
test('corrupt devices are a share of the population, do not move, and are stuck within their limit', async () => {
  await withEngine(backend, 2, async (engine) => {
    const spec: StepDeviceSpec = {
      ...reramArrayOM,
      corrupt: { kind: 'stuck', share: 0.1348, largestValue: 0.01 },
    };
    const { made, steps } = await afterPulses(engine, spec, { count: DEVICES });
    const isStuck = Array.from(made['stepUp']!, (step) => step === 0);
    const stuck = isStuck.filter((is) => is).length;
    assert.ok(Math.abs(stuck / DEVICES - 0.1348) < 0.0067, `${stuck / DEVICES}`);
    const [first, last] = [steps[0]!, steps.at(-1)!];
    for (const [i, is] of isStuck.entries()) {
      if (!is) continue;
      assert.equal(first[i], last[i]);
      assert.ok(Math.abs(last[i]! + made['reference']![i]!) <= 0.01 + 1e-6);
    }
  });
});

// 65,536 draws: 4.5 σ of a mean and of a standard deviation; false alarm 3e-5 for four.
test('write noise hides the persistent value, and is drawn anew at every pulse', async () => {
  await withEngine(backend, 1, async (engine) => {
    const model = stepDeviceModel(reramSB);
    const devices = await fabricated(engine, model, DEVICES, 3);
    const hidden: Float32Array[] = [];
    await sendPulses(engine, model, {
      devices,
      isUp: [true, true],
      seed: 4,
      look: ({ value, persistent }) => hidden.push(value!.map((x, i) => x - persistent![i]!)),
    });
    for (const noise of hidden) {
      const { mean, std, meanError, stdError } = momentsOf(noise);
      assert.ok(Math.abs(mean) < 4.5 * meanError, `${mean}`);
      assert.ok(Math.abs(std - 56 * 0.002) < 4.5 * stdError, `${std}`);
    }
    const { mean, meanError } = momentsOf(hidden[0]!.map((x, i) => x * hidden[1]![i]!));
    assert.ok(Math.abs(mean) < 4.5 * meanError, 'draws of successive pulses are uncorrelated');
  });
});

/** Runs `define` on devices of `spec` in the interpreter. */
function onDevices(
  spec: StepDeviceSpec,
  count: number,
  use: 'reset' | 'leak',
): Readonly<Record<string, Float64Array>> {
  const model = stepDeviceModel(spec);
  const graph = trace((t) => {
    const made = model.fabricate([count], t.key('made'));
    const written = { ...made, ...model.at(made, t.scalar('value').broadcastTo([count])) };
    const changed = model[use](written, drawsOf(t.key('key'), [count]));
    const old = Object.fromEntries(Object.entries(written).map(([name, x]) => [`before.${name}`, x]));
    return { outputs: { ...old, ...changed } };
  });
  const [made, key] = [keyFromSeed(8), keyFromSeed(9)];
  return interpret(graph, {
    value: [0.5],
    'made.0': [made[0]],
    'made.1': [made[1]],
    'key.0': [key[0]],
    'key.1': [key[1]],
  }).outputs;
}

// 20,000 devices: RESET is N(0.01, 0.02² + 0.01²) cut at 0; 4.5 σ; false alarm 7e-6.
test('RESET leaves the value of the device, scattered from cycle to cycle, within its bounds', () => {
  const { value, 'before.resetValue': own, 'before.value': before } = onDevices(pcmAihwkit, 20_000, 'reset');
  assert.ok(before!.every((x) => x === 0.5));
  assert.ok(value!.every((x) => x >= 0));
  // Of devices whose own value is 5 σ above 0 none is cut there.
  const uncut = [...value!.keys()].filter((i) => own![i]! > 0.05);
  const scatter = uncut.map((i) => value![i]! - own![i]!);
  const { mean, std, meanError, stdError } = momentsOf(scatter);
  assert.ok(
    scatter.length > 300 && Math.abs(mean) < 4.5 * meanError && Math.abs(std - 0.01) < 4.5 * stdError,
  );
});

test('a leak takes the share 1 / lifetime of what lies above the RESET value, and devices differ', () => {
  const leaky: StepDeviceSpec = {
    ...capacitor,
    leak: { kind: 'exponential', lifetimeBatches: 20, deviceSpread: 0.3, source: 'test' },
  };
  const { value, 'before.leakRate': rate, 'before.value': before } = onDevices(leaky, 2000, 'leak');
  for (const [i, w] of value!.entries())
    assert.ok(Math.abs(w - before![i]! * (1 - rate![i]!)) < 1e-12, `${w}`);
  const { mean, std, meanError, stdError } = momentsOf(rate!.map((r) => 1 / r / 20));
  assert.ok(Math.abs(mean - 1) < 4.5 * meanError && Math.abs(std - 0.3) < 4.5 * stdError, `${mean} ${std}`);
  const { value: kept } = onDevices(ecram, 10, 'leak');
  assert.ok(
    kept!.every((x) => x === 0.5),
    'without a leak nothing changes',
  );
});

test('a value is written exactly, or at the bound of the device, and stuck devices keep theirs', () => {
  const spec: StepDeviceSpec = {
    ...reramArrayOM,
    corrupt: { kind: 'stuck', share: 0.3, largestValue: 0.2 },
  };
  const {
    'before.value': value,
    'before.high': high,
    'before.low': low,
    'before.reference': r,
  } = onDevices(spec, 1000, 'reset');
  const [exact, bounded] = [0, 1].map((k) =>
    [...value!.keys()].filter((i) => (high![i]! - r![i]! >= 0.5 && low![i]! - r![i]! <= 0.5 ? 0 : 1) === k),
  );
  assert.ok(exact!.length > 300 && bounded!.length > 300);
  for (const i of exact!) assert.equal(value![i], 0.5);
  for (const i of bounded!) {
    const nearest = high![i]! - r![i]! < 0.5 ? high![i]! : low![i]!;
    assert.ok(Math.abs(value![i]! - (nearest - r![i]!)) < 1e-12);
  }
});

test('granularities and ranges are those of the presets', () => {
  const near = (a: number, b: number): void => assert.ok(Math.abs(a / b - 1) < 1e-3, `${a} ${b}`);
  // The down step at 0: 0.01 (1 + 2.235); ReRamES: (1 − 0.259359) 0.00135 (1 + 0.081404 e^2.5).
  near(pulseModel(pcmAihwkit).granularity, 0.03235);
  near(pulseModel(reramES).granularity, 0.740641 * 0.00135 * (1 + 0.081404 * Math.exp(2.5)));
  near(pulseModel(reramSB).granularity, 0.002);
  near(pulseModel({ ...ecram, law: power(2) }).granularity, 0.002 / 4);
  near(
    pulseModel({ ...ecram, law: { kind: 'piecewise', up: [3, 2, 1], down: [1, 2, 3] } }).granularity,
    0.004,
  );
  near(
    pulseModel({ ...ecram, law: { kind: 'piecewise', up: [3, 2, 0.5, 0], down: [0, 1, 2, 3] } }).granularity,
    0.0025,
  );
  const down = { kind: 'exponential', a: 1, b: 0, noise: { kind: 'multiplicative' } } as const;
  const never = { ...down, up: { amplitude: 0, rate: 1 }, down: { amplitude: 2, rate: 1 } };
  near(pulseModel({ ...ecram, law: never }).granularity, 0.002);
  assert.deepEqual(pulseModel(ecram).range, [-0.8276, 1.1724]);
  near(pulseModel(softBoundsDevice({ states: 20 })).granularity, 0.1);
  near(pulseModel({ ...idealDevice, step: { ...idealDevice.step, mean: 1e-5 } }).granularity, 1e-5);
});

function power(exponent: number): StepDeviceSpec['law'] {
  return { kind: 'power', exponent, deviceSpread: 0, upDown: { mean: 0, deviceSpread: 0 } };
}
