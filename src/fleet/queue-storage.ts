// Files of a sweep in the memory of the queue's server. What never changes, weights and contents by their digest, is fetched
// once per machine and kept in a folder of it.

import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { messageOf, UsageError } from '../base/errors.ts';
import type { Storage } from '../base/storage.ts';
import { folderStorage } from '../node/folder-storage.ts';
import type { StoreChoice } from './messages.ts';
import { connectQueue, queueAddress } from './queue-connection.ts';

/** Names of what is never written twice with different bytes. */
const LASTING = /^files\/|\/weights\.safetensors$/;

/** The server's own limit on a value. */
const MOST_BYTES = 512 * 1024 * 1024;

/** The beginning of all keys of a sweep. */
export function sweepPrefix(sweep: string): string {
  return `ohmic:sweep:${sweep}:`;
}

/** The storage of a sweep, over a connection of its own. Throws what `connectQueue` throws. */
export async function queueStorage(choice: Extract<StoreChoice, { kind: 'queue' }>): Promise<Storage> {
  return storageOn(await connectQueue(queueAddress(choice.url)), choice);
}

/**
 * The storage of a sweep on a connection.
 *
 * @throws UsageError, from its functions, if a file is too large for the server
 */
export function storageOn(
  client: Redis,
  {
    url,
    sweep,
    cache,
  }: {
    readonly url: string;
    readonly sweep: string;
    /** A folder of this machine; absent: nothing is kept here. */
    readonly cache?: string;
  },
): Storage {
  const key = (name: string): string => `${sweepPrefix(sweep)}${name}`;
  const near = cache === undefined ? undefined : folderStorage(join(cache, sweep));
  const describe = (name: string): string => `${name} in ${url}`;
  return {
    read: async (name) => {
      const own = LASTING.test(name) ? await near?.read(name) : undefined;
      if (own !== undefined) return own;
      const found = await client.getBuffer(key(name));
      if (found === null) return undefined;
      const bytes = new Uint8Array(found);
      if (LASTING.test(name)) await near?.write(name, bytes);
      return bytes;
    },
    write: async (name, content) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
      if (bytes.length > MOST_BYTES)
        throw new UsageError(
          `${describe(name)}: expected at most ${MOST_BYTES} bytes, got ${bytes.length}; use --shared FOLDER`,
        );
      try {
        await client.set(key(name), bytes);
      } catch (thrown) {
        throw new UsageError(
          `${describe(name)}: can't be written (${messageOf(thrown)}); give the server more memory, or use --shared FOLDER`,
        );
      }
      if (LASTING.test(name)) await near?.write(name, bytes);
    },
    exists: async (name) => (await client.exists(key(name))) === 1,
    remove: async (name) => void (await client.del(key(name))),
    describe,
  };
}

/** Removes all keys of a sweep. */
export async function removeSweepKeys(client: Redis, sweep: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', `${sweepPrefix(sweep)}*`, 'COUNT', 1000);
    if (keys.length > 0) await client.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
}
