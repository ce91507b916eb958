// Regression: a network learns a function, its score is R², and empty places of a batch count for nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { hermes256 } from '../crossbar/presets.ts';
import { deploy } from '../experiment/deploy.ts';
import { feedForward } from '../nn/define-network.ts';
import { activation, dense, sequence } from '../nn/modules.ts';
import { prepareFit } from './fit.ts';
import { type RegressionSet, regression } from './regression.ts';

const draw = randomSequence(keyFromSeed(1));

/** y = (x₁ x₂, 3 + x₁), x uniform in ±1. */
function drawn(count: number): RegressionSet {
  const inputs = Float32Array.from({ length: 2 * count }, () => 2 * draw.uniform() - 1);
  const targets = Float32Array.from({ length: 2 * count }, (_, i) => {
    const [a, b] = [inputs[2 * (i >> 1)]!, inputs[2 * (i >> 1) + 1]!];
    return i % 2 === 0 ? a * b : 3 + a;
  });
  return { inputs, targets };
}

const sets = { train: drawn(512), test: drawn(110), inputShape: [2], targetShape: [2] };
const network = feedForward({
  name: 'function',
  input: { name: 'inputs', shape: [2] },
  output: 'outputs',
  module: sequence([dense({ name: 'a', outputs: 16 }), activation('tanh'), dense({ name: 'b', outputs: 2 })]),
});
const wasm = backends.find(({ name }) => name === 'wasm')!;

test('a network learns a function of numbers, and brings it to a chip', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const task = regression(sets);
    const fitting = await prepareFit({
      engine,
      network,
      task,
      settings: {
        epochs: 20,
        batchSize: 32,
        rule: { kind: 'adam', weightDecay: 0 },
        learningRate: { kind: 'cosine', initial: 0.02 },
      },
    });
    const { tensors, history } = await fitting.result();
    fitting.free();
    const [first, last] = [history[0]!, history.at(-1)!];
    assert.ok(last.trainLoss < first.trainLoss / 10, `${first.trainLoss} to ${last.trainLoss}`);
    assert.ok(last.testAccuracy! > 0.97, `R² ${last.testAccuracy}`);
    const evaluation = { methods: ['none'], calibrationImages: 100 } as const;
    const deployment = await deploy({
      engine,
      network,
      parameters: tensors,
      task,
      hardware: hermes256,
      evaluation,
    });
    // The same R² from the same places, 110 examples in batches of 50; a chip loses a little.
    assert.ok(Math.abs((await deployment.digitalAccuracy()) - last.testAccuracy!) < 1e-6);
    const chip = await deployment.accuracy({ chip: 0, timeSeconds: 25, method: 'none' });
    assert.ok(chip < last.testAccuracy! && chip > 0.5, `R² ${chip} on a chip`);
    deployment.free();
  });
});

test('R² is 1 − the squared error over the variance of the targets, from sums about another value', () => {
  const { score } = regression({ ...sets, targetShape: [2] });
  const t = [1, 5, 2, 8];
  const y = [1.5, 4, 2, 9];
  const sums = { squaredError: 0, targets: 0, targetSquares: 0 };
  for (const [i, value] of t.entries()) {
    sums.squaredError += (y[i]! - value) ** 2;
    sums.targets += value - 3;
    sums.targetSquares += (value - 3) ** 2;
  }
  // Two examples of two numbers: mean 4, Σ (t − 4)² = 9 + 1 + 4 + 16 = 30, error 0.25 + 1 + 0 + 1.
  assert.ok(Math.abs(score.of(sums, 2) - (1 - 2.25 / 30)) < 1e-12);
});

test('test batches say which places are filled', () => {
  const batches = regression(sets).examples.testBatches(100);
  assert.deepEqual(
    batches.map(({ count, values }) => [count, values['filled']!.reduce((sum, one) => sum + one, 0)]),
    [
      [100, 100],
      [10, 10],
    ],
  );
  assert.deepEqual(batches[1]!.values['targets']!.slice(0, 20), sets.test.targets.slice(200));
});

test('numbers that fill no whole example are refused', () => {
  const short = { inputs: new Float32Array(3), targets: new Float32Array(2) };
  assert.throws(
    () => regression({ ...sets, train: short, test: { ...short, inputs: new Float32Array(0) } }),
    {
      name: 'UsageError',
      message:
        /^regression: 2 faults\n.*train: expected inputs \(n, 2\) and targets \(n, 2\), got 3 and 2 numbers\n.*test: .* got 0 and 2 numbers$/,
    },
  );
});

test('numbers that are not finite, and targets that are all equal, are refused', () => {
  const sound = { inputs: Float32Array.of(1, 2), targets: Float32Array.of(3, 4) };
  const refused = (test: typeof sound, message: string): void =>
    assert.throws(() => regression({ train: sound, test, inputShape: [1], targetShape: [1] }), {
      name: 'UsageError',
      message,
    });
  refused(
    { ...sound, inputs: Float32Array.of(1, Number.NaN) },
    'regression: test: inputs must be finite, got NaN at element 1',
  );
  refused(
    { ...sound, targets: Float32Array.of(4, 4) },
    'regression: test: expected targets that differ, as R² compares with their mean, got 4 everywhere',
  );
});
