// Aliases that say a unit in a signature. One coherent system: µS · V = µA, so formulas need no factors.

/** Conductance, µS. */
export type Microsiemens = number;
/** Time, s. */
export type Seconds = number;

/** Seconds in a minute, hour, day, month (30 days) and year (365 days). */
export const MINUTE: Seconds = 60;
export const HOUR: Seconds = 3600;
export const DAY: Seconds = 86_400;
export const MONTH: Seconds = 30 * DAY;
export const YEAR: Seconds = 365 * DAY;

/** A time as people say it: `25 s`, `1 h`, `1 day`, `1 year`; other values keep two digits. */
export function formatTime(seconds: Seconds): string {
  const units: readonly (readonly [Seconds, string])[] = [
    [YEAR, 'year'],
    [MONTH, 'month'],
    [DAY, 'day'],
    [HOUR, 'h'],
    [MINUTE, 'min'],
  ];
  for (const [size, name] of units) {
    if (seconds >= size) {
      const count = Number((seconds / size).toPrecision(3));
      const plural = count !== 1 && name.length > 3 ? 's' : name === 'day' && count !== 1 ? 's' : '';
      return `${count} ${name}${plural}`;
    }
  }
  return `${Number(seconds.toPrecision(3))} s`;
}
