// Plans of all named networks and of random graphs, read instead of run: the verifier finds no fault in them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../src/base/random.ts';
import type { Shape } from '../src/base/shape.ts';
import { compile } from '../src/compile/compile.ts';
import { verifyPlan } from '../src/compile/verify-plan.ts';
import { gradients } from '../src/graph/gradients.ts';
import { digital } from '../src/graph/multiply.ts';
import type { Graph } from '../src/graph/node.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { softmaxCrossEntropy } from '../src/nn/losses.ts';
import { isTrained } from '../src/nn/model.ts';
import { type ModelName, modelByName, modelNames } from '../src/nn/models.ts';
import { sample } from './compare.ts';
import { randomGraph } from './random-graph.ts';

type InputShape = readonly [number, number, number];

function inference(name: ModelName, inputShape: InputShape, batch: number): Graph {
  const model = modelByName(name, { inputShape, classes: 10 });
  return trace((t) => {
    const parameters = Object.fromEntries(
      model.parameters.map((spec) => [spec.name, t.state(spec.name, spec.shape)]),
    );
    const images = t.input('images', [batch, ...inputShape]);
    return { outputs: { logits: model.apply(parameters, images, digital, { kind: 'inference' }).logits } };
  });
}

/** A step of gradient descent; with noise, each parameter is used with a draw added to it. */
function trainingStep(name: ModelName, inputShape: InputShape, batch: number, isNoisy = false): Graph {
  const model = modelByName(name, { inputShape, classes: 10 });
  return trace((t: Trace) => {
    const parameters = Object.fromEntries(
      model.parameters.map((spec) => [spec.name, t.state(spec.name, spec.shape)]),
    );
    const noise = (parameter: string, shape: Shape): Tensor =>
      t.key('noise').derive(parameter).normal(shape).multiply(t.scalar('scale'));
    const used = isNoisy
      ? Object.fromEntries(
          model.parameters.map(({ name: own, shape }) => [own, parameters[own]!.add(noise(own, shape))]),
        )
      : parameters;
    const { logits } = model.apply(used, t.input('images', [batch, ...inputShape]), digital, {
      kind: 'training',
    });
    const trained = model.parameters.filter(isTrained).map((spec) => spec.name);
    const loss = softmaxCrossEntropy(logits, t.input('labels', [batch]));
    const slopes = gradients(
      loss,
      trained.map((parameter) => parameters[parameter]!),
    );
    return {
      outputs: { loss },
      updates: Object.fromEntries(
        trained.map((parameter, k) => [
          parameter,
          parameters[parameter]!.subtract(slopes[k]!.multiply(t.scalar('rate'))),
        ]),
      ),
    };
  });
}

const TARGETS = [
  { lanes: 4, registers: 14 },
  { lanes: 8, registers: 16 },
  { lanes: 16, registers: 32 },
] as const;

for (const name of modelNames) {
  test(`plans of ${name} have no faults: inference and training, with and without noise, vectors of every width`, () => {
    const inputShape = name === 'mlp' || name === 'lenet5' ? ([28, 28, 1] as const) : ([32, 32, 3] as const);
    const graphs = [
      inference(name, inputShape, 7),
      trainingStep(name, inputShape, 16),
      trainingStep(name, inputShape, 10, true),
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
