// Points of the unit cube: low-discrepancy sequences, whose points keep apart, and plain random draws. Every point is a
// function of its number, so that a longer sample contains the shorter one.

import { UsageError } from '../base/errors.ts';
import { deriveKey, keyFromSeed, randomSequence, threefry2x32 } from '../base/random.ts';
import type { Sample } from './sweep-file.ts';

/** Primitive polynomials over GF(2) and initial direction numbers: degree s, coefficients a, m₁ … m_s. */
type Direction = { readonly s: number; readonly a: number; readonly m: readonly number[] };

/**
 * The second dimension on; the first has v_k = 2^(32 − k).
 *
 * @source S. Joe and F. Y. Kuo, SIAM J. Sci. Comput. 30, 2635 (2008): file new-joe-kuo-6, dimensions 2 to 12 [second
 *   hand: compared with a copy in a public program; the test checks that every projection is balanced]
 */
const DIRECTIONS: readonly Direction[] = [
  { s: 1, a: 0, m: [1] },
  { s: 2, a: 1, m: [1, 3] },
  { s: 3, a: 1, m: [1, 3, 1] },
  { s: 3, a: 2, m: [1, 1, 1] },
  { s: 4, a: 1, m: [1, 1, 3, 3] },
  { s: 4, a: 4, m: [1, 3, 5, 13] },
  { s: 5, a: 2, m: [1, 1, 5, 5, 17] },
  { s: 5, a: 4, m: [1, 1, 5, 5, 5] },
  { s: 5, a: 7, m: [1, 1, 7, 11, 19] },
  { s: 5, a: 11, m: [1, 1, 5, 1, 1] },
  { s: 5, a: 13, m: [1, 1, 1, 3, 11] },
];

/** Bases of the Halton sequence. */
const PRIMES: readonly number[] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

/** The most axes that a sequence has room for. */
export const MOST_SAMPLED_AXES: number = PRIMES.length;

const BITS = 32;

/**
 * Points of the unit cube [0, 1)^d.
 *
 * - `sobol`: I. M. Sobol's sequence, shifted digitally (bits of a random word are added without carry), which keeps its
 *   balance.
 * - `halton`: radical inverses to the first primes, shifted modulo 1.
 * - `random`: independent uniform draws.
 *
 * @param dimensions d, from 1 to `MOST_SAMPLED_AXES`; for random draws any
 * @returns (count, dimensions)
 * @throws UsageError for more dimensions than a sequence has
 */
export function samplePoints({ kind, count, seed }: Sample, dimensions: number): number[][] {
  if (kind !== 'random' && dimensions > MOST_SAMPLED_AXES)
    throw new UsageError(
      `sample: expected at most ${MOST_SAMPLED_AXES} axes for ${kind}, got ${dimensions}; use kind: random`,
    );
  const key = deriveKey(keyFromSeed(seed), 'sweep', kind);
  if (kind === 'random') {
    return Array.from({ length: count }, (_, n) => {
      const draw = randomSequence(deriveKey(key, n));
      return Array.from({ length: dimensions }, draw.uniform);
    });
  }
  const shifts = Array.from({ length: dimensions }, (_, d) => threefry2x32(key[0], key[1], d, 0)[0]);
  if (kind === 'halton')
    return Array.from({ length: count }, (_, n) =>
      shifts.map((shift, d) => (radicalInverse(n, PRIMES[d]!) + shift / 2 ** BITS) % 1),
    );
  const columns = shifts.map((_, d) => directionNumbers(d));
  return Array.from({ length: count }, (_, n) =>
    shifts.map((shift, d) => ((sobolWord(n, columns[d]!) ^ shift) >>> 0) / 2 ** BITS),
  );
}

/** Σ d_k b^(−k−1) of the digits d_k of n to the base b. */
function radicalInverse(n: number, base: number): number {
  let [value, scale] = [0, 1];
  for (let rest = n; rest > 0; rest = Math.floor(rest / base)) {
    scale /= base;
    value += (rest % base) * scale;
  }
  return value;
}

/** The direction numbers v₁ … v₃₂ of a dimension, as words. */
function directionNumbers(dimension: number): Uint32Array {
  const v = new Uint32Array(BITS);
  if (dimension === 0) return v.map((_, k) => 2 ** (BITS - 1 - k));
  const { s, a, m } = DIRECTIONS[dimension - 1]!;
  for (let k = 0; k < BITS; k++) {
    if (k < s) {
      v[k] = m[k]! << (BITS - 1 - k);
      continue;
    }
    let word = v[k - s]! ^ (v[k - s]! >>> s);
    for (let j = 1; j < s; j++) if ((a >> (s - 1 - j)) & 1) word ^= v[k - j]!;
    v[k] = word;
  }
  return v;
}

/** The sum without carry of the direction numbers at the bits of n's Gray code. */
function sobolWord(n: number, v: Uint32Array): number {
  let word = 0;
  const gray = n ^ (n >>> 1);
  for (let k = 0; k < BITS; k++) if ((gray >>> k) & 1) word ^= v[k]!;
  return word >>> 0;
}
