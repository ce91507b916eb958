// The same seed gives the same bits, whatever the number of threads and whatever lay in memory before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parameters } from '../src/base/parameters.ts';
import { keyFromSeed } from '../src/base/random.ts';
import type { HardwareSpec } from '../src/crossbar/hardware.ts';
import { hardwareAware } from '../src/crossbar/hardware-aware.ts';
import { standardEvaluation } from '../src/crossbar/presets.ts';
import type { Engine } from '../src/engine.ts';
import { gradients } from '../src/graph/gradients.ts';
import { interpret } from '../src/graph/interpret.ts';
import type { Graph } from '../src/graph/node.ts';
import { digital, type Layer, type Operator, weightsOf } from '../src/graph/operator.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { softmaxCrossEntropy } from '../src/nn/losses.ts';
import { initialParameters, isTrained } from '../src/nn/network.ts';
import { networkByName } from '../src/nn/networks.ts';
import { updatedStatistics } from '../src/nn/normalization.ts';
import { backends, relativeError, withEngine } from './compare.ts';
import { deployed } from './deployed.ts';
import { randomParameters, tinyConvolutional } from './tiny.ts';

const BATCH = 6;
const network = networkByName('small-cnn', { inputShape: [9, 7, 3], classes: 5 });
const start: Parameters = initialParameters(network, keyFromSeed(1));
const images = Float32Array.from({ length: BATCH * 9 * 7 * 3 }, (_, i) => Math.sin(1.7 * i));
const labels = Float32Array.from({ length: BATCH }, (_, i) => i % 5);

/** Tiles smaller than the layers, so that products are cut. */
const tiles: HardwareSpec = { ...standardEvaluation, tile: { kind: 'limited', rows: 100, columns: 40 } };

type Multiplying = (t: Trace, weights: (layer: Layer) => Tensor) => Operator;

/** Noisy weights, converters and output noise. */
const analog: Multiplying = (t, weights) =>
  hardwareAware({
    hardware: tiles,
    weights,
    noise: t.scalar('noiseScale'),
    ranges: { inputRange: (_layer, x) => ({ x, range: 3 }), outputRange: () => 10 },
    key: t.key('noise'),
  });

/** Forward, backward, and a step of gradient descent. */
function traceStep(operator: Multiplying): Graph {
  return trace((t) => {
    const parameters = Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
    );
    const { outputs, statistics } = network.apply({
      inputs: { images: t.input('images', [BATCH, ...network.inputs['images']!]) },
      parameters,
      operator: operator(t, (layer) => parameters[weightsOf(layer)]!),
      mode: { kind: 'training' },
    });
    const logits = outputs['logits']!;
    const loss = softmaxCrossEntropy(logits, t.input('labels', [BATCH]));
    const trained = network.parameters.filter(isTrained).map(({ name }) => name);
    const slopes = gradients(
      loss,
      trained.map((name) => parameters[name]!),
    );
    const updates: Record<string, Tensor> = {};
    for (const [k, name] of trained.entries())
      updates[name] = parameters[name]!.subtract(slopes[k]!.multiply(0.05));
    for (const [name, batch] of Object.entries(statistics))
      updates[name] = updatedStatistics(parameters[name]!, batch, 0.1);
    return { outputs: { loss, logits }, updates };
  });
}

type Outcome = { readonly outputs: readonly Record<string, Float32Array>[]; readonly parameters: Parameters };

/** Some steps from the start, each with a key of its own. */
async function train(engine: Engine, graph: Graph, steps: number): Promise<Outcome> {
  const executable = await engine.compile(graph);
  const state = await engine.store(start);
  const outputs: Record<string, Float32Array>[] = [];
  for (let step = 0; step < steps; step++) {
    outputs.push(
      await executable.run({
        inputs: { images, labels },
        scalars: { noiseScale: 0.1 },
        keys: { noise: [7, step] },
        state,
      }),
    );
  }
  const parameters = await state.read();
  executable.free();
  state.free();
  return { outputs, parameters };
}

/** Everything that a deployment tells of one read of one chip. */
function deployedBits(engine: Engine): Promise<unknown> {
  const parameters = randomParameters(tinyConvolutional);
  const hardware: HardwareSpec = { ...tiles, readNoise: { kind: 'per-product' } };
  return deployed({ engine, parameters, hardware }, async (deployment) => {
    const read = { chip: 1, timeSeconds: 3600, read: 2 };
    return [
      await deployment.chip(1),
      await deployment.baseline(1),
      await deployment.reading(read),
      await deployment.accuracy({ ...read, method: 'per-column' }),
      await deployment.accuracy({ ...read, method: 'adabs' }),
    ];
  });
}

for (const choice of backends) {
  test(`${choice.name}: a deployment gives the same bits with 1 and 3 threads, and when repeated`, async () => {
    const found: unknown[] = [];
    for (const threads of [1, 3]) {
      await withEngine(choice, threads, async (engine) => {
        for (let repetition = 0; repetition < 2; repetition++) found.push(await deployedBits(engine));
      });
    }
    for (const other of found.slice(1)) assert.deepEqual(other, found[0]);
  });

  test(`${choice.name}: noisy training steps give the same bits with 1, 2 and 3 threads, and when repeated`, async () => {
    const graph = traceStep(analog);
    const outcomes: Outcome[] = [];
    for (const threads of [1, 2, 3]) {
      await withEngine(choice, threads, async (engine) => {
        for (let repetition = 0; repetition < 2; repetition++) outcomes.push(await train(engine, graph, 2));
      });
    }
    const [first, ...others] = outcomes as [Outcome, ...Outcome[]];
    assert.ok(Number.isFinite(first.outputs[1]!['loss']![0]!));
    assert.notDeepEqual(first.outputs[0], first.outputs[1]);
    for (const other of others) assert.deepEqual(other, first);
  });

  test(`${choice.name}: a digital training step agrees with the interpreter`, async () => {
    const graph = traceStep((_, weights) => digital(weights));
    const given = {
      ...Object.fromEntries(Object.entries(start).map(([name, { data }]) => [name, data])),
      images,
      labels,
    };
    const expected = interpret(graph, given);
    await withEngine(choice, 2, async (engine) => {
      const { outputs, parameters } = await train(engine, graph, 1);
      for (const [name, values] of Object.entries(expected.outputs)) {
        assert.ok(relativeError(outputs[0]![name]!, values) < 1e-5, name);
      }
      // What a step changes is small against the parameter, so the change is compared.
      for (const [name, values] of Object.entries(expected.updates)) {
        const change = (after: ArrayLike<number>): Float64Array =>
          Float64Array.from(start[name]!.data, (value, i) => after[i]! - value);
        assert.ok(relativeError(change(parameters[name]!.data), change(values)) < 1e-3, name);
      }
    });
  });
}
