// A safetensors file of another program as the parameters of a network: the file is read, its tensors are matched and
// brought into ohmic's layout, and what a provenance must say about them is handed back with them.

import { sha256 } from '../base/digest.ts';
import { nonFiniteNumbers, readStored } from './safetensors.ts';
import { type MatchedStateDict, matchStateDict, type StateDictOptions } from './state-dict.ts';

/** Parameters from another program's file, and where they come from. */
export type ImportedWeights = MatchedStateDict & {
  /** SHA-256 of the file. */
  readonly digest: string;
  /** Texts in the file's header: `format: pt`, for instance. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Parameters with NaN or infinities, as `nonFiniteNumbers` tells of them; empty if all numbers are finite. */
  readonly nonFinite: readonly string[];
};

/** As of `matchStateDict`, with the bytes of a file in place of its tensors. */
export type ImportOptions = Omit<StateDictOptions, 'tensors'> & { readonly bytes: Uint8Array };

/**
 * Reads a file of weights and matches it to a network.
 *
 * @throws UsageError if it is no whole safetensors file, or not the weights of the network: see `matchStateDict`
 */
export async function importWeights({ bytes, ...options }: ImportOptions): Promise<ImportedWeights> {
  const { tensors, metadata } = await readStored(options.file, bytes);
  const matched = matchStateDict({ ...options, tensors });
  return {
    ...matched,
    digest: await sha256(bytes),
    metadata,
    nonFinite: nonFiniteNumbers(matched.parameters),
  };
}
