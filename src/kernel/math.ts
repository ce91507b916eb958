// Elementary functions and random words, written in basic vector operations, so that every backend rounds alike.
// Errors (against float64, over the stated ranges) are held by math.test.ts.

import { NORMAL_TABLE } from '../base/normal-table.ts';
import type { KernelBuilder } from './builder.ts';
import { type Int, LANE } from './int.ts';
import type { Local } from './kernel.ts';

/** Σ coefficients[k] · x^(n−1−k), by Horner's rule. */
function polynomial(b: KernelBuilder, x: Local, coefficients: readonly number[]): Local {
  let sum = b.literal(coefficients[0]!);
  for (const coefficient of coefficients.slice(1)) {
    sum = b.operation('add', b.operation('multiply', sum, x), b.literal(coefficient));
  }
  return sum;
}

/** 2^n for an f32 vector of integers −126 … 127. */
function powerOfTwo(b: KernelBuilder, n: Local): Local {
  const biased = b.operation('addInt', b.operation('truncate', n), b.literal(127, 'i32'));
  return b.operation('bitsFloat', b.shift('left', biased, 23));
}

/** e to less than this is nearer to 0 than to any float32. */
const SMALLEST_EXPONENT = -104;

/**
 * e^x, relative error below 2e-7; overflows to infinity above 88.73, underflows gradually below −87.3.
 *
 * Reduction to |r| ≤ ln 2 / 2 with ln 2 in two parts, Taylor polynomial of degree 7 there.
 */
export function emitExp(b: KernelBuilder, x: Local): Local {
  // What is far too small takes the way of 0: numbers that underflow cost a processor many cycles.
  const vanishes = b.operation('less', x, b.literal(SMALLEST_EXPONENT));
  const limited = b.operation('select', vanishes, b.literal(0), b.operation('minimum', b.literal(89), x));
  const n = b.operation('round', b.operation('multiply', limited, b.literal(Math.LOG2E)));
  const high = b.operation('subtract', limited, b.operation('multiply', n, b.literal(0.693359375)));
  const r = b.operation('subtract', high, b.operation('multiply', n, b.literal(-2.1219444005469057e-4)));
  const p = polynomial(b, r, [1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1]);
  const half = b.operation('floor', b.operation('multiply', n, b.literal(0.5)));
  const scaled = b.operation('multiply', p, powerOfTwo(b, half));
  const power = b.operation('multiply', scaled, powerOfTwo(b, b.operation('subtract', n, half)));
  return b.operation('select', vanishes, b.literal(0), power);
}

/**
 * Natural logarithm, absolute error below 1e-7 + 1e-7·|log x|; log 0 = −∞, NaN below 0.
 *
 * x = m·2^e with m in [√½, √2); log m = 2·artanh(s), s = (m − 1)/(m + 1), as an odd series to s^11.
 */
export function emitLog(b: KernelBuilder, x: Local): Local {
  const tiny = b.operation('less', x, b.literal(1.1754943508222875e-38));
  const normal = b.operation('select', tiny, b.operation('multiply', x, b.literal(2 ** 23)), x);
  const bits = b.operation('floatBits', normal);
  // Subtracting the bits of √½ before taking the exponent field centres the mantissa on 1.
  const shifted = b.operation('subtractInt', bits, b.literal(0x3f3504f3, 'i32'));
  const exponentBits = b.operation('and', shifted, b.literal(0xff800000 | 0, 'i32'));
  const m = b.operation('bitsFloat', b.operation('subtractInt', bits, exponentBits));
  const scaled = b.operation('multiply', b.operation('toFloat', exponentBits), b.literal(2 ** -23));
  const e = b.operation('subtract', scaled, b.operation('select', tiny, b.literal(23), b.literal(0)));
  const one = b.literal(1);
  const s = b.operation('divide', b.operation('subtract', m, one), b.operation('add', m, one));
  const series = polynomial(b, b.operation('multiply', s, s), [2 / 11, 2 / 9, 2 / 7, 2 / 5, 2 / 3, 2]);
  const low = b.operation(
    'add',
    b.operation('multiply', e, b.literal(-2.1219444005469057e-4)),
    b.operation('multiply', s, series),
  );
  const log = b.operation('add', b.operation('multiply', e, b.literal(0.693359375)), low);
  const finite = b.operation('select', b.operation('less', x, b.literal(Number.POSITIVE_INFINITY)), log, x);
  const zero = b.literal(0);
  const atZero = b.operation(
    'select',
    b.operation('equal', x, zero),
    b.literal(Number.NEGATIVE_INFINITY),
    finite,
  );
  return b.operation('select', b.operation('less', x, zero), b.literal(Number.NaN), atZero);
}

