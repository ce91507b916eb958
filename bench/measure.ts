// Timing in alternation: every round runs each contestant in turn, so a slow moment of the machine hits all of them.

import { performance } from 'node:perf_hooks';

/** Something that can be timed. Returns the milliseconds of each of `steps` steps. */
export type Contestant = {
  readonly name: string;
  readonly run: (steps: number) => Promise<readonly number[]>;
};

/** Median milliseconds of each contestant in each round, by its name. */
export type Timings = Readonly<Record<string, readonly number[]>>;

/** Middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Times `step` one call at a time, after one call that refills the caches, as the peer does. */
export function timed(step: () => Promise<unknown>): Contestant['run'] {
  return async (steps) => {
    await step();
    const milliseconds: number[] = [];
    for (let i = 0; i < steps; i++) {
      const start = performance.now();
      await step();
      milliseconds.push(performance.now() - start);
    }
    return milliseconds;
  };
}

/** What `alternate` runs. */
export type Alternation = {
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  /** Steps of each contestant in a round. */
  readonly steps: number;
  readonly onRound?: (round: number) => void;
};

/** Median milliseconds of every contestant in every round. */
export async function alternate({ contestants, rounds, steps, onRound }: Alternation): Promise<Timings> {
  const results: Record<string, number[]> = Object.fromEntries(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    onRound?.(round);
    for (const { name, run } of contestants) results[name]!.push(median(await run(steps)));
  }
  return results;
}

/** The median over rounds of a's time divided by b's in the same round; undefined if one of them was not timed. */
export function ratio(results: Timings, a: string, b: string): number | undefined {
  const [x, y] = [results[a], results[b]];
  if (x === undefined || y === undefined) return undefined;
  return median(x.map((value, round) => value / y[round]!));
}
