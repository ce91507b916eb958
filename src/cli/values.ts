// Values as people write them in flags: times with units, lists, counts, shares, points. A text that is no number is
// passed on unchanged, so that the schema of the settings reports it together with all other faults.

import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { DAY, HOUR, MINUTE, MONTH, type Seconds, YEAR } from '../base/units.ts';
import type { AttributionPoint } from '../experiment/attribution.ts';
import { COMPENSATION_METHODS } from '../experiment/compensation-method.ts';
import { BACKEND_CHOICES, type BackendChoice } from '../node/backend-choice.ts';

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
 * @param flag whose value it is, for errors
 * @throws UsageError if it is negative or no time
 */
export function parseTime(text: string, flag = '--times'): Seconds {
  const parts = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = parts === null ? undefined : TIME_UNITS[parts[2] === '' ? 's' : parts[2]!.toLowerCase()];
  if (parts === null || unit === undefined) {
    throw new UsageError(
      `${flag}: expected a number with one of ${Object.keys(TIME_UNITS).join(', ')}, got "${text.trim()}"; write for example 25s,1h,30d`,
    );
  }
  const time = Number(parts[1]) * unit;
  if (time < 0) {
    throw new UsageError(`${flag}: a time since programming must be at least 0 s, got "${text.trim()}"`);
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
    throw new UsageError(`--seed: expected a whole number from 0 to 2^53 - 1, got "${text}"`);
  return seed;
}

/** The parts of a comma-separated list, without blanks. */
export function parseList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The number in a text; the text itself if it is none. */
export function numberOrText(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || !Number.isFinite(value) ? text : value;
}

/** A share as people write it, `0.038` or `3.8%`; the text itself if it is neither. */
export function shareOrText(text: string): number | string {
  const percent = /^(.*)%\s*$/.exec(text)?.[1];
  if (percent === undefined) return numberOrText(text);
  const value = numberOrText(percent);
  // Divides in decimal, so that 3.8% is exactly the number 0.038.
  return typeof value === 'number' ? Number(`${value}e-2`) : text;
}

/** A count as people write it, `50000`, `50k` or `1.5M`; the text itself if it is none of these. */
export function countOrText(text: string): number | string {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([kM])\s*$/.exec(text);
  return parts === null ? numberOrText(text) : Number(`${parts[1]}e${parts[2] === 'k' ? 3 : 6}`);
}

/**
 * Times and compensation methods, `25s:none,1d:global`.
 *
 * @throws UsageError that lists all faults
 */
export function parsePoints(text: string): AttributionPoint[] {
  const faults: string[] = [];
  const points = parseList(text).flatMap((point): AttributionPoint[] => {
    const [time = '', name, ...more] = point.split(':').map((part) => part.trim());
    if (name === undefined || more.length > 0) {
      faults.push(`expected a time and a method, got "${point}"; write for example 25s:none,1d:global`);
      return [];
    }
    const method = COMPENSATION_METHODS.find((known) => known === name);
    if (method === undefined) faults.push(`"${point}": ${unknownName(name, COMPENSATION_METHODS)}`);
    try {
      const timeSeconds = parseTime(time, '--points');
      return method === undefined ? [] : [{ timeSeconds, method }];
    } catch (thrown) {
      faults.push(messageOf(thrown).replace(/^--points: /, ''));
      return [];
    }
  });
  if (points.length === 0 && faults.length === 0)
    faults.push(`expected at least one point, got "${text}"; write for example 25s:none,1d:global`);
  throwFaults('--points', faults);
  return points;
}
