// The rules of the Tiki-Taka family, step by step, against plain loops that were written from the equations of their
// sources; the schedule of transfers, and the automatic rate.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { softBoundsDevice } from '../cells/published-pulse-devices.ts';
import { sgd } from '../rules/descent.ts';
import type { FastRate } from './fast-rate.ts';
import { type OneParameter, run, type Samples, type States } from './one-parameter.test-data.ts';
import { bitsOf, drawnIn, type PlainKept, plainTransfer, softPulse } from './plain-rules.test-data.ts';
import { type TikiTakaOptions, tikiTaka } from './tiki-taka.ts';
import type { TransferMethod } from './transfer.ts';

const ROWS = 3;
const COLUMNS = 4;
const SAMPLES = 5;
const SCALE = 0.5;
const FAST_STATES = 20;
const SLOW_STATES = 50;

const plain: TikiTakaOptions = {
  device: softBoundsDevice({ states: FAST_STATES }),
  slowDevice: softBoundsDevice({ states: SLOW_STATES }),
  fullWeight: { kind: 'fixed', weight: SCALE },
  arrays: 2,
  gamma: 0,
  fastRate: { kind: 'fixed', rate: 0.8, isScaled: true },
  trains: { length: 31, isLengthManaged: true, isBalanced: true },
  transfer: { kind: 'low-pass', share: 0.1 },
  mostPulses: 3,
  readNoise: 0,
  every: 1,
  slower: 1,
  unit: 'samples',
  digital: sgd({ momentum: 0, nesterov: false, weightDecay: 0 }),
  mapping: () => ({}),
};

const draw = randomSequence(keyFromSeed(4));
const numbers = (count: number, size: number): number[] =>
  Array.from({ length: count }, () => size * (2 * draw.uniform() - 1));

/** Both arrays of the plain rule, in weights, what its transfer keeps, and how far its schedule is. */
type Plain = {
  readonly fast: number[];
  readonly slow: number[];
  readonly kept: PlainKept[];
  transfers: number;
  waited: number;
  pulses: number;
};

function plainStep(
  state: Plain,
  options: TikiTakaOptions,
  { x, delta }: Samples,
  at: { readonly rate: number; readonly fastRate: number; readonly key: readonly [number, number] },
): void {
  const { transfer, every, unit, mostPulses: most, trains } = options;
  const [gFast, gSlow] = [SCALE * (2 / FAST_STATES), SCALE * (2 / SLOW_STATES)];
  const size = { samples: SAMPLES, rows: ROWS, columns: COLUMNS, unit };
  const words = drawnIn({ x, delta }, size, { rate: at.fastRate, g: gFast, trains, key: at.key });
  const handOver = (sample: number): void => {
    state.waited++;
    if (state.waited < every) return;
    state.waited = 0;
    const row = state.transfers % ROWS;
    const reads = Math.floor(state.transfers / ROWS);
    state.transfers++;
    for (let j = 0; j < COLUMNS; j++) {
      const k = row * COLUMNS + j;
      const n = plainTransfer(transfer, state.kept[k]!, {
        v: state.fast[k]!,
        reads,
        learningRate: at.rate,
        gFast,
        gSlow,
        rows: ROWS,
        every,
        most,
        rounding: words.rounding[sample * ROWS * COLUMNS + k]!,
        signDraw: words.sign[sample * ROWS + row]!,
      });
      for (let pulse = 0; pulse < Math.abs(n); pulse++)
        state.slow[k] = SCALE * softPulse(state.slow[k]! / SCALE, n > 0, 2 / SLOW_STATES);
      state.pulses += Math.abs(n);
    }
  };
  for (let s = 0; s < SAMPLES; s++) {
    for (let k = 0; k < ROWS * COLUMNS; k++) {
      const [i, j] = [Math.floor(k / COLUMNS), k % COLUMNS];
      const count = bitsOf(words.rows[s * ROWS + i]! & words.columns[s * COLUMNS + j]!);
      const isUp = -state.kept[k]!.sign * x[s * ROWS + i]! * delta[s * COLUMNS + j]! > 0;
      for (let pulse = 0; pulse < count; pulse++)
        state.fast[k] = SCALE * softPulse(state.fast[k]! / SCALE, isUp, 2 / FAST_STATES);
      state.pulses += count;
    }
    if (unit === 'samples') handOver(s);
  }
  if (unit === 'steps') handOver(0);
}

