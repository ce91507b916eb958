// Tasks that are no classification: a regression, and two objectives that move different parameters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { float64Step, type StepSetup, startOf, type Values } from '../../test/float64-step.ts';
import { plainSettings, randomParameters } from '../../test/tiny.ts';
import { deriveKey, keyFromSeed, randomSequence } from '../base/random.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { defineNetwork } from '../nn/define-network.ts';
import { squaredError } from '../nn/losses.ts';
import { activation, dense, sequence } from '../nn/modules.ts';
import { isTrained, type Network } from '../nn/network.ts';
import { prepareFit, type TrainingEvent } from './fit.ts';
import type { TrainingSettings } from './settings.ts';
import type { Batch, Goal, Objective, Task, TestBatch } from './task.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;

// A regression with two inputs: y = sin(2 a) + b₀ b₁, with noise on neither.

const surface: Network = defineNetwork({
  name: 'surface',
  inputs: { a: [1], b: [2] },
  outputs: { height: [1] },
  parts: {
    ofA: { module: sequence([dense({ name: 'a', outputs: 16 }), activation('tanh')]), inputShape: [1] },
    ofB: { module: sequence([dense({ name: 'b', outputs: 16 }), activation('tanh')]), inputShape: [2] },
    head: { module: dense({ name: 'head', outputs: 1 }), inputShape: [16] },
  },
  connect: ({ a, b }, { ofA, ofB, head }) => ({ height: head(ofA(a!).add(ofB(b!))) }),
});

type Point = readonly [a: number, b0: number, b1: number];

function points(name: string, count: number): Point[] {
  const draw = randomSequence(deriveKey(keyFromSeed(3), name));
  const value = (): number => 2 * draw.uniform() - 1;
  return Array.from({ length: count }, (): Point => [value(), value(), value()]);
}

const heightOf = ([a, b0, b1]: Point): number => Math.sin(2 * a) + b0 * b1;

function fillInto(batch: Batch, place: number, point: Point): void {
  batch['a']![place] = point[0];
  batch['b']!.set(point.slice(1), 2 * place);
  batch['target']![place] = heightOf(point);
}

function regression(train: readonly Point[], testPoints: readonly Point[]): Task {
  const evaluate: Goal['evaluate'] = (forward, { a, b, target }) => {
    const { height } = forward({ a: a!, b: b! });
    return {
      objectives: [{ name: 'squared error', loss: squaredError(height!, target!) }],
      metrics: { squares: height!.subtract(target!).square().sum() },
    };
  };
  return {
    name: 'regression',
    batch: { a: [1], b: [2], target: [1] },
    evaluate,
    measure: (forward, batch) => evaluate(forward, batch).metrics,
    score: { name: 'root mean square', of: ({ squares }, examples) => Math.sqrt(squares! / examples) },
    examples: {
      trainCount: train.length,
      testCount: testPoints.length,
      fillTraining: (batch, indices) => {
        for (const [place, index] of indices.entries()) fillInto(batch, place, train[index]!);
      },
      testBatches: (size) =>
        Array.from({ length: testPoints.length / size }, (_, k): TestBatch => {
          const values = {
            a: new Float32Array(size),
            b: new Float32Array(2 * size),
            target: new Float32Array(size),
          };
          for (let place = 0; place < size; place++) fillInto(values, place, testPoints[k * size + place]!);
          return { values, count: size };
        }),
    },
  };
}

test('a regression of two inputs is learnt, and scored as its task says', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const task = regression(points('train', 256), points('test', 50));
    const settings: TrainingSettings = {
      ...plainSettings,
      epochs: 60,
      learningRate: { kind: 'cosine', initial: 0.02, warmupEpochs: 0 },
      rule: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    };
    const fitting = await prepareFit({ engine, network: surface, task, settings, seed: 1 });
    const events: TrainingEvent[] = [];
    for await (const event of fitting.events()) events.push(event);
    const { tensors, history } = await fitting.snapshot();
    fitting.free();
    // Heights have a standard deviation of 0.75.
    const { trainLoss, trainAccuracy, testAccuracy } = history.at(-1)!;
    assert.ok(testAccuracy! < 0.1, `${testAccuracy}`);
    // Over an epoch the score is the root of the mean loss.
    assert.ok(Math.abs(trainAccuracy / Math.sqrt(trainLoss) - 1) < 1e-6);
    // The test score in float64, from the weights that came out.
    const graph = trace((t) => {
      const parameters = Object.fromEntries(
        surface.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
      );
      const { outputs } = surface.apply({
        inputs: { a: t.input('a', [50, 1]), b: t.input('b', [50, 2]) },
        parameters,
        operator: digital((layer) => parameters[weightsOf(layer)]!),
        mode: { kind: 'inference' },
      });
      return { outputs };
    });
    const given = points('test', 50);
    const { height } = interpret(graph, {
      ...Object.fromEntries(surface.parameters.map(({ name }) => [name, tensors[name]!.data])),
      a: given.map(([a]) => a),
      b: given.flatMap(([, ...b]) => b),
    }).outputs;
    const squares = given.map((point, i) => (height![i]! - heightOf(point)) ** 2);
    const expected = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / 50);
    assert.ok(Math.abs(testAccuracy! / expected - 1) < 1e-4, `${testAccuracy} is not ${expected}`);
  });
});

