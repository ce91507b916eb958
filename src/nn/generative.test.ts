import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageDiscriminator, imageGenerator } from './generative.ts';
import { countWeights } from './network.ts';

test('a generator makes images of any size that 4 divides, a discriminator one number of them', () => {
  for (const imageShape of [
    [28, 28, 1],
    [8, 12, 3],
  ]) {
    const options = { imageShape, filters: 4 };
    const generator = imageGenerator(options)([6]);
    assert.deepEqual(generator.outputShape, imageShape);
    const discriminator = imageDiscriminator(options)(imageShape);
    assert.deepEqual(discriminator.outputShape, [1]);
    assert.ok(generator.parameters.every(({ name }) => name.startsWith('generator.')));
    assert.ok(discriminator.parameters.every(({ name }) => name.startsWith('discriminator.')));
  }
});

test('both parts have the weights of their layers', () => {
  const options = { imageShape: [28, 28, 1], filters: 32 };
  const up = 64 * 32 * 16 + 32 * 16 + 1;
  assert.equal(countWeights(imageGenerator(options)([64])), 65 * 7 * 7 * 64 + up);
  const down = (16 + 1) * 32 + 32 * 16 * 64;
  assert.equal(countWeights(imageDiscriminator(options)([28, 28, 1])), down + 7 * 7 * 64 + 1);
});

test('images that can not be halved twice are refused', () => {
  const message = (where: string, shape: string): string =>
    `${where}: expected images of (height, width, channels) with sides divisible by 4, got ${shape}`;
  assert.throws(() => imageGenerator({ imageShape: [30, 28, 1], filters: 4 }), {
    name: 'UsageError',
    message: message('imageGenerator', '(30, 28, 1)'),
  });
  assert.throws(() => imageDiscriminator({ imageShape: [28, 28], filters: 4 }), {
    name: 'UsageError',
    message: message('imageDiscriminator', '(28, 28)'),
  });
});
