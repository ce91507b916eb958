// The images of the lab: two generated sets, which need no download, and those of the user.

import {
  type DataSplit,
  dataSplit,
  generateDigits,
  generateSynthetic,
  imageSet,
  noAugmentation,
  subset,
  UsageError,
} from 'ohmic';
import type { Images, SetName } from './messages.ts';

/** All sets that the worker holds. */
export type Sets = {
  /** Those that are there. */
  readonly names: () => readonly SetName[];
  /** Throws UsageError if the user's images are not there. */
  readonly split: (name: SetName) => DataSplit;
  readonly setOwn: (images: Images) => DataSplit;
};

/** Of the user's images, every so manieth is kept for testing. */
const TEST_EVERY = 5;

/** The sets, made when they are asked for first. */
export function createSets(): Sets {
  const made = new Map<SetName, DataSplit>();
  const once = (name: SetName, make: () => DataSplit): DataSplit => {
    const known = made.get(name) ?? make();
    made.set(name, known);
    return known;
  };
  return {
    names: () => ['digits', 'synthetic', ...(made.has('own') ? (['own'] as const) : [])],
    split: (name) => {
      if (name === 'digits') return once(name, generateDigits);
      if (name === 'synthetic') return once(name, generateSynthetic);
      const own = made.get('own');
      if (own === undefined)
        throw new UsageError('images: expected a folder of yours, got none yet; choose it again');
      return own;
    },
    setOwn: (images) => {
      const split = splitOwn(images);
      made.set('own', split);
      return split;
    },
  };
}

/** Every fifth image of a class goes to the test set. */
function splitOwn({ pixels, labels, ...rest }: Images): DataSplit {
  const seen = new Map<number, number>();
  const isTest = Array.from(labels, (label) => {
    const before = seen.get(label) ?? 0;
    seen.set(label, before + 1);
    return before % TEST_EVERY === TEST_EVERY - 1;
  });
  const scarce = rest.classNames.filter((_, label) => (seen.get(label) ?? 0) < TEST_EVERY);
  if (rest.classNames.length < 2 || scarce.length > 0)
    throw new UsageError(
      `images: expected at least two folders with ${TEST_EVERY} images or more each, got ${rest.classNames.length} folders${scarce.length > 0 ? `, too few images in ${scarce.join(', ')}` : ''}`,
    );
  const size = rest.height * rest.width * rest.channels;
  const part = (name: string, wanted: boolean) => {
    const places = Array.from(labels.keys()).filter((k) => isTest[k] === wanted);
    const own = new Uint8Array(places.length * size);
    for (const [k, place] of places.entries())
      own.set(pixels.subarray(place * size, (place + 1) * size), k * size);
    return imageSet({ ...rest, name, pixels: own, labels: Uint8Array.from(places, (k) => labels[k]!) });
  };
  return dataSplit(part('own train', false), part('own test', true), noAugmentation);
}

/** The first test images of a set, for the page. */
export function firstImages({ test }: DataSplit, count: number): Images {
  const { name, classNames, height, width, channels, pixels, labels } = subset(
    test,
    Math.min(count, test.count),
  );
  return { name, classNames, height, width, channels, pixels: pixels.slice(), labels: labels.slice() };
}
