// Plans of all named networks and of random graphs, read instead of run: the verifier finds no fault in them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../src/base/random.ts';
import { compile } from '../src/compile/compile.ts';
import { verifyPlan } from '../src/compile/verify-plan.ts';
import { hermes256 } from '../src/crossbar/presets.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { Graph } from '../src/graph/node.ts';
import { digital, weightsOf } from '../src/graph/operator.ts';
import { type NetworkName, networkByName, networkNames } from '../src/nn/networks.ts';
import { sgd } from '../src/rules/descent.ts';
import { classificationGoal } from '../src/train/classification.ts';
import { traceInference } from '../src/train/score.ts';
import type { TrainingSettings } from '../src/train/settings.ts';
import { traceTrainingStep } from '../src/train/step.ts';
import { sample } from './compare.ts';
import { randomGraph } from './random-graph.ts';

type InputShape = readonly [number, number, number];

function inference(name: NetworkName, inputShape: InputShape, batch: number): Graph {
  const network = networkByName(name, { inputShape, classes: 10 });
  return traceInference(network, classificationGoal(inputShape), batch, (t) =>
    digital((layer) => t.state(weightsOf(layer), layer.shape)),
  );
}

/** A training step; with noise on the weights and clipping, or for hardware whose converter ranges are learned. */
function trainingStep(
  name: NetworkName,
  inputShape: InputShape,
  batchSize: number,
  extra: Partial<TrainingSettings> = {},
): Graph {
  const network = networkByName(name, { inputShape, classes: 10 });
  const rule = sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
  const settings = {
    batchSize,
    statisticsMomentum: 0.1,
    noise: { kind: 'none' },
    clipping: { kind: 'none' },
    ...extra,
  } as const;
  return traceTrainingStep({ network, task: classificationGoal(inputShape), rule, settings });
}

const noisy: Partial<TrainingSettings> = {
  noise: { kind: 'gaussian', relativeToMax: 0.04 },
  clipping: { kind: 'standard-deviations', alpha: 2 },
};

const TARGETS = [
  { lanes: 4, registers: 14 },
  { lanes: 8, registers: 16 },
  { lanes: 16, registers: 32 },
] as const;

for (const name of networkNames) {
  test(`plans of ${name} have no faults: inference and training, with and without noise, vectors of every width`, () => {
    const inputShape = name === 'mlp' || name === 'lenet5' ? ([28, 28, 1] as const) : ([32, 32, 3] as const);
    const graphs = [
      inference(name, inputShape, 7),
      trainingStep(name, inputShape, 16),
      trainingStep(name, inputShape, 10, noisy),
      ...(name === 'lenet5' || name === 'small-cnn'
        ? [trainingStep(name, inputShape, 10, { hardware: hermes256, ...noisy })]
        : []),
    ];
    for (const graph of graphs)
      for (const target of TARGETS) assert.deepEqual(verifyPlan(compile(graph, target)).slice(0, 5), []);
  });
}

test('nor have plans for images of odd sizes', () => {
  const graphs = [trainingStep('small-cnn', [17, 15, 3], 6), trainingStep('mlp', [28, 28, 1], 33)];
  for (const graph of graphs)
    for (const target of TARGETS) assert.deepEqual(verifyPlan(compile(graph, target)).slice(0, 5), []);
});

test('nor have plans of a hundred random graphs', () => {
  for (let seed = 0; seed < 100; seed++) {
    const { graph } = sample((t) => {
      const { results, inputs } = randomGraph(t, 'graph', keyFromSeed(seed), 12);
      const slopes = gradients(
        results.map((result) => result.sum()).reduce((sum, part) => sum.add(part)),
        inputs,
      );
      return { outputs: Object.fromEntries([...results, ...slopes].map((tensor, k) => [String(k), tensor])) };
    });
    for (const target of TARGETS)
      assert.deepEqual(verifyPlan(compile(graph, target)).slice(0, 5), [], `seed ${seed}`);
  }
});
