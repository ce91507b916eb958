// Timing in alternation: every round runs each contestant in turn, so a slow moment of the machine hits all of them.

import { performance } from 'node:perf_hooks';

/** Something that can be timed. Returns the milliseconds of each of `steps` steps. */
export type Contestant = {
  readonly name: string;
  readonly run: (steps: number) => Promise<readonly number[]>;
};

/** Middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Times `step` one call at a time. */
export function timed(step: () => Promise<unknown>): Contestant['run'] {
  return async (steps) => {
    const milliseconds: number[] = [];
    for (let i = 0; i < steps; i++) {
      const start = performance.now();
      await step();
      milliseconds.push(performance.now() - start);
    }
    return milliseconds;
  };
}

/** Median milliseconds of every contestant in every round. */
export async function alternate(
  contestants: readonly Contestant[],
  rounds: number,
  steps: number,
): Promise<Record<string, number[]>> {
  const results: Record<string, number[]> = Object.fromEntries(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of contestants) results[name]!.push(median(await run(steps)));
  }
  return results;
}

/** The median over rounds of a's time divided by b's in the same round. */
export function ratio(
  results: Readonly<Record<string, readonly number[]>>,
  a: string,
  b: string,
): number | undefined {
  const [x, y] = [results[a], results[b]];
  if (x === undefined || y === undefined) return undefined;
  return median(x.map((value, round) => value / y[round]!));
}
