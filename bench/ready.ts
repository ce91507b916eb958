// From trace to ready, the training steps of ResNet-32 and of an LSTM: a process of its own with an empty cache of
// compiled kernels, then another process with the cache that the first one left.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { invariant } from '../src/base/errors.ts';
import { type BenchCase, type CaseResult, joined, type Row, type Tools } from './bench-case.ts';
import { median } from './measure.ts';
import type { Readiness, ReadyStep } from './ready-once.ts';

const execute = promisify(execFile);
/** The case. */
export const readyCase: BenchCase = {
  name: 'ready',
  description:
    'from trace to ready, training steps of ResNet-32 and of an LSTM: compiled anew, and from the cache',
  run: async (tools) => {
    const parts: CaseResult[] = [];
    for (const step of STEPS) parts.push(await ready(tools, step));
    return joined(parts);
  },
};

type Step = {
  readonly name: ReadyStep;
  readonly title: string;
  /** What its numbers are called. */
  readonly key: string;
  /** Milliseconds, compiled anew and from the cache. */
  readonly atMost: readonly [cold: number, cached: number];
};

const STEPS: readonly Step[] = [
  { name: 'resnet32', title: 'ResNet-32 training step', key: 'ready', atMost: [8000, 800] },
  {
    name: 'char-lstm',
    title: 'char LSTM 2x512 training step, 100 steps in time',
    key: 'ready-char-lstm',
    atMost: [10_000, 2000],
  },
];

async function ready({ options, log }: Tools, { name, title, key, atMost }: Step): Promise<CaseResult> {
  const rounds = await inFreshCaches(options.rounds, async (round, cacheFolder) => {
    log(`${key}: round ${round + 1} of ${options.rounds}`);
    const once = (): Promise<Readiness> =>
      processWith('ready-once.ts', cacheFolder, [String(options.threads), name]);
    const [cold, cached] = [await once(), await once()];
    invariant(cold.isFresh && !cached.isFresh, 'bench: only the first process compiles');
    return { cold, cached };
  });
  const cold = rounds.map((one) => one.cold);
  const cached = rounds.map((one) => one.cached);
  const medianOf = (all: readonly Readiness[], part: 'readyMs' | 'traceMs' | 'engineMs'): number =>
    median(all.map((one) => one[part]));
  const row = (way: string, all: readonly Readiness[], limit: number): Row => ({
    title: `trace to ready, ${title}, ${way}`,
    figure: { value: medianOf(all, 'readyMs'), unit: 'ms' },
    target: { of: 'figure', atMost: limit },
  });
  return {
    rows: [row('compiled anew', cold, atMost[0]), row('from the cache', cached, atMost[1])],
    milliseconds: {
      [`${key}-cold`]: medianOf(cold, 'readyMs'),
      [`${key}-cached`]: medianOf(cached, 'readyMs'),
      [`${key}-trace`]: medianOf(cached, 'traceMs'),
      [`${key}-engine-cached`]: medianOf(cached, 'engineMs'),
    },
    ratios: {},
  };
}

/** What `use` finds in each round, which begins with an empty cache of compiled kernels. */
export async function inFreshCaches<T>(
  rounds: number,
  use: (round: number, cacheFolder: string) => Promise<T>,
): Promise<T[]> {
  const found: T[] = [];
  for (let round = 0; round < rounds; round++) {
    const cacheFolder = mkdtempSync(join(tmpdir(), 'ohmic-bench-'));
    try {
      found.push(await use(round, cacheFolder));
    } finally {
      rmSync(cacheFolder, { recursive: true });
    }
  }
  return found;
}

/** What a script of this folder prints in a process of its own. */
export async function processWith<T>(
  script: string,
  cacheFolder: string,
  given: readonly string[],
): Promise<T> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await execute(process.execPath, [file, ...given], {
    env: { ...process.env, OHMIC_CACHE: cacheFolder },
  });
  return JSON.parse(stdout) as T;
}
