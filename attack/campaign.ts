// What all campaigns share: a seed that is printed, so that what failed can be repeated; a folder; counts of what was
// tried. A campaign throws where something is wrong.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** Draws that follow from a seed. */
export type Draws = {
  /** A whole number from 0, below `end`. */
  readonly below: (end: number) => number;
  readonly pick: <T>(from: readonly T[]) => T;
};

/** What a campaign is given. */
export type Surroundings = {
  readonly draws: Draws;
  /** Empty, and removed afterwards. */
  readonly folder: string;
  /** Multiplies how often things are tried; 1 is minutes. */
  readonly effort: number;
};

/** An attack on one part; says in a few words what it has tried. */
export type Campaign = { readonly name: string; readonly run: (given: Surroundings) => Promise<string> };

/** Draws from a seed (mulberry32, T. Ettinger, 2017). */
export function drawsFrom(seed: number): Draws {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return { below, pick: (from) => from[below(from.length)]! };
}

/** How a process ended, and what it said. */
export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
};

/** Where and how a process runs. */
export type StartOptions = {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Is given the process as soon as it runs. */
  readonly onStart?: (child: ChildProcess) => void;
};

/** Runs a program to its end; after 20 minutes it is killed, and that is an error. */
export async function start(words: readonly string[], options: StartOptions): Promise<Ended> {
  const [program, ...rest] = words as [string, ...string[]];
  const { cwd, env = {}, onStart } = options;
  const child = spawn(program, rest, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 1_200_000,
    killSignal: 'SIGABRT',
  });
  onStart?.(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (signal === 'SIGABRT') throw new Error(`${words.join(' ')}: did not end, or aborted\n${err}`);
  return { code, signal, out, err };
}

/** The command, as words. */
export const OHMIC: readonly string[] = [
  process.execPath,
  resolve(import.meta.dirname, '../src/cli/main.ts'),
];