/** tanh, relative error below 4e-7: an odd series below 0.3, 1 − 2/(e^2x + 1) above. */
export function emitTanh(b: KernelBuilder, x: Local): Local {
  const a = b.operation('abs', x);
  const square = b.operation('multiply', x, x);
  const small = b.operation(
    'multiply',
    x,
    polynomial(b, square, [-1382 / 155925, 62 / 2835, -17 / 315, 2 / 15, -1 / 3, 1]),
  );
  const e = emitExp(b, b.operation('add', a, a));
  const one = b.literal(1);
  const large = b.operation('subtract', one, b.operation('divide', b.literal(2), b.operation('add', e, one)));
  const negative = b.operation('less', x, b.literal(0));
  const signed = b.operation('select', negative, b.operation('negate', large), large);
  return b.operation('select', b.operation('less', b.literal(0.3), a), signed, small);
}

/** cos(r) for r given as an angle in [−π, π], absolute error below 2e-7. */
function cosReduced(b: KernelBuilder, r: Local): Local {
  const a = b.operation('abs', r);
  const pi = b.literal(Math.PI);
  const isObtuse = b.operation('less', b.literal(Math.PI / 2), a);
  const acute = b.operation('select', isObtuse, b.operation('subtract', pi, a), a);
  const z = b.operation('multiply', acute, acute);
  const p = polynomial(b, z, [1 / 479001600, -1 / 3628800, 1 / 40320, -1 / 720, 1 / 24, -1 / 2, 1]);
  return b.operation('select', isObtuse, b.operation('negate', p), p);
}

/**
 * cos, absolute error below 5e-7 for |x| ≤ 1000 (the reduction subtracts 2π in three parts). Further out the error
 * grows with |x|, but the result stays in [−1, 1].
 */
export function emitCos(b: KernelBuilder, x: Local): Local {
  const n = b.operation('round', b.operation('multiply', x, b.literal(0.5 / Math.PI)));
  // The first two parts of 2π have few bits, so that their products with n are exact.
  const parts = [201 / 32, 2029 / 2 ** 20, 2 * Math.PI - 201 / 32 - 2029 / 2 ** 20];
  const r = parts.reduce(
    (rest, part) => b.operation('subtract', rest, b.operation('multiply', n, b.literal(part))),
    x,
  );
  const angle = b.operation('maximum', b.literal(-Math.PI), b.operation('minimum', b.literal(Math.PI), r));
  return cosReduced(b, angle);
}

