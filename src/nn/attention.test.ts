// Attention and transformer blocks against their published formulas, written out with loops in float64; causality; what is
// refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, normalsOf, runModule } from '../../test/run-module.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { softmax } from './attention.ts';
import { characterGpt } from './character-networks.ts';
import {
  learnedPositions,
  lookupTable,
  meanOverTime,
  multiHeadAttention,
  patchEmbedding,
  transformerBlock,
} from './modules.ts';
import { vit } from './vit.ts';

type Rows = readonly (readonly number[])[];
type Numbers = Readonly<Record<string, ArrayLike<number>>>;

function rowsOf(values: ArrayLike<number>, columns: number): Rows {
  return Array.from({ length: values.length / columns }, (_, r) =>
    Array.from({ length: columns }, (__, c) => values[r * columns + c]!),
  );
}

function affine(x: Rows, weights: Rows, bias: ArrayLike<number>): Rows {
  return x.map((row) =>
    Array.from(bias, (b, column) => row.reduce((sum, value, k) => sum + value * weights[k]![column]!, b)),
  );
}

function softmaxOf(row: readonly number[]): number[] {
  const e = row.map((value) => Math.exp(value - Math.max(...row)));
  const total = e.reduce((a, b) => a + b);
  return e.map((value) => value / total);
}

/** Equations of Vaswani et al. 2017, Section 3.2, head by head. */
function attention(x: Rows, { heads, isCausal }: { heads: number; isCausal: boolean }, p: Numbers): Rows {
  const width = x[0]!.length;
  const depth = width / heads;
  const qkv = affine(x, rowsOf(p['a.qkv.weights']!, 3 * width), p['a.qkv.bias']!);
  const heard = x.map((_, t) =>
    Array.from({ length: heads }, (__, h) => {
      const part = (s: number, which: number): readonly number[] =>
        qkv[s]!.slice(which * width + h * depth, which * width + (h + 1) * depth);
      const seen = isCausal ? t + 1 : x.length;
      const scores = Array.from({ length: seen }, (___, s) =>
        part(t, 0).reduce((sum, q, k) => sum + (q * part(s, 1)[k]!) / Math.sqrt(depth), 0),
      );
      const shares = softmaxOf(scores);
      return Array.from({ length: depth }, (___, k) =>
        shares.reduce((sum, share, s) => sum + share * part(s, 2)[k]!, 0),
      );
    }).flat(),
  );
  return affine(heard, rowsOf(p['a.projection.weights']!, width), p['a.projection.bias']!);
}

for (const isCausal of [false, true])
  test(`attention is that of its formula, ${isCausal ? 'causal' : 'over all positions'}`, () => {
    const [batch, time, width, heads] = [2, 5, 6, 3];
    const module = multiHeadAttention({ name: 'a', heads, causal: isCausal });
    const { value, x, parameters } = runModule(module, [time, width], { batch });
    const examples = Array.from({ length: batch }, (_, n) =>
      rowsOf(Array.from(x).slice(n * time * width, (n + 1) * time * width), width),
    );
    const wanted = examples.flatMap((rows) => attention(rows, { heads, isCausal }, parameters));
    assertClose(value, wanted.flat(), 1e-12);
  });

function normalized(row: readonly number[], scale: ArrayLike<number>, shift: ArrayLike<number>): number[] {
  const mean = row.reduce((a, b) => a + b) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map((value, k) => (scale[k]! * (value - mean)) / Math.sqrt(variance + 1e-5) + shift[k]!);
}

