// One pulse on each law against the published formulas, written out here once more for numbers in float64, with the
// parameters and draws of the interpreter; then what is drawn once for each device.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { capacitor, ecram, idealized, pcmAihwkit, reramES, reramSB } from './published-pulse-devices.ts';
import type { StepDeviceSpec, StepLaw } from './pulse-spec.ts';
import { drawsOf, momentsOf } from './pulse-train.test-data.ts';
import { stepDeviceModel } from './step-device.ts';

type Values = Readonly<Record<string, Float64Array>>;
type Device = Readonly<Record<string, number>>;

/** Devices of `spec` written to `values`, one pulse on each, and the two draws a pulse may use. */
function pulsed(spec: StepDeviceSpec, values: readonly number[], isUp: boolean): Values {
  const model = stepDeviceModel(spec);
  const shape = [values.length];
  const graph = trace((t) => {
    const made = model.fabricate(shape, t.key('made'));
    const written = { ...made, ...model.at(made, t.input('values', shape)) };
    const key = t.key('key');
    const next = model.pulse(written, t.scalar('isUp').broadcastTo(shape).equal(1), drawsOf(key, shape));
    const before = Object.fromEntries(Object.entries(written).map(([name, x]) => [`before.${name}`, x]));
    const draws = drawsOf(key, shape);
    return { outputs: { ...before, ...next, xi: draws(), eta: draws() } };
  });
  const [made, key] = [keyFromSeed(11), keyFromSeed(12)];
  return interpret(graph, {
    values,
    isUp: [isUp ? 1 : 0],
    'made.0': [made[0]],
    'made.1': [made[1]],
    'key.0': [key[0]],
    'key.1': [key[1]],
  }).outputs;
}

const COUNT = 400;
const values = Array.from({ length: COUNT }, (_, i) => -1 + (2 * i) / (COUNT - 1));

/** Every device of a run as numbers: its parameters, value before and after, draws. */
function devicesOf(outputs: Values): readonly Device[] {
  return Array.from({ length: COUNT }, (_, i) =>
    Object.fromEntries(
      Object.entries(outputs).map(([name, all]) => [name.replace('before.', 'p.'), all[i]!]),
    ),
  );
}

const clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** What a pulse leaves, from the formulas of science, device by device. */
type Formula = (d: Device, w: number, sign: 1 | -1) => number;

const sigmaOf = (spec: StepDeviceSpec): number => spec.step.cycleSpread;
const scale = (d: Device, sign: 1 | -1): number => d[sign > 0 ? 'p.stepUp' : 'p.stepDown']!;

const cases: readonly {
  readonly name: string;
  readonly spec: StepDeviceSpec;
  readonly formula: Formula;
}[] = [
  {
    name: 'constant',
    spec: idealized,
    formula: (d, w, sign) => w + sign * scale(d, sign) * (1 + sigmaOf(idealized) * d['xi']!),
  },
  {
    name: 'linear, multiplicative',
    spec: ecram,
    formula: (d, w, sign) => {
      const slope = d[sign > 0 ? 'p.slopeUp' : 'p.slopeDown']!;
      return w + sign * (slope * w + scale(d, sign)) * (1 + sigmaOf(ecram) * d['xi']!);
    },
  },
  {
    name: 'linear, additive',
    spec: capacitor,
    formula: (d, w, sign) => {
      const slope = d[sign > 0 ? 'p.slopeUp' : 'p.slopeDown']!;
      return w + sign * (slope * w + scale(d, sign) * (1 + sigmaOf(capacitor) * d['xi']!));
    },
  },
  {
    name: 'soft bounds',
    spec: { ...reramSB, writeNoise: 0, law: { kind: 'soft-bounds', noise: 'multiplicative' } },
    formula: (d, w, sign) => {
      const bound = d[sign > 0 ? 'p.high' : 'p.low']!;
      return w + sign * scale(d, sign) * (1 - w / bound) * (1 + 3.75 * d['xi']!);
    },
  },
  {
    name: 'exponential, multiplicative',
    spec: { ...reramES, writeNoise: 0 },
    formula: (d, w, sign) => {
      const z = (2 * -0.5 * w) / (d['p.high']! - d['p.low']!) - 0.5;
      const share = sign > 0 ? 1 + 1.18445 * Math.exp(5 * z) : 1 + 0.081404 * Math.exp(-5 * z);
      return w + sign * scale(d, sign) * Math.max(share, 0) * (1 + 5 * d['xi']!);
    },
  },
  {
    name: 'exponential, affine',
    spec: { ...pcmAihwkit, isOneSided: false },
    formula: (d, w, sign) => {
      const z = (-2 * w) / (d['p.high']! - d['p.low']!);
      const share = sign > 0 ? 1 + 27.235 * Math.exp(2.5 * z) : 1 + 2.235 * Math.exp(-2.5 * z);
      const step = scale(d, sign) * share;
      return w + sign * (step + 0.6 * (Math.abs(step) + 0.042 + 0.108 * Math.abs(w)) * d['xi']!);
    },
  },
  {
    name: 'exponential that ends',
    spec: {
      ...ecram,
      law: {
        kind: 'exponential',
        a: 1,
        b: 0,
        up: { amplitude: 0.9, rate: 3 },
        down: { amplitude: 0.9, rate: 3 },
        noise: { kind: 'multiplicative' },
      },
    },
    formula: (d, w, sign) => {
      const z = (2 * w) / (d['p.high']! - d['p.low']!);
      const share = Math.max(1 - 0.9 * Math.exp(3 * sign * z), 0);
      return w + sign * scale(d, sign) * share * (1 + 0.3 * d['xi']!);
    },
  },
  {
    name: 'power',
    spec: {
      ...ecram,
      law: { kind: 'power', exponent: 1.7, deviceSpread: 0.1, upDown: { mean: 0.1, deviceSpread: 0.05 } },
    },
    formula: (d, w, sign) => {
      const [high, low] = [d['p.high']!, d['p.low']!];
      const room = (sign > 0 ? high - w : w - low) / (high - low);
      const exponent = d[sign > 0 ? 'p.exponentUp' : 'p.exponentDown']!;
      return w + sign * scale(d, sign) * room ** exponent * (1 + 0.3 * d['xi']!);
    },
  },
  {
    name: 'piecewise',
    spec: { ...ecram, law: { kind: 'piecewise', up: [2, 1, 0.5, 0.1], down: [0.2, 0.4, 1.5, 3] } },
    formula: (d, w, sign) => {
      const nodes = sign > 0 ? [2, 1, 0.5, 0.1] : [0.2, 0.4, 1.5, 3];
      const place = clip((3 * (w - d['p.low']!)) / (d['p.high']! - d['p.low']!), 0, 3);
      const k = Math.min(2, Math.floor(place));
      const node = nodes[k]! * (k + 1 - place) + nodes[k + 1]! * (place - k);
      return w + sign * scale(d, sign) * node * (1 + 0.3 * d['xi']!);
    },
  },
  {
    name: 'one node',
    spec: { ...ecram, law: { kind: 'piecewise', up: [2], down: [0.5] } },
    formula: (d, w, sign) => w + sign * scale(d, sign) * (sign > 0 ? 2 : 0.5) * (1 + 0.3 * d['xi']!),
  },
];

