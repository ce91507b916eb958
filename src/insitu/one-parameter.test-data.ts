// A rule on the weights of one layer, for tests: its start, its steps and its upkeep in float64, by the interpreter. Every
// step gets samples (x, δ), whose sum of products is the gradient.

import assert from 'node:assert/strict';
import { interpret } from '../graph/interpret.ts';
import type { Graph } from '../graph/node.ts';
import { trace } from '../graph/trace.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { RuleContext, Updated, UpdateRule } from '../rules/update-rule.ts';

/** States by name, `layer.weights` among them. */
export type States = Readonly<Record<string, ArrayLike<number>>>;

/** Samples of a step, row by row: x (samples, rows), δ (samples, columns). */
export type Samples = { readonly x: readonly number[]; readonly delta: readonly number[] };

/** One layer of `rows` x `columns` weights. */
export type OneParameter = {
  readonly rule: UpdateRule;
  readonly rows: number;
  readonly columns: number;
  /** Samples of a step. */
  readonly samples: number;
};

/** The parameter. */
export function parameterOf({ rows, columns }: Pick<OneParameter, 'rows' | 'columns'>): ParameterSpec {
  return {
    name: 'layer.weights',
    shape: [rows, columns],
    role: 'weights',
    initial: { kind: 'constant', value: 0 },
  };
}

/** The graph of a step: inputs `x`, `delta`; scalars `rate` and those of the rule; key `rule`. */
export function traceStep({ rule, rows, columns, samples }: OneParameter): Graph {
  return traced({ rule, rows, columns, samples }, (context, t) => {
    const [x, delta] = [t.input('x', [samples, rows]), t.input('delta', [samples, columns])];
    return rule.update({
      ...context,
      gradient: x.transpose().matmul(delta),
      factors: () => [{ x, delta }],
      learningRate: t.scalar('rate'),
      scalar: (name) => t.scalar(name),
    });
  });
}

/** The graph of the start. Key: `rule`. */
export function traceStart(setup: OneParameter): Graph {
  return traced(setup, (context) => setup.rule.begin!(context));
}

/** The graph of the upkeep. Key: `rule`. */
export function traceUpkeepOf(setup: OneParameter): Graph {
  return traced(setup, (context) => setup.rule.upkeep!.update(context)!);
}

type Tracing = Parameters<Parameters<typeof trace>[0]>[0];

function traced(setup: OneParameter, update: (context: RuleContext, t: Tracing) => Updated): Graph {
  const parameter = parameterOf(setup);
  const specs = setup.rule.states(parameter);
  return trace((t) => {
    const context: RuleContext = {
      parameter,
      weights: t.state(parameter.name, parameter.shape),
      state: (name) => t.state(name, specs.find((spec) => spec.name === name)!.shape),
      key: () => t.key('rule'),
    };
    for (const { name, shape } of specs) t.state(name, shape);
    const { weights, states, counts = {} } = update(context, t);
    return { outputs: counts, updates: { [parameter.name]: weights, ...states } };
  });
}

/** Zeros for the states of a rule, beside given weights. */
export function emptyStates({ rule, ...size }: OneParameter, weights: readonly number[]): States {
  const specs = rule.states(parameterOf(size));
  const zeros = specs.map(({ name, shape }) => [name, new Float64Array(shape.reduce((p, n) => p * n, 1))]);
  return { 'layer.weights': weights, ...Object.fromEntries(zeros) };
}

/** Evaluates one of these graphs in float64: the states after it, and what was counted. */
export function evaluated(
  graph: Graph,
  states: States,
  given: Readonly<Record<string, ArrayLike<number>>> = {},
  key: readonly [number, number] = [5, 6],
): { readonly states: States; readonly counts: Readonly<Record<string, number>> } {
  const { outputs, updates } = interpret(graph, {
    ...states,
    ...given,
    'rule.0': [key[0]],
    'rule.1': [key[1]],
  });
  const counts = Object.entries(outputs).map(([name, value]) => [name, value[0]!]);
  return { states: { ...states, ...updates }, counts: Object.fromEntries(counts) };
}

/** The states after the start and some steps, each with the samples and the key that a function gives it. */
export function run(
  setup: OneParameter,
  weights: readonly number[],
  steps: readonly { readonly samples: Samples; readonly rate: number }[],
): readonly { readonly states: States; readonly counts: Readonly<Record<string, number>> }[] {
  const step = traceStep(setup);
  const begun = evaluated(traceStart(setup), emptyStates(setup, weights));
  const all = [begun];
  for (const [k, { samples, rate }] of steps.entries()) {
    const scalars = Object.entries(setup.rule.scalars(k)).map(([name, value]) => [name, [value]]);
    const given = { ...Object.fromEntries(scalars), ...samples, rate: [rate] };
    all.push(evaluated(step, all.at(-1)!.states, given, [k, 9]));
  }
  return all;
}

/** Asserts that values are as expected, each to within a bound. */
export function near(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  bound = 1e-9,
): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++)
    assert.ok(
      Math.abs(actual[i]! - expected[i]!) < bound,
      `${what} ${i}: ${actual[i]} beside ${expected[i]}`,
    );
}
