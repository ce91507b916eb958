// The results of one method as a curve: single chips, interval, mean and marks. What lies along the other axis, time or
// training noise, its caller decides.

import { area, line } from 'd3-shape';
import type { AccuracyAtTime, CompensationMethod } from '../experiment/record.ts';
import { type Axis, methodMark, pixels } from './chart.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { formatAccuracy, METHOD_NAMES } from './wording.ts';

/** A result, where it lies along the horizontal axis in pixels, and what is said there: `1 day`. */
export type CurvePoint = { readonly x: number; readonly name: string; readonly result: AccuracyAtTime };

/** Single chips, interval and mean of one method. */
export function methodCurve(method: CompensationMethod, points: readonly CurvePoint[], y: Axis): Markup {
  const path = (value: (result: AccuracyAtTime) => number): string =>
    line<CurvePoint>()
      .x(({ x }) => x)
      .y(({ result }) => y.place(value(result)))
      .digits(2)(points) ?? '';
  const chips = points[0]?.result.accuracies.length ?? 0;
  const singles =
    chips < 2
      ? []
      : Array.from({ length: chips }, (_, chip) => path(({ accuracies }) => accuracies[chip] ?? Number.NaN));
  const band =
    area<CurvePoint>()
      .defined(({ result }) => result.interval95 !== undefined)
      .x(({ x }) => x)
      .y0(({ result }) => y.place(result.interval95![0]))
      .y1(({ result }) => y.place(result.interval95![1]))
      .digits(2)(points) ?? '';
  const marks = points.map(({ x, name, result }) => {
    const title = `${METHOD_NAMES[method]}, ${name}: ${formatAccuracy(result)}`;
    return markup`${points.length > 1 ? nothing : whisker(result, x, y)}${methodMark(method, x, y.place(result.mean), title)}`;
  });
  return markup`<g class="${method}">${singles.map((d) => markup`<path class="chip" d="${d}"/>`)}<path class="band" d="${band}"/><path class="mean" d="${path(({ mean }) => mean)}"/>${marks}</g>`;
}

/** The interval at a single point, where a band has no width. */
function whisker({ interval95 }: AccuracyAtTime, x: number, y: Axis): Markup {
  if (interval95 === undefined) return nothing;
  const [low, high] = interval95.map((end) => pixels(y.place(end))) as [string, string];
  return markup`<line class="whisker" x1="${pixels(x)}" x2="${pixels(x)}" y1="${low}" y2="${high}"/>`;
}
