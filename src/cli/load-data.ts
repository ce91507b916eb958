// Settings → images, with a line for each download.

import type { DataSplit } from '../data/image-set.ts';
import { loadDataSet } from '../node/load-data-set.ts';
import type { Progress } from './progress.ts';
import type { DataSettings } from './settings-schema.ts';

/** Loads the images that settings name. Throws what `loadDataSet` throws. */
export function loadData(
  { dataset, ...counts }: DataSettings,
  { folder, progress }: { readonly folder?: string | undefined; readonly progress: Progress },
): Promise<DataSplit> {
  return loadDataSet(dataset, {
    ...counts,
    folder,
    onProgress: ({ step, file }) => {
      if (step === 'download') progress.line(`downloading ${file}`);
    },
  });
}
