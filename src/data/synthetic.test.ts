import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { subset } from './image-set.ts';
import { generateSynthetic, syntheticClasses } from './synthetic.ts';

test('the same seed gives the same bytes, on every machine', () => {
  const { train } = generateSynthetic({ seed: 7, trainCount: 40, testCount: 10 });
  assert.deepEqual(generateSynthetic({ seed: 7, trainCount: 40, testCount: 10 }).train.pixels, train.pixels);
  // Golden: changes only if the set itself is changed, and then published accuracies change with it.
  const digest = createHash('sha256').update(train.pixels).digest('hex');
  assert.equal(digest, '2600e9ba6cb4941749d11a609c63bc077f34d3cb6bdfb63c2d2ea4c2f5fe464e');
});

test('another seed, and the test part, give other images', () => {
  const { train, test } = generateSynthetic({ seed: 7, trainCount: 20, testCount: 20 });
  assert.notDeepEqual(
    generateSynthetic({ seed: 8, trainCount: 20, testCount: 20 }).train.pixels,
    train.pixels,
  );
  assert.notDeepEqual(test.pixels, train.pixels);
});

test('a larger set begins with the smaller one', () => {
  const large = generateSynthetic({ trainCount: 60, testCount: 10 }).train;
  const small = generateSynthetic({ trainCount: 30, testCount: 10 }).train;
  assert.deepEqual(subset(large, 30).pixels, small.pixels);
});

test('ten classes are equally frequent', () => {
  assert.equal(new Set(syntheticClasses).size, 10);
  const { train } = generateSynthetic({ trainCount: 50, testCount: 10 });
  for (let label = 0; label < 10; label++) {
    assert.equal(train.labels.filter((held) => held === label).length, 5);
  }
});

test('the mean colour of an image does not tell its class', () => {
  // Seed 3, n = 200 images per class. Class means of an image's mean brightness differ from the grand mean by
  // less than 4.5 standard errors; 10 normal deviates exceed that with probability 7e-5 (false-alarm rate).
  const perClass = 200;
  const { train } = generateSynthetic({ seed: 3, trainCount: 10 * perClass, testCount: 10 });
  const brightness = Float64Array.from({ length: train.count }, (_, image) => {
    const pixels = train.pixels.subarray(image * 3072, (image + 1) * 3072);
    return pixels.reduce((sum, value) => sum + value, 0) / 3072;
  });
  const mean = brightness.reduce((sum, value) => sum + value, 0) / train.count;
  const variance = brightness.reduce((sum, value) => sum + (value - mean) ** 2, 0) / train.count;
  for (let label = 0; label < 10; label++) {
    const own = brightness.filter((_, image) => train.labels[image] === label);
    const deviation = own.reduce((sum, value) => sum + value, 0) / perClass - mean;
    assert.ok(
      Math.abs(deviation) < 4.5 * Math.sqrt(variance / perClass),
      `${syntheticClasses[label]}: ${deviation}`,
    );
  }
});

test('impossible counts and seeds are refused together', () => {
  assert.throws(
    () => generateSynthetic({ seed: -1, trainCount: 0 }),
    /trainCount must be an integer from 1 to 1000000, got 0[\s\S]*seed must be an integer of at least 0, got -1/,
  );
});
