// What is finished of a long measurement, in a file of a storage: with its digest, so that damage is found out, and with
// the digest of the settings, so that one measurement never continues another.

import { sha256 } from '../base/digest.ts';
import { UsageError } from '../base/errors.ts';
import type { Storage } from '../base/storage.ts';
import { parametersDigest, type TrainedNetwork } from '../train/checkpoint.ts';

/** A file of progress. */
export type ProgressFile<T> = {
  /** Undefined if nothing is finished yet. Throws UsageError if the file is damaged or of another measurement. */
  readonly read: () => Promise<T | undefined>;
  readonly write: (progress: T) => Promise<void>;
};

/** What the file holds. Files of 0.1.0 do not say of what they are. */
type Content<T> = { readonly sha256: string; readonly of?: string; readonly progress: T };

/**
 * The file of one network's measurement. Two networks never share one, whatever they are called; nor do the weights of
 * two trainings.
 *
 * @param what    the measurement: `evaluation`
 * @param options everything that it depends on beside the weights, as plain data
 */
export async function progressFile<T>(
  storage: Storage,
  what: string,
  { label, trained, options }: { readonly label: string; readonly trained: TrainedNetwork; options: unknown },
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
      return found.progress;
    },
    write: async (progress) => {
      const content: Content<T> = { sha256: await sha256(JSON.stringify(progress)), of: own, progress };
      await storage.write(name, `${JSON.stringify(content)}\n`);
    },
  };
}

/** What a file holds; undefined if it is damaged. */
async function intact<T>(bytes: Uint8Array): Promise<Content<T> | undefined> {
  try {
    const content = JSON.parse(new TextDecoder().decode(bytes)) as Content<T>;
    return (await sha256(JSON.stringify(content.progress))) === content.sha256 ? content : undefined;
  } catch {
    return undefined;
  }
}
