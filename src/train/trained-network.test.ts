// The network of a weights file: by its name, or from the description beside its weights.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../base/random.ts';
import { exportOnnx } from '../interop/onnx/export-onnx.ts';
import { importOnnx } from '../interop/onnx/import-onnx.ts';
import { initialParameters } from '../nn/network.ts';
import { networkByName } from '../nn/networks.ts';
import { decodeCheckpoint, decodeWeights, encodeCheckpoint, encodeWeights } from './checkpoint.ts';
import { networkOfWeights } from './trained-network.ts';

const task = { inputShape: [8, 8, 1], classes: 3 };
const named = networkByName('small-cnn', task);
const bytes = exportOnnx({ network: named, parameters: initialParameters(named, keyFromSeed(1)) });
const { network, parameters } = await importOnnx(bytes, { name: 'own', images: [8, 8, 1] });
const provenance = {
  ohmic: '1',
  model: 'own',
  dataset: 'digits',
  external: { file: 'own.onnx', sha256: '0' },
  seed: 0,
  backend: 'none',
  history: [],
};

test('an imported network is built from its own weights file, and from a checkpoint', async () => {
  const { description } = network;
  const file = await encodeWeights({ parameters, provenance, description });
  const read = await decodeWeights('weights', file);
  assert.deepEqual(read, { parameters, provenance, description });
  const again = networkOfWeights(read, task);
  assert.deepEqual({ ...again, apply: undefined }, { ...network, apply: undefined });
  const state = { step: 1, running: {}, tensors: parameters, history: [] };
  const checkpoint = await decodeCheckpoint('c', await encodeCheckpoint({ state, provenance, description }));
  assert.equal(checkpoint.description, description);
});

test('a network without a description is the one of its name', () => {
  const found = networkOfWeights({ provenance: { model: 'small-cnn' } }, task);
  assert.deepEqual({ ...found, apply: undefined }, { ...named, apply: undefined });
  assert.throws(() => networkOfWeights({ provenance: { model: 'own' } }, task), /model: expected one of/);
});

test('an imported network that can not classify the images is refused with all reasons', async () => {
  const { description } = network;
  assert.throws(
    () =>
      networkOfWeights({ provenance: { model: 'own' }, description }, { inputShape: [9, 8, 1], classes: 4 }),
    {
      name: 'UsageError',
      message:
        'network "own": 2 faults\n  - it is for images (8, 8, 1), got (9, 8, 1)\n' +
        '  - expected an output "logits" of one number for each of 4 classes, got (3)',
    },
  );
  const plain = (
    await importOnnx(
      exportOnnx({ network: { ...named }, parameters: initialParameters(named, keyFromSeed(1)) }),
      {
        inputs: { images: { as: 'x' } },
        outputs: { logits: 'y' },
      },
    )
  ).network;
  assert.throws(
    () => networkOfWeights({ provenance: { model: 'own' }, description: plain.description }, task),
    /expected one input, "images", got "x"\n {2}- expected an output "logits" .* got none/,
  );
});
