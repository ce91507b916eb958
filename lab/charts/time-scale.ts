// The axis of times of all charts: logarithms on a straight scale, with ticks at whole units. (A logarithmic scale would
// label powers of ten only.)

import type { ScaleOptions } from '@observablehq/plot';
import { timeTick } from '../page/words.ts';

/** Whole units of time, s. */
export const TICKS: readonly number[] = [1, 60, 3_600, 86_400, 2_629_800, 31_557_600, 315_576_000];

/** Where a time lies on the axis; before a second, at a second. */
export function timePlace(timeSeconds: number): number {
  return Math.log10(Math.max(1, timeSeconds));
}

/** The axis for some times: from a second to ten years, or further if they go further. */
export function timeScale(times: readonly number[]): ScaleOptions {
  const last = times.reduce((a, b) => Math.max(a, b), TICKS.at(-1)!);
  return {
    domain: [0, timePlace(last)],
    ticks: TICKS.map(timePlace),
    tickFormat: (place: number) => timeTick(10 ** place),
    label: 'time since programming',
  };
}
