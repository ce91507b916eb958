// Reads of chips as parameters and as ONNX files, and normalisations that were folded into convolutions: what the chip
// computes, what ONNX Runtime computes, and what ohmic reads again are the same.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Parameters } from '../src/base/parameters.ts';
import { keyFromSeed } from '../src/base/random.ts';
import { elementCount } from '../src/base/shape.ts';
import { joshi2020 } from '../src/crossbar/presets.ts';
import { engineOn } from '../src/engine.ts';
import { deploy } from '../src/experiment/deploy.ts';
import { restoreStatistics } from '../src/experiment/restore-normalization.ts';
import { interpret } from '../src/graph/interpret.ts';
import { digital, weightsOf } from '../src/graph/operator.ts';
import { trace } from '../src/graph/trace.ts';
import { exportOnnx } from '../src/interop/onnx/export-onnx.ts';
import { importOnnx } from '../src/interop/onnx/import-onnx.ts';
import {
  type Answers,
  compareAnswers,
  drawsOf,
  floats,
  interpreted,
  needsOracle,
  oracle,
  writeSketch,
} from '../src/interop/onnx/oracle.test-data.ts';
import type { Network } from '../src/nn/network.ts';
import { classification } from '../src/train/classification.ts';
import { digitalScore } from '../src/train/score.ts';
import { backends, relativeError } from './compare.ts';
import { deploying, tinyData, tinyEvaluation, YEAR } from './deployed.ts';
import { tinyConvolutional, tinySplit, trainedNetwork } from './tiny.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const network = tinyConvolutional;
const { parameters } = await trainedNetwork(engine, network, tinySplit());

/** Cells that are noisy and drift, with converters that lose nothing. */
const hardware = joshi2020;
const deployed = deploying({ engine, parameters, hardware });

/** The first images of the test set, as the network sees them. */
function firstImages(count: number): Answers[string] {
  const task = classification(tinyData);
  const { values } = task.examples.testBatches(count)[0]!;
  const [shape] = Object.values(network.inputs);
  return { dims: [count, ...shape!], values: values['images']! };
}

/** (n, h, w, c) → (n, c, h, w). */
function channelsFirst({ dims, values }: Answers[string]): Answers[string] {
  const [n, h, w, c] = dims as readonly [number, number, number, number];
  const moved = new Float32Array(values.length);
  for (let b = 0; b < n; b++)
    for (let p = 0; p < h * w; p++)
      for (let q = 0; q < c; q++) moved[(b * c + q) * h * w + p] = values[(b * h * w + p) * c + q]!;
  return { dims: [n, c, h, w], values: moved };
}

test('a digital network with the parameters of a chip scores as the chip does, under every method', async () => {
  const task = classification(tinyData);
  await deployed({}, async (deployment) => {
    for (const method of tinyEvaluation.methods) {
      for (const timeSeconds of [0, YEAR]) {
        const read = { chip: 1, timeSeconds, method };
        const own = await deployment.parameters(read);
        const score = await digitalScore({ engine, network, parameters: own, task });
        assert.equal(score, await deployment.accuracy(read), `${method} at ${timeSeconds} s`);
      }
    }
    const [none, global] = await Promise.all(
      (['none', 'global'] as const).map((method) =>
        deployment.parameters({ chip: 0, timeSeconds: YEAR, method }),
      ),
    );
    const name = `${network.layers[0]!.name}.weights`;
    const factors = global![name]!.data.map((weight, k) => weight / none![name]!.data[k]!);
    assert.ok(factors[0]! > 1.05, 'a year of drift is compensated');
    assert.ok(
      factors.every((factor) => Math.abs(factor / factors[0]! - 1) < 1e-5),
      'by one factor',
    );
  });
});

test('a read of a chip runs in ONNX Runtime as it does on the chip', needsOracle, async () => {
  const images = firstImages(8);
  await deployed({}, async (deployment) => {
    for (const method of ['none', 'adabs'] as const) {
      const own = await deployment.parameters({ chip: 0, timeSeconds: YEAR, method });
      const bytes = exportOnnx({ network, parameters: own });
      const expected = interpreted(network, own, { images });
      compareAnswers(expected, await oracle(bytes, { images: channelsFirst(images) }), 1e-4);
    }
  });
});

