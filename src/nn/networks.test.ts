import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { countParameters } from '../base/parameters.ts';
import { keyFromSeed } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import { interpret } from '../graph/interpret.ts';
import type { Graph } from '../graph/node.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { countAnalogWeights, countWeights, initialParameters, type Mode, type Network } from './network.ts';
import { cnn, lenet5, mlp, networkByName, networkNames, smallCnn } from './networks.ts';
import { resnet, resnet32, resnet32Wide } from './resnet.ts';

const cifar = { inputShape: [32, 32, 3], classes: 10 };
const mnist = { inputShape: [28, 28, 1], classes: 10 };

function traced(network: Network, mode: Mode, batch = 2): Graph {
  return trace((t) => {
    const parameters = Object.fromEntries(
      network.parameters.map((spec) => [spec.name, t.input(spec.name, spec.shape)]),
    );
    const { outputs, statistics } = network.apply({
      inputs: { images: t.input('images', [batch, ...network.inputs['images']!]) },
      parameters,
      operator: digital((layer) => parameters[weightsOf(layer)]!),
      mode,
    });
    return { outputs: { ...outputs, ...statistics } };
  });
}

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof UsageError && message.test(error.message);

test('ResNet-32 with widths 16/28/56 has the 361,722 weights of Joshi et al. 2020 (abstract)', () => {
  assert.equal(countWeights(resnet32(cifar)), 361_722);
  assert.equal(countAnalogWeights(resnet32(cifar)), 361_712);
});

test('ResNet-32 with widths 16/32/64 has 464,442 weights with projections, two 1x1 convolutions less without', () => {
  const projected = resnet({ ...cifar, depth: 32, widths: [16, 32, 64], shortcut: 'projection' });
  assert.equal(countWeights(projected), 464_442);
  assert.equal(countWeights(resnet32Wide(cifar)), 464_442 - 16 * 32 - 32 * 64);
});

test('vit has 1,205,642 parameters, of which its normalisations have 3,328 and its layers 1,187,072', () => {
  const network = networkByName('vit', cifar);
  const norms = (6 * 2 + 1) * 2 * 128;
  assert.equal(countParameters(initialParameters(network, keyFromSeed(0))), 1_205_642);
  assert.equal(countWeights(network), 1_205_642 - norms);
  assert.equal(countAnalogWeights(network), 6 * 12 * 128 ** 2 + 4 * 4 * 3 * 128 + 128 * 10);
  assert.equal(countAnalogWeights(network), 1_187_072);
  assert.equal(network.layers.length, 1 + 6 * 4 + 1);
});

test('the other networks have the weights that are commonly quoted', () => {
  const published = mlp({ ...mnist, hidden: [250], activation: 'sigmoid' });
  assert.equal(countWeights(published), 785 * 250 + 251 * 10);
  assert.equal(countWeights(lenet5(mnist)), 61_706);
  assert.equal(countWeights(lenet5({ ...mnist, inputShape: [32, 32, 1] })), 61_706);
  assert.equal(countWeights(smallCnn(cifar)), 33_338);
  const filters = 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64);
  assert.equal(countWeights(cnn(cifar)), filters + (8 * 8 * 64 + 1) * 350 + 351 * 10);
  assert.equal(countWeights(cnn(cifar)), 1_502_836);
});

test('every named network makes logits from images, and statistics in training mode only', () => {
  for (const name of networkNames) {
    const network = networkByName(name, cifar);
    assert.equal(network.name, name);
    const training = traced(network, { kind: 'training' });
    assert.deepEqual(training.outputs['logits']!.shape, [2, 10], name);
    const statistics = network.normalizationLayers.flatMap((layer) => [
      `${layer}.runningMean`,
      `${layer}.runningVariance`,
    ]);
    assert.deepEqual(Object.keys(training.outputs).slice(1), statistics, name);
    for (const name of statistics) {
      const spec = network.parameters.find((parameter) => parameter.name === name)!;
      assert.deepEqual(training.outputs[name]!.shape, spec.shape, name);
    }
    assert.deepEqual(Object.keys(traced(network, { kind: 'inference' }).outputs), ['logits'], name);
  }
});

