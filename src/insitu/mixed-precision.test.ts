// Mixed precision against a plain recomputation, against descent, and by what it must keep.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { idealDevice, pcmNandakumar2018, softBoundsDevice } from '../cells/published-pulse-devices.ts';
import { pulseModel } from '../cells/pulse-device.ts';
import { callsOf } from '../compile/backend.ts';
import { compile } from '../compile/compile.ts';
import type { Statement } from '../kernel/kernel.ts';
import { sgd } from '../rules/descent.ts';
import { type MixedPrecisionOptions, mixedPrecision } from './mixed-precision.ts';
import {
  emptyStates,
  evaluated,
  near,
  type OneParameter,
  run,
  type States,
  traceStep,
  traceUpkeepOf,
} from './one-parameter.test-data.ts';

const ROWS = 3;
const COLUMNS = 4;
const SAMPLES = 2;

const plain: MixedPrecisionOptions = {
  device: softBoundsDevice({ states: 20 }),
  fullWeight: { kind: 'fixed', weight: 0.5 },
  granularity: 1,
  leastPulses: 1,
  mostPulses: 3,
  accumulates: true,
  everySteps: 1,
  refresh: { everySteps: 10, larger: 0.75, smaller: 0.25, mostPulses: 20 },
  descent: sgd({ momentum: 0, nesterov: false, weightDecay: 0 }),
  mapping: () => ({}),
};

const pcm = { device: pcmNandakumar2018, fullWeight: { kind: 'fixed', weight: 1 } } as const;

function setupOf(changes: Partial<MixedPrecisionOptions>): OneParameter {
  return { rule: mixedPrecision({ ...plain, ...changes }), rows: ROWS, columns: COLUMNS, samples: SAMPLES };
}

const draw = randomSequence(keyFromSeed(3));
const numbers = (count: number, size: number): number[] =>
  Array.from({ length: count }, () => size * (2 * draw.uniform() - 1));

function stepsOf(count: number, rate: number): { samples: { x: number[]; delta: number[] }; rate: number }[] {
  return Array.from({ length: count }, () => ({
    samples: { x: numbers(SAMPLES * ROWS, 1), delta: numbers(SAMPLES * COLUMNS, 1) },
    rate,
  }));
}

/** Σ_s x_s ⊗ δ_s */
function gradientOf({
  x,
  delta,
}: {
  readonly x: readonly number[];
  readonly delta: readonly number[];
}): number[] {
  return Array.from({ length: ROWS * COLUMNS }, (_, i) => {
    const [row, column] = [Math.floor(i / COLUMNS), i % COLUMNS];
    let sum = 0;
    for (let s = 0; s < SAMPLES; s++) sum += x[s * ROWS + row]! * delta[s * COLUMNS + column]!;
    return sum;
  });
}

for (const { name, momentum = 0, weightDecay = 0, ...changes } of [
  { name: 'plain' },
  { name: 'with momentum and decay', momentum: 0.8, weightDecay: 0.1 },
  { name: 'pulsed every third step', everySteps: 3 },
  { name: 'of half a step', granularity: 0.5 },
  { name: 'of two pulses at least', leastPulses: 2, momentum: 0.8 },
]) {
  test(`steps are those of the formula, pulse by pulse: ${name}`, () => {
    const { granularity, leastPulses, mostPulses, everySteps } = { ...plain, ...changes };
    const initial = numbers(ROWS * COLUMNS, 0.4);
    const steps = stepsOf(12, 0.12);
    const descent = sgd({ momentum, nesterov: false, weightDecay });
    const results = run(setupOf({ ...changes, descent }), initial, steps);
    // Values in ±1 hold weights in ±0.5; a step at 0 is 0.1, and shrinks towards either bound.
    const scale = 0.5;
    const weights = Float64Array.from(initial);
    const [accumulator, velocity] = [new Float64Array(weights.length), new Float64Array(weights.length)];
    let pulses = 0;
    for (const [k, { samples, rate }] of steps.entries()) {
      pulses = 0;
      for (const [i, g] of gradientOf(samples).entries()) {
        velocity[i] = momentum * velocity[i]! + g + weightDecay * weights[i]!;
        accumulator[i]! -= rate * velocity[i]!;
        const epsilon = granularity * 0.1 * scale;
        let p = Math.max(-mostPulses, Math.min(mostPulses, Math.trunc(accumulator[i]! / epsilon)));
        if ((k + 1) % everySteps !== 0 || Math.abs(p) < leastPulses) p = 0;
        accumulator[i]! -= p * epsilon;
        pulses += Math.abs(p);
        for (let pulse = 0; pulse < Math.abs(p); pulse++) {
          const value = weights[i]! / scale;
          weights[i] = scale * (p > 0 ? value + 0.1 * (1 - value) : value - 0.1 * (1 + value));
        }
      }
      const { states, counts } = results[k + 1]!;
      near(states['layer.weights']!, weights, `weights after step ${k}`);
      near(states['layer.accumulator']!, accumulator, `accumulator after step ${k}`);
      assert.equal(counts['pulses'], pulses);
    }
    const given = Array.from(results.at(-1)!.states['layer.cells.plus.pulsesGiven']!);
    assert.ok(given.some((count) => count > 2) && new Set(given).size > 2, 'cells get pulses, not all alike');
  });
}

