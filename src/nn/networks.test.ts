import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { countParameters } from '../base/parameters.ts';
import { keyFromSeed } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { digital } from '../graph/multiply.ts';
import type { Graph } from '../graph/node.ts';
import { trace } from '../graph/trace.ts';
import { classifier } from './classifier.ts';
import { batchNormalization, flatten, sequence } from './layers.ts';
import { countAnalogWeights, countWeights, initialParameters, type Mode, type Model } from './model.ts';
import { lenet5, mlp, modelByName, modelNames, smallCnn } from './models.ts';
import { resnet, resnet32, resnet32Wide } from './resnet.ts';

const cifar = { inputShape: [32, 32, 3], classes: 10 };
const mnist = { inputShape: [28, 28, 1], classes: 10 };

function traced(model: Model, mode: Mode, batch = 2): Graph {
  return trace((t) => {
    const parameters = Object.fromEntries(
      model.parameters.map((spec) => [spec.name, t.input(spec.name, spec.shape)]),
    );
    const { logits, statistics } = model.apply(
      parameters,
      t.input('images', [batch, ...model.inputShape]),
      digital,
      mode,
    );
    return { outputs: { logits, ...statistics } };
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

test('the other networks have the weights that are commonly quoted', () => {
  const published = mlp({ ...mnist, hidden: [250], activation: 'sigmoid' });
  assert.equal(countWeights(published), 785 * 250 + 251 * 10);
  assert.equal(countWeights(lenet5(mnist)), 61_706);
  assert.equal(countWeights(lenet5({ ...mnist, inputShape: [32, 32, 1] })), 61_706);
  assert.equal(countWeights(smallCnn(cifar)), 33_338);
});

test('every named network makes logits from images, and statistics in training mode only', () => {
  for (const name of modelNames) {
    const model = modelByName(name, cifar);
    assert.equal(model.name, name);
    const training = traced(model, { kind: 'training' });
    assert.deepEqual(training.outputs['logits']!.shape, [2, 10], name);
    const statistics = model.normalizationLayers.flatMap((layer) => [
      `${layer}.runningMean`,
      `${layer}.runningVariance`,
    ]);
    assert.deepEqual(Object.keys(training.outputs).slice(1), statistics, name);
    for (const layer of statistics) {
      const spec = model.parameters.find((parameter) => parameter.name === layer)!;
      assert.deepEqual(training.outputs[layer]!.shape, spec.shape, layer);
    }
    assert.deepEqual(Object.keys(traced(model, { kind: 'inference' }).outputs), ['logits'], name);
  }
});

test('parameters are named by stage, block and layer', () => {
  const model = resnet({ ...cifar, depth: 8, widths: [4, 6, 8], shortcut: 'projection' });
  assert.deepEqual(
    model.analogLayers.map(({ name, rows, columns }) => [name, rows, columns]),
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
  assert.deepEqual(model.normalizationLayers.slice(0, 3), [
    'stemNorm',
    'stage1.block0.norm1',
    'stage1.block0.norm2',
  ]);
  assert.ok(model.parameters.some(({ name }) => name === 'stage2.block0.projectionNorm.runningVariance'));
});

test('a residual network works on images with odd sides, with either shortcut', () => {
  for (const shortcut of ['projection', 'padded'] as const) {
    const model = resnet({ inputShape: [5, 7, 1], classes: 3, depth: 8, widths: [2, 3, 4], shortcut });
    const values = Object.entries(initialParameters(model, keyFromSeed(2))).map(([name, { data }]) => [
      name,
      data,
    ]);
    const images = Array.from({ length: 70 }, (_, i) => Math.sin(i));
    for (const kind of ['training', 'inference'] as const) {
      const { outputs } = interpret(traced(model, { kind }), { ...Object.fromEntries(values), images });
      assert.ok(outputs['logits']!.every(Number.isFinite), `${shortcut} ${kind}`);
      assert.notDeepEqual(outputs['logits']!.slice(0, 3), outputs['logits']!.slice(3), `${shortcut} ${kind}`);
    }
  }
});

test('inference with the statistics of a batch equals training mode on that batch', () => {
  const model = resnet({
    inputShape: [4, 4, 1],
    classes: 3,
    depth: 8,
    widths: [2, 2, 2],
    shortcut: 'padded',
  });
  const start = initialParameters(model, keyFromSeed(5));
  const values = Object.fromEntries(Object.entries(start).map(([name, { data }]) => [name, data]));
  const images = Array.from({ length: 32 }, (_, i) => Math.cos(i));
  const { logits, ...statistics } = interpret(traced(model, { kind: 'training' }), {
    ...values,
    images,
  }).outputs;
  const again = interpret(traced(model, { kind: 'inference' }), { ...values, ...statistics, images }).outputs;
  // Both are the same formula in float64, rounded in another order over nine normalisations.
  for (const [i, value] of logits!.entries()) assert.ok(Math.abs(again['logits']![i]! - value) < 1e-11);
});

test('initial parameters fill every specified shape', () => {
  const model = smallCnn(cifar);
  const normalization = 4 * (16 + 32 + 32 + 64);
  assert.equal(countParameters(initialParameters(model, keyFromSeed(0))), 33_338 + normalization);
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
    () => modelByName('mlp', { inputShape: [28, 28], classes: 1 }),
    refused(
      /2 faults[\s\S]*\(height, width, channels\), each at least 1, got \(28, 28\)[\s\S]*at least 2 classes, got 1/,
    ),
  );
  assert.throws(
    () => modelByName('vgg', cifar),
    refused(/^model: expected one of mlp, lenet5, small-cnn, .*resnet32-wide, got "vgg"$/),
  );
});

test('a classifier must end in its classes and name its parameters apart', () => {
  const twice = sequence([batchNormalization('n'), batchNormalization('n'), flatten]);
  assert.throws(
    () => classifier({ name: 'odd', inputShape: [1, 1, 3], classes: 2, layer: twice }),
    refused(/output \(3\) is not one logit for each of 2 classes[\s\S]*two parameters are named "n\.scale"/),
  );
});

test('a network refuses images and parameters that do not fit, all at once', () => {
  const model = mlp({ inputShape: [2, 2, 1], classes: 2, hidden: [], activation: 'relu' });
  trace((t) => {
    const parameters = { 'dense1.weights': t.input('w', [2, 2]) };
    assert.throws(
      () => model.apply(parameters, t.input('images', [1, 3, 3, 1]), digital, { kind: 'inference' }),
      refused(
        /^model "mlp": 3 faults\n.*expected images \(n, 2, 2, 1\), got \(1, 3, 3, 1\)\n.*"dense1.weights" is \(2, 2\), expected \(4, 2\)\n.*"dense1.bias" \(2\) is missing$/,
      ),
    );
    return { outputs: {} };
  });
});
