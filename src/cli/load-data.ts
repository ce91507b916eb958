// Settings → images, with a line for each download.

import { throwFaults, UsageError } from '../base/errors.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import type { NamedSetName } from '../data/named-sets.ts';
import { loadDataSet } from '../node/load-data-set.ts';
import { loadPhotos } from '../node/photo-folder.ts';
import type { Provenance } from '../train/provenance.ts';
import { normalizationFromFlag } from './normalization-flag.ts';
import type { Progress } from './progress.ts';
import { type DataSettings, PHOTOS } from './settings-schema.ts';

type Place = { readonly folder?: string | undefined; readonly progress: Progress };

/** Loads the images that settings name, or lists the photos of a folder. Throws what `loadDataSet` and `loadPhotos` throw. */
export async function loadData(
  { dataset, photos, normalization = 'dataset', ...counts }: DataSettings,
  place: Place,
): Promise<DataSplit<LabelledImages>> {
  const split = await loadImages({ dataset, photos, ...counts }, place);
  return { ...split, normalization: normalizationFromFlag(normalization, split.normalization) };
}

async function loadImages(
  { dataset, photos, ...counts }: Omit<DataSettings, 'normalization'>,
  place: Place,
): Promise<DataSplit<LabelledImages>> {
  if (dataset !== PHOTOS) return loadNamedData({ dataset, ...counts }, place);
  const folder = place.folder ?? (process.env['OHMIC_DATA'] || undefined);
  if (folder === undefined)
    throw new UsageError(
      'photos: expected a folder, got none; name the one that holds train/CLASS/ and val/CLASS/ with --data',
    );
  return loadPhotos(folder, { ...photos, ...counts });
}

/** Loads a named set, whose images are in memory. Throws what `loadDataSet` throws. */
export function loadNamedData(
  {
    dataset,
    ...counts
  }: Omit<DataSettings, 'dataset' | 'photos' | 'normalization'> & { readonly dataset: NamedSetName },
  { folder, progress }: Place,
): Promise<DataSplit> {
  return loadDataSet(dataset, {
    ...counts,
    folder,
    onProgress: ({ step, file }) => {
      if (step === 'download') progress.line(`downloading ${file}`);
    },
  });
}

/** Networks by what errors call them; of undefined ones nothing is asked. */
export type Trainees = readonly {
  readonly name: string;
  readonly provenance: Pick<Provenance, 'photos'> | undefined;
}[];

/**
 * Loads images for trained networks: photos at the size of their training. Throws what `loadData` and `checkPhotoClasses`
 * throw, and UsageError if networks saw photos of different sizes.
 */
export async function loadDataFor(
  networks: Trainees,
  settings: Omit<DataSettings, 'photos'>,
  place: Place,
): Promise<DataSplit<LabelledImages>> {
  if (settings.dataset !== PHOTOS) return loadData(settings, place);
  const sizes = networks.flatMap(({ name, provenance }) =>
    provenance?.photos === undefined ? [] : [{ name, ...provenance.photos }],
  );
  const [first] = sizes;
  throwFaults(
    'photos',
    sizes
      .filter(({ side, shorterSide }) => side !== first!.side || shorterSide !== first!.shorterSide)
      .map(
        ({ name, side, shorterSide }) =>
          `${first!.name} and ${name}: expected networks that saw photos of one size, got ${first!.side} of ${first!.shorterSide} and ${side} of ${shorterSide}`,
      ),
  );
  const photos = first && { side: first.side, shorterSide: first.shorterSide };
  const data = await loadData({ ...settings, photos }, place);
  checkPhotoClasses(data, networks);
  return data;
}

/**
 * Checks that photos have the classes that networks were trained on, whose outputs stand for them.
 *
 * @throws UsageError if one has other classes
 */
export function checkPhotoClasses({ train }: DataSplit<LabelledImages>, networks: Trainees): void {
  const { classNames } = train;
  throwFaults(
    'photos',
    networks.flatMap(({ name, provenance }) => {
      const classes = provenance?.photos?.classes;
      if (classes === undefined || classes.join('/') === classNames.join('/')) return [];
      const missing = classes.filter((one) => !classNames.includes(one));
      const added = classNames.filter((one) => !classes.includes(one));
      return [
        `${name}: it was trained on ${classes.length} classes, the folder has ${classNames.length}${listed('missing', missing)}${listed('added', added)}; use the classes of its training`,
      ];
    }),
  );
}

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  return `, ${what} ${names.slice(0, 5).join(' ')}${names.length > 5 ? ' …' : ''}`;
}
