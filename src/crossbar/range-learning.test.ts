// Converter ranges that training finds: the gradients of a learned clip by their formula, and what becomes of ranges
// over the steps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { learnedClip, learningRanges, type RangeLearningRule } from './range-learning.ts';

const rule: RangeLearningRule = { decay: 0.001, shareInside: 0.5, initialSteps: 3, initialDeviations: 3 };

/** A clip of eight inputs, and its gradients under given gradients of the clipped inputs. */
function clipped(
  x: readonly number[],
  g: readonly number[],
  alpha: number,
  options: Pick<RangeLearningRule, 'decay' | 'shareInside'>,
): { readonly y: number[]; readonly dx: number[]; readonly dAlpha: number } {
  const graph = trace((t) => {
    const [inputs, range] = [t.input('x', [x.length]), t.scalar('alpha')];
    const y = learnedClip(inputs, range, options);
    const [dx, dAlpha] = gradients(y.multiply(t.input('g', [x.length])).sum(), [inputs, range]);
    return { outputs: { y, dx: dx!, dAlpha: dAlpha! } };
  });
  const { y, dx, dAlpha } = interpret(graph, { x, g, alpha: [alpha] }).outputs;
  return { y: [...y!], dx: [...dx!], dAlpha: dAlpha![0]! };
}

//             above above above  inside  inside inside below below
const inputs = [2.5, 3, 2, 1, -1.5, 0, -2, -4];
const slopes = [-0.3, 0.7, -0.2, 5, -6, 7, 0.4, -0.9];

test('a learned clip limits to ±α and passes gradients where it does not clip', () => {
  const { y, dx } = clipped(inputs, slopes, 2, { decay: 0, shareInside: 0.95 });
  assert.deepEqual(y, [2, 2, 2, 1, -1.5, 0, -2, -2]);
  // At ±α nothing is clipped.
  assert.deepEqual(dx, [0, 0, -0.2, 5, -6, 7, 0.4, 0]);
});

test('a range is pulled outwards by inputs at or beyond it that the loss wants larger, by nothing else', () => {
  // α (min(−0.3, 0) + min(0.7, 0) + min(−0.2, 0) − max(0.4, 0) − max(−0.9, 0))
  const { dAlpha } = clipped(inputs, slopes, 2, { decay: 0.001, shareInside: 0.95 });
  assert.ok(Math.abs(dAlpha - 2 * (-0.3 - 0.2 - 0.4)) < 1e-12, `${dAlpha}`);
});

test('a range decays while more than its share of the inputs lies inside', () => {
  // Three of eight lie inside.
  const pull = 2 * (-0.3 - 0.2 - 0.4);
  for (const [shareInside, shrinking] of [
    [0.37, 0.25 * 2],
    [0.375, 0],
    [0.38, 0],
  ] as const) {
    const { dAlpha } = clipped(inputs, slopes, 2, { decay: 0.25, shareInside });
    assert.ok(Math.abs(dAlpha - (pull + shrinking)) < 1e-12, `${shareInside}: ${dAlpha}`);
  }
});

test('the gradients agree with the formula on random inputs', () => {
  const draw = randomSequence(keyFromSeed(41));
  for (let sample = 0; sample < 20; sample++) {
    const x = Array.from({ length: 50 }, () => draw.normal());
    const g = Array.from({ length: 50 }, () => draw.normal());
    const alpha = 0.3 + 2 * draw.uniform();
    const options = { decay: 0.1, shareInside: 0.8 };
    const { y, dx, dAlpha } = clipped(x, g, alpha, options);
    const inside = x.filter((value) => Math.abs(value) < alpha).length / x.length;
    let pull = inside > options.shareInside ? options.decay : 0;
    for (const [i, value] of x.entries()) {
      if (value >= alpha) pull += Math.min(g[i]!, 0);
      if (value <= -alpha) pull -= Math.max(g[i]!, 0);
      assert.equal(y[i], Math.max(-alpha, Math.min(alpha, value)));
      assert.equal(dx[i], Math.abs(value) <= alpha ? g[i]! : 0);
    }
    assert.ok(Math.abs(dAlpha - alpha * pull) < 1e-12 * (1 + Math.abs(dAlpha)), `${dAlpha}`);
  }
});

// Over the steps

const draw = randomSequence(keyFromSeed(5));
const batches = Array.from({ length: 6 }, () => Array.from({ length: 40 }, () => 0.5 + draw.normal()));

function deviationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
}

/** The range after each batch, when gradients would move it to `moved`. */
function learnedOver(moved: number, start = 1): { readonly range: number; readonly y: Float64Array }[] {
  const graph = trace((t) => {
    const learning = learningRanges(t, t.scalar('step'), rule);
    const { x, range } = learning.ranges.inputRange('fc', t.input('x', [40]), true);
    assert.deepEqual(learning.learned(), [{ name: 'fc.inputRange', shape: [] }]);
    assert.deepEqual(learning.followed(), {});
    const updated = learning.updated('fc.inputRange', t.scalar('moved'));
    return { outputs: { x, range: range as Tensor }, updates: { 'fc.inputRange': updated } };
  });
  let range = start;
  return batches.map((x, step) => {
    const given = { x, 'fc.inputRange': [range], step: [step], moved: [moved] };
    const { outputs, updates } = interpret(graph, given);
    range = updates['fc.inputRange']![0]!;
    // In the first steps the range that the data give is used at once.
    if (step < rule.initialSteps) assert.equal(outputs['range']![0], range);
    return { range, y: outputs['x']! };
  });
}