/** Runs the rule and the plain loops side by side; returns all states. */
function follow(
  changes: Partial<TikiTakaOptions>,
  steps: number,
  fastRateOf: (samples: Samples, rate: number) => number = (_samples, rate) => 0.8 * rate,
): { readonly plain: Plain; readonly last: States } {
  const options = { ...plain, ...changes };
  const { gamma, transfer } = options;
  const setup: OneParameter = { rule: tikiTaka(options), rows: ROWS, columns: COLUMNS, samples: SAMPLES };
  const initial = numbers(ROWS * COLUMNS, 0.4);
  const given = Array.from({ length: steps }, (_, k) => ({
    samples: { x: numbers(SAMPLES * ROWS, 1), delta: numbers(SAMPLES * COLUMNS, 1).map((d) => d + 0.3) },
    rate: 0.1 / (1 + 0.1 * k),
  }));
  const results = run(setup, initial, given);
  const state: Plain = {
    fast: initial.map(() => 0),
    slow: [...initial],
    kept: initial.map(() => ({ buffer: 0, sign: 1, mean: 0, reference: 0 })),
    transfers: 0,
    waited: 0,
    pulses: 0,
  };
  for (const [k, { samples, rate }] of given.entries()) {
    state.pulses = 0;
    plainStep(state, options, samples, { rate, fastRate: fastRateOf(samples, rate), key: [k, 9] });
    const { states, counts } = results[k + 1]!;
    const check = (name: string, expected: readonly number[]): void => {
      for (const [i, value] of expected.entries())
        assert.ok(
          Math.abs(states[name]![i]! - value) < 1e-9,
          `${name} ${i} after step ${k}: ${states[name]![i]} beside ${value}`,
        );
    };
    check(
      'layer.weights',
      state.slow.map((w, i) => w + gamma * state.fast[i]!),
    );
    check(
      'layer.fast.plus.value',
      state.fast.map((w) => w / SCALE),
    );
    check(
      'layer.cells.plus.value',
      state.slow.map((w) => w / SCALE),
    );
    if (transfer.kind !== 'direct')
      check(
        'layer.transfer.buffer',
        state.kept.map(({ buffer }) => buffer),
      );
    if (transfer.kind === 'chopped' || transfer.kind === 'dynamic')
      check(
        'layer.transfer.sign',
        state.kept.map(({ sign }) => sign),
      );
    assert.equal(counts['pulses'], state.pulses);
  }
  return { plain: state, last: results.at(-1)!.states };
}

const buffered = { rate: 0.5, isScaled: false, momentum: 0.1, forgets: true };
const chopped = { ...buffered, granularity: 1, chopProbability: 0.3 };

const methods: readonly {
  readonly name: string;
  readonly transfer: TransferMethod;
  readonly gamma?: number;
}[] = [
  { name: 'TTv1', transfer: { kind: 'direct', rate: 1, isScaled: false } },
  { name: 'TTv1, scaled, residual', transfer: { kind: 'direct', rate: 5, isScaled: true }, gamma: 0.4 },
  { name: 'TTv2', transfer: { kind: 'buffered', ...buffered, threshold: 0.8 } },
  {
    name: 'TTv2, scaled, not forgetting',
    transfer: { kind: 'buffered', ...buffered, rate: 4, isScaled: true, forgets: false, threshold: 1 },
  },
  { name: 'c-TTv2', transfer: { kind: 'chopped', ...chopped, isRegular: false } },
  {
    name: 'c-TTv2, regular, automatic',
    transfer: { kind: 'chopped', ...chopped, automatic: 5, isRegular: true },
  },
  { name: 'AGAD', transfer: { kind: 'dynamic', ...chopped, momentum: 0, tail: 2 } },
  {
    name: 'AGAD, automatic, scaled, not forgetting',
    transfer: { kind: 'dynamic', ...chopped, rate: 5, isScaled: true, forgets: false, automatic: 4, tail: 5 },
  },
  { name: 'low-pass', transfer: { kind: 'low-pass', share: 0.3 }, gamma: 0.5 },
];

