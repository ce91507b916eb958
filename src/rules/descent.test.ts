// Update rules against their formulas in float64, step by step, and against what is known of how they converge.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import type { Graph } from '../graph/node.ts';
import { trace } from '../graph/trace.ts';
import type { ParameterRole, ParameterSpec } from '../nn/network.ts';
import { type AdamOptions, adam, adamw, type DescentSettings, descent, sgd } from './descent.ts';
import type { UpdateRule } from './update-rule.ts';

const SIZE = 5;

function parameterOf(role: ParameterRole): ParameterSpec {
  return { name: 'p', shape: [SIZE], role, initial: { kind: 'constant', value: 0 } };
}

/** One update as a graph: states `p` and those of the rule, input `g`. */
function traceUpdate(rule: UpdateRule, role: ParameterRole): Graph {
  const parameter = parameterOf(role);
  return trace((t) => {
    const { weights, states } = rule.update({
      parameter,
      weights: t.state('p', [SIZE]),
      gradient: t.input('g', [SIZE]),
      learningRate: t.scalar('learningRate'),
      state: (name) => t.state(name, [SIZE]),
      scalar: (name) => t.scalar(name),
      factors: () => [],
      key: () => t.key('rule'),
    });
    return { outputs: {}, updates: { p: weights, ...states } };
  });
}

type Values = Record<string, ArrayLike<number>>;

/** The weights after each step of a run with given gradients. */
function run(rule: UpdateRule, { start, gradient, rate, steps, role = 'weights' }: RunOptions): number[][] {
  const graph = traceUpdate(rule, role);
  const own = rule.states(parameterOf(role)).map(({ name, shape }) => {
    assert.deepEqual(shape, [SIZE]);
    return [name, new Float64Array(SIZE)];
  });
  let states: Values = { p: start, ...Object.fromEntries(own) };
  return Array.from({ length: steps }, (_, step) => {
    const scalars = Object.entries(rule.scalars(step)).map(([name, value]) => [name, [value]]);
    const { updates } = interpret(graph, {
      ...states,
      ...Object.fromEntries(scalars),
      g: gradient(Array.from(states['p']!), step),
      learningRate: [rate(step)],
    });
    assert.deepEqual(Object.keys(updates).sort(), Object.keys(states).sort());
    states = { ...updates };
    return [...updates['p']!];
  });
}

type RunOptions = {
  readonly start: readonly number[];
  readonly gradient: (weights: readonly number[], step: number) => number[];
  readonly rate: (step: number) => number;
  readonly steps: number;
  readonly role?: ParameterRole;
};

const draw = randomSequence(keyFromSeed(23));
const start = Array.from({ length: SIZE }, () => draw.normal());
const noise = Array.from({ length: 40 }, () => Array.from({ length: SIZE }, () => draw.normal()));
/** A gradient that depends on the weights, with a part that is drawn. */
const options: RunOptions = {
  start,
  gradient: (weights, step) => weights.map((w, i) => 0.5 * w + noise[step]![i]!),
  rate: (step) => 0.1 / (1 + step),
  steps: 40,
};
const moments: AdamOptions = { beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.05 };

/** Adam as Algorithm 1 of Kingma and Ba writes it, with either weight decay. */
function referenceAdam(
  { beta1, beta2, epsilon, weightDecay }: AdamOptions,
  { isDecoupled }: { readonly isDecoupled: boolean },
  { gradient, rate, steps }: RunOptions,
): number[][] {
  let w = [...start];
  const m = new Array<number>(SIZE).fill(0);
  const v = new Array<number>(SIZE).fill(0);
  return Array.from({ length: steps }, (_, step) => {
    const g = gradient(w, step);
    const t = step + 1;
    w = w.map((weight, i) => {
      const slope = g[i]! + (isDecoupled ? 0 : weightDecay * weight);
      m[i] = beta1 * m[i]! + (1 - beta1) * slope;
      v[i] = beta2 * v[i]! + (1 - beta2) * slope ** 2;
      const direction = m[i]! / (1 - beta1 ** t) / (Math.sqrt(v[i]! / (1 - beta2 ** t)) + epsilon);
      return weight - rate(step) * (direction + (isDecoupled ? weightDecay * weight : 0));
    });
    return w;
  });
}

