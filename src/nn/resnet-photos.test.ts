import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { isTrained, type Network } from './network.ts';
import { networkByName } from './networks.ts';
import { resnet18, resnet34 } from './resnet-photos.ts';

const imagenet = { inputShape: [224, 224, 3], classes: 1000 };

/** As `sum(p.numel() for p in model.parameters())` counts in PyTorch. */
function trainedCount({ parameters }: Network): number {
  return parameters.filter(isTrained).reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

test('ResNet-18 and ResNet-34 have the 11,689,512 and 21,797,672 parameters that torchvision states', () => {
  // torchvision 0.29.1, models/resnet.py: num_params of ResNet18_Weights and ResNet34_Weights.
  assert.equal(trainedCount(resnet18(imagenet)), 11_689_512);
  assert.equal(trainedCount(resnet34(imagenet)), 21_797_672);
});

/** Names and shapes (kernel rows, kernel columns, in, out) of torchvision's layers, written down from its models/resnet.py. */
function torchvisionLayers(blocks: readonly number[]): [string, Shape][] {
  const layers: [string, Shape][] = [['conv1', [7, 7, 3, 64]]];
  let inputs = 64;
  for (const [stage, planes] of [64, 128, 256, 512].entries()) {
    for (let block = 0; block < blocks[stage]!; block++) {
      const prefix = `layer${stage + 1}.${block}`;
      layers.push([`${prefix}.conv1`, [3, 3, inputs, planes]], [`${prefix}.conv2`, [3, 3, planes, planes]]);
      if (inputs !== planes) layers.push([`${prefix}.downsample.0`, [1, 1, inputs, planes]]);
      inputs = planes;
    }
  }
  return [...layers, ['fc', [512, 1000]]];
}

test('their layers have the names and shapes of torchvision', () => {
  for (const { network, blocks } of [
    { network: resnet18(imagenet), blocks: [2, 2, 2, 2] },
    { network: resnet34(imagenet), blocks: [3, 4, 6, 3] },
  ]) {
    assert.deepEqual(
      network.layers.map(({ name, shape }) => [name, shape]),
      torchvisionLayers(blocks),
    );
    assert.deepEqual(
      network.normalizationLayers,
      network.layers
        .filter(({ kind }) => kind === 'convolution')
        .map(({ name }) => name.replace(/conv(\d)$/, 'bn$1').replace('downsample.0', 'downsample.1')),
    );
  }
});

test('they refuse images that five halvings leave nothing of', () => {
  assert.throws(
    () => networkByName('resnet34', { inputShape: [28, 28, 1], classes: 10 }),
    (error) =>
      error instanceof UsageError &&
      error.message ===
        'model "resnet34": expected images of at least 32 x 32 pixels, got (28, 28, 1); for small images there are resnet20 and resnet32',
  );
});