test('weights that are all equal are held as they are, whatever number of deviations a full device stands for', () => {
  const setup = setupOf({ fullWeight: { kind: 'deviations', count: 10 } });
  for (const weight of [0.3, -2e-4]) {
    const weights = new Array<number>(ROWS * COLUMNS).fill(weight);
    const { states } = run(setup, weights, []).at(-1)!;
    near(states['layer.weights']!, weights, 'weight', 1e-12);
  }
});

test('with fine, even, silent steps it is stochastic gradient descent, to the size of a step', () => {
  const step = 1e-4;
  const changes = { device: idealDevice, fullWeight: { kind: 'fixed', weight: 10 }, mostPulses: 31 } as const;
  const initial = numbers(ROWS * COLUMNS, 0.4);
  const steps = stepsOf(20, 5e-4);
  const results = run(setupOf(changes), initial, steps);
  const weights = Float64Array.from(initial);
  for (const { samples, rate } of steps)
    for (const [i, g] of gradientOf(samples).entries()) weights[i]! -= rate * g;
  const { states } = results.at(-1)!;
  near(states['layer.weights']!, weights, 'weight', step);
  const whole = Array.from(states['layer.weights']!, (w, i) => w + states['layer.accumulator']![i]!);
  near(whole, weights, 'weight and accumulator');
  assert.ok(
    weights.some((w, i) => Math.abs(w - initial[i]!) > 10 * step),
    'weights move',
  );
});

test('the accumulator keeps changes that are far below the rounding of the weight', () => {
  const initial = new Array<number>(ROWS * COLUMNS).fill(0.3);
  const x = new Array<number>(SAMPLES * ROWS).fill(1);
  const delta = new Array<number>(SAMPLES * COLUMNS).fill(1);
  const { states } = run(setupOf({}), initial, [{ samples: { x, delta }, rate: 1e-20 }]).at(-1)!;
  near(
    states['layer.accumulator']!,
    initial.map(() => -SAMPLES * 1e-20),
    'accumulator',
    1e-30,
  );
});

test('cells without a pulse are neither read nor written', () => {
  const setup = { ...setupOf(pcm), rows: 64, columns: 48 };
  const { kernels, launches, bindings } = compile(traceStep(setup), { lanes: 16, registers: 32 });
  const ofCells = (name: string): boolean => /\.cells\.(plus|minus)\./.test(name);
  let touched = 0;
  for (const { kernel, buffers } of launches.flatMap(callsOf)) {
    const slots = new Set(
      buffers.flatMap((place, slot) =>
        place.space === 'binding' && ofCells(bindings[place.binding]!.name) ? [slot] : [],
      ),
    );
    const touches = (statements: readonly Statement[], isInside: boolean): void => {
      for (const statement of statements) {
        if ('buffer' in statement && slots.has(statement.buffer)) {
          assert.ok(isInside, `${kernels[kernel]!.name}: ${statement.kind}`);
          touched++;
        }
        if ('body' in statement) touches(statement.body, isInside || statement.kind === 'ifAny');
      }
    };
    touches(kernels[kernel]!.body, false);
  }
  assert.ok(touched > 0);
});

