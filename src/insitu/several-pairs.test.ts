// Mixed precision on weights of several pairs, which get pulses in turn: against a plain recomputation, and by what the
// pairs keep.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { pcmNandakumar2018, softBoundsDevice } from '../cells/published-pulse-devices.ts';
import {
  emptyStates,
  evaluated,
  near,
  type OneParameter,
  parameterOf,
  run,
  type States,
  traceUpkeepOf,
} from './one-parameter.test-data.ts';
import { ruleSchema } from './settings.ts';
import { updateRule } from './update-rule.ts';

const [ROWS, COLUMNS, SAMPLES] = [3, 4, 2];
const PAIRS = 3;

/** One-sided, without chance: a pulse takes a tenth of what is left to 1. */
const STEP = 0.1;
const oneSided = {
  ...softBoundsDevice({ states: 20 }),
  name: 'one-sided',
  isOneSided: true,
  step: { mean: STEP, deviceSpread: 0, distribution: 'normal', cycleSpread: 0 },
  bounds: { low: 0, lowSpread: 0, high: 1, highSpread: 0 },
} as const;

function setupOf(changes: object, pairs = PAIRS): OneParameter {
  const rule = ruleSchema.parse({
    kind: 'mixed-precision',
    device: oneSided,
    fullWeight: { kind: 'fixed', weight: 0.6 },
    mostPulses: 4,
    ...changes,
  });
  return { rule: updateRule(rule, () => ({ pairs })), rows: ROWS, columns: COLUMNS, samples: SAMPLES };
}

const draw = randomSequence(keyFromSeed(7));
const numbers = (count: number, size: number): number[] =>
  Array.from({ length: count }, () => size * (2 * draw.uniform() - 1));

const steps = Array.from({ length: 14 }, (_, k) => ({
  // Without a gradient nothing fires, and the turn stays.
  samples: { x: numbers(SAMPLES * ROWS, 1), delta: numbers(SAMPLES * COLUMNS, k % 5 === 2 ? 0 : 1) },
  rate: 0.1,
}));

const sides = ['plus', 'minus'];
const names = Array.from({ length: PAIRS }, (_, k) => (k === 0 ? '' : String(k + 1)));
const at = (states: States, quantity: string): number[] => Array.from(states[`layer.cells.${quantity}`]!);

for (const everySteps of [1, 3])
  test(`steps are those of the formula, the pairs in turn, pulsed every ${everySteps} steps`, () => {
    const initial = numbers(ROWS * COLUMNS, 0.4);
    const results = run(setupOf({ everySteps }), initial, steps);
    const scale = 0.6 / PAIRS;
    const values = names.map(() => ({
      plus: initial.map((w) => Math.max(0, w / 0.6)),
      minus: initial.map((w) => Math.max(0, -w / 0.6)),
    }));
    const accumulator = initial.map(() => 0);
    let turn = 0;
    for (const [k, { samples, rate }] of steps.entries()) {
      let pulses = 0;
      for (const i of accumulator.keys()) {
        const [row, column] = [Math.floor(i / COLUMNS), i % COLUMNS];
        for (let s = 0; s < SAMPLES; s++)
          accumulator[i]! -= rate * samples.x[s * ROWS + row]! * samples.delta[s * COLUMNS + column]!;
        const epsilon = STEP * scale;
        const whole = Math.max(-4, Math.min(4, Math.trunc(accumulator[i]! / epsilon)));
        const count = (k + 1) % everySteps === 0 ? whole : 0;
        accumulator[i]! -= count * epsilon;
        for (let n = 0; n < Math.abs(count); n++, pulses++) {
          const device = values[(turn + n) % PAIRS]![count > 0 ? 'plus' : 'minus'];
          device[i]! += STEP * (1 - device[i]!);
        }
      }
      if (pulses > 0) turn = (turn + 1) % PAIRS;
      const { states, counts } = results[k + 1]!;
      for (const [pair, { plus, minus }] of values.entries()) {
        near(at(states, `plus${names[pair]}.value`), plus, `plus of pair ${pair} after step ${k}`);
        near(at(states, `minus${names[pair]}.value`), minus, `minus of pair ${pair} after step ${k}`);
      }
      const weights = initial.map((_, i) =>
        values.reduce((sum, { plus, minus }) => sum + scale * (plus[i]! - minus[i]!), 0),
      );
      near(states['layer.weights']!, weights, `weight after step ${k}`);
      near(states['layer.accumulator']!, accumulator, `accumulator after step ${k}`);
      assert.equal(counts['pulses'], pulses);
      assert.deepEqual(at(states, 'turn'), [turn]);
    }
    const given = names.map((name) => at(results.at(-1)!.states, `plus${name}.pulsesGiven`));
    assert.ok(
      given.every((counts) => counts.some((n) => n > 0)),
      'each pair gets pulses',
    );
  });

