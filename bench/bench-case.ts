// What a case of the bench is: it gets tools, times contestants in alternation beside the roofline, and gives rows of
// the table with the numbers behind them.

import type { Engine } from '../src/engine.ts';
import { alternate, type Contestant, median, ratio, type Timings } from './measure.ts';
import type { Peer } from './peer.ts';
import { type Roofline, shareOf } from './roofline.ts';

/** Choices of whoever runs the bench. */
export type BenchOptions = {
  readonly rounds: number;
  /** Steps of each contestant in a round. */
  readonly steps: number;
  readonly threads: number;
};

/** What every case works with. */
export type Tools = {
  readonly options: BenchOptions;
  /** On the native backend. */
  readonly native: Engine;
  readonly roofline: Roofline;
  /** Absent if PyTorch was not found. */
  readonly peer?: Peer;
  /** Tells whoever waits. */
  readonly log: (line: string) => void;
};

/** A measured quantity. */
export type Figure = { readonly value: number; readonly unit: 'ms' | 'MB' };

/** A line of the table. Without `figure` the case is not built; without `ratio` its peer is missing. */
export type Row = {
  readonly title: string;
  readonly figure?: Figure;
  /** What the figure is divided by. */
  readonly peer?: Figure & { readonly name: string };
  readonly ratio?: number;
  /** Useful operations a second over the machine's peak in the same round. */
  readonly shareOfPeak?: number;
  readonly target: { readonly of: 'ratio' | 'figure'; readonly atMost: number };
};

/** What a case found. */
export type CaseResult = {
  readonly rows: readonly Row[];
  /** Of every contestant. */
  readonly milliseconds: Readonly<Record<string, number>>;
  /** By `a / b`. */
  readonly ratios: Readonly<Record<string, number | undefined>>;
  /** Peaks and bandwidths of all rounds, where something was timed. */
  readonly roofline?: {
    readonly gigaflops: readonly number[];
    readonly gigabytesPerSecond: readonly number[];
  };
  /** More keys for the JSON object. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** A second table, for people. */
  readonly text?: string;
};

/** A case of the bench. */
export type BenchCase = {
  readonly name: string;
  readonly description: string;
  readonly run: (tools: Tools) => Promise<CaseResult>;
};

/**
 * Times contestants in alternation with one another and with the roofline.
 *
 * @param repeat how many times as often as `steps` says a contestant's step is taken, for short ones
 */
export function race(
  { options, roofline, log }: Tools,
  title: string,
  contestants: readonly Contestant[],
  repeat = 1,
): Promise<Timings> {
  const often = contestants.map(({ name, run }) => ({
    name,
    run: (steps: number) => run(steps * repeat),
  }));
  return alternate({
    contestants: [...roofline.contestants, ...often],
    rounds: options.rounds,
    steps: options.steps,
    onRound: (round) => log(`${title}: round ${round + 1} of ${options.rounds}`),
  });
}

/** How two contestants of a race make a row. */
export type Comparison = {
  readonly title: string;
  readonly contestant: string;
  /** Who the time is divided by; it need not have run. */
  readonly by: string;
  /** What to call it in the table. */
  readonly peerName: string;
  readonly atMost: number;
  /** Useful operations of a step. */
  readonly operations?: number;
};

/** The row of a comparison. */
export function compared({ roofline }: Tools, results: Timings, comparison: Comparison): Row {
  const { title, contestant, by, peerName, atMost, operations } = comparison;
  const own = results[contestant]!;
  const quotient = ratio(results, contestant, by);
  const rates = roofline.gigaflops(results);
  return {
    title,
    figure: { value: median(own), unit: 'ms' },
    ...(quotient !== undefined && {
      peer: { name: peerName, value: median(results[by]!), unit: 'ms' as const },
      ratio: quotient,
    }),
    ...(operations !== undefined && { shareOfPeak: shareOf(rates, operations, own) }),
    target: { of: 'ratio', atMost },
  };
}

/** Medians of the contestants, the ratios of `pairs`, and the roofline of all rounds. */
export function numbersOf(
  { roofline }: Tools,
  results: Timings,
  pairs: readonly (readonly [string, string])[],
): Pick<CaseResult, 'milliseconds' | 'ratios'> & Required<Pick<CaseResult, 'roofline'>> {
  const limits = roofline.contestants.map(({ name }) => name);
  const own = Object.entries(results).filter(([name]) => !limits.includes(name));
  return {
    milliseconds: Object.fromEntries(own.map(([name, values]) => [name, median(values)])),
    ratios: Object.fromEntries(pairs.map(([a, b]) => [`${a} / ${b}`, ratio(results, a, b)])),
    roofline: {
      gigaflops: roofline.gigaflops(results),
      gigabytesPerSecond: roofline.gigabytesPerSecond(results),
    },
  };
}

/** Numbers of several races of one case. */
export function joined(parts: readonly CaseResult[]): CaseResult {
  const rooflines = parts.flatMap(({ roofline }) => (roofline === undefined ? [] : [roofline]));
  return {
    rows: parts.flatMap(({ rows }) => rows),
    milliseconds: Object.assign({}, ...parts.map(({ milliseconds }) => milliseconds)),
    ratios: Object.assign({}, ...parts.map(({ ratios }) => ratios)),
    roofline: {
      gigaflops: rooflines.flatMap(({ gigaflops }) => gigaflops),
      gigabytesPerSecond: rooflines.flatMap(({ gigabytesPerSecond }) => gigabytesPerSecond),
    },
    details: Object.assign({}, ...parts.map(({ details }) => details ?? {})),
    text: parts.flatMap(({ text }) => text ?? []).join('\n\n'),
  };
}
