// What generated sets of images share: their settings, and the check of them.

import { throwFaults } from '../base/errors.ts';

/** Counts of images and the seed of a generated set. */
export type GeneratedSetSettings = {
  readonly seed?: number;
  readonly trainCount?: number;
  readonly testCount?: number;
};

const MOST_IMAGES = 1_000_000;

/**
 * @param place the set, for errors
 * @throws UsageError if a count is no integer from 1 to a million or the seed no integer of at least 0
 */
export function checkGeneratedSet(
  place: string,
  { seed, trainCount, testCount }: Required<GeneratedSetSettings>,
): void {
  const faults = Object.entries({ trainCount, testCount })
    .filter(([, count]) => !Number.isInteger(count) || count < 1 || count > MOST_IMAGES)
    .map(([setting, count]) => `${setting} must be an integer from 1 to ${MOST_IMAGES}, got ${count}`);
  if (!Number.isSafeInteger(seed) || seed < 0)
    faults.push(`seed must be an integer of at least 0, got ${seed}`);
  throwFaults(place, faults);
}