// An adversarial pair: a generator makes numbers from noise, a critic tells them from true ones.

const NOISE = 2;
const pair: Network = defineNetwork({
  name: 'pair',
  inputs: { noise: [NOISE], real: [1] },
  outputs: { fake: [1], ofFake: [1], ofReal: [1] },
  parts: {
    generator: { module: dense({ name: 'generator', outputs: 1 }), inputShape: [NOISE] },
    critic: {
      module: sequence([
        dense({ name: 'critic1', outputs: 8 }),
        activation('tanh'),
        dense({ name: 'critic2', outputs: 1 }),
      ]),
      inputShape: [1],
    },
  },
  connect: ({ noise, real }, { generator, critic }) => {
    const fake = generator(noise!);
    return { fake, ofFake: critic(fake), ofReal: critic(real!) };
  },
});

/** ⟨log(1 + eˣ)⟩ */
function softplus(x: Tensor): Tensor {
  return x.relu().add(x.abs().negate().exp().add(1).log()).mean();
}

/** I. Goodfellow et al., arXiv 1406.2661, with the generator's loss that does not saturate. */
const adversarial: Goal = {
  name: 'adversarial',
  batch: { noise: [NOISE], real: [1] },
  evaluate: (forward, { noise, real }) => {
    const { fake, ofFake, ofReal } = forward({ noise: noise!, real: real! });
    return {
      objectives: [
        {
          name: 'critic',
          loss: softplus(ofReal!.negate()).add(softplus(ofFake!)),
          moves: (name) => name.startsWith('critic'),
        },
        {
          name: 'generator',
          loss: softplus(ofFake!.negate()),
          moves: (name) => name.startsWith('generator'),
        },
      ],
      metrics: { fakes: fake!.sum() },
    };
  },
  measure: (forward, { noise, real }) => ({
    fakes: forward({ noise: noise!, real: real! })['fake']!.sum(),
  }),
  score: { name: 'mean of the fakes', of: ({ fakes }, examples) => fakes! / examples },
};

const BATCH = 16;
const normals = (seed: number, count: number): number[] => {
  const draw = randomSequence(keyFromSeed(seed));
  return Array.from({ length: count }, () => draw.normal());
};
const adversarialBatch = {
  noise: normals(1, NOISE * BATCH),
  real: normals(2, BATCH).map((x) => 3 + 0.5 * x),
};

/** One plain step of rate 1 with objectives that `change` makes of the pair's. */
function moves(change: (objectives: readonly Objective[]) => readonly Objective[]): {
  readonly moved: Record<string, number[]>;
  readonly loss: number;
} {
  const task: Goal = {
    ...adversarial,
    evaluate: (forward, batch) => {
      const { objectives, metrics } = adversarial.evaluate(forward, batch);
      return { objectives: change(objectives), metrics };
    },
  };
  const setup: StepSetup = { network: pair, task, settings: { ...plainSettings, batchSize: BATCH } };
  const states: Values = startOf(setup, randomParameters(pair, 4));
  const { states: after, loss } = float64Step(setup, states, { batch: adversarialBatch, rate: 1 });
  const moved = pair.parameters.map(({ name }) => [
    name,
    Array.from(after[name]!, (value, i) => states[name]![i]! - value),
  ]);
  return { moved: Object.fromEntries(moved) as Record<string, number[]>, loss };
}

const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));