for (const { name, transfer, gamma = 0 } of methods) {
  for (const [unit, every] of [
    ['samples', 1],
    ['samples', 3],
    ['steps', 1],
    ['steps', 2],
  ] as const) {
    test(`${name} is its equations, with a transfer after every ${every === 1 ? '' : `${every} `}${unit}`, () => {
      const steps = unit === 'samples' ? 14 : 30 * every;
      const { plain: after, last } = follow({ transfer, gamma, unit, every }, steps);
      const given = Array.from(last['layer.cells.plus.pulsesGiven']!);
      assert.ok(given.filter((n) => n > 0).length > 3, `the slow array is pulsed: ${given}`);
      assert.equal(last['layer.transfer.turn']![0], after.transfers % ROWS);
      assert.equal(last['layer.transfer.waited']![0], after.waited);
    });
  }
}

test('with an automatic rate, trains of mean operands are as full as is asked', () => {
  const fastRate: FastRate = { kind: 'automatic', share: 0.3 };
  const means = { x: 0, delta: 0 };
  const largest = (values: readonly number[], width: number): number => {
    const each = Array.from({ length: SAMPLES }, (_, s) =>
      Math.max(...values.slice(s * width, (s + 1) * width).map(Math.abs)),
    );
    return each.reduce((sum, v) => sum + v, 0) / SAMPLES;
  };
  const transfer: TransferMethod = { kind: 'chopped', ...chopped, isRegular: true };
  const { last } = follow({ fastRate, transfer }, 8, ({ x, delta }) => {
    const [mx, md] = [largest(x, ROWS), largest(delta, COLUMNS)];
    means.x = means.x === 0 ? mx : means.x + 0.01 * (mx - means.x);
    means.delta = means.delta === 0 ? md : means.delta + 0.01 * (md - means.delta);
    return (0.3 * 31 * SCALE * (2 / FAST_STATES)) / (means.x * means.delta);
  });
  assert.ok(Math.abs(last['layer.transfer.largestInput']![0]! - means.x) < 1e-12);
  assert.ok(Math.abs(last['layer.transfer.largestGradient']![0]! - means.delta) < 1e-12);
});

test('the running means of the automatic rate pass over samples and steps without a gradient', () => {
  const options: TikiTakaOptions = { ...plain, fastRate: { kind: 'automatic', share: 0.3 } };
  const setup: OneParameter = { rule: tikiTaka(options), rows: ROWS, columns: COLUMNS, samples: SAMPLES };
  const x = numbers(SAMPLES * ROWS, 1);
  const none = numbers(SAMPLES * COLUMNS, 0);
  const one = none.map((_, k) => (k === 2 * COLUMNS + 1 ? -0.6 : 0));
  const steps = [none, one, none].map((delta) => ({ samples: { x, delta }, rate: 0.1 }));
  const results = run(setup, numbers(ROWS * COLUMNS, 0.4), steps);
  const means = results.map(({ states }) => states['layer.transfer.largestGradient']![0]);
  assert.deepEqual(means, [0, 0, 0.6, 0.6]);
  assert.deepEqual(
    results.slice(0, 3).map(({ counts }) => (counts['pulses'] ?? 0) > 0),
    [false, false, true],
  );
});

