// What tests and campaigns of sweeps share: a sweep whose trainings and chips take moments, and its processes, which can be
// killed, suspended and started again.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from './command.ts';

/** A sweep of 2 trainings, and as many evaluations for each value of `bits`. */
export function tinySweep({
  chips = 4,
  bits = [4, 8],
}: {
  readonly chips?: number;
  readonly bits?: readonly number[];
} = {}): object {
  return {
    name: 'tiny',
    base: {
      data: { dataset: 'synthetic', trainImages: 64, testImages: 32 },
      model: 'mlp',
      training: { epochs: 1, batchSize: 16 },
      hardware: 'hermes256',
      evaluation: { chips, timesSeconds: [25, 86_400], methods: ['none', 'global'], calibrationImages: 16 },
    },
    axes: {
      eta: { path: 'training.noise.relativeToMax', values: [0, 0.04] },
      bits: { path: 'adc.bits', values: bits },
    },
  };
}

/** Writes a sweep's file; JSON is YAML. */
export function writeSweep(folder: string, sweep: object, name = 'tiny.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(sweep));
  return path;
}

/** A process of `ohmic`. */
export type Running = {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** The process has ended; what it started may still hold its output. */
  readonly gone: Promise<unknown>;
  readonly said: () => string;
};

const all = new Set<ChildProcess>();

/** Starts the command in a folder. */
export function startOhmic(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const { OHMIC_DATA: _, OHMIC_QUEUE_PASSWORD: __, ...inherited } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  all.add(child);
  let text = '';
  child.stdout.on('data', (part) => {
    text += part;
  });
  child.stderr.on('data', (part) => {
    text += part;
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    all.delete(child);
    return { code, signal } as { code: number | null; signal: NodeJS.Signals | null };
  });
  return { child, ended, gone: once(child, 'exit'), said: () => text };
}

/** Ends whatever still runs. */
export function endAll(): void {
  for (const child of all) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
}

/** Worker processes that a process has started; those that are only about to begin are not among them. */
export function workersOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return children
      .filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('worker-main'))
      .map(Number);
  } catch {
    return [];
  }
}

/** Waits until something holds. */
export async function until(holds: () => boolean, seconds = 30): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`it did not happen within ${seconds} s`);
    await pause(20);
  }
}

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