test('each objective moves its own parameters, along the gradient of its own loss', () => {
  const both = moves((objectives) => objectives);
  const [critic, generator] = [moves(([one]) => [one!]), moves(([, one]) => [one!])];
  assert.ok(Math.abs(both.loss - critic.loss - generator.loss) < 1e-12);
  for (const { name } of pair.parameters) {
    const [own, other] = name.startsWith('critic') ? [critic, generator] : [generator, critic];
    assert.deepEqual(both.moved[name], own.moved[name], name);
    assert.ok(largest(own.moved[name]!) > 1e-4, name);
    assert.ok(largest(other.moved[name]!) === 0, name);
  }
  // Without their restriction both losses move everything: another step.
  const everything = moves((objectives) => objectives.map(({ name, loss }) => ({ name, loss })));
  for (const { name } of pair.parameters) assert.notDeepEqual(everything.moved[name], both.moved[name], name);
});

test('two objectives that move one parameter add up', () => {
  const free = (objectives: readonly Objective[]): Objective[] =>
    objectives.map(({ name, loss }) => ({ name, loss }));
  const [first, second] = [moves((all) => free(all).slice(0, 1)), moves((all) => free(all).slice(1))];
  const sum = moves(free);
  const graph = trace((t) => {
    const parameters = Object.fromEntries(
      pair.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
    );
    const inputs = { noise: t.input('noise', [BATCH, NOISE]), real: t.input('real', [BATCH, 1]) };
    const operator = digital((layer) => parameters[weightsOf(layer)]!);
    const { objectives } = adversarial.evaluate(
      (given) => pair.apply({ inputs: given, parameters, operator, mode: { kind: 'training' } }).outputs,
      inputs,
    );
    const names = pair.parameters.filter(isTrained).map(({ name }) => name);
    const slopes = gradients(
      objectives[0]!.loss.add(objectives[1]!.loss),
      names.map((name) => parameters[name]!),
    );
    return { outputs: Object.fromEntries(names.map((name, i) => [name, slopes[i]!])) };
  });
  const start = Object.entries(randomParameters(pair, 4)).map(([name, { data }]) => [name, data]);
  const { outputs } = interpret(graph, { ...Object.fromEntries(start), ...adversarialBatch });
  for (const { name } of pair.parameters) {
    for (const [i, value] of sum.moved[name]!.entries()) {
      assert.ok(Math.abs(value - first.moved[name]![i]! - second.moved[name]![i]!) < 1e-12, name);
      assert.ok(Math.abs(value - outputs[name]![i]!) < 1e-12, name);
    }
  }
});

test('what no objective moves stays, but for its decay', () => {
  const still = moves((objectives) => objectives.map((one) => ({ ...one, moves: () => false })));
  for (const values of Object.values(still.moved)) assert.equal(largest(values), 0);
});

test('an adversarial pair trains: the fakes come to where the true numbers are', async () => {
  const count = 512;
  const real = normals(5, count).map((x) => 3 + 0.5 * x);
  const testCount = 64;
  const task: Task = {
    ...adversarial,
    examples: {
      trainCount: count,
      testCount,
      fillTraining: ({ noise, real: into }, indices, { key, epoch }) => {
        const draw = randomSequence(deriveKey(key, epoch, indices[0]!));
        for (let i = 0; i < noise!.length; i++) noise![i] = draw.normal();
        for (const [place, index] of indices.entries()) into![place] = real[index]!;
      },
      testBatches: (size) =>
        Array.from({ length: Math.ceil(testCount / size) }, (_, k): TestBatch => {
          const here = Math.min(size, testCount - k * size);
          const noise = new Float32Array(size * NOISE);
          noise.set(normals(6 + k, here * NOISE));
          return { values: { noise, real: new Float32Array(size) }, count: here };
        }),
    },
  };
  await withEngine(wasm, 1, async (engine) => {
    const settings: TrainingSettings = {
      ...plainSettings,
      epochs: 40,
      batchSize: 64,
      learningRate: { kind: 'cosine', initial: 0.02, warmupEpochs: 0 },
      rule: { kind: 'adam', beta1: 0, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.02 },
    };
    const fitting = await prepareFit({ engine, network: pair, task, settings, seed: 3 });
    const { history } = await fitting.result();
    fitting.free();
    const means = history.map(({ trainAccuracy }) => trainAccuracy);
    assert.ok(Math.abs(means[0]! - 3) > 2, `${means[0]}`);
    // The pair circles around its equilibrium.
    const late = means.slice(-10).reduce((sum, mean) => sum + mean, 0) / 10;
    assert.ok(Math.abs(late - 3) < 0.5, `${means}`);
  });
});
