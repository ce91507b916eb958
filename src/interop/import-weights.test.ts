// From a file's bytes to the parameters of a network.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../base/digest.ts';
import { mlp, networkByName } from '../nn/networks.ts';
import { importWeights } from './import-weights.ts';
import type { StoredTensor } from './number-formats.ts';
import { encodeTensors } from './safetensors.ts';
import { akamaster, cifar, mnist, sorted, torchDict, valuesOf } from './torch-state-dict.test-data.ts';

/** A file as the library of Hugging Face writes it. */
function file(tensors: readonly StoredTensor[]): Uint8Array {
  let end = 0;
  const header = Object.fromEntries([
    ['__metadata__', { format: 'pt' }],
    ...tensors.map(({ name, dtype, shape, bytes }) => {
      const start = end;
      end += bytes.length;
      return [name, { dtype, shape, data_offsets: [start, end] }];
    }),
  ]);
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(text.length);
  return new Uint8Array(Buffer.concat([length, text, ...tensors.map(({ bytes }) => bytes)]));
}

test('a file of PyTorch becomes parameters, with its digest and its texts', async () => {
  const model = networkByName('resnet20', cifar);
  const values = valuesOf(model);
  const bytes = file(sorted(torchDict(model, values, akamaster)));
  const { parameters, digest, metadata, nonFinite, unused } = await importWeights({
    file: 'resnet20.safetensors',
    bytes,
    parameters: model.parameters,
    layout: 'torch',
  });
  for (const { name } of model.parameters) assert.deepEqual(parameters[name]!.data, values[name]);
  assert.equal(digest, await sha256(bytes));
  assert.deepEqual(
    [metadata, nonFinite, unused.length],
    [{ format: 'pt' }, [], model.normalizationLayers.length],
  );
});

test('a file that ohmic wrote is read in its own layout, digest checked', async () => {
  const model = networkByName('lenet5', mnist);
  const values = valuesOf(model);
  const tensors = Object.fromEntries(
    model.parameters.map(({ name, shape }) => [name, { shape, data: values[name]! }]),
  );
  const bytes = await encodeTensors({ tensors, metadata: {} });
  const options = { file: 'own', parameters: model.parameters, layout: 'ohmic' } as const;
  assert.deepEqual((await importWeights({ ...options, bytes })).parameters, tensors);
  bytes[bytes.length - 1]! ^= 1;
  await assert.rejects(importWeights({ ...options, bytes }), /^UsageError: own: its SHA-256 is /);
});

test('numbers that are not finite are reported under the names here', async () => {
  const model = mlp({ ...mnist, hidden: [], activation: 'relu' });
  const values = valuesOf(model);
  values['dense1.bias']![3] = Number.POSITIVE_INFINITY;
  const { nonFinite } = await importWeights({
    file: 'f',
    bytes: file(torchDict(model, values, () => 'fc')),
    parameters: model.parameters,
    layout: 'torch',
  });
  assert.deepEqual(nonFinite, [
    '"dense1.bias": 1 of 10 numbers are not finite, the first Infinity at index 3',
  ]);
});
