// Instruction sets: which one the compiler's flags mean, and the flags for the processor's own or for a smaller one that
// OHMIC_TARGET names. The compiler knows the processor that it runs on (`-march=native`) on every system, so that ohmic asks
// it and nobody else.

import { UsageError } from '../base/errors.ts';

/** What kernels are compiled for. */
export type InstructionSet = {
  /** Floats of a vector. */
  readonly lanes: number;
  /** Vector registers. */
  readonly registers: number;
  /** Name of the vector instructions. */
  readonly vectors: string;
};

/** The instruction set of a compiler that defines these macros. */
export function instructionSetOf(macros: string): InstructionSet {
  const has = (name: string): boolean => macros.includes(`#define ${name} `);
  if (has('__AVX512F__')) return { lanes: 16, registers: 32, vectors: 'AVX-512' };
  if (has('__AVX__')) return { lanes: 8, registers: 16, vectors: has('__FMA__') ? 'AVX2' : 'AVX' };
  if (has('__aarch64__')) return { lanes: 4, registers: 32, vectors: 'NEON' };
  return { lanes: 4, registers: 16, vectors: has('__SSE4_2__') ? 'SSE4.2' : '128-bit' };
}

/**
 * Kernels come with their vectors, loops and blocks: -O3 finds 2 % more in them, for half as much compile time again. At -O1
 * gcc moves each use of a constant out of the loops as a copy of its own. The copies take registers, and the innermost loop
 * then keeps weights on the stack: half of the speed for large filters. The second flag joins the copies.
 */
const OPTIMISATION = ['-O1', '-frerun-cse-after-loop'];
/** Compilers that do not know it have nothing to prefer. */
const WIDE = '-mprefer-vector-width=512';

/** Flags for the machine's own processor, best first; the last ones for compilers that can't tell which it is. */
const OWN: readonly (readonly string[])[] = [
  [...OPTIMISATION, '-march=native', WIDE],
  [...OPTIMISATION, '-march=native'],
  [...OPTIMISATION, '-mcpu=native'],
  ['-O1', '-march=native'],
  ['-O3'],
];

/** Instruction sets that OHMIC_TARGET names: a macro that tells whether a processor has it, and flags for it. */
const TARGETS: Readonly<Record<string, { readonly macro: string; readonly flags: readonly string[] }>> = {
  avx512: { macro: '__AVX512F__', flags: [...OPTIMISATION, '-march=x86-64-v4', WIDE] },
  avx2: { macro: '__AVX2__', flags: [...OPTIMISATION, '-march=x86-64-v3', WIDE] },
  sse4: { macro: '__SSE4_2__', flags: [...OPTIMISATION, '-march=x86-64-v2', WIDE] },
  neon: { macro: '__aarch64__', flags: [...OPTIMISATION, '-march=armv8-a'] },
};

/** The macros of a compiler that is given some flags; undefined if it does not take them. */
type Ask = (flags: readonly string[]) => string | undefined;

/**
 * Flags to try, best first: those of this machine, or of the smaller instruction set that OHMIC_TARGET names. A compiler for
 * another machine does not know "native"; then OHMIC_TARGET is taken as it is.
 *
 * @throws UsageError if the machine, or ohmic, does not know that set
 */
export function machineFlags(ask: Ask): readonly (readonly string[])[] {
  const name = process.env['OHMIC_TARGET'] || 'native';
  if (name === 'native') return OWN;
  const target = TARGETS[name];
  if (target === undefined)
    throw new UsageError(
      `OHMIC_TARGET: expected native, ${Object.keys(TARGETS).join(', ')}, got ${JSON.stringify(name)}`,
    );
  const own = ask(['-march=native']) ?? ask(['-mcpu=native']);
  if (own !== undefined && !own.includes(`#define ${target.macro} `))
    throw new UsageError(
      `OHMIC_TARGET: expected instructions that this processor has, got ${name}; leave it out for the best ones`,
    );
  return [target.flags];
}
