// Scores on test examples: however they are cut into batches, and a call that is interrupted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { randomParameters, tinyImages, tinyPerceptron } from '../../test/tiny.ts';
import { fillBatch } from '../data/batches.ts';
import { channelStatistics } from '../data/image-set.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, type Operator, weightsOf } from '../graph/operator.ts';
import type { Trace } from '../graph/trace.ts';
import { batchesOf, classificationGoal } from './classification.ts';
import { scoreOn, traceInference } from './score.ts';
import type { Goal } from './task.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const set = tinyImages('accuracy', 23, 60);
const normalization = channelStatistics(set);
const indices = Uint8Array.from({ length: set.count }, (_, index) => index);
const whole = fillBatch({ set, indices, normalization });
const task = classificationGoal(tinyPerceptron.inputs['images']!);

function exactly(t: Trace): Operator {
  return digital((layer) => t.state(weightsOf(layer), layer.shape));
}

test('the accuracy does not depend on how the set is cut into batches', async () => {
  const parameters = randomParameters(tinyPerceptron);
  const values = Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data]));
  const graph = traceInference(tinyPerceptron, task, set.count, exactly);
  const { correct } = interpret(graph, { ...values, ...whole }).outputs;
  const expected = correct![0]! / set.count;
  // Neither all nor none, or the test would see little.
  assert.ok(expected > 0.05 && expected < 0.95);
  await withEngine(wasm, 1, async (engine) => {
    const state = await engine.store(parameters);
    for (const size of [1, 10, 23, 40]) {
      const executable = await engine.compile(traceInference(tinyPerceptron, task, size, exactly));
      const batches = batchesOf(set, normalization, size);
      assert.equal(await scoreOn(executable, task, batches, () => ({ state })), expected);
      executable.free();
    }
  });
});

test('counting stops between batches with the reason of the signal', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const state = await engine.store(randomParameters(tinyPerceptron));
    const executable = await engine.compile(traceInference(tinyPerceptron, task, 10, exactly));
    const controller = new AbortController();
    const asked: number[] = [];
    const counting = scoreOn(
      executable,
      task,
      batchesOf(set, normalization, 10),
      (batch) => {
        asked.push(batch);
        if (batch === 1) controller.abort(new Error('enough'));
        return { state };
      },
      { signal: controller.signal },
    );
    await assert.rejects(counting, /^Error: enough$/);
    assert.deepEqual(asked, [0, 1]);
  });
});

test('an inference graph asks for the digital parameters, and its operator for the weights', () => {
  const graph = traceInference(tinyPerceptron, task, 4, (t) =>
    digital(({ name, shape }) => t.input(name, shape)),
  );
  const names = graph.inputs.map(({ attributes: { role, name } }) => `${role} ${name}`);
  assert.deepEqual(names.filter((name) => name.startsWith('state')).sort(), [
    'state dense1.bias',
    'state dense2.bias',
  ]);
});

test('a score is made of the sums of a task over all examples, places that hold none not counted', async () => {
  const mean: Goal = {
    ...task,
    measure: (_, { labels }) => ({ total: labels!.relu().sum(), ones: labels!.square().sum() }),
    score: { name: 'mean', of: ({ total, ones }, examples) => total! / examples + 1000 * Number(ones! > 0) },
  };
  await withEngine(wasm, 1, async (engine) => {
    const state = await engine.store(randomParameters(tinyPerceptron));
    const executable = await engine.compile(traceInference(tinyPerceptron, mean, 10, exactly));
    const score = await scoreOn(executable, mean, batchesOf(set, normalization, 10), () => ({ state }));
    const expected = set.labels.reduce((sum, label) => sum + label, 0) / set.count;
    assert.ok(Math.abs(score - 1000 - expected) < 1e-9);
  });
});