function assertClose(actual: readonly number[][], expected: readonly number[][]): void {
  // Forty steps of a dozen float64 operations on values near 1.
  for (const [step, weights] of expected.entries())
    for (const [i, value] of weights.entries())
      assert.ok(
        Math.abs(actual[step]![i]! - value) < 1e-12,
        `step ${step}: ${actual[step]![i]} is not ${value}`,
      );
}

test('Adam follows its algorithm, weight decay in the gradient', () => {
  assertClose(run(adam(moments), options), referenceAdam(moments, { isDecoupled: false }, options));
});

test('AdamW follows its algorithm, weight decay beside the gradient', () => {
  assertClose(run(adamw(moments), options), referenceAdam(moments, { isDecoupled: true }, options));
});

test('without weight decay Adam and AdamW are one rule; with it they are not', () => {
  const free = { ...moments, weightDecay: 0 };
  assert.deepEqual(run(adam(free), options), run(adamw(free), options));
  assert.notDeepEqual(run(adam(moments), options), run(adamw(moments), options));
});

test('only weights decay, whatever the rule', () => {
  for (const make of [adam, adamw]) {
    const [decaying, free] = [make(moments), make({ ...moments, weightDecay: 0 })];
    for (const role of ['bias', 'scale', 'shift', 'range'] as const)
      assert.deepEqual(run(decaying, { ...options, role }), run(free, { ...options, role }), role);
    assert.notDeepEqual(run(decaying, options), run(free, options));
  }
  const decaying = sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.1 });
  const free = sgd({ momentum: 0.9, nesterov: true, weightDecay: 0 });
  assert.deepEqual(run(decaying, { ...options, role: 'bias' }), run(free, { ...options, role: 'bias' }));
  assert.notDeepEqual(run(decaying, options), run(free, options));
});

test('with no gradient AdamW shrinks weights by r λ a step, Adam moves each by its whole rate', () => {
  const still: RunOptions = { ...options, gradient: () => new Array<number>(SIZE).fill(0), steps: 1 };
  const rate = still.rate(0);
  const [decoupled] = run(adamw(moments), still);
  for (const [i, w] of start.entries())
    assert.ok(Math.abs(decoupled![i]! - w * (1 - rate * moments.weightDecay)) < 1e-15);
  const [coupled] = run(adam({ ...moments, epsilon: 1e-12 }), still);
  for (const [i, w] of start.entries()) assert.ok(Math.abs(coupled![i]! - (w - rate * Math.sign(w))) < 1e-8);
});

test('the first step of Adam is the rate against the sign of the gradient, whatever its size', () => {
  const gradient = [1e-4, -1e-2, 1, -100, 1e6];
  const first: RunOptions = { ...options, gradient: () => gradient, rate: () => 0.1, steps: 1 };
  const [after] = run(adam({ ...moments, epsilon: 1e-12, weightDecay: 0 }), first);
  for (const [i, w] of start.entries())
    assert.ok(Math.abs(after![i]! - (w - 0.1 * Math.sign(gradient[i]!))) < 1e-8, `${i}: ${after![i]}`);
});

test('Adam does not depend on the scale of the loss', () => {
  const free = { ...moments, epsilon: 1e-14, weightDecay: 0 };
  const fixed: RunOptions = { ...options, gradient: (_, step) => noise[step]! };
  const scaled: RunOptions = { ...options, gradient: (_, step) => noise[step]!.map((g) => 1000 * g) };
  const [one, other] = [run(adam(free), fixed), run(adam(free), scaled)];
  for (const [i, w] of other.at(-1)!.entries()) assert.ok(Math.abs(one.at(-1)![i]! - w) < 1e-9);
});

