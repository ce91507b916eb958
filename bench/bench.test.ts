// The bench's own arithmetic: medians, ratios within a round, what kernels have to do, verdicts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../src/compile/compile.ts';
import { gradients } from '../src/graph/gradients.ts';
import { trace } from '../src/graph/trace.ts';
import { traceTrainingStep } from '../src/train/step.ts';
import { bytesTouched, classWork, usefulOperations } from './kernel-classes.ts';
import { median, ratio } from './measure.ts';
import { neededBytes } from './memory.ts';
import { digitalStep, resnet32, stepOf } from './networks.ts';
import { instructionsText, verdictOf } from './report.ts';
import { shareOf } from './roofline.ts';

test('a ratio is the median of the ratios within a round, not the ratio of the medians', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  const results = { a: [1, 10, 2], b: [2, 10, 1] };
  assert.equal(ratio(results, 'a', 'b'), 1);
  assert.equal(ratio(results, 'a', 'missing'), undefined);
});

test('a share compares amount and limit of the same round', () => {
  assert.equal(shareOf([100, 200, 400], 1e9, [10, 10, 10]), 0.5);
});

test('a convolution and its two gradients count the same operations', () => {
  const graph = trace((t) => {
    const x = t.input('x', [2, 6, 5, 3]);
    const filter = t.input('filter', [3, 3, 3, 7]);
    const y = x.convolve(filter, { stride: [1, 1], padding: [1, 1] });
    const slopes = gradients(y.multiply(t.input('toY', y.shape)).sum(), [x, filter]);
    return { outputs: { y, toX: slopes[0]!, toFilter: slopes[1]! } };
  });
  const each = 2 * (2 * 6 * 5) * (3 * 3 * 3) * 7;
  assert.equal(usefulOperations(graph), 3 * each);
  const products = classWork(graph, compile(graph, { lanes: 8, registers: 16 })).filter(
    ({ work }) => work.kind === 'operations',
  );
  assert.deepEqual(
    products.map(({ name, work }) => [name, work.amount]),
    [
      ['gradients', 2 * each],
      ['convolution', each],
    ],
  );
});

test('a map touches the bytes of what it loads and of what it stores', () => {
  const graph = trace((t) => ({
    outputs: { sum: t.input('x', [37, 16]).add(t.input('row', [1, 16]).broadcastTo([37, 16])) },
  }));
  const plan = compile(graph, { lanes: 8, registers: 16 });
  assert.deepEqual(plan.kernels.map(bytesTouched), [4 * (37 * 16 + 16 + 37 * 16)]);
});

test('ResNet-32 needs the outputs of 33 convolutions and one dense layer, and 15 sums of branches', () => {
  const batch = 2;
  const { productOutputs, branchSums } = neededBytes(
    traceTrainingStep(stepOf(resnet32, digitalStep(batch))),
    resnet32,
  );
  const stages = [32 * 32 * 16, 16 * 16 * 28, 8 * 8 * 56] as const;
  assert.equal(productOutputs, 4 * batch * (11 * stages[0] + 11 * stages[1] + 11 * stages[2] + 10));
  assert.equal(branchSums, 4 * batch * 5 * (stages[0] + stages[1] + stages[2]));
});

test('a row without a figure is not built, one without its ratio lacks the peer', () => {
  const target = { of: 'ratio', atMost: 1.5 } as const;
  const figure = { value: 3, unit: 'ms' } as const;
  assert.equal(verdictOf({ title: 'a', target }), 'not built');
  assert.equal(verdictOf({ title: 'a', target, figure }), 'PyTorch not found');
  assert.equal(verdictOf({ title: 'a', target, figure, ratio: 1.5 }), 'met');
  assert.equal(verdictOf({ title: 'a', target, figure, ratio: 1.6 }), 'missed');
  assert.equal(verdictOf({ title: 'a', target: { of: 'figure', atMost: 2 }, figure }), 'missed');
});

test('the bench names the instructions of ohmic, of the processor and of the peer', () => {
  assert.equal(
    instructionsText({ ohmic: 'AVX2', processor: 'AVX-512', peer: 'AVX512' }),
    'instructions: ohmic AVX2 on a processor with AVX-512; PyTorch AVX512',
  );
  assert.equal(
    instructionsText({ ohmic: 'NEON', processor: undefined, peer: undefined }),
    'instructions: ohmic NEON on a processor that the compiler does not know; PyTorch not found',
  );
});
