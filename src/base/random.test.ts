import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  deriveKey,
  hashText,
  keyFromSeed,
  permutation,
  randomSequence,
  threefry2x32,
  uniformFromWord,
} from './random.ts';

/** D. E. Shaw Research, Random123, tests/kat_vectors, lines `threefry2x32 20`: counter, key, expected. */
const KNOWN_ANSWERS = [
  { counter: [0, 0], key: [0, 0], expected: [0x6b200159, 0x99ba4efe] },
  {
    counter: [0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    expected: [0x1cb996fc, 0xbb002be7],
  },
  {
    counter: [0x243f6a88, 0x85a308d3],
    key: [0x13198a2e, 0x03707344],
    expected: [0xc4923a9c, 0x483df7a0],
  },
] as const;

test('Threefry gives the known answers of Random123', () => {
  for (const { counter, key, expected } of KNOWN_ANSWERS) {
    assert.deepEqual(threefry2x32(key[0], key[1], counter[0], counter[1]), expected);
  }
});

test('signed and unsigned words of the same bits are the same key and counter', () => {
  assert.deepEqual(threefry2x32(-1, -1, -1, -1), KNOWN_ANSWERS[1].expected);
});

test('a uniform draw is never 0 and never 1, and is exact in 32-bit floats', () => {
  assert.equal(uniformFromWord(0), 2 ** -24);
  assert.equal(uniformFromWord(0xffffffff), 1 - 2 ** -24);
  for (const word of [0, 511, 512, 0x12345678, 0xffffffff]) {
    assert.equal(Math.fround(uniformFromWord(word)), uniformFromWord(word));
  }
});

test('a sequence hands out both words of each counter, in order', () => {
  const draw = randomSequence([7, 8]);
  const words = [draw.word(), draw.word(), draw.word(), draw.word()];
  const stream = 0x6f686d69;
  assert.deepEqual(words, [...threefry2x32(7, 8, 0, stream), ...threefry2x32(7, 8, 1, stream)]);
});

test('uniform and normal draws have the moments of their distributions', () => {
  // n = 20 000. Standard errors of the mean: sqrt(1/12/n) = 0.0020 and 1/sqrt(n) = 0.0071; of the normal's variance
  // sqrt(2/n) = 0.01. Bounds are 5 of them: a fixed seed, and a false alarm for fewer than 1 in 10^6 seeds.
  const count = 20_000;
  const draw = randomSequence(keyFromSeed(11));
  const uniforms = Array.from({ length: count }, () => draw.uniform());
  const normals = Array.from({ length: count }, () => draw.normal());
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(Math.abs(mean(uniforms) - 0.5) < 5 * 0.0021);
  assert.ok(Math.abs(mean(normals)) < 5 * 0.0071);
  assert.ok(Math.abs(mean(normals.map((x) => x * x)) - 1) < 5 * 0.01);
});

test('integers below a bound reach every value up to the bound and none beyond', () => {
  const draw = randomSequence(keyFromSeed(3));
  const seen = new Set(Array.from({ length: 2000 }, () => draw.below(7)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(draw.below(1), 0);
});

test('a permutation holds every integer once, and follows its key', () => {
  for (const count of [0, 1, 2, 1000]) {
    const order = permutation(keyFromSeed(count), count);
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      Array.from({ length: count }, (_, i) => i),
    );
  }
  assert.deepEqual(permutation(keyFromSeed(1), 50), permutation(keyFromSeed(1), 50));
  assert.notDeepEqual(permutation(keyFromSeed(1), 50), permutation(keyFromSeed(2), 50));
});

test('every order of three is as likely as any other', () => {
  // n = 6000: each of 6 orders is expected 1000 times with a standard deviation of 29; bounds are 5 of them.
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const order = permutation(keyFromSeed(seed), 3).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 5 * 29);
});

test('a seed keeps all of its 53 bits', () => {
  assert.deepEqual(keyFromSeed(5), [5, 0]);
  assert.deepEqual(keyFromSeed(2 ** 32 + 5), [5, 1]);
  assert.deepEqual(keyFromSeed(2 ** 53 - 1), [0xffffffff, 0x1fffff]);
});

test('derived keys depend on every part of the path, on its order and on its kind', () => {
  const key = keyFromSeed(1);
  const keys = [
    key,
    deriveKey(key, 'a'),
    deriveKey(key, 'b'),
    deriveKey(key, 'a', 'b'),
    deriveKey(key, 'b', 'a'),
    deriveKey(key, 'ab'),
    deriveKey(key, 'a', 1),
    deriveKey(key, 'a', '1'),
    deriveKey(keyFromSeed(2), 'a'),
  ];
  assert.equal(new Set(keys.map(String)).size, keys.length);
  assert.deepEqual(deriveKey(key, 'a', 'b'), deriveKey(deriveKey(key, 'a'), 'b'));
  assert.deepEqual(deriveKey(key), key);
});

test('ten thousand names hash to ten thousand keys', () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => String(hashText(`layer${i}.weights`)));
  assert.equal(new Set(keys).size, keys.length);
});
