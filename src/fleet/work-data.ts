// Images of a work: from this machine's folder or cache, else from the storage of the sweep, else downloaded.

import { join } from 'node:path';
import type { Storage } from '../base/storage.ts';
import type { DataSplit } from '../data/image-set.ts';
import { type FileSource, loadFiles, loadNamedSet } from '../data/load-named-set.ts';
import { namedSets } from '../data/named-sets.ts';
import { defaultCacheFolder } from '../native/platforms.ts';
import { cacheSource } from '../node/files.ts';
import { dataSources, firstImages, loadDataSet } from '../node/load-data-set.ts';
import type { WorkData } from '../sweep/works.ts';

/** Where to look. */
export type WorkDataOptions = {
  /** Folder of data sets; absent: what OHMIC_DATA names. */
  readonly folder: string | undefined;
  /** The storage of the sweep. */
  readonly storage: Storage;
};

/** The folder of data sets in a storage. */
const FOLDER = 'data';

/**
 * Loads the images of a work. What comes from the storage is kept in this machine's cache, so it comes once. Files are
 * checked against the checksums of the set. Throws what `loadDataSet` throws.
 */
export async function loadWorkData(
  { dataset, ...counts }: WorkData,
  { folder = process.env['OHMIC_DATA'] || undefined, storage }: WorkDataOptions,
): Promise<DataSplit> {
  if (folder !== undefined || namedSets[dataset].kind === 'generated')
    return loadDataSet(dataset, { folder, ...counts });
  const cache = cacheSource(join(defaultCacheFolder(), 'data'));
  const behind: FileSource = {
    ...cache,
    read: async (name) => {
      const own = await cache.read(name);
      if (own !== undefined) return own;
      const fetched = await storage.read(`${FOLDER}/${name}`);
      if (fetched !== undefined) await cache.write!(name, fetched);
      return fetched;
    },
  };
  const { download } = dataSources(undefined);
  return firstImages(dataset, await loadNamedSet(dataset, { cache: behind, download }), counts);
}

/** Puts the files of a set into a storage, unless they are there, for machines that have neither them nor the internet. */
export async function publishData(
  dataset: WorkData['dataset'],
  { folder = process.env['OHMIC_DATA'] || undefined, storage }: WorkDataOptions,
): Promise<void> {
  const set = namedSets[dataset];
  if (set.kind === 'generated') return;
  const place = (file: string): string => `${FOLDER}/${set.folders[0]}/${file}`;
  const present = await Promise.all(set.files.map(({ name }) => storage.exists(place(name))));
  if (present.every((one) => one)) return;
  const files = await loadFiles(dataset, set, dataSources(folder));
  for (const [k, { name }] of set.files.entries()) await storage.write(place(name), files[k]!.bytes);
}
