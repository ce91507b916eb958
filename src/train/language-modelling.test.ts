// Language modelling: windows of a text, the bits of a guess, and a recurrent network that learns a cycle.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { feedForward } from '../nn/define-network.ts';
import { dense, embedding, gru, sequence, timeDistributed } from '../nn/modules.ts';
import { prepareFit } from './fit.ts';
import { languageModelling } from './language-modelling.ts';

const VOCABULARY = 5;
/** 0 1 2 3 4 0 1 …, where one token of ten is a random one: what precedes it tells nothing of it. */
function text(length: number, seed: number): number[] {
  const draw = randomSequence(keyFromSeed(seed));
  return Array.from({ length }, (_, i) => (draw.uniform() < 0.1 ? draw.below(VOCABULARY) : i % VOCABULARY));
}
const task = languageModelling({
  train: text(2000, 1),
  test: text(205, 2),
  context: 8,
  vocabulary: VOCABULARY,
});
const wasm = backends.find(({ name }) => name === 'wasm')!;

test('a recurrent network learns a text', async () => {
  const network = feedForward({
    name: 'reader',
    input: { name: 'tokens', shape: [8] },
    output: 'logits',
    module: sequence([
      embedding({ name: 'letters', rows: VOCABULARY, dimension: 8 }),
      gru({ name: 'gru', hidden: 12, returnSequence: true }),
      timeDistributed(dense({ name: 'next', outputs: VOCABULARY })),
    ]),
  });
  await withEngine(wasm, 1, async (engine) => {
    const settings = {
      epochs: 8,
      batchSize: 16,
      rule: { kind: 'adam', weightDecay: 0 },
      learningRate: { kind: 'cosine', initial: 0.02 },
    } as const;
    const fitting = await prepareFit({ engine, network, task, settings });
    const { history } = await fitting.result();
    fitting.free();
    const bits = history.map(({ testAccuracy }) => testAccuracy!);
    // A guess has log₂ 5 = 2.32 bits; who knows the cycle has 0.92 log₂(1 / 0.92) + 0.08 log₂(1 / 0.02) = 0.56.
    assert.ok(bits[0]! < 2.32 && bits.at(-1)! < 1 && bits.at(-1)! > 0.3, bits.join(' '));
  });
});

test('windows lie end to end, each answer is the token that follows', () => {
  const counting = Array.from({ length: 23 }, (_, i) => i);
  const { examples } = languageModelling({ train: counting, test: counting, context: 4, vocabulary: 23 });
  assert.deepEqual([examples.trainCount, examples.testCount], [4, 5]);
  const key = keyFromSeed(3);
  const starts = [0, 1, 2, 3, 4, 5, 6, 7].map((epoch) => {
    const batch = { tokens: new Float32Array(16), targets: new Float32Array(16) };
    examples.fillTraining(batch, Uint32Array.of(0, 1, 2, 3), { key, epoch });
    const start = batch.tokens[0]!;
    assert.deepEqual([...batch.tokens], counting.slice(start, start + 16));
    assert.deepEqual([...batch.targets], counting.slice(start + 1, start + 17));
    return start;
  });
  assert.ok(new Set(starts).size > 1 && starts.every((start) => start >= 0 && start < 4), starts.join());
  const [whole, rest] = examples.testBatches(4);
  assert.deepEqual([...whole!.values['tokens']!], counting.slice(0, 16));
  assert.equal(rest!.count, 1);
  assert.deepEqual([...rest!.values['targets']!], [17, 18, 19, 20, ...new Array<number>(12).fill(-1)]);
});

test('equal logits have the bits of a guess, and empty places count for nothing', () => {
  const graph = trace((t) => ({
    outputs: task.measure(() => ({ logits: t.input('logits', [2, 8, VOCABULARY]) }), {
      tokens: t.input('tokens', [2, 8]),
      targets: t.input('targets', [2, 8]),
    }),
  }));
  const targets = [...text(8, 4), ...new Array<number>(8).fill(-1)];
  const given = { logits: new Float64Array(80), tokens: new Float64Array(16), targets };
  const sums = Object.fromEntries(
    Object.entries(interpret(graph, given).outputs).map(([name, [value]]) => [name, value!]),
  );
  assert.equal(sums['tokens'], 8);
  assert.ok(Math.abs(task.score.of(sums, 1) - Math.log2(VOCABULARY)) < 1e-12);
});

test('a text that is too short or holds what is no token is refused', () => {
  assert.throws(
    () => languageModelling({ train: [0, 1, 2], test: [0, 9, 1, 2], context: 2, vocabulary: 3 }),
    {
      name: 'UsageError',
      message:
        /^languageModelling: 2 faults\n.*train: expected at least two windows of 2 tokens, got 3 tokens\n.*test: expected tokens from 0 to 2, got 9 at 1$/,
    },
  );
  assert.throws(
    () => languageModelling({ train: [0], test: [0], context: 0, vocabulary: 3 }),
    /context must be a whole number from 1, got 0$/,
  );
});
