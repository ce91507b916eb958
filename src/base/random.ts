// Counter-based random numbers: a draw is a pure function of (key, stream, index), so it depends neither on
// threads nor on order nor on the backend. Keys, and what the host draws (data order, seeds), are Threefry's; the
// millions of draws within a graph are words of a hash under such a key (docs/decisions/0011-lighter-draws.md).
//
// Threefry-2x32 with 20 rounds: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

import { NORMAL_TABLE } from './normal-table.ts';

/** Two words that name a random sequence. */
export type Key = readonly [number, number];

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const PARITY = 0x1bd11bda;

/** Threefry-2x32-20: encrypts the counter (c0, c1) under the key (k0, k1); all words are unsigned 32-bit. */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number): [number, number] {
  const keys = [k0 | 0, k1 | 0, (PARITY ^ k0 ^ k1) | 0] as const;
  let x0 = (c0 + keys[0]) | 0;
  let x1 = (c1 + keys[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8]!;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x0 = (x0 + keys[(injection % 3) as 0 | 1 | 2]) | 0;
      x1 = (x1 + keys[((injection + 1) % 3) as 0 | 1 | 2] + injection) | 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0];
}

/**
 * Draw number `index` of the sequence that `key` names: a hash of 32 bits with the key added to its first two rounds.
 * Within one key no word comes twice.
 *
 * Meant for keys that Threefry made: keys of a simple relation to one another may give sequences of a simple relation.
 *
 * @source C. Wellons, hash-prospector (public domain): shifts and factors of `triple32`; the key is ours
 */
export function randomWord(key: Key, index: number): number {
  let x = (index + key[0]) | 0;
  x = Math.imul(x ^ (x >>> 17), 0xed5ad4bb);
  x = Math.imul(((x ^ (x >>> 11)) + key[1]) | 0, 0xac4c1b51);
  x = Math.imul(x ^ (x >>> 15), 0x31848bab);
  return (x ^ (x >>> 14)) >>> 0;
}

/** 64 bits from a text (two FNV-1a hashes with different offsets, then mixed by Threefry). */
export function hashText(text: string): Key {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x01000193);
  }
  return threefry2x32(a, b, text.length, 0);
}

/** The key of a seed: any non-negative integer below 2^53. */
export function keyFromSeed(seed: number): Key {
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/** A key derived from another by names: `deriveKey(key, 'programming', 'stem', 3)`. */
export function deriveKey(key: Key, ...path: readonly (string | number)[]): Key {
  let derived = key;
  for (const part of path) {
    const [h0, h1] = hashText(typeof part === 'number' ? `#${part}` : part);
    derived = threefry2x32(derived[0], derived[1], h0, h1);
  }
  return derived;
}

/** The float in (0, 1) that a random word stands for: its upper 23 bits, centred: never 0, never 1. */
export function uniformFromWord(word: number): number {
  return ((word >>> 9) + 0.5) / 0x800000;
}

/**
 * The standard normal draw that a random word stands for: with m its lower 31 bits, the last of them set and rounded to a
 * float, the size that is exceeded with probability m / 2³¹, to 2.9e-5; negative if the highest bit is set. At most 6.23.
 */
export function normalFromWord(word: number): number {
  const m = Math.fround((word | 1) & 0x7fffffff);
  const octave = 31 - Math.clz32(m);
  const at = (octave + 31) % 32;
  const size = NORMAL_TABLE.reduce((sum, coefficients) => sum * (m / 2 ** octave) + coefficients[at]!, 0);
  return word >>> 31 === 0 ? size : -size;
}

/** A sequence of draws on the host. Stateful by nature: it walks the counter. */
export type RandomSequence = {
  /** An unsigned 32-bit word. */
  readonly word: () => number;
  /** Uniform in (0, 1). */
  readonly uniform: () => number;
  /** Uniform integer in [0, bound). */
  readonly below: (bound: number) => number;
  /** Standard normal. */
  readonly normal: () => number;
};

/** Draws one after another from `key`. The same key gives the same draws. */
export function randomSequence(key: Key): RandomSequence {
  let counter = 0;
  let spare: number | undefined;
  const word = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const [first, second] = threefry2x32(key[0], key[1], counter++ >>> 0, 0x6f686d69);
    spare = second;
    return first;
  };
  const uniform = (): number => uniformFromWord(word());
  return {
    word,
    uniform,
    below: (bound) => Math.floor((word() / 2 ** 32) * bound),
    normal: () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/** The integers 0 … count − 1 in a random order (Fisher-Yates). */
export function permutation(key: Key, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const draw = randomSequence(key);
  for (let last = count - 1; last > 0; last--) {
    const other = draw.below(last + 1);
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
  return order;
}
