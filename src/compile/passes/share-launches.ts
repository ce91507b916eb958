// Pass on launches: what is computed again from the same values is computed once. Each product comes with a kernel that
// packs its filter, and all steps of an unrolled network have one filter. Launches that write several memories, a
// binding, or a memory that others write too, stay.

import type { Kernel } from '../../kernel/kernel.ts';
import type { DraftLaunch, Memory } from '../draft.ts';
import { wholeOf } from '../parts.ts';

/**
 * The launches without repetitions; later ones load what the first has written.
 *
 * @param external memories of bindings
 * @param numberOf equal for equal kernels
 */
export function shareLaunches(
  launches: readonly DraftLaunch[],
  external: ReadonlySet<Memory>,
  numberOf: (kernel: Kernel) => number,
): DraftLaunch[] {
  const writers = writerCounts(launches);
  const memoryNumbers = new Map<Memory, number>();
  const versions = new Map<Memory, number>();
  /** Equal for memories with equal values. */
  const versionOf = (memory: Memory): string => {
    const number = memoryNumbers.get(memory) ?? memoryNumbers.size;
    memoryNumbers.set(memory, number);
    return `${number}.${versions.get(wholeOf(memory)) ?? 0}`;
  };
  const replaced = new Map<Memory, Memory>();
  const written = new Map<string, Memory>();
  return launches.flatMap((launch) => {
    const kernel = numberOf(launch.kernel);
    const memories = launch.memories.map((memory) => replaced.get(memory) ?? memory);
    const [target, ...others] = launch.writes;
    const isOnlyWriter =
      target !== undefined &&
      others.length === 0 &&
      writers.get(wholeOf(target)) === 1 &&
      !external.has(target);
    if (isOnlyWriter && target.part === undefined) {
      const values = memories.map((memory) => (memory === target ? 'target' : versionOf(memory)));
      const key = [kernel, ...values, ...launch.pushConstants].join();
      const earlier = written.get(key);
      if (earlier !== undefined) {
        replaced.set(target, earlier);
        return [];
      }
      written.set(key, target);
    }
    for (const memory of launch.writes) {
      const whole = wholeOf(memory);
      versions.set(whole, (versions.get(whole) ?? 0) + 1);
    }
    return [{ ...launch, memories }];
  });
}

/** How many launches write to each memory, or to parts of it. */
function writerCounts(launches: readonly DraftLaunch[]): Map<Memory, number> {
  const counts = new Map<Memory, number>();
  for (const { writes } of launches)
    for (const memory of writes) counts.set(wholeOf(memory), (counts.get(wholeOf(memory)) ?? 0) + 1);
  return counts;
}
