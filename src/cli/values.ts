// Values as people write them in flags: times with units, lists, numbers. A text that is no number is passed on as it
// is, so that the settings' schema reports it together with all other faults.

import { UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { DAY, HOUR, MINUTE, MONTH, type Seconds, YEAR } from '../base/units.ts';
import { BACKEND_CHOICES, type BackendChoice } from '../node/create-engine.ts';

const TIME_UNITS: Readonly<Record<string, Seconds>> = {
  s: 1,
  min: MINUTE,
  h: HOUR,
  d: DAY,
  month: MONTH,
  y: YEAR,
};

/**
 * A time as people write it: `25s`, `90min`, `1h`, `30d`, `1month`, `1y`; a plain number is seconds.
 *
 * @throws UsageError if it is negative or no time
 */
export function parseTime(text: string): Seconds {
  const parts = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = parts === null ? undefined : TIME_UNITS[parts[2] === '' ? 's' : parts[2]!.toLowerCase()];
  if (parts === null || unit === undefined) {
    throw new UsageError(
      `--times: expected a number with one of ${Object.keys(TIME_UNITS).join(', ')}, got "${text.trim()}"; write for example 25s,1h,30d`,
    );
  }
  const time = Number(parts[1]) * unit;
  if (time < 0) {
    throw new UsageError(`--times: a time since programming must be at least 0 s, got "${text.trim()}"`);
  }
  return time;
}

/**
 * The backend that a flag names.
 *
 * @throws UsageError if it names none
 */
export function backendChoice(text: string): BackendChoice {
  const known = BACKEND_CHOICES.find((candidate) => candidate === text);
  if (known === undefined) throw new UsageError(`--backend: ${unknownName(text, BACKEND_CHOICES)}`);
  return known;
}

/**
 * A seed: every whole number that is exact.
 *
 * @throws UsageError if it is none
 */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(seed) || seed < 0)
    throw new UsageError(`--seed must be a whole number from 0 to 2^53 - 1, got "${text}"`);
  return seed;
}

/** The parts of a comma-separated list, without blanks. */
export function parseList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The number that a text writes; the text itself if it writes none. */
export function numberOrText(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || !Number.isFinite(value) ? text : value;
}