test('at first a range is the running mean of c standard deviations of the inputs, wherever it began', () => {
  for (const start of [1, 1e6]) {
    const steps = learnedOver(7, start);
    for (let k = 0; k < rule.initialSteps; k++) {
      const seen = batches.slice(0, k + 1).map((x) => 3 * deviationOf(x));
      const expected = seen.reduce((sum, one) => sum + one, 0) / seen.length;
      assert.ok(Math.abs(steps[k]!.range / expected - 1) < 1e-9, `step ${k}: ${steps[k]!.range}`);
      const limited = batches[k]!.map((x) => Math.max(-steps[k]!.range, Math.min(steps[k]!.range, x)));
      assert.deepEqual([...steps[k]!.y], limited);
    }
  }
});

test('afterwards gradients say where it goes, but never to 0 or below', () => {
  const after = (moved: number): number[] =>
    learnedOver(moved)
      .slice(rule.initialSteps)
      .map(({ range }) => range);
  assert.deepEqual(after(7), [7, 7, 7]);
  for (const moved of [0, -3]) assert.deepEqual(after(moved), [1e-6, 1e-6, 1e-6]);
});

test('inputs of zeros leave a range that is above 0', () => {
  const graph = trace((t) => {
    const learning = learningRanges(t, t.scalar('step'), rule);
    learning.ranges.inputRange('fc', t.input('x', [40]), true);
    const updated = learning.updated('fc.inputRange', t.scalar('moved'));
    return { outputs: {}, updates: { 'fc.inputRange': updated } };
  });
  const given = { x: new Float64Array(40), 'fc.inputRange': [1], step: [0], moved: [1] };
  assert.equal(interpret(graph, given).updates['fc.inputRange']![0], 1e-6);
});

test('ranges that clip nothing, and full scales, follow the data with weight max(1 / (k + 1), 0.01)', () => {
  const graph = trace((t) => {
    const learning = learningRanges(t, t.scalar('step'), rule);
    const x = t.input('x', [40]);
    const limited = learning.ranges.inputRange('fc', x, false);
    assert.equal(limited.x, x);
    const fullScale = learning.ranges.outputRange('fc', () => [t.input('sums', [40])]);
    assert.deepEqual(learning.learned(), []);
    const updates = learning.followed();
    assert.deepEqual(Object.keys(updates), ['fc.inputRange', 'fc.outputRange']);
    return { outputs: { input: limited.range as Tensor, output: fullScale as Tensor }, updates };
  });
  for (const step of [0, 1, 50, 500]) {
    const [x, sums] = [batches[step % 6]!, batches[(step + 1) % 6]!.map((sum) => 4 * sum)];
    const given = { x, sums, step: [step], 'fc.inputRange': [2], 'fc.outputRange': [5] };
    const { outputs, updates } = interpret(graph, given);
    const share = Math.max(1 / (step + 1), 0.01);
    const rms = Math.sqrt(sums.reduce((sum, value) => sum + value ** 2, 0) / sums.length);
    const covering = Math.min(Math.max(...sums.map(Math.abs)), 6 * rms);
    const expected = {
      'fc.inputRange': 2 + share * (3 * deviationOf(x) - 2),
      'fc.outputRange': 5 + share * (covering - 5),
    };
    for (const [name, value] of Object.entries(expected))
      assert.ok(Math.abs(updates[name]![0]! / value - 1) < 1e-12, `step ${step}, ${name}`);
    assert.deepEqual([outputs['input'], outputs['output']], Object.values(updates));
  }
});

test('a full scale covers all outputs of all tiles, but at most six root mean squares', () => {
  const graph = trace((t) => {
    const learning = learningRanges(t, t.scalar('step'), rule);
    learning.ranges.outputRange('fc', () => [t.input('a', [50]), t.input('b', [50])]);
    return { outputs: {}, updates: learning.followed() };
  });
  const after = (a: Float64Array): number =>
    interpret(graph, { a, b: new Float64Array(50), step: [0], 'fc.outputRange': [1] }).updates[
      'fc.outputRange'
    ]![0]!;
  assert.equal(after(new Float64Array(50).fill(-2)), 2);
  // One of a hundred: 6 √(10² / 100).
  assert.ok(Math.abs(after(new Float64Array(50).with(7, 10)) - 6) < 1e-12);
});

test('a layer that is used twice in a step shares its range, which the first use sets', () => {
  const graph = trace((t) => {
    const learning = learningRanges(t, t.scalar('step'), rule);
    const [a, b] = [t.input('a', [40]), t.input('b', [40])];
    const first = learning.ranges.inputRange('fc', a, true);
    const second = learning.ranges.inputRange('fc', b, true);
    assert.equal((first.range as Tensor).node, (second.range as Tensor).node);
    return { outputs: { range: first.range as Tensor, b: second.x } };
  });
  const b = batches[1]!.map((x) => 10 * x);
  const given = { a: batches[0]!, b, step: [0], 'fc.inputRange': [1] };
  const { range, b: limited } = interpret(graph, given).outputs;
  assert.ok(Math.abs(range![0]! / (3 * deviationOf(batches[0]!)) - 1) < 1e-9);
  assert.equal(Math.max(...limited!.map(Math.abs)), range![0]);
});