for (const { name, spec, formula } of cases) {
  test(`one pulse moves devices as the formula says: ${name}`, () => {
    for (const sign of [1, -1] as const) {
      const devices = devicesOf(pulsed(spec, values, sign > 0));
      let moved = 0;
      for (const d of devices) {
        const w = d['p.value']!;
        const expected = clip(formula(d, w, sign), d['p.low']!, d['p.high']!);
        assert.ok(Math.abs(d['value']! - expected) < 1e-10, `${w}: ${d['value']} not ${expected}`);
        if (d['value'] !== w) moved++;
      }
      assert.ok(moved > COUNT / 5, `${moved} moved`);
    }
  });
}

for (const noise of ['multiplicative', 'additive'] as const) {
  test(`one pulse with a reference device moves w + r within the bounds: ${noise}`, () => {
    const law: StepLaw = {
      kind: 'soft-bounds-reference',
      noise,
      slopeSpread: { up: 0.1, down: 0.1 },
      reference: { mean: 0.1, spread: 0.1, isSymmetryPoint: false },
    };
    for (const sign of [1, -1] as const) {
      for (const d of devicesOf(pulsed({ ...reramSB, law }, values, sign > 0))) {
        const [high, low, r] = [d['p.high']!, d['p.low']!, d['p.reference']!];
        const own = d['p.persistent']! + r;
        const share = 1 - own / (sign > 0 ? high : low);
        const bracket = noise === 'additive' ? share + 3.75 * d['xi']! : share * (1 + 3.75 * d['xi']!);
        const expected = clip(own + sign * scale(d, sign) * bracket, low, high) - r;
        assert.ok(Math.abs(d['persistent']! - expected) < 1e-10);
        assert.ok(Math.abs(d['value']! - expected - 56 * 0.002 * d['eta']!) < 1e-10);
      }
    }
  });
}

test('pulses on a one-sided device go up, whatever is asked', () => {
  const [up, down] = [true, false].map((isUp) => pulsed(pcmAihwkit, values, isUp));
  assert.deepEqual(up!['value'], down!['value']);
});

const N = 20_000;

/** Parameters of many devices. */
function population(spec: StepDeviceSpec): Values {
  const graph = trace((t) => ({ outputs: stepDeviceModel(spec).fabricate([N], t.key('key')) }));
  const [a, b] = keyFromSeed(21);
  return interpret(graph, { 'key.0': [a], 'key.1': [b] }).outputs;
}

/** Asserts mean and standard deviation to 4.5 σ; false alarm 7e-6 each. */
function hasMoments(sample: ArrayLike<number>, mean: number, std: number, what: string): void {
  const found = momentsOf(sample);
  assert.ok(Math.abs(found.mean - mean) < 4.5 * found.meanError + 1e-12, `${what}: mean ${found.mean}`);
  assert.ok(Math.abs(found.std - std) < 4.5 * found.stdError + 1e-12, `${what}: std ${found.std}`);
}