test('one pair has no turn, and is what it is without the number', () => {
  const states = (setup: OneParameter): readonly string[] =>
    setup.rule.states(parameterOf(setup)).map(({ name }) => name);
  const usual = setupOf({});
  const plain = { ...usual, rule: updateRule(ruleSchema.parse({ kind: 'mixed-precision' })) };
  const pcm = setupOf({ device: 'pcm-nandakumar-2018' }, 1);
  assert.deepEqual(states(pcm), states(plain));
  assert.ok(!states(pcm).some((name) => name.endsWith('.turn')));
  assert.ok(states(usual).includes('layer.cells.turn'));
});

test('a full weight is that of all pairs together', () => {
  const initial = numbers(ROWS * COLUMNS, 0.3);
  for (const fullWeight of [
    { kind: 'fixed', weight: 0.6 },
    { kind: 'deviations', count: 6 },
  ]) {
    const [one, four] = [1, 4].map((pairs) => {
      const setup = setupOf({ device: pcmNandakumar2018, fullWeight }, pairs);
      const { states } = run(setup, initial, []).at(-1)!;
      near(states['layer.weights']!, initial, 'weights');
      return at(states, 'scale')[0]!;
    });
    assert.ok(Math.abs(four! - one! / 4) < 1e-12, `${fullWeight.kind}: ${four} beside ${one} / 4`);
  }
});

test('each pair is refreshed on its own, its clock alone is set back, and losses add up', () => {
  const silent = { ...pcmNandakumar2018, readNoise: { slope: 0, offsetMicrosiemens: 0 } };
  const setup = setupOf({ device: silent, clock: { secondsPerStep: 1e-9 } }, 2);
  const begun = run(setup, numbers(ROWS * COLUMNS, 0.1), []).at(-1)!.states;
  const cells = ROWS * COLUMNS;
  const full = (isFull: (i: number) => boolean, value: number): number[] =>
    Array.from({ length: cells }, (_, i) => (isFull(i) ? value : 1));
  const isFull = [(i: number) => i < 4, (i: number) => i >= 2 && i < 6];
  const states: States = {
    ...emptyStates(setup, begun['layer.weights'] as number[]),
    ...begun,
    ...Object.fromEntries(
      isFull.flatMap((isOfPair, k) => [
        [`layer.cells.plus${names[k]}.value`, full(isOfPair, 9.5)],
        [`layer.cells.minus${names[k]}.value`, full(isOfPair, 7)],
      ]),
    ),
    'layer.cells.clock': [50],
  };
  const { states: after, counts } = evaluated(traceUpkeepOf(setup), states);
  assert.equal(counts['refreshes'], 8);
  const scale = at(states, 'scale')[0]!;
  for (let i = 0; i < cells; i++) {
    let lost = 0;
    for (const [k, isOfPair] of isFull.entries()) {
      const [p, m] = sides.map((side) => at(after, `${side}${names[k]}.value`)[i]!);
      for (const side of sides)
        assert.equal(at(after, `${side}${names[k]}.pulsedAt`)[i], isOfPair(i) ? 50 : 0, `${side} ${k}, ${i}`);
      if (isOfPair(i)) {
        assert.ok(m! < 0.5, `the smaller is empty: ${m}`);
        lost += scale * (2.5 - (p! - m!));
      } else assert.deepEqual([p, m], [1, 1]);
    }
    assert.ok(Math.abs(after['layer.accumulator']![i]! - lost) < 1e-9, `lost ${i}`);
  }
});