test('parameters are named by stage, block and layer', () => {
  const network = resnet({ ...cifar, depth: 8, widths: [4, 6, 8], shortcut: 'projection' });
  assert.deepEqual(
    network.layers.map(({ name, shape }) => [name, elementCount(shape.slice(0, -1)), shape.at(-1)]),
    [
      ['stem', 27, 4],
      ['stage1.block0.conv1', 36, 4],
      ['stage1.block0.conv2', 36, 4],
      ['stage2.block0.conv1', 36, 6],
      ['stage2.block0.conv2', 54, 6],
      ['stage2.block0.projection', 4, 6],
      ['stage3.block0.conv1', 54, 8],
      ['stage3.block0.conv2', 72, 8],
      ['stage3.block0.projection', 6, 8],
      ['dense', 8, 10],
    ],
  );
  assert.deepEqual(network.normalizationLayers.slice(0, 3), [
    'stemNorm',
    'stage1.block0.norm1',
    'stage1.block0.norm2',
  ]);
  assert.ok(network.parameters.some(({ name }) => name === 'stage2.block0.projectionNorm.runningVariance'));
});

test('a residual network works on images with odd sides, with either shortcut', () => {
  for (const shortcut of ['projection', 'padded'] as const) {
    const network = resnet({ inputShape: [5, 7, 1], classes: 3, depth: 8, widths: [2, 3, 4], shortcut });
    const values = Object.entries(initialParameters(network, keyFromSeed(2))).map(([name, { data }]) => [
      name,
      data,
    ]);
    const images = Array.from({ length: 70 }, (_, i) => Math.sin(i));
    for (const kind of ['training', 'inference'] as const) {
      const { outputs } = interpret(traced(network, { kind }), { ...Object.fromEntries(values), images });
      assert.ok(outputs['logits']!.every(Number.isFinite), `${shortcut} ${kind}`);
      assert.notDeepEqual(outputs['logits']!.slice(0, 3), outputs['logits']!.slice(3), `${shortcut} ${kind}`);
    }
  }
});

test('inference with the statistics of a batch equals training mode on that batch', () => {
  const network = resnet({
    inputShape: [4, 4, 1],
    classes: 3,
    depth: 8,
    widths: [2, 2, 2],
    shortcut: 'padded',
  });
  const start = initialParameters(network, keyFromSeed(5));
  const values = Object.fromEntries(Object.entries(start).map(([name, { data }]) => [name, data]));
  const images = Array.from({ length: 32 }, (_, i) => Math.cos(i));
  const { logits, ...statistics } = interpret(traced(network, { kind: 'training' }), {
    ...values,
    images,
  }).outputs;
  const again = interpret(traced(network, { kind: 'inference' }), {
    ...values,
    ...statistics,
    images,
  }).outputs;
  // Both are the same formula in float64, rounded in another order over nine normalisations.
  for (const [i, value] of logits!.entries()) assert.ok(Math.abs(again['logits']![i]! - value) < 1e-11);
});

test('initial parameters fill every specified shape', () => {
  const network = smallCnn(cifar);
  const normalization = 4 * (16 + 32 + 32 + 64);
  assert.equal(countParameters(initialParameters(network, keyFromSeed(0))), 33_338 + normalization);
});

test('impossible networks are refused with all their faults', () => {
  const options = { ...cifar, widths: [16, 28, 56], shortcut: 'projection' } as const;
  for (const depth of [2, 10, 33]) {
    assert.throws(
      () => resnet({ ...options, depth }),
      refused(/expected a depth of 6 n \+ 2 .* got (2|10|33)$/),
    );
  }
  assert.throws(
    () => resnet({ ...options, depth: 9, widths: [8, 4, 4], shortcut: 'padded' }),
    refused(/2 faults[\s\S]*got 9[\s\S]*got 8\/4\/4; use projections/),
  );
  assert.throws(
    () => lenet5({ ...mnist, inputShape: [8, 8, 1] }),
    refused(/at least 28 x 28 pixels, got \(8, 8, 1\)/),
  );
  assert.throws(
    () => networkByName('mlp', { inputShape: [28, 28, 0], classes: 1 }),
    refused(
      /2 faults[\s\S]*\(height, width, channels\), each at least 1, got \(28, 28, 0\)[\s\S]*at least 2 classes, got 1/,
    ),
  );
  assert.throws(
    () => networkByName('vgg', cifar),
    refused(
      /^model: expected one of mlp, mlp-256-128, mlp-256-128-scaled, lenet5, small-cnn, cnn, .*resnet32-wide, resnet18, resnet34, vit, got "vgg"$/,
    ),
  );
});