/** Convolutions with the biases that folded normalisations leave, as exporters write them. */
function foldedFile(): Uint8Array {
  const draw = drawsOf(3);
  return writeSketch({
    inputs: { image: ['n', 2, 8, 8] },
    constants: {
      'conv1.weight': floats(draw, [4, 2, 3, 3]),
      'conv1.bias': floats(draw, [4]),
      'conv2.weight': floats(draw, [6, 4, 3, 3]),
      'conv2.bias': floats(draw, [6]),
      'fc.weight': floats(draw, [4, 6]),
      'fc.bias': floats(draw, [4]),
    },
    nodes: [
      { op: 'Conv', inputs: ['image', 'conv1.weight', 'conv1.bias'], outputs: ['c1'] },
      { op: 'Relu', inputs: ['c1'], outputs: ['r1'] },
      { op: 'Conv', inputs: ['r1', 'conv2.weight', 'conv2.bias'], outputs: ['c2'] },
      { op: 'Relu', inputs: ['c2'], outputs: ['r2'] },
      { op: 'GlobalAveragePool', inputs: ['r2'], outputs: ['p'] },
      { op: 'Flatten', inputs: ['p'], outputs: ['f'] },
      { op: 'Gemm', inputs: ['f', 'fc.weight', 'fc.bias'], outputs: ['y'], attributes: { transB: 1 } },
    ],
    outputs: ['y'],
  });
}

test('restored normalisations change nothing, have the statistics of their layers, and let AdaBS work', async () => {
  const bytes = foldedFile();
  const images = firstImages(5);
  const plain = await importOnnx(bytes, { images: [8, 8, 2] });
  assert.deepEqual([plain.network.normalizationLayers, plain.restored], [[], []]);
  const imported = await importOnnx(bytes, { images: [8, 8, 2], restoreNormalization: true });
  assert.deepEqual(imported.restored, ['conv1', 'conv2']);
  assert.deepEqual(imported.network.normalizationLayers, ['conv1', 'conv2']);
  const expected = interpreted(plain.network, plain.parameters, { images });
  compareAnswers(interpreted(imported.network, imported.parameters, { images }), expected, 1e-6);
  const task = classification(tinyData);
  const { trainCount } = task.examples;
  const measured = await restoreStatistics({
    engine,
    network: imported.network,
    parameters: imported.parameters,
    task,
    layers: imported.restored,
    batches: 1,
    batchSize: trainCount,
  });
  compareAnswers(interpreted(imported.network, measured, { images }), expected, 1e-5);
  // Statistics of the first layer in training mode, on all training images.
  const statistics = await trainingStatistics(imported.network, measured, trainCount);
  for (const role of ['runningMean', 'runningVariance'])
    assert.ok(relativeError(statistics[`conv1.${role}`]!, measured[`conv1.${role}`]!.data) < 1e-4, role);
  const deployment = await deploy({
    engine,
    network: imported.network,
    parameters: measured,
    data: tinyData,
    hardware,
    evaluation: tinyEvaluation,
  });
  const read = { chip: 0, timeSeconds: YEAR } as const;
  const own = await deployment.parameters({ ...read, method: 'adabs' });
  deployment.free();
  const drifted = own['conv2.runningVariance']!.data;
  assert.ok(relativeError(drifted, measured['conv2.runningVariance']!.data) > 0.01, 'estimated on the chip');
  await assert.rejects(
    restoreStatistics({
      engine,
      network: plain.network,
      parameters: plain.parameters,
      task,
      layers: ['conv1'],
    }),
    /restoreStatistics: layer "conv1" has no normalisation; import the network with restoreNormalization/,
  );
});

/** Batch statistics of the first `count` training examples, in float64. */
async function trainingStatistics(
  net: Network,
  values: Parameters,
  count: number,
): Promise<Readonly<Record<string, Float64Array>>> {
  const { examples, batch } = classification(tinyData);
  const [shape] = Object.values(net.inputs);
  const own = new Float32Array(count * elementCount(shape!));
  const labels = new Float32Array(count);
  examples.fillTraining(
    { images: own, labels },
    Uint32Array.from({ length: count }, (_, k) => k),
    {
      key: keyFromSeed(0),
      epoch: 0,
    },
  );
  assert.deepEqual(Object.keys(batch), ['images', 'labels']);
  const graph = trace((t) => ({
    outputs: net.apply({
      inputs: { images: t.input('images', [count, ...shape!]) },
      parameters: Object.fromEntries(
        net.parameters
          .filter(({ role }) => role !== 'weights')
          .map(({ name, shape: size }) => [name, t.state(name, size)]),
      ),
      operator: digital((layer) => t.state(weightsOf(layer), layer.shape)),
      mode: { kind: 'training' },
    }).statistics,
  }));
  const data = Object.entries(values).map(([name, tensor]) => [name, tensor.data] as const);
  return interpret(graph, { images: own, ...Object.fromEntries(data) }).outputs;
}
