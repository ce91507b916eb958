// The environment of a command that computes: engine, progress, version, and a description of the machine.

import { cpus } from 'node:os';
import type { Engine } from '../engine.ts';
import type { ExperimentRecord } from '../experiment/record.ts';
import type { BackendChoice } from '../node/backend-choice.ts';
import { createEngine } from '../node/create-engine.ts';
import type { Progress } from './progress.ts';
import { ohmicVersion } from './version.ts';

/** An engine and the surroundings of a command. */
export type Workplace = {
  readonly engine: Engine;
  readonly progress: Progress;
  readonly version: string;
  /** Time between two checkpoints. */
  readonly checkpointMinutes: number;
};

/** Options of a workplace. */
export type WorkplaceOptions = {
  readonly backend: BackendChoice;
  readonly threads?: number | undefined;
  readonly checkpointMinutes?: number | undefined;
  readonly progress: Progress;
};

/** Opens a workplace for some work, and closes its engine afterwards. Throws what `createEngine` throws. */
export async function withWorkplace<T>(
  { backend, threads, checkpointMinutes = 2, progress }: WorkplaceOptions,
  work: (place: Workplace) => Promise<T>,
): Promise<T> {
  const { engine, notice } = await createEngine({ backend, ...(threads === undefined ? {} : { threads }) });
  if (notice !== undefined) progress.line(notice);
  try {
    return await work({ engine, progress, version: ohmicVersion(), checkpointMinutes });
  } finally {
    await engine.close();
  }
}

/** Processor, backend and runtime. */
export function machineOf({ engine }: Workplace): ExperimentRecord['machine'] {
  return {
    backend: engine.backend.description,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.version,
  };
}
