// The training clock: what products sense drifts from each device's last pulse on, and pulses set the clock back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pcmNandakumar2018 } from '../cells/published-pulse-devices.ts';
import { interpret } from '../graph/interpret.ts';
import type { Layer } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
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
import { ruleSchema, type UpdateRuleSettings } from './settings.ts';
import { updateRule } from './update-rule.ts';

const [ROWS, COLUMNS, SAMPLES] = [2, 3, 1];
const SECONDS = 100;
const weights = [0.4, -0.3, 0.1, 0.2, -0.45, 0.5];
const { drift } = pcmNandakumar2018;
assert.ok(drift.kind === 'power-law');
const { exponent, referenceSeconds } = drift;

function setupOf(changes: object): OneParameter {
  const settings: UpdateRuleSettings = ruleSchema.parse({
    kind: 'mixed-precision',
    fullWeight: { kind: 'fixed', weight: 1 },
    ...changes,
  });
  return { rule: updateRule(settings), rows: ROWS, columns: COLUMNS, samples: SAMPLES };
}

/** What products sense of the weights. */
function sensed(setup: OneParameter, states: States): Float64Array {
  const parameter = parameterOf(setup);
  const specs = setup.rule.states(parameter);
  const layer: Layer = { name: 'layer', kind: 'dense', shape: parameter.shape };
  const graph = trace((t) => {
    const context = {
      parameter,
      weights: t.state(parameter.name, parameter.shape),
      state: (name: string) => t.state(name, specs.find((spec) => spec.name === name)!.shape),
      key: () => t.key('rule'),
    };
    const { weights: values } = setup.rule.sensed!(layer, context)!;
    return { outputs: { values } };
  });
  return interpret(graph, states).outputs['values'] as Float64Array;
}

const still = { x: [1, 1], delta: [0, 0, 0] };

test('weights that get no pulse are sensed as they drift, and stay as they were written', () => {
  const setup = setupOf({ clock: { secondsPerStep: SECONDS } });
  const steps = Array.from({ length: 6 }, () => ({ samples: still, rate: 0.1 }));
  for (const [k, { states }] of run(setup, weights, steps).entries()) {
    const left = Math.max(1, (k * SECONDS) / referenceSeconds) ** -exponent;
    near(states['layer.weights']!, weights, `weight after step ${k}`);
    near(
      sensed(setup, states),
      weights.map((w) => w * left),
      `sensed after step ${k}`,
    );
  }
});

test('a device that was just pulsed is sensed as written, the other of its pair as old as it is', () => {
  const setup = setupOf({ clock: { secondsPerStep: SECONDS } });
  // Column 0 goes up in every step, the others stay.
  const given = { x: [1, 1], delta: [-2, 0, 0] };
  const steps = Array.from({ length: 4 }, () => ({ samples: given, rate: 0.1 }));
  const { states } = run(setup, weights, steps).at(-1)!;
  const plus = states['layer.cells.plus.value']!;
  const minus = states['layer.cells.minus.value']!;
  const scale = states['layer.cells.scale']![0]!;
  const old = ((4 * SECONDS) / referenceSeconds) ** -exponent;
  const values = sensed(setup, states);
  for (let i = 0; i < ROWS * COLUMNS; i++) {
    const isFresh = i % COLUMNS === 0;
    assert.equal(states['layer.cells.plus.pulsedAt']![i], isFresh ? 4 : 0);
    assert.equal(states['layer.cells.minus.pulsedAt']![i], 0);
    const expected = scale * ((isFresh ? plus[i]! : plus[i]! * old) - minus[i]! * old);
    assert.ok(Math.abs(values[i]! - expected) < 1e-9, `sensed ${i}: ${values[i]} beside ${expected}`);
  }
});

test('a refresh reads what has drifted, and sets the clock of its pairs back', () => {
  const silent = { ...pcmNandakumar2018, readNoise: { slope: 0, offsetMicrosiemens: 0 } };
  const refresh = { larger: 0.1, smaller: 0.04, mostPulses: 30 };
  const setup = setupOf({ device: silent, refresh, clock: { secondsPerStep: SECONDS } });
  const begun = run(setup, weights, []).at(-1)!.states;
  const full = new Float64Array(ROWS * COLUMNS);
  const states: States = {
    ...emptyStates(setup, weights),
    ...begun,
    'layer.cells.plus.value': full.map((_, i) => (i < 3 ? 12 : 1)),
    'layer.cells.minus.value': full.map((_, i) => (i < 3 ? 8 : 0.1)),
    'layer.cells.clock': [50],
  };
  const { states: after, counts } = evaluated(traceUpkeepOf(setup), states);
  assert.equal(counts['refreshes'], 3);
  const scale = states['layer.cells.scale']![0]!;
  const old = ((50 * SECONDS) / referenceSeconds) ** -exponent;
  for (let i = 0; i < ROWS * COLUMNS; i++) {
    const isRefreshed = i < 3;
    const written = after['layer.cells.plus.value']![i]! - after['layer.cells.minus.value']![i]!;
    const lost = isRefreshed ? scale * (4 * old - written) : 0;
    assert.ok(Math.abs(after['layer.accumulator']![i]! - lost) < 1e-9, `lost ${i}`);
    // A RESET sets the clock back too: that of the device which then gets no pulse.
    for (const array of ['plus', 'minus'])
      assert.equal(after[`layer.cells.${array}.pulsedAt`]![i], isRefreshed ? 50 : 0, `${array} ${i}`);
  }
  assert.equal(after['layer.cells.clock']![0], 50, 'upkeep takes no time');
});

test('without a clock nothing drifts, and there are no tensors for it', () => {
  for (const kind of ['mixed-precision', 'pulsed'] as const) {
    const setup = setupOf({ kind });
    assert.deepEqual(
      setup.rule.states(parameterOf(setup)).filter(({ name }) => /clock|pulsedAt/.test(name)),
      [],
    );
    const timed = setupOf({ kind, clock: { secondsPerStep: 1 } });
    assert.ok(timed.rule.states(parameterOf(timed)).some(({ name }) => name === 'layer.cells.clock'));
    const { states } = run(setup, weights, [{ samples: still, rate: 0.1 }]).at(-1)!;
    near(sensed(setup, states), states['layer.weights']!, 'sensed');
  }
});
