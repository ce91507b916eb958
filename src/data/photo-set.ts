// Labelled photos that do not fit into memory: classes and labels are here, pixels are decoded when a batch needs them. Who
// decodes is handed in (node/photo-folder.ts), as nothing here knows files. batches.ts makes batches of them.

import { echo } from '../base/echo.ts';
import { type PhotoSize, photoSizeFaults } from './photo-view.ts';
import type { Photo } from './resample.ts';

/** Labelled photos of any sizes; a network sees squares of (side, side, 3), which are cut when a batch is made. */
export type PhotoSet = PhotoSize & {
  readonly kind: 'photos';
  readonly name: string;
  /** Name of each class; a label is an index into it. */
  readonly classNames: readonly string[];
  /** The side. */
  readonly height: number;
  /** The side. */
  readonly width: number;
  readonly channels: 3;
  readonly count: number;
  /** (count) */
  readonly labels: Uint16Array;
  /** The whole photo of an index. Throws UsageError, with the name of the file, if it can't be read. */
  readonly decode: (index: number) => Promise<Photo>;
};

/** True for photos, false for images in memory. */
export function isPhotoSet(set: { readonly kind?: string }): set is PhotoSet {
  return set?.kind === 'photos';
}

/** A set of photos whose sizes follow from its side. */
export function photoSet(
  fields: Omit<PhotoSet, 'kind' | 'height' | 'width' | 'channels' | 'count'>,
): PhotoSet {
  const { side, labels } = fields;
  return { ...fields, kind: 'photos', height: side, width: side, channels: 3, count: labels.length };
}

/** What makes a set of photos none. */
export function photoSetFaults({
  side,
  shorterSide,
  height,
  width,
  labels,
  count,
  classNames,
  decode,
}: PhotoSet): string[] {
  if (!(labels instanceof Uint16Array) || typeof decode !== 'function' || !Array.isArray(classNames))
    return ['photos need labels (Uint16Array), names of classes, and a function that decodes'];
  const stray = labels.findIndex((label) => label >= classNames.length);
  return [
    ...photoSizeFaults({ side, shorterSide }),
    ...(height === side && width === side
      ? []
      : [`photos must be squares of ${side}, got ${height} x ${width}`]),
    ...(count === labels.length
      ? []
      : [`count must be the number of labels, ${labels.length}, got ${echo(count)}`]),
    ...(stray < 0
      ? []
      : [`labels must lie in 0 … ${classNames.length - 1}, photo ${stray} has ${labels[stray]}`]),
  ];
}
