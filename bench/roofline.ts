// The machine's roofline: peak arithmetic and memory bandwidth, as contestants. They run in every round beside what
// is measured, because the speed of a shared machine drifts by a factor of two within minutes.

import koffi from 'koffi';
import { UsageError } from '../src/base/errors.ts';
import { type Compiler, compileLibrary } from '../src/native/compiler.ts';
import { type Contestant, median, type Timings } from './measure.ts';
import { chainsOf, rooflineSource } from './roofline-source.ts';

/** Turns of the loop: 25 ms at two vectors a cycle, 24 in flight, and 2.5 GHz. */
const TURNS = 5_000_000;
/** Bytes of each of the copy's two stretches: far beyond a last-level cache. */
const COPY_BYTES = 256 * 2 ** 20;

const PEAK = 'peak';
const BANDWIDTH = 'bandwidth';

/** The limits of a machine with so many threads. */
export type Roofline = {
  /** To be timed in alternation with what is compared with them. */
  readonly contestants: readonly Contestant[];
  /** Peak of every round, in GFLOPS; a multiply-add counts as two operations. */
  readonly gigaflops: (results: Timings) => number[];
  /** Bandwidth of every round, in GB/s: bytes read plus bytes written by `memcpy`. */
  readonly gigabytesPerSecond: (results: Timings) => number[];
  readonly free: () => void;
};

/**
 * Compiles the roofline kernels with the backend's own compiler and flags. The copy takes its memory at its first run.
 *
 * @throws UsageError from a contestant, if there is no memory for the copy, or not that many threads
 *
 * Not measured: the bandwidth of caches. Work on a few megabytes may exceed the bandwidth that is given here.
 */
export async function openRoofline(compiler: Compiler, threads: number): Promise<Roofline> {
  const library = koffi.load((await compileLibrary(compiler, [rooflineSource(compiler)])).path);
  const peak = library.func('double ohmic_peak(int32_t threads, int64_t turns)');
  const copy = library.func('double ohmic_copy(int32_t threads, void *memory, int64_t bytes)');
  const allocate = library.func('void *ohmic_copy_memory(int64_t bytes)');
  const freeMemory = library.func('void ohmic_free_copy_memory(void *memory)');
  let memory: unknown = null;
  const copyOnce = (): number => {
    memory ??= allocate(COPY_BYTES);
    if (memory === null) throw new UsageError(`bench: no memory to copy ${COPY_BYTES} bytes`);
    return copy(threads, memory, COPY_BYTES);
  };
  const repeat = (name: string, once: () => number): Contestant => ({
    name,
    run: async (steps) => {
      const milliseconds = Array.from({ length: steps }, once);
      if (Math.min(...milliseconds) < 0) {
        throw new UsageError(`bench: the system does not give ${threads} threads; use --threads`);
      }
      return milliseconds;
    },
  });
  const operations = 2 * chainsOf(compiler) * compiler.lanes * TURNS * threads;
  const rate = (amount: number) => (milliseconds: number) => amount / milliseconds / 1e6;
  return {
    contestants: [repeat(PEAK, () => peak(threads, TURNS)), repeat(BANDWIDTH, copyOnce)],
    gigaflops: (results) => results[PEAK]!.map(rate(operations)),
    gigabytesPerSecond: (results) => results[BANDWIDTH]!.map(rate(2 * COPY_BYTES)),
    free: () => {
      if (memory !== null) freeMemory(memory);
    },
  };
}

/**
 * Share of a limit: the median over rounds of amount / time / rate of the same round.
 *
 * @param rates limit in every round, in 10⁹ a second
 */
export function shareOf(rates: readonly number[], amount: number, milliseconds: readonly number[]): number {
  return median(milliseconds.map((value, round) => amount / value / 1e6 / rates[round]!));
}
