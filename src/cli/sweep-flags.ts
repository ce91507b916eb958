// The flags of `ohmic sweep` and its parts, and what they are if they are left out.

import type { BaseFlags } from './sweep-files.ts';

/** Flags of `ohmic sweep` and its parts, as typed. */
export type SweepFlags = BaseFlags & {
  readonly out?: string;
  readonly data?: string;
  readonly workers?: number;
  readonly threads?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly retryFailed?: boolean;
  readonly queue?: string;
  readonly shared?: string;
  readonly shard?: string;
  readonly batch?: number;
  readonly silentSeconds?: number;
  readonly checkpointMinutes?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
};

/** The most chips that a worker is given at once. */
export const BATCH = 16;
/** Seconds without a step or an accuracy after which a worker counts as hanging. */
export const SILENT_SECONDS = 600;