const at = (states: States, quantity: string): number[] => Array.from(states[`layer.cells.${quantity}`]!);

test('of a pair the plus device gets the pulses upwards, the minus device those downwards; others stay', () => {
  const results = run(setupOf(pcm), numbers(ROWS * COLUMNS, 0.4), stepsOf(8, 0.3));
  let moved = 0;
  for (const [k, { states }] of results.entries()) {
    if (k === 0) continue;
    const before = results[k - 1]!.states;
    const [scale] = at(states, 'scale');
    const net = at(states, 'plus.value').map((g, i) => scale! * (g - at(states, 'minus.value')[i]!));
    near(states['layer.weights']!, net, 'weight');
    for (const side of ['plus', 'minus']) {
      const given = at(states, `${side}.pulsesGiven`).map(
        (n, i) => n - at(before, `${side}.pulsesGiven`)[i]!,
      );
      const counted = at(states, `${side}.pulses`).map((n, i) => n - at(before, `${side}.pulses`)[i]!);
      near(counted, given, 'pulses since RESET');
      for (const [i, n] of given.entries()) {
        const change = at(states, `${side}.value`)[i]! - at(before, `${side}.value`)[i]!;
        assert.ok(change === 0 || n > 0, 'a device changes only if it gets a pulse');
        moved += n;
      }
    }
  }
  assert.equal(
    moved,
    results.reduce((sum, { counts }) => sum + (counts['pulses'] ?? 0), 0),
  );
  assert.ok(moved > 20, `${moved} pulses`);
});

test('full pairs alone are refreshed: their difference stays, and what is lost of it is gathered', () => {
  const setup = setupOf(pcm);
  const [, high] = pulseModel(pcm.device).range;
  const scale = 1 / high;
  // The first four are full on both sides, the next four on one, the others on none.
  const plus = [9, 9.5, 8.2, 10, 9, 9, 9, 9, 1, 2, 3, 4].map((g) => g);
  const minus = [8, 3.5, 8.1, 2.8, 1, 2, 0.5, 0.1, 1, 2, 3, 4];
  const states: States = {
    ...emptyStates(
      setup,
      plus.map((g, i) => scale * (g - minus[i]!)),
    ),
    'layer.cells.plus.value': plus,
    'layer.cells.minus.value': minus,
    'layer.cells.plus.pulses': plus.map(() => 12),
    'layer.cells.minus.pulses': plus.map(() => 7),
    'layer.cells.scale': [scale],
  };
  const { states: after, counts } = evaluated(traceUpkeepOf(setup), states);
  assert.equal(counts['refreshes'], 4);
  for (let i = 0; i < plus.length; i++) {
    const [p, m] = [at(after, 'plus.value')[i]!, at(after, 'minus.value')[i]!];
    if (i >= 4) {
      assert.deepEqual([p, m, after['layer.accumulator']![i]], [plus[i], minus[i], 0]);
      continue;
    }
    assert.ok(Math.min(p, m) < 0.2, `one device is empty: ${p}, ${m}`);
    // What is read after the refresh, with four reads' noise of 0.4 µS at most, and the accumulator make up the difference.
    const held = p - m + after['layer.accumulator']![i]! / scale;
    assert.ok(Math.abs(held - (plus[i]! - minus[i]!)) < 6 * 0.45, `${held} beside ${plus[i]! - minus[i]!}`);
    assert.ok(
      Math.abs(p - m - (plus[i]! - minus[i]!)) < 6,
      'the difference is written, not several times of it',
    );
    assert.ok(at(after, 'plus.pulses')[i]! <= 20 && at(after, 'minus.pulses')[i]! <= 20);
  }
  near(
    after['layer.weights']!,
    at(after, 'plus.value').map((g, i) => scale * (g - at(after, 'minus.value')[i]!)),
    'weight',
  );
});

