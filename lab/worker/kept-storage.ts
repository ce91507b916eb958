// What trainings leave, kept by the browser, so that a page that is loaded again has its weights at once. Where the
// browser keeps nothing (a page that is not served securely, a private window), memory does until the page is closed.

import { memoryStorage, type Storage } from 'ohmic';

const CACHE = 'ohmic-lab';

/** The storage of one training; `label` names it. */
export async function keptStorage(label: string): Promise<Storage> {
  const cache = await openCache();
  if (cache === undefined) return memoryStorage(label);
  const address = (name: string): string =>
    `/ohmic-lab/${encodeURIComponent(label)}/${encodeURIComponent(name)}`;
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    const found = await cache.match(address(name));
    return found === undefined ? undefined : new Uint8Array(await found.arrayBuffer());
  };
  return {
    read,
    write: async (name, content) => cache.put(address(name), new Response(content as BodyInit)),
    exists: async (name) => (await cache.match(address(name))) !== undefined,
    remove: async (name) => void (await cache.delete(address(name))),
    describe: (name) => `${label}/${name}`,
  };
}

async function openCache(): Promise<Cache | undefined> {
  if (!('caches' in globalThis)) return undefined;
  // A browser that forbids storage says so by an error.
  return caches.open(CACHE).catch(() => undefined);
}
