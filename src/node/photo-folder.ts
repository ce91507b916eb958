// Folders of photos in the layout of ImageNet, train/CLASS/… and val/CLASS/…, as a split to train and test on. Only names are
// read here; photos are decoded when batches need them (decode-photo.ts).

import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { type DataSplit, subset } from '../data/image-set.ts';
import { type PhotoSet, photoSet } from '../data/photo-set.ts';
import { type PhotoSize, photoSizeFaults } from '../data/photo-view.ts';
import { sharedNormalizations } from '../data/shared-normalizations.ts';
import { photosAugmentation, usualPhotoSize, usualShorterSide } from '../data/usual-photos.ts';
import { decodePhoto } from './decode-photo.ts';

/** How photos of a folder are seen, and how many of them. */
export type PhotoOptions = {
  /** Of the square that a network sees; absent: 224. */
  readonly side?: number | undefined;
  /** Of the photo from whose middle the square is cut; absent: 8/7 of the side. */
  readonly shorterSide?: number | undefined;
  /** Only the first so many photos, which are of all classes by turns; absent: all. */
  readonly trainImages?: number | undefined;
  readonly testImages?: number | undefined;
};

/** Endings of photos, in any case. */
const ENDINGS: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff', '.gif'];
/** Endings of images that can't be decoded here; leaving them out in silence would change a set. */
const FOREIGN_ENDINGS: readonly string[] = ['.bmp', '.ppm', '.pgm', '.heic', '.avif', '.jp2'];
const PARTS = { train: 'train', test: 'val' } as const;

/**
 * The photos of a folder: those of `FOLDER/train/CLASS/` to train on, those of `FOLDER/val/CLASS/` to test on. Classes are
 * the names of the folders in the order of their characters, as torchvision's ImageFolder numbers them. Within a part the
 * first photo of every class comes first, then the second of each, so that the first n are of all classes; the photos of a
 * class are in the order of their names. Other files are passed over.
 *
 * Normalization is the customary one of ImageNet, not measured: that would decode every photo.
 *
 * @throws UsageError, with all faults, if the folder is no such folder, the classes of the parts differ, a class has no
 *   photo, the sizes are impossible, or more photos are asked for than there are
 */
export async function loadPhotos(
  folder: string,
  {
    side = usualPhotoSize.side,
    shorterSide = usualShorterSide(side),
    trainImages,
    testImages,
  }: PhotoOptions = {},
): Promise<DataSplit<PhotoSet>> {
  throwFaults('photos', photoSizeFaults({ side, shorterSide }));
  const train = await listPart(folder, PARTS.train);
  const test = await listPart(folder, PARTS.test);
  throwFaults(`photos of ${folder}`, [
    ...classFaults(train, test),
    ...[train, test].flatMap(partFaults),
    ...countFaults('trainImages', trainImages, train),
    ...countFaults('testImages', testImages, test),
  ]);
  const setOf = (part: Part, count: number | undefined): PhotoSet => {
    const set = photosOf(part, { side, shorterSide });
    return count === undefined ? set : subset(set, count);
  };
  return {
    train: setOf(train, trainImages),
    test: setOf(test, testImages),
    normalization: sharedNormalizations.imagenet,
    augmentation: photosAugmentation,
  };
}

/** The classes of a part, in order, with the names of their files. */
type Part = {
  readonly path: string;
  readonly classes: readonly { readonly name: string; readonly files: readonly string[] }[];
  readonly foreign: readonly string[];
};

async function listPart(folder: string, part: string): Promise<Part> {
  const path = join(folder, part);
  if (!existsSync(path) || !statSync(path).isDirectory())
    throw new UsageError(
      `photos: expected the folders ${PARTS.train} and ${PARTS.test} in ${folder}, with a folder of photos for each class in them, got no ${part}; correct --data or OHMIC_DATA`,
    );
  const foreign: string[] = [];
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const classes: { readonly name: string; readonly files: readonly string[] }[] = [];
  for (const name of names) {
    const inside = join(path, name);
    if (!statSync(inside).isDirectory()) continue;
    const all = (await readdir(inside)).filter((file) => !file.startsWith('.'));
    const endsWith = (endings: readonly string[]) => (file: string) =>
      endings.includes(extname(file).toLowerCase());
    foreign.push(...all.filter(endsWith(FOREIGN_ENDINGS)).map((file) => join(inside, file)));
    classes.push({ name, files: all.filter(endsWith(ENDINGS)).sort() });
  }
  return { path, classes, foreign };
}

function classFaults(train: Part, test: Part): string[] {
  const [names, others] = [train, test].map(({ classes }) => classes.map(({ name }) => name)) as [
    string[],
    string[],
  ];
  const missing = (from: readonly string[], inWhich: readonly string[]): string[] =>
    from.filter((name) => !inWhich.includes(name));
  const faultOf = (classes: readonly string[], { path }: Part): string[] =>
    classes.length === 0
      ? []
      : [`${path}: expected the same classes in both parts, but it lacks ${few(classes)}`];
  return [
    ...(names.length >= 2
      ? []
      : [`${train.path}: expected folders of at least 2 classes, got ${names.length}`]),
    ...faultOf(missing(names, others), test),
    ...faultOf(missing(others, names), train),
  ];
}

function partFaults({ path, classes, foreign }: Part): string[] {
  const empty = classes.filter(({ files }) => files.length === 0).map(({ name }) => name);
  return [
    ...(empty.length === 0
      ? []
      : [`${path}: expected photos (${ENDINGS.join(', ')}) in every class, got none in ${few(empty)}`]),
    ...(foreign.length === 0
      ? []
      : [`${few(foreign)}: expected photos that end in ${ENDINGS.join(', ')}; convert or remove them`]),
  ];
}

function countFaults(field: string, wanted: number | undefined, { classes }: Part): string[] {
  const count = classes.reduce((sum, { files }) => sum + files.length, 0);
  return wanted === undefined || wanted <= count ? [] : [`${field} must be at most ${count}, got ${wanted}`];
}

/** Some names of a list that may be long. */
function few(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function photosOf({ path, classes }: Part, size: PhotoSize): PhotoSet {
  const count = classes.reduce((sum, { files }) => sum + files.length, 0);
  const labels = new Uint16Array(count);
  const files: string[] = [];
  const most = classes.reduce((largest, one) => Math.max(largest, one.files.length), 0);
  for (let round = 0; round < most; round++) {
    for (const [label, { files: own }] of classes.entries()) {
      if (round >= own.length) continue;
      labels[files.length] = label;
      files.push(own[round]!);
    }
  }
  return photoSet({
    ...size,
    name: path,
    classNames: classes.map(({ name }) => name),
    labels,
    decode: (index) => decodePhoto(join(path, classes[labels[index]!]!.name, files[index]!)),
  });
}
