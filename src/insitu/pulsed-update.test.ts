// The pulsed update against plain loops over the same words, the order of samples, and its mean.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { idealDevice, softBoundsDevice } from '../cells/published-pulse-devices.ts';
import { sgd } from '../rules/descent.ts';
import { type OneParameter, run, type Samples } from './one-parameter.test-data.ts';
import { bitsOf, drawnIn, plainTrains, softPulse } from './plain-rules.test-data.ts';
import { pulsedDescent } from './pulsed.ts';
import { checkDraws } from './pulsed-update.ts';

const ROWS = 3;
const COLUMNS = 4;
const SCALE = 0.5;
const trains = { length: 31, isLengthManaged: true, isBalanced: true };
const digital = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
const draw = randomSequence(keyFromSeed(3));
const numbers = (count: number, size: number): number[] =>
  Array.from({ length: count }, () => size * (2 * draw.uniform() - 1));

function samplesOf(count: number): Samples {
  return { x: numbers(count * ROWS, 1), delta: numbers(count * COLUMNS, 1) };
}

/** Weights after a step, sample by sample in the order given, with the words that belong to the samples. */
function plainStep(
  weights: readonly number[],
  { x, delta }: Samples,
  words: Pick<ReturnType<typeof drawnIn>, 'rows' | 'columns'>,
  order: readonly number[],
  step: number,
): { readonly weights: number[]; readonly pulses: number } {
  const after = [...weights];
  let pulses = 0;
  for (const s of order) {
    for (let i = 0; i < ROWS; i++) {
      for (let j = 0; j < COLUMNS; j++) {
        const count = bitsOf(words.rows[s * ROWS + i]! & words.columns[s * COLUMNS + j]!);
        const isUp = -x[s * ROWS + i]! * delta[s * COLUMNS + j]! > 0;
        const at = i * COLUMNS + j;
        for (let k = 0; k < count; k++) after[at] = SCALE * softPulse(after[at]! / SCALE, isUp, step);
        pulses += count;
      }
    }
  }
  return { weights: after, pulses };
}

for (const chosen of [trains, { length: 7, isLengthManaged: false, isBalanced: false }]) {
  test(`steps are those of the words that are drawn, sample after sample: trains of ${chosen.length}`, () => {
    const [samples, states, rate] = [5, 20, 0.3];
    const [step, g] = [2 / states, SCALE * (2 / states)];
    const setup: OneParameter = {
      rule: pulsedDescent({
        device: softBoundsDevice({ states }),
        fullWeight: { kind: 'fixed', weight: SCALE },
        trains: chosen,
        digital,
        mapping: () => ({}),
      }),
      rows: ROWS,
      columns: COLUMNS,
      samples,
    };
    const steps = Array.from({ length: 6 }, () => ({ samples: samplesOf(samples), rate }));
    const initial = numbers(ROWS * COLUMNS, 0.4);
    const results = run(setup, initial, steps);
    let weights = initial;
    let differs = 0;
    let all = 0;
    for (const [k, { samples: operands }] of steps.entries()) {
      const size = { samples, rows: ROWS, columns: COLUMNS };
      const words = drawnIn(operands, size, { rate, g, trains: chosen, key: [k, 9] });
      const order = Array.from({ length: samples }, (_, s) => s);
      const after = plainStep(weights, operands, words, order, step);
      const reversed = plainStep(weights, operands, words, order.toReversed(), step);
      const { states: kept, counts } = results[k + 1]!;
      for (const [i, w] of after.weights.entries()) {
        assert.ok(Math.abs(kept['layer.weights']![i]! - w) < 1e-9, `weight ${i} after step ${k}`);
        differs = Math.max(differs, Math.abs(w - reversed.weights[i]!));
      }
      assert.equal(counts['pulses'], after.pulses);
      weights = after.weights;
      all += after.pulses;
    }
    assert.ok(differs > 1e-3, 'the order of samples matters');
    assert.ok(all > 100, `${all} pulses`);
    const given = Array.from(results.at(-1)!.states['layer.cells.plus.pulsesGiven']!);
    assert.equal(
      given.reduce((sum, n) => sum + n, 0),
      all,
    );
  });
}

// 12 weights; pulses of a sample are binomial, their sum over 4 000 samples normal: 5 σ each, false alarm 7e-6.
test('the mean change of an ideal device is −rate Σ x δ', () => {
  const [samples, rate, g] = [4000, 0.004, 1e-4];
  const sample = { x: [0.4, -0.9, 0.1], delta: [0.2, -0.05, 0, 0.6] };
  const repeated = (values: readonly number[]): number[] =>
    Array.from({ length: samples }, () => values).flat();
  const setup: OneParameter = {
    rule: pulsedDescent({
      device: idealDevice,
      fullWeight: { kind: 'fixed', weight: 10 },
      trains,
      digital,
      mapping: () => ({}),
    }),
    rows: ROWS,
    columns: COLUMNS,
    samples,
  };
  const initial = numbers(ROWS * COLUMNS, 0.4);
  const operands = { x: repeated(sample.x), delta: repeated(sample.delta) };
  const { states } = run(setup, initial, [{ samples: operands, rate }])[1]!;
  const plain = plainTrains(sample.x, sample.delta, rate, g, trains);
  for (let i = 0; i < ROWS; i++) {
    for (let j = 0; j < COLUMNS; j++) {
      const at = i * COLUMNS + j;
      const p = plain.x[i]! * plain.delta[j]!;
      const sigma = g * Math.sqrt(samples * plain.length * p * (1 - p));
      const change = states['layer.weights']![at]! - initial[at]!;
      const expected = -rate * samples * sample.x[i]! * sample.delta[j]!;
      assert.ok(
        Math.abs(change - expected) <= 5 * sigma + 1e-9,
        `(${i}, ${j}): ${change}, expected ${expected}`,
      );
    }
  }
});

test('more draws than can be numbered are refused', () => {
  const train = {
    samples: 70_000,
    rows: 100,
    columns: 100,
    slotsOf: () => assert.fail(),
    isUpOf: () => assert.fail(),
  };
  assert.throws(() => checkDraws(train, 31), {
    name: 'UsageError',
    message:
      'pulsed update: expected at most 2147483648 draws in a step, got 21700000000 (70000 samples, trains of 31, 100 x 100 devices); use smaller batches',
  });
  checkDraws({ ...train, samples: 6000 }, 31);
});