const openEcram: StepDeviceSpec = { ...ecram, isConsistent: false };

// 20,000 devices each.
test('devices differ as the specification says', () => {
  const biased = population({ ...openEcram, upDown: { mean: 0.2, deviceSpread: 0.05 } });
  hasMoments(biased['high']!, 1.1724, 1.1724 * 0.05, 'high');
  hasMoments(biased['low']!, -0.8276, 0.8276 * 0.05, 'low');
  const both = Math.hypot(0.1, 0.05);
  hasMoments(biased['stepUp']!, 0.002, 0.002 * both, 'up');
  hasMoments(biased['stepDown']!, 0.002 * 0.8, 0.002 * both, 'down');
  const other = population({ ...openEcram, upDown: { mean: -0.2, deviceSpread: 0.05 } });
  hasMoments(other['stepUp']!, 0.002 * 0.8, 0.002 * both, 'up');
  hasMoments(other['stepDown']!, 0.002, 0.002 * both, 'down');
  // The difference is drawn once: what up gains, down loses. Only the gain is left in the sum.
  const sum = other['stepUp']!.map((up, i) => up + other['stepDown']![i]!);
  hasMoments(sum, 0.002 * 1.8, 0.002 * 0.2, 'sum');
  const logNormal = population({
    ...openEcram,
    step: { ...ecram.step, distribution: 'log-normal', deviceSpread: 0.7 },
    upDown: { mean: 0, deviceSpread: 0 },
  });
  hasMoments(
    logNormal['stepUp']!.map((up) => Math.log(up / 0.002)),
    0,
    0.7,
    'log-normal',
  );
});

test('slopes are of the mean bounds or of the own ones, and keep their sign unless steps may grow', () => {
  const law = ecram.law as Extract<StepLaw, { readonly kind: 'linear' }>;
  const gammas = (spec: StepDeviceSpec, isOwn: boolean): Float64Array => {
    const all = population(spec);
    return all['slopeDown']!.map(
      (slope, i) => (-slope * (isOwn ? all['low']![i]! : -0.8276)) / all['stepDown']![i]!,
    );
  };
  hasMoments(gammas(ecram, false), 0.5085, 0.05, 'mean bounds');
  hasMoments(gammas({ ...ecram, law: { ...law, bounds: 'own' } }, true), 0.5085, 0.05, 'own bounds');
  const wide = { ...law, down: { mean: 0.1, deviceSpread: 0.2 } };
  assert.ok(gammas({ ...ecram, law: wide }, false).every((gamma) => gamma >= 0));
  hasMoments(gammas({ ...ecram, law: { ...wide, mayGrow: true } }, false), 0.1, 0.2, 'may grow');
});

test('consistent devices step the right way between bounds of the right signs; others may be turned off', () => {
  const wild: StepDeviceSpec = {
    ...ecram,
    step: { ...ecram.step, deviceSpread: 1 },
    bounds: { ...ecram.bounds, lowSpread: 1, highSpread: 1 },
  };
  const sound = population(wild);
  assert.ok(sound['stepUp']!.every((s) => s >= 0) && sound['stepDown']!.every((s) => s >= 0));
  assert.ok(sound['high']!.every((b) => b >= 0) && sound['low']!.every((b) => b <= 0));
  const open = population({ ...wild, isConsistent: false });
  assert.ok(open['stepUp']!.some((s) => s < 0));
  const off = [...open['high']!.keys()].filter((i) => open['high']![i] === open['low']![i]);
  // P(1.1724 (1 + ξ) < −0.8276 (1 + ξ′)) = Φ(−2 / 1.4351) = 0.0817; 5 σ of the binomial are 0.0097.
  assert.ok(Math.abs(off.length / N - 0.0817) < 0.0097, `${off.length / N}`);
  assert.ok(open['high']!.every((b, i) => b >= open['low']![i]!));
  const above: StepDeviceSpec = {
    ...wild,
    bounds: { low: 1, lowSpread: 1, high: 2, highSpread: 1 },
    reset: { mean: 1, deviceSpread: 0, cycleSpread: 0 },
  };
  const shifted = population(above);
  assert.ok(shifted['low']!.every((b, i) => b >= 0 && b <= shifted['high']![i]!));
});

test('at the symmetry point that a reference subtracts, up and down steps are equal: value 0', () => {
  const law: StepLaw = {
    kind: 'soft-bounds-reference',
    noise: 'additive',
    slopeSpread: { up: 0.1, down: 0.1 },
    reference: { mean: 0, spread: 0, isSymmetryPoint: true },
  };
  const all = population({ ...reramSB, law, upDown: { mean: 0.1, deviceSpread: 0.3 } });
  for (const [i, r] of all['reference']!.entries()) {
    const up = all['stepUp']![i]! * (1 - r / all['high']![i]!);
    const down = all['stepDown']![i]! * (1 - r / all['low']![i]!);
    assert.ok(Math.abs(up - down) < 1e-12);
    assert.equal(all['resetValue']![i], r);
  }
});