test('without an accumulator small changes are lost, step by step', () => {
  const initial = numbers(ROWS * COLUMNS, 0.4);
  const [same] = stepsOf(1, 0.01);
  const steps = Array.from({ length: 30 }, () => same!);
  const small = run(setupOf({ accumulates: false }), initial, steps).at(-1)!;
  assert.deepEqual(Array.from(small.states['layer.weights']!), initial, 'none is as large as a pulse');
  assert.ok(!('layer.accumulator' in small.states));
  const gathered = run(setupOf({}), initial, steps).at(-1)!;
  assert.notDeepEqual(Array.from(gathered.states['layer.weights']!), initial);
});

test('weights that stay digital, and biases, are moved by the digital rule', () => {
  const setup = setupOf({ mapping: (layer) => (layer === 'layer' ? undefined : {}) });
  assert.deepEqual(
    setup.rule.states({
      name: 'layer.weights',
      shape: [2, 2],
      role: 'weights',
      initial: { kind: 'constant', value: 0 },
    }),
    [{ name: 'layer.weights.momentum', shape: [2, 2] }],
  );
});

test('a layer may have a full weight of its own; the first pattern that fits decides', () => {
  const initial = numbers(ROWS * COLUMNS, 0.1);
  const scaleOf = (fullWeights: MixedPrecisionOptions['fullWeights']): number => {
    const { states } = run(setupOf({ fullWeights }), initial, []).at(-1)!;
    near(states['layer.weights']!, initial, 'weights', 1e-12);
    return states['layer.cells.scale']![0]!;
  };
  const own = { kind: 'fixed', weight: 0.2 } as const;
  assert.equal(scaleOf(undefined), 0.5);
  assert.equal(scaleOf({ other: own }), 0.5);
  assert.equal(scaleOf({ 'lay*': own, layer: { kind: 'fixed', weight: 0.7 } }), 0.2);
});

// 2,000 weights: a variance has a standard error of 3.2 %, false alarm below 1e-5.
test('where gradients are chance, pulses that wait for each other are fewer, and add less chance of their own', () => {
  const epsilon = 1e-3;
  const device = {
    ...idealDevice,
    name: 'random',
    step: { ...idealDevice.step, mean: 10 * epsilon, cycleSpread: 1 },
  };
  const [rows, columns, steps, rate] = [40, 50, 400, epsilon / 2];
  const signs = Array.from({ length: rows }, (_, k) => (k % 2 === 0 ? 1 : -1));
  const walk = randomSequence(keyFromSeed(12));
  const chance = Array.from({ length: steps }, () => ({
    samples: { x: signs, delta: Array.from({ length: columns }, walk.normal) },
    rate,
  }));
  const zeros = new Array<number>(rows * columns).fill(0);
  const pulsesOf = (leastPulses: number): number => {
    const fullWeight = { kind: 'fixed', weight: 1 } as const;
    const rule = mixedPrecision({ ...plain, device, fullWeight, leastPulses, mostPulses: 8 });
    const { states } = run({ rule, rows, columns, samples: 1 }, zeros, chance).at(-1)!;
    const given = at(states, 'plus.pulsesGiven').reduce((sum, n) => sum + n, 0) / zeros.length;
    // What pulses have put beside the sum of the changes: for each, a step's spread.
    const added = zeros.map((_, k) => {
      const [x, j] = [signs[Math.floor(k / columns)]!, k % columns];
      const gathered = chance.reduce((sum, { samples: { delta } }) => sum - rate * x * delta[j]!, 0);
      return (states['layer.weights']![k]! + states['layer.accumulator']![k]! - gathered) ** 2;
    });
    const variance = added.reduce((sum, one) => sum + one, 0) / added.length;
    const ratio = variance / (given * epsilon ** 2);
    assert.ok(
      Math.abs(ratio - 1) < 0.15,
      `at least ${leastPulses}: ${ratio} of the chance of ${given} pulses`,
    );
    return given;
  };
  // With D = ε² / 4 a step, walks reach n ε and what they go beyond it every 4 (n + 0.3)² steps.
  const [single, grouped] = [pulsesOf(1), pulsesOf(4)];
  assert.ok(single > 50, `${single} pulses`);
  assert.ok(grouped < 0.45 * single && grouped > 0.25 * single, `${grouped} pulses beside ${single}`);
});
