import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { digitClasses, generateDigits } from './generated-digits.ts';
import { subset } from './image-set.ts';

test('the same seed gives the same bytes, on every machine', () => {
  const { train } = generateDigits({ seed: 7, trainCount: 40, testCount: 10 });
  // Golden: changes only if the digits themselves are changed, and then accuracies change with them.
  const digest = createHash('sha256').update(train.pixels).digest('hex');
  assert.equal(digest, '67f743cadf254e3230165ab97905c9250ad148f582e4cb80541feb44e52a1f40');
});

test('another seed, and the test part, give other images', () => {
  const { train, test: held } = generateDigits({ seed: 7, trainCount: 20, testCount: 20 });
  assert.notDeepEqual(generateDigits({ seed: 8, trainCount: 20, testCount: 20 }).train.pixels, train.pixels);
  assert.notDeepEqual(held.pixels, train.pixels);
});

test('a larger set begins with the smaller one, and its classes are equally frequent', () => {
  const large = generateDigits({ trainCount: 60, testCount: 10 }).train;
  const small = generateDigits({ trainCount: 30, testCount: 10 }).train;
  assert.deepEqual(subset(large, 30).pixels, small.pixels);
  for (const label of digitClasses.keys())
    assert.equal(small.labels.filter((held) => held === label).length, 3);
});

test('every digit has ink in full on black ground', () => {
  // Seed 0, n = 500: a bound of the construction, not a statistic. The widest pen inks a fifth of the image.
  const { train } = generateDigits({ trainCount: 500, testCount: 1 });
  for (let image = 0; image < train.count; image++) {
    const pixels = train.pixels.subarray(image * 784, (image + 1) * 784);
    const ink = pixels.reduce((sum, value) => sum + value, 0) / 255;
    assert.ok(Math.max(...pixels) > 200 && ink > 10 && ink < 230, `image ${image}: ${ink} pixels of ink`);
    assert.ok(
      pixels.filter((value) => value === 0).length > 392,
      `image ${image} is black for the most part`,
    );
  }
});

test('impossible counts and seeds are refused together', () => {
  assert.throws(
    () => generateDigits({ seed: -1, trainCount: 0 }),
    /trainCount must be an integer from 1 to 1000000, got 0[\s\S]*seed must be an integer of at least 0, got -1/,
  );
});
