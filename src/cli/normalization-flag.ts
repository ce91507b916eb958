// The flag for the normalisation of the images with which foreign weights were trained.

import { throwFaults } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import type { Normalization } from '../data/image-set.ts';
import { sharedNormalizationNames, sharedNormalizations } from '../data/shared-normalizations.ts';
import { numberOrText, parseList } from './values.ts';

const known: Readonly<Record<string, Normalization>> = sharedNormalizations;

/**
 * The normalization of a flag: `dataset`, for ohmic's statistics of the training images, a known name, or
 * `mean/std`, as `0.4914,0.4822,0.4465/0.2470,0.2435,0.2616`, for pixels from 0 to 1. One number is for all channels.
 *
 * @param measured the value of `dataset`
 * @throws UsageError if it is none, or is of another number of channels
 */
export function normalizationFromFlag(text: string, measured: Normalization): Normalization {
  if (text === 'dataset') return measured;
  const channels = measured.mean.length;
  const named = Object.hasOwn(known, text) ? known[text] : undefined;
  const [means = '', deviations = '', ...more] = text.split('/');
  const given = named ?? { mean: numbersIn(means), std: numbersIn(deviations) };
  const isWritten = text.includes('/') && more.length === 0;
  const faults =
    named === undefined && !isWritten
      ? [
          `${unknownName(text, ['dataset', ...sharedNormalizationNames])}; or write mean/std, as 0.4914,0.4822,0.4465/0.2470,0.2435,0.2616`,
        ]
      : [...listFaults('mean', given.mean, channels), ...listFaults('std', given.std, channels)];
  throwFaults('--normalization', faults);
  return { mean: spread(given.mean, channels), std: spread(given.std, channels) };
}

function numbersIn(text: string): number[] {
  return parseList(text).map((part) => Number(numberOrText(part)));
}

function listFaults(what: 'mean' | 'std', values: readonly number[], channels: number): string[] {
  const isUsable = (value: number): boolean => Number.isFinite(value) && (what === 'mean' || value > 0);
  return [
    ...(values.length === 1 || values.length === channels
      ? []
      : [
          `${what}: expected a number for each of ${channels} channels, or one for all, got ${values.length}`,
        ]),
    ...(values.every(isUsable)
      ? []
      : [`${what}: expected numbers${what === 'std' ? ' above 0' : ''}, got ${values.join(', ')}`]),
  ];
}

function spread(values: readonly number[], channels: number): number[] {
  return values.length === channels ? [...values] : new Array<number>(channels).fill(values[0]!);
}