for (const [unit, transfer] of [
  ['samples', { kind: 'direct', rate: 0.7, isScaled: false }],
  ['samples', { kind: 'low-pass', share: 0.4 }],
  ['steps', { kind: 'buffered', ...buffered, threshold: 0.8 }],
] as const satisfies readonly (readonly [TikiTakaOptions['unit'], TransferMethod])[]) {
  test(`three arrays hand over one to the next, ${transfer.kind}, after ${unit}`, () => {
    const [GAMMA, SLOWER] = [0.3, 2];
    const options: TikiTakaOptions = { ...plain, transfer, unit, arrays: 3, gamma: GAMMA, slower: SLOWER };
    const setup: OneParameter = { rule: tikiTaka(options), rows: ROWS, columns: COLUMNS, samples: SAMPLES };
    const initial = numbers(ROWS * COLUMNS, 0.4);
    const steps = Array.from({ length: unit === 'samples' ? 20 : 90 }, () => ({
      samples: { x: numbers(SAMPLES * ROWS, 1), delta: numbers(SAMPLES * COLUMNS, 1).map((d) => d + 0.3) },
      rate: 0.1,
    }));
    const results = run(setup, initial, steps);
    // Slowest first, in weights.
    const arrays = [[...initial], initial.map(() => 0), initial.map(() => 0)] as [
      number[],
      number[],
      number[],
    ];
    const kept = arrays
      .slice(1)
      .map(() => initial.map(() => ({ buffer: 0, sign: 1, mean: 0, reference: 0 })));
    const states = [SLOW_STATES, SLOW_STATES, FAST_STATES];
    const grain = (n: number): number => SCALE * (2 / states[n]!);
    const pulse = (n: number, k: number, isUp: boolean): void => {
      arrays[n]![k] = SCALE * softPulse(arrays[n]![k]! / SCALE, isUp, 2 / states[n]!);
    };
    let passed = 0;
    for (const [step, { samples, rate }] of steps.entries()) {
      const { x, delta } = samples;
      const size = { samples: SAMPLES, rows: ROWS, columns: COLUMNS, unit };
      const drawn = drawnIn(samples, size, {
        rate: 0.8 * rate,
        g: grain(2),
        trains: options.trains,
        key: [step, 9],
      });
      const handOver = (sample: number): void => {
        passed++;
        for (const to of [1, 0]) {
          const every = to === 1 ? 1 : SLOWER;
          if (passed % every !== 0) continue;
          const transfers = passed / every - 1;
          const row = transfers % ROWS;
          for (let k = row * COLUMNS; k < (row + 1) * COLUMNS; k++) {
            const n = plainTransfer(transfer, kept[to]![k]!, {
              v: arrays[to + 1]![k]!,
              reads: Math.floor(transfers / ROWS),
              learningRate: rate,
              gFast: grain(to + 1),
              gSlow: grain(to),
              rows: ROWS,
              every,
              most: options.mostPulses,
              rounding: (to === 1 ? drawn.rounding : drawn.slowerRounding)[sample * ROWS * COLUMNS + k]!,
              signDraw: 1,
            });
            for (let each = 0; each < Math.abs(n); each++) pulse(to, k, n > 0);
          }
        }
      };
      for (let s = 0; s < SAMPLES; s++) {
        for (let k = 0; k < ROWS * COLUMNS; k++) {
          const [i, j] = [Math.floor(k / COLUMNS), k % COLUMNS];
          const count = bitsOf(drawn.rows[s * ROWS + i]! & drawn.columns[s * COLUMNS + j]!);
          for (let each = 0; each < count; each++)
            pulse(2, k, -x[s * ROWS + i]! * delta[s * COLUMNS + j]! > 0);
        }
        if (unit === 'samples') handOver(s);
      }
      if (unit === 'steps') handOver(0);
      const { states: now } = results[step + 1]!;
      for (const [k, w] of arrays[0].entries()) {
        const sum = w + GAMMA * arrays[1][k]! + GAMMA ** 2 * arrays[2][k]!;
        assert.ok(Math.abs(now['layer.weights']![k]! - sum) < 1e-9, `weight ${k} after step ${step}`);
        assert.ok(Math.abs(now['layer.array1.plus.value']![k]! * SCALE - arrays[1][k]!) < 1e-9);
      }
    }
    for (const [n, name] of ['cells', 'array1', 'fast'].entries()) {
      const given = Array.from(results.at(-1)!.states[`layer.${name}.plus.pulsesGiven`]!);
      assert.ok(given.filter((count) => count > 0).length > 3, `array ${n} is pulsed: ${given}`);
    }
  });
}