/** erf by its series, Σ (−1)ⁿ x^(2n+1) / (n! (2n + 1)) · 2/√π: exact to 1e-12 up to 3. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

test('a block adds attention of the normalised stream, then a perceptron of it', () => {
  const [time, width, hidden] = [4, 4, 6];
  const block = transformerBlock({ name: 'b', heads: 2, hidden, causal: true });
  const small = (name: string, size: readonly number[]): Float64Array =>
    normalsOf(name, size).map((v) => v / 2);
  const placed = block([time, width]);
  const parameters = Object.fromEntries(
    placed.parameters.map(({ name, shape }) => [name, small(name, shape)]),
  );
  const { value, x } = runModule(block, [time, width], { batch: 1, parameters });
  const norm = (rows: Rows, name: string): Rows =>
    rows.map((row) => normalized(row, parameters[`${name}.scale`]!, parameters[`${name}.shift`]!));
  const sum = (a: Rows, b: Rows): Rows => a.map((row, r) => row.map((v, c) => v + b[r]![c]!));
  const own = Object.fromEntries(
    Object.entries(parameters).map(([name, values]) => [name.replace('b.attention', 'a'), values]),
  );
  const stream = rowsOf(x, width);
  const first = sum(stream, attention(norm(stream, 'b.norm1'), { heads: 2, isCausal: true }, own));
  const inner = affine(
    norm(first, 'b.norm2'),
    rowsOf(parameters['b.mlp1.weights']!, hidden),
    parameters['b.mlp1.bias']!,
  );
  const gelu = inner.map((row) => row.map((v) => (v / 2) * (1 + erf(v / Math.SQRT2))));
  const wanted = sum(
    first,
    affine(gelu, rowsOf(parameters['b.mlp2.weights']!, width), parameters['b.mlp2.bias']!),
  );
  // The error function of `gelu` is exact to 1.5e-7.
  assertClose(value, wanted.flat(), 2e-6);
});

test('the residual matrices of a block begin smaller by the root of twice the blocks', () => {
  const { parameters, layers } = transformerBlock({ name: 'b', heads: 2, hidden: 8, blocks: 8 })([3, 4]);
  const deviations = Object.fromEntries(
    parameters.flatMap(({ name, initial }) => (initial.kind === 'normal' ? [[name, initial.deviation]] : [])),
  );
  assert.deepEqual(deviations, {
    'b.attention.qkv.weights': 0.02,
    'b.attention.projection.weights': 0.005,
    'b.mlp1.weights': 0.02,
    'b.mlp2.weights': 0.005,
  });
  assert.deepEqual(
    layers.map(({ name, kind, shape }) => [name, kind, ...shape]),
    [
      ['b.attention.qkv', 'dense', 4, 12],
      ['b.attention.projection', 'dense', 4, 4],
      ['b.mlp1', 'dense', 4, 8],
      ['b.mlp2', 'dense', 8, 4],
    ],
  );
});

test('dropout of a block draws, and is the identity without a key', () => {
  const block = transformerBlock({ name: 'b', heads: 2, hidden: 8, dropout: 0.5 });
  const plain = runModule(transformerBlock({ name: 'b', heads: 2, hidden: 8 }), [3, 4]);
  assert.deepEqual(runModule(block, [3, 4]).value, plain.value);
  const [one, other] = [1, 2].map((draws) => runModule(block, [3, 4], { draws }).value);
  assert.notDeepEqual(one, plain.value);
  assert.notDeepEqual(one, other);
});

test('the softmax has the sum 1, and bears scores that e to them would not', () => {
  const graph = trace((t) => ({ outputs: { y: softmax(t.input('x', [2, 3])) } }));
  const { y } = interpret(graph, { x: [1000, 1001, 1002, -1e30, 0, 0] }).outputs;
  const [a, b, c] = softmaxOf([0, 1, 2]);
  assertClose(y!, [a!, b!, c!, 0, 0.5, 0.5]);
});

/** Logits of a small GPT with random parameters for one window of tokens. */
function logitsOf(tokens: readonly number[]): Float64Array {
  const network = characterGpt({
    name: 'g',
    context: tokens.length,
    symbols: 7,
    blocks: 2,
    width: 8,
    heads: 2,
  });
  const graph = trace((t) => {
    const parameters = Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
    );
    const { outputs } = network.apply({
      inputs: { tokens: t.input('tokens', [1, tokens.length]) },
      parameters,
      operator: digital((layer) => parameters[weightsOf(layer)]!),
      mode: { kind: 'inference' },
    });
    return { outputs };
  });
  const values = Object.fromEntries(
    network.parameters.map(({ name, shape }) => [name, normalsOf(name, shape)]),
  );
  return interpret(graph, { ...values, tokens }).outputs['logits']!;
}

test('what a GPT answers does not depend on later symbols, to the last bit, but on all earlier ones', () => {
  const tokens = [3, 1, 4, 1, 5, 2];
  const whole = logitsOf(tokens);
  for (let changed = 0; changed < tokens.length; changed++) {
    const other = logitsOf(tokens.with(changed, 6));
    for (let position = 0; position < tokens.length; position++) {
      const [a, b] = [whole, other].map((all) => all.slice(7 * position, 7 * (position + 1)));
      if (position < changed)
        assert.deepEqual(b, a, `symbol ${changed} reaches back to position ${position}`);
      else assert.notDeepEqual(b, a, `symbol ${changed} does not reach position ${position}`);
    }
  }
});

test('tables give rows, positions are added, the mean is over time', () => {
  const table = runModule(lookupTable({ name: 't', rows: 3, dimension: 2 }), [4], {
    batch: 1,
    x: [2, 0, 1, 2],
    parameters: { 't.table': [0, 1, 10, 11, 20, 21] },
  });
  assert.deepEqual([...table.value], [20, 21, 0, 1, 10, 11, 20, 21]);
  const positions = runModule(learnedPositions('p'), [2, 2], {
    x: [0, 0, 0, 0, 1, 1, 1, 1],
    parameters: { 'p.table': [1, 2, 3, 4] },
  });
  assert.deepEqual([...positions.value], [1, 2, 3, 4, 2, 3, 4, 5]);
  const mean = runModule(meanOverTime, [2, 3], { batch: 1, x: [1, 2, 3, 5, 6, 7] });
  assert.deepEqual([...mean.value], [3, 4, 5]);
});

test('a patch is the product of its pixels with one matrix, in the order of rows', () => {
  const module = patchEmbedding({ name: 'p', size: 2, width: 3 });
  const { value, x, parameters } = runModule(module, [4, 6, 2], { batch: 1 });
  const matrix = rowsOf(parameters['p.weights']!, 3);
  const patches: number[][] = [];
  for (let i = 0; i < 4; i += 2)
    for (let j = 0; j < 6; j += 2)
      patches.push(
        [0, 1].flatMap((p) => [0, 1].flatMap((q) => [0, 1].map((c) => x[((i + p) * 6 + j + q) * 2 + c]!))),
      );
  assertClose(value, affine(patches, matrix, parameters['p.bias']!).flat());
});

test('impossible shapes are refused', () => {
  assert.throws(
    () => multiHeadAttention({ name: 'a', heads: 3 })([4, 8]),
    /multiHeadAttention "a": heads must divide the channels, got 3 heads and 8 channels/,
  );
  assert.throws(
    () => transformerBlock({ name: 'b', heads: 2, hidden: 8 })([4]),
    /transformerBlock "b": .*\(length, channels\), got \(4\)/,
  );
  assert.throws(() => learnedPositions('p')([4]), /learnedPositions "p": .*got \(4\)/);
  assert.throws(() => meanOverTime([4]), /meanOverTime: .*got \(4\)/);
  assert.throws(
    () =>
      vit({ inputShape: [30, 32, 3], classes: 10, patch: 4, blocks: 1, width: 8, heads: 2, expansion: 2 }),
    /patchEmbedding "patches": expected \(height, width, channels\) with sides that 4 divides, got \(30, 32, 3\)/,
  );
});
