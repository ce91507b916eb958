// Networks that others trained, from OHMIC_DATA/networks: residual networks for CIFAR-10 by both exporters of PyTorch, with the
// logits that ONNX Runtime gives for the first test images.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { importOnnx } from './import-onnx.ts';
import { interpreted } from './oracle.test-data.ts';

const { OHMIC_DATA: folder = '/nowhere' } = process.env;
const networks = join(folder, 'networks');
const realData = {
  skip:
    !existsSync(join(networks, 'expected.json')) && 'set OHMIC_DATA to a folder with networks/ and cifar10/',
};

type Expected = { readonly logitsOfFirst4TestImages: readonly (readonly number[])[] };

/** The first test images of CIFAR-10, (n, 32, 32, 3), normalised as torchvision's networks expect. */
function firstImages(count: number): Float32Array {
  const bytes = readFileSync(join(folder, 'cifar10', 'test_batch.bin'));
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ];
  return Float32Array.from({ length: count * 3072 }, (_, k) => {
    const [image, pixel, channel] = [Math.floor(k / 3072), Math.floor((k % 3072) / 3), k % 3];
    const value = bytes[image * 3073 + 1 + channel * 1024 + pixel]! / 255;
    return (value - mean[channel]!) / std[channel]!;
  });
}

for (const [name, depth] of [
  ['resnet20', 20],
  ['resnet20-dynamo', 20],
  ['resnet32', 32],
] as const) {
  test(`${name} gives the logits of ONNX Runtime`, realData, async () => {
    const { network, parameters } = await importOnnx(readFileSync(join(networks, `${name}.onnx`)), {
      name,
      images: [32, 32, 3],
      restoreNormalization: true,
      readFile: async (file) => readFileSync(join(networks, file)),
    });
    assert.equal(network.layers.length, depth);
    assert.equal(network.normalizationLayers.length, depth - 1);
    assert.deepEqual(
      network.layers.slice(0, 3).map((layer) => layer.name),
      ['conv1', 'layer1.0.conv1', 'layer1.0.conv2'],
    );
    const { logits } = interpreted(network, parameters, {
      images: { dims: [1, 32, 32, 3], values: firstImages(1) },
    });
    const expected = JSON.parse(readFileSync(join(networks, 'expected.json'), 'utf8')) as Record<
      string,
      Expected
    >;
    const first = expected[name.replace('-dynamo', '')]!.logitsOfFirst4TestImages[0]!;
    for (const [k, value] of first.entries())
      assert.ok(
        Math.abs(logits!.values[k]! - value) < 1e-4,
        `${k}: expected ${value}, got ${logits!.values[k]}`,
      );
  });
}
