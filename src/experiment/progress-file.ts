// The progress of a long measurement in a file of a storage. The file has a digest of its content, which detects
// damage, and one of the settings, so that a measurement never continues another one. What it holds is checked like what a
// caller hands in: a right digest says nothing of the structure.

import { sha256 } from '../base/digest.ts';
import { UsageError } from '../base/errors.ts';
import type { Storage } from '../base/storage.ts';
import { parametersDigest, type TrainedNetwork } from '../train/checkpoint.ts';
import type { ProgressCheck } from './progress-schema.ts';

/** A file of progress. */
export type ProgressFile<T> = {
  /** Undefined if nothing is finished yet. Throws UsageError if the file is damaged or of another measurement. */
  readonly read: () => Promise<T | undefined>;
  readonly write: (progress: T) => Promise<void>;
};

/** What is measured. */
type ProgressOf<T> = {
  readonly label: string;
  readonly trained: TrainedNetwork;
  /** Everything that it depends on beside the weights, as plain data. */
  readonly options: unknown;
  readonly checkProgress: ProgressCheck<T>;
};

/** The content of the file. Files of 0.1.0 do not tell which measurement they belong to. */
type Content<T> = { readonly sha256: string; readonly of?: string; readonly progress: T };

/**
 * The file of one network's measurement. Two networks never share a file, also if they have the same name; nor do the
 * weights of two trainings.
 *
 * @param what    the measurement: `evaluation`
 */
export async function progressFile<T>(
  storage: Storage,
  what: string,
  { label, trained, options, checkProgress }: ProgressOf<T>,
): Promise<ProgressFile<T>> {
  const weights = await parametersDigest(trained.parameters);
  const name = `${what}-${label.replaceAll(/[^\w.-]+/g, '-')}-${weights.slice(0, 12)}.json`;
  const own = await sha256(JSON.stringify(options));
  return {
    read: async () => {
      const bytes = await storage.read(name);
      if (bytes === undefined) return undefined;
      const found = await intact<T>(bytes);
      if (found === undefined)
        throw new UsageError(
          `${storage.describe(name)}: it is damaged; remove it, and this ${what} starts anew`,
        );
      if (found.of !== undefined && found.of !== own)
        throw new UsageError(
          `${storage.describe(name)}: of an ${what} with other settings; remove it, or keep this one elsewhere`,
        );
      return checkProgress(
        `${storage.describe(name)}: not what this ${what} writes; remove it, and it starts anew`,
        found.progress,
      );
    },
    write: async (progress) => {
      const content: Content<T> = { sha256: await sha256(JSON.stringify(progress)), of: own, progress };
      await storage.write(name, `${JSON.stringify(content)}\n`);
    },
  };
}

/** The content of a file; undefined if it is damaged. */
async function intact<T>(bytes: Uint8Array): Promise<Content<T> | undefined> {
  try {
    const content = JSON.parse(new TextDecoder().decode(bytes)) as Content<T>;
    return (await sha256(JSON.stringify(content.progress))) === content.sha256 ? content : undefined;
  } catch {
    return undefined;
  }
}