/** How many of the 32 bits are set: sums of neighbouring bits, pairs and halves of bytes, then of the four bytes. */
export function emitBitCount(b: KernelBuilder, x: Local): Local {
  const int = (value: number): Local => b.literal(value, 'i32');
  const masked = (bits: Local, mask: number): Local => b.operation('and', bits, int(mask));
  const ofPairs = b.operation('subtractInt', x, masked(b.shift('right', x, 1), 0x55555555));
  const ofHalves = b.operation(
    'addInt',
    masked(ofPairs, 0x33333333),
    masked(b.shift('right', ofPairs, 2), 0x33333333),
  );
  const ofBytes = masked(b.operation('addInt', ofHalves, b.shift('right', ofHalves, 4)), 0x0f0f0f0f);
  return b.shift('right', b.operation('multiplyInt', ofBytes, int(0x01010101)), 24);
}

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Threefry-2x32-20 on vectors: see base/random.ts. */
export function emitThreefry(
  b: KernelBuilder,
  key: readonly [Local, Local],
  counter: readonly [Local, Local],
): [Local, Local] {
  const parity = b.operation('xor', b.operation('xor', key[0], key[1]), b.literal(0x1bd11bda, 'i32'));
  const keys = [key[0], key[1], parity] as const;
  let x0 = b.operation('addInt', counter[0], keys[0]);
  let x1 = b.operation('addInt', counter[1], keys[1]);
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8]!;
    x0 = b.operation('addInt', x0, x1);
    const rotated = b.operation('or', b.shift('left', x1, rotation), b.shift('right', x1, 32 - rotation));
    x1 = b.operation('xor', rotated, x0);
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      const added = b.operation('addInt', keys[(injection + 1) % 3]!, b.literal(injection, 'i32'));
      x0 = b.operation('addInt', x0, keys[injection % 3]!);
      x1 = b.operation('addInt', x1, added);
    }
  }
  return [x0, x1];
}

/** Uniform in (0, 1) from a random word: its upper 23 bits, centred. */
export function emitUniform(b: KernelBuilder, word: Local): Local {
  const mantissa = b.operation('toFloat', b.shift('right', word, 9));
  return b.operation('multiply', b.operation('add', mantissa, b.literal(0.5)), b.literal(2 ** -23));
}

/** `x` as a sum of what is alike in all lanes and, where it is a term of its own, what depends on the lane. */
function splitLanes(x: Int): readonly [Int, Int] {
  const isLane = ({ atom }: Int['terms'][number]): boolean => atom.kind === 'variable' && atom.name === LANE;
  return [
    { constant: x.constant, terms: x.terms.filter((term) => !isLane(term)) },
    { constant: 0, terms: x.terms.filter(isLane) },
  ];
}

/** A random word for each counter: see `randomWord` in base/random.ts. */
export function emitRandomWord(b: KernelBuilder, key: readonly [Local, Local], counter: Int): Local {
  // What is the same for all counters of a loop, lanes and key, is added outside of it.
  const [first, lanes] = splitLanes(counter);
  const x = b.operation('addInt', b.index(first), b.operation('addInt', b.index(lanes), key[0]));
  const fold = (x: Local, bits: number): Local => b.operation('xor', x, b.shift('right', x, bits));
  const times = (x: Local, factor: number): Local => b.operation('multiplyInt', x, b.literal(factor, 'i32'));
  const once = times(fold(x, 17), 0xed5ad4bb);
  const twice = times(b.operation('addInt', fold(once, 11), key[1]), 0xac4c1b51);
  return fold(times(fold(twice, 15), 0x31848bab), 14);
}

/** Standard normal from a random word: see `normalFromWord` in base/random.ts; absolute error below 1e-6. */
export function emitNormal(b: KernelBuilder, word: Local): Local {
  const int = (value: number): Local => b.literal(value, 'i32');
  const odd = b.operation('or', b.operation('and', word, int(0x7fffffff)), int(1));
  const bits = b.operation('floatBits', b.operation('toFloat', odd));
  const octave = b.shift('right', bits, 23);
  const mantissa = b.operation('or', b.operation('and', bits, int(0x7fffff)), int(0x3f800000));
  const x = b.operation('bitsFloat', mantissa);
  const [highest, ...lower] = NORMAL_TABLE;
  let size = b.lookup(highest!, octave);
  for (const coefficients of lower)
    size = b.operation('add', b.operation('multiply', size, x), b.lookup(coefficients, octave));
  const sign = b.operation('and', word, int(0x80000000));
  return b.operation('bitsFloat', b.operation('xor', b.operation('floatBits', size), sign));
}
