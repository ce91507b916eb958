// Counting correct answers: a batch that is not full, and a call that is interrupted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { randomParameters, tinyImages, tinyPerceptron } from '../../test/tiny.ts';
import { fillBatch } from '../data/batches.ts';
import { channelStatistics } from '../data/image-set.ts';
import { interpret } from '../graph/interpret.ts';
import { digital } from '../graph/multiply.ts';
import { accuracyOn, batchesOf, traceInference } from './accuracy.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const set = tinyImages('accuracy', 23, 60);
const normalization = channelStatistics(set);
const indices = Uint8Array.from({ length: set.count }, (_, index) => index);
const whole = fillBatch({ set, indices, normalization });

test('batches hold every image once, in order; empty places are no class', () => {
  const batches = batchesOf(set, normalization, 10);
  assert.deepEqual(
    batches.map(({ labels }) => labels.length),
    [10, 10, 10],
  );
  const labels = batches.flatMap((batch) => [...batch.labels]);
  assert.deepEqual(labels, [...whole.labels, ...new Array<number>(7).fill(-1)]);
  const pixels = whole.images.length;
  const images = Float32Array.from(batches.flatMap((batch) => [...batch.images]));
  assert.deepEqual(images.subarray(0, pixels), whole.images);
  assert.ok(images.subarray(pixels).every((value) => value === 0));
});

test('the accuracy does not depend on how the set is cut into batches', async () => {
  const parameters = randomParameters(tinyPerceptron);
  const values = Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data]));
  const graph = traceInference(tinyPerceptron, set.count, () => digital);
  const { correct } = interpret(graph, { ...values, ...whole }).outputs;
  const expected = correct![0]! / set.count;
  // Neither all nor none, or the test would see little.
  assert.ok(expected > 0.05 && expected < 0.95);
  await withEngine(wasm, 1, async (engine) => {
    const state = await engine.store(parameters);
    for (const size of [1, 10, 23, 40]) {
      const executable = await engine.compile(traceInference(tinyPerceptron, size, () => digital));
      const batches = batchesOf(set, normalization, size);
      assert.equal(await accuracyOn(executable, batches, () => ({ state })), expected);
      executable.free();
    }
  });
});

test('counting stops between batches with the reason of the signal', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const state = await engine.store(randomParameters(tinyPerceptron));
    const executable = await engine.compile(traceInference(tinyPerceptron, 10, () => digital));
    const controller = new AbortController();
    const asked: number[] = [];
    const counting = accuracyOn(
      executable,
      batchesOf(set, normalization, 10),
      (batch) => {
        asked.push(batch);
        if (batch === 1) controller.abort(new Error('enough'));
        return { state };
      },
      controller.signal,
    );
    await assert.rejects(counting, /^Error: enough$/);
    assert.deepEqual(asked, [0, 1]);
  });
});
