// From trace to ready on a chip: ResNet-32 is deployed on `hermes256` with an empty cache of compiled kernels, then a
// second network of the same shape, with weights and converter ranges of its own; then both again in another process.

import { invariant } from '../src/base/errors.ts';
import type { BenchCase, CaseResult, Row, Tools } from './bench-case.ts';
import type { ChipReadiness } from './chip-ready-once.ts';
import { median } from './measure.ts';
import { inFreshCaches, processWith } from './ready.ts';

type Pair = readonly [first: ChipReadiness, second: ChipReadiness];

/** The case. */
export const chipReadyCase: BenchCase = {
  name: 'chip-ready',
  description: 'from trace to ready, inference of ResNet-32 on a chip: two networks of one shape',
  run,
};

async function run({ options, log }: Tools): Promise<CaseResult> {
  const rounds = await inFreshCaches(options.rounds, async (round, cacheFolder) => {
    log(`chip-ready: round ${round + 1} of ${options.rounds}`);
    const pair = (): Promise<Pair> =>
      processWith('chip-ready-once.ts', cacheFolder, [String(options.threads)]);
    const [[first, second], [cached]] = [await pair(), await pair()];
    invariant(first.fresh > 0, 'bench: the first network has its kernels compiled');
    invariant(second.fresh + cached.fresh === 0, 'bench: another network of the same shape compiles nothing');
    return { first, second, cached };
  });
  const medianOf = (which: 'first' | 'second' | 'cached'): number =>
    median(rounds.map((one) => one[which].readyMs));
  const row = (title: string, which: 'first' | 'second' | 'cached', atMost: number): Row => ({
    title,
    figure: { value: medianOf(which), unit: 'ms' },
    target: { of: 'figure', atMost },
  });
  return {
    rows: [
      row('deploy to ready, ResNet-32 on hermes256, compiled anew', 'first', 8000),
      row('deploy to ready, a second network of the same shape', 'second', 800),
      row('deploy to ready, from the cache', 'cached', 800),
    ],
    milliseconds: {
      'chip-ready-cold': medianOf('first'),
      'chip-ready-second': medianOf('second'),
      'chip-ready-cached': medianOf('cached'),
    },
    ratios: {},
  };
}
