// Words and numbers of the page, in the form of the reports.

import type { CompensationMethod } from 'ohmic';

/** Names of methods, as in reports. */
export const METHOD_WORDS: Readonly<Record<CompensationMethod, string>> = {
  none: 'no compensation',
  global: 'global',
  'per-column': 'per column',
  adabs: 'AdaBS',
  lora: 'LoRA',
};

/** What a method does, in a sentence. */
export const METHOD_SENTENCES: Readonly<Record<CompensationMethod, string>> = {
  none: 'The chip as it is read.',
  global: 'One factor a layer, from what its columns sum up to now and right after programming.',
  'per-column': 'One factor a column, from the same read-outs.',
  adabs: 'Global factors, then the statistics of batch normalisation estimated anew on training images.',
  lora: 'Global factors, then digital corrections of low rank, fitted on training images.',
};

const UNITS: readonly (readonly [seconds: number, one: string, many: string])[] = [
  [31_557_600, 'year', 'years'],
  [2_629_800, 'month', 'months'],
  [86_400, 'day', 'days'],
  [3_600, 'hour', 'hours'],
  [60, 'minute', 'minutes'],
  [1, 'second', 'seconds'],
];

/** `1 hour`, `3.2 days`. */
export function timeWords(seconds: number): string {
  // A little below a unit counts as the unit: a slider does not hit whole hours.
  const [size, one, many] = UNITS.find(([unit]) => seconds >= 0.98 * unit) ?? UNITS.at(-1)!;
  const count = Number((seconds / size).toPrecision(2));
  return `${count} ${count === 1 ? one : many}`;
}

const BRIEF: Readonly<Record<string, string>> = {
  ...{ second: 's', minute: 'min', hour: 'h', day: 'd', month: 'mo', year: 'y' },
};

/** `1 h`, for axes. */
export function timeTick(seconds: number): string {
  const [count, unit] = timeWords(seconds).split(' ');
  return `${count} ${BRIEF[unit!.replace(/s$/, '')]}`;
}

/** `91.7 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** How an accuracy compares with guessing among so many classes: a clause, or nothing if it is far above. */
export function guessing(accuracy: number, classes: number): string {
  if (accuracy < 1.2 / classes) return ', no better than guessing';
  return accuracy < 2 / classes ? ', hardly better than guessing' : '';
}

/** A count with thin spaces between thousands. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A number with three digits and a real minus sign. */
export function short(value: number): string {
  return String(Number(value.toPrecision(3))).replace('-', '−');
}