/** L = ½ Σ a_i (w_i − b_i)², curvatures from 0.1 to 10. */
const curvature = [0.1, 0.5, 1, 3, 10];
const minimum = [1, -2, 0.5, 3, -1];
const bowl = (weights: readonly number[]): number[] =>
  weights.map((w, i) => curvature[i]! * (w - minimum[i]!));
const farthest = (weights: readonly number[]): number =>
  Math.max(...weights.map((w, i) => Math.abs(w - minimum[i]!)));

test('every rule finds the minimum of a bowl whose curvatures differ a hundredfold', () => {
  const rules: readonly (readonly [rule: UpdateRule, rate: number])[] = [
    [sgd({ momentum: 0.9, nesterov: true, weightDecay: 0 }), 0.05],
    [adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }), 0.1],
    [adamw({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }), 0.1],
  ];
  for (const [rule, rate] of rules) {
    // A rate that falls to 0, as in a training.
    const falling = (step: number): number => 0.5 * rate * (1 + Math.cos((Math.PI * step) / 1500));
    const path = run(rule, { ...options, gradient: bowl, rate: falling, steps: 1500 });
    assert.ok(farthest(path[0]!) > 1, rule.name);
    assert.ok(farthest(path.at(-1)!) < 1e-3, `${rule.name}: ${farthest(path.at(-1)!)}`);
  }
});

test('plain descent contracts each direction by 1 − r a', () => {
  const plain = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  const path = run(plain, { ...options, gradient: bowl, rate: () => 0.15, steps: 20 });
  for (const [i, a] of curvature.entries()) {
    const expected = minimum[i]! + (start[i]! - minimum[i]!) * (1 - 0.15 * a) ** 20;
    assert.ok(Math.abs(path.at(-1)![i]! - expected) < 1e-12);
  }
});

test('the minimum under coupled decay is that of the loss with the penalty, a (w − b) + λ w = 0', () => {
  const lambda = 0.3;
  const rules: readonly (readonly [rule: UpdateRule, rate: number])[] = [
    [sgd({ momentum: 0.9, nesterov: false, weightDecay: lambda }), 0.05],
    [adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: lambda }), 0.1],
  ];
  for (const [rule, rate] of rules) {
    const falling = (step: number): number => 0.5 * rate * (1 + Math.cos((Math.PI * step) / 1500));
    const end = run(rule, { ...options, gradient: bowl, rate: falling, steps: 1500 }).at(-1)!;
    for (const [i, a] of curvature.entries()) {
      const expected = (a * minimum[i]!) / (a + lambda);
      assert.ok(Math.abs(end[i]! - expected) < 1e-3, `${rule.name} ${i}: ${end[i]} is not ${expected}`);
    }
  }
});

test('a rule says by name what it keeps, and the numbers of a step', () => {
  const parameter = parameterOf('weights');
  const kept = (rule: UpdateRule): string[] => rule.states(parameter).map(({ name }) => name);
  assert.deepEqual(kept(sgd({ momentum: 0, nesterov: false, weightDecay: 0 })), ['p.momentum']);
  assert.deepEqual(kept(adam(moments)), ['p.firstMoment', 'p.secondMoment']);
  assert.deepEqual(adam(moments).scalars(0), {
    'adam.firstCorrection': 1 / (1 - 0.8),
    'adam.secondCorrection': 1 / (1 - 0.95),
  });
  assert.deepEqual(sgd({ momentum: 0, nesterov: false, weightDecay: 0 }).scalars(7), {});
});

test('settings name a rule', () => {
  const all: readonly DescentSettings[] = [
    { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.01 },
    { kind: 'adam', ...moments },
    { kind: 'adamw', ...moments },
  ];
  const direct = [sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.01 }), adam(moments), adamw(moments)];
  for (const [k, settings] of all.entries()) {
    assert.equal(descent(settings).name, settings.kind);
    assert.deepEqual(run(descent(settings), options), run(direct[k]!, options));
  }
});
