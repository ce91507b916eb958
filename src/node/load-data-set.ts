// Data sets by name on Node, as the command loads them: from the user's folder, else from the cache, else downloaded.
// What a name means, and which files belong to it, is data/load-named-set.ts.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { type DataSplit, dataSplit, subset } from '../data/image-set.ts';
import { type LoadProgress, loadNamedSet, type NamedSetSources } from '../data/load-named-set.ts';
import { isNamedSet, namedSets } from '../data/named-sets.ts';
import { defaultCacheFolder } from '../native/platforms.ts';
import { cacheSource, download, folderSource } from './files.ts';

/** Where to look for a data set, and how much of it is wanted. */
export type DataSetOptions = {
  /** Folder of data sets; absent: what OHMIC_DATA names; without either, ohmic's cache, and a download into it. */
  readonly folder?: string | undefined;
  /** Only the first so many images; absent: all. */
  readonly trainImages?: number | undefined;
  readonly testImages?: number | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
};

/**
 * Loads the images of a data set: `cifar10`, `mnist`, `fashion-mnist` or `synthetic`, which is generated. A folder holds
 * the set's files directly or in a folder of its own; with a folder nothing is downloaded. Each file is checked against
 * its SHA-256. Images are in the official order.
 *
 * @throws UsageError if the name is unknown; the folder does not exist; files are missing, damaged or of another
 *   checksum; the download fails; or more images are asked for than there are
 */
export async function loadDataSet(
  name: string,
  {
    folder = process.env['OHMIC_DATA'] || undefined,
    trainImages,
    testImages,
    onProgress,
  }: DataSetOptions = {},
): Promise<DataSplit> {
  const set = isNamedSet(name) ? namedSets[name] : undefined;
  if (set?.kind === 'generated') {
    onProgress?.({ step: 'generate', file: name, done: 0, total: 1 });
    // A smaller generated set is the beginning of the larger one.
    return set.generate({
      ...(trainImages === undefined ? {} : { trainCount: trainImages }),
      ...(testImages === undefined ? {} : { testCount: testImages }),
    });
  }
  const whole = await loadNamedSet(name, { ...dataSources(folder), onProgress });
  return firstImages(name, whole, { trainImages, testImages });
}

/**
 * Where files of data sets come from: a folder, or ohmic's cache and downloads into it.
 *
 * @throws UsageError if the folder does not exist
 */
export function dataSources(folder: string | undefined): NamedSetSources {
  if (folder === undefined)
    return {
      cache: cacheSource(join(defaultCacheFolder(), 'data')),
      download: (url, most) => download(url, { most }),
    };
  if (!existsSync(folder))
    throw new UsageError(
      `data: expected a folder, but ${folder} does not exist; correct --data or OHMIC_DATA`,
    );
  return { folder: folderSource(folder) };
}

/**
 * The first images of both parts of a set; all where no number is given.
 *
 * @throws UsageError if more are asked for than there are
 */
export function firstImages(
  name: string,
  whole: DataSplit,
  { trainImages, testImages }: Pick<DataSetOptions, 'trainImages' | 'testImages'>,
): DataSplit {
  if (trainImages === undefined && testImages === undefined) return whole;
  const counts = { trainImages: whole.train.count, testImages: whole.test.count };
  const wanted = {
    trainImages: trainImages ?? counts.trainImages,
    testImages: testImages ?? counts.testImages,
  };
  const faults = (['trainImages', 'testImages'] as const)
    .filter((part) => wanted[part] > counts[part])
    .map((part) => `${part} must be at most ${counts[part]}, got ${wanted[part]}`);
  throwFaults(`data set ${name}`, faults);
  return dataSplit(
    subset(whole.train, wanted.trainImages),
    subset(whole.test, wanted.testImages),
    whole.augmentation,
  );
}
