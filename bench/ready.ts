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
const script = fileURLToPath(new URL('./ready-once.ts', import.meta.url));

/** The case. */
export const readyCase: BenchCase = {
  name: 'ready',
  description: 'from trace to ready, training step of ResNet-32: compiled anew, and from the cache',
  run,
};

async function run({ options, log }: Tools): Promise<CaseResult> {
  const cold: Readiness[] = [];
  const cached: Readiness[] = [];
  for (let round = 0; round < options.rounds; round++) {
    log(`ready: round ${round + 1} of ${options.rounds}`);
    const cacheFolder = mkdtempSync(join(tmpdir(), 'ohmic-bench-'));
    try {
      cold.push(await readyOnce(cacheFolder, options.threads));
      cached.push(await readyOnce(cacheFolder, options.threads));
    } finally {
      rmSync(cacheFolder, { recursive: true });
    }
    invariant(cold[round]!.isFresh && !cached[round]!.isFresh, 'bench: only the first process compiles');
  }
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

async function readyOnce(cacheFolder: string, threads: number): Promise<Readiness> {
  const { stdout } = await execute(process.execPath, [script, String(threads)], {
    env: { ...process.env, OHMIC_CACHE: cacheFolder },
  });
  return JSON.parse(stdout) as Readiness;
}
