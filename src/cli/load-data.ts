// Settings → images: from the user's folder, else from the cache, else downloaded; only the first so many if asked.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { type DataSplit, dataSplit, subset } from '../data/image-set.ts';
import { loadNamedSet } from '../data/load-named-set.ts';
import { generateSynthetic } from '../data/synthetic.ts';
import { defaultCacheFolder } from '../native/compiler.ts';
import type { ImageTask } from '../nn/define-network.ts';
import { cacheSource, download, folderSource } from './files.ts';
import type { Progress } from './progress.ts';
import type { DataSettings } from './settings-schema.ts';

/**
 * Loads the images that settings name.
 *
 * @param folder the user's folder of data sets; absent: OHMIC_DATA, then the cache and the download
 * @throws UsageError if files are missing or damaged, the download fails, or more images are asked for than there are
 */
export async function loadData(
  { dataset, trainImages, testImages }: DataSettings,
  {
    folder = process.env['OHMIC_DATA'],
    progress,
  }: { readonly folder?: string | undefined; readonly progress: Progress },
): Promise<DataSplit> {
  if (dataset === 'synthetic') {
    // A smaller generated set is the beginning of the larger one.
    return generateSynthetic({
      ...(trainImages === undefined ? {} : { trainCount: trainImages }),
      ...(testImages === undefined ? {} : { testCount: testImages }),
    });
  }
  if (folder !== undefined && !existsSync(folder)) {
    throw new UsageError(
      `data: expected a folder, but ${folder} does not exist; correct --data or OHMIC_DATA`,
    );
  }
  const whole = await loadNamedSet(dataset, {
    ...(folder === undefined
      ? { cache: cacheSource(join(defaultCacheFolder(), 'data')), download }
      : { folder: folderSource(folder) }),
    onProgress: ({ step, file }) => {
      if (step === 'download') progress.line(`downloading ${file}`);
    },
  });
  const faults = (['train', 'test'] as const).flatMap((part) => {
    const wanted = part === 'train' ? trainImages : testImages;
    const { count } = whole[part];
    return wanted === undefined || wanted <= count
      ? []
      : [`${part}Images must be at most ${count}, got ${wanted}`];
  });
  throwFaults(`data set ${dataset}`, faults);
  if (trainImages === undefined && testImages === undefined) return whole;
  return dataSplit(
    subset(whole.train, trainImages ?? whole.train.count),
    subset(whole.test, testImages ?? whole.test.count),
  );
}

/** What a network for these images is made for. */
export function imageTask({ train }: DataSplit): ImageTask {
  return { inputShape: [train.height, train.width, train.channels], classes: train.classNames.length };
}
