// From trace to ready, the training step of ResNet-32: a process of its own with an empty cache of compiled kernels,
// then another process with the cache that the first one left.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { invariant } from '../src/base/errors.ts';
import type { BenchCase, CaseResult, Row, Tools } from './bench-case.ts';
import { median } from './measure.ts';
import type { Readiness } from './ready-once.ts';

const execute = promisify(execFile);
/** The case. */
export const readyCase: BenchCase = {
  name: 'ready',
  description: 'from trace to ready, training step of ResNet-32: compiled anew, and from the cache',
  run,
};

async function run({ options, log }: Tools): Promise<CaseResult> {
  const rounds = await inFreshCaches(options.rounds, async (round, cacheFolder) => {
    log(`ready: round ${round + 1} of ${options.rounds}`);
    const once = (): Promise<Readiness> => processWith('ready-once.ts', cacheFolder, options.threads);
    const [cold, cached] = [await once(), await once()];
    invariant(cold.isFresh && !cached.isFresh, 'bench: only the first process compiles');
    return { cold, cached };
  });
  const cold = rounds.map((one) => one.cold);
  const cached = rounds.map((one) => one.cached);
  const medianOf = (all: readonly Readiness[], part: 'readyMs' | 'traceMs' | 'engineMs'): number =>
    median(all.map((one) => one[part]));
  const row = (title: string, all: readonly Readiness[], atMost: number): Row => ({
    title,
    figure: { value: medianOf(all, 'readyMs'), unit: 'ms' },
    target: { of: 'figure', atMost },
  });
  return {
    rows: [
      row('trace to ready, ResNet-32 training step, compiled anew', cold, 8000),
      row('trace to ready, ResNet-32 training step, from the cache', cached, 800),
    ],
    milliseconds: {
      'ready-cold': medianOf(cold, 'readyMs'),
      'ready-cached': medianOf(cached, 'readyMs'),
      'ready-trace': medianOf(cached, 'traceMs'),
      'ready-engine-cached': medianOf(cached, 'engineMs'),
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
export async function processWith<T>(script: string, cacheFolder: string, threads: number): Promise<T> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await execute(process.execPath, [file, String(threads)], {
    env: { ...process.env, OHMIC_CACHE: cacheFolder },
  });
  return JSON.parse(stdout) as T;
}
