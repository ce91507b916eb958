// The flags of `ohmic import`, for weights and for whole networks.

import type { Layout } from '../interop/layout.ts';
import type { WorkFlags } from './train-command.ts';

/** Flags of `ohmic import`, as typed. */
export type ImportFlags = WorkFlags & {
  readonly model?: string;
  readonly dataset?: string;
  readonly out: string;
  readonly layout: Layout;
  readonly map?: string;
  readonly normalization: string;
  readonly testImages?: string;
  /** Of ONNX files: `name=3,48,192`, `name=16000`. */
  readonly inputShape?: readonly string[];
  readonly inputValue?: readonly string[];
  readonly json?: boolean;
};
