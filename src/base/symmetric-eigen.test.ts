import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from './random.ts';
import { symmetricEigen, symmetricSquareRoot } from './symmetric-eigen.ts';

/** A symmetric matrix of normal numbers. */
function symmetric(n: number, seed: number): Float64Array {
  const draw = randomSequence(keyFromSeed(seed));
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = draw.normal();
  return matrix;
}

function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += a[Math.floor(at / n) * n + k]! * b[k * n + (at % n)]!;
    return sum;
  });
}

/** Largest difference of two lists. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((most, value, k) => Math.max(most, Math.abs(value - b[k]!)), 0);
}

// Rounding errors of a few sweeps of n² / 2 rotations each, on numbers about √n.
const CLOSE = 1e-12;

test('the eigenvalues of a chain are known: 2 − 2 cos(k π / (n + 1))', () => {
  const n = 40;
  const chain = Float64Array.from({ length: n * n }, (_, at) => {
    const distance = Math.abs(Math.floor(at / n) - (at % n));
    return distance === 0 ? 2 : distance === 1 ? -1 : 0;
  });
  const { values } = symmetricEigen(chain, n);
  const known = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
  assert.ok(apart(values.toSorted(), known) < CLOSE);
});

test('eigenvectors are orthonormal, and give the matrix back with their values', () => {
  const n = 84;
  const matrix = symmetric(n, 3);
  const { values, vectors } = symmetricEigen(matrix, n);
  const transposed = Float64Array.from(
    { length: n * n },
    (_, at) => vectors[(at % n) * n + Math.floor(at / n)]!,
  );
  const unit = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
  assert.ok(apart(product(vectors, transposed, n), unit) < CLOSE);
  const scaled = vectors.map((value, at) => value * values[Math.floor(at / n)]!);
  assert.ok(apart(product(transposed, scaled, n), matrix) < 10 * CLOSE);
});

test('the square root of a product with its transpose, squared, is that product, of less than full rank too', () => {
  const n = 12;
  for (const rank of [12, 5]) {
    const factor = symmetric(n, rank).map((value, at) => (at % n < rank ? value : 0));
    const transposed = Float64Array.from(
      { length: n * n },
      (_, at) => factor[(at % n) * n + Math.floor(at / n)]!,
    );
    const matrix = product(factor, transposed, n);
    const root = symmetricSquareRoot(matrix, n);
    assert.ok(apart(product(root, root, n), matrix) < 1e-11, `rank ${rank}`);
    assert.deepEqual(
      root.map((value) => Math.round(value * 1e9) + 0),
      Float64Array.from(
        { length: n * n },
        (_, at) => Math.round(root[(at % n) * n + Math.floor(at / n)]! * 1e9) + 0,
      ),
    );
  }
});

test('what is no square matrix of finite numbers is refused', () => {
  assert.throws(() => symmetricEigen([1, 2, 3], 2), {
    name: 'UsageError',
    message: 'symmetricEigen: expected (2, 2), 4 numbers, got 3',
  });
  assert.throws(() => symmetricSquareRoot([1, Number.NaN, 0, 1], 2), {
    name: 'UsageError',
    message: 'symmetricEigen: expected finite numbers, got others',
  });
});
