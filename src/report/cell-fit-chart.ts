// A chart of measured values against a fitted law: points with their error bars, and the law as a line. For the page of
// a fitted cell (cell-fit-page.ts). Left out: several series in one chart, except for curves over time.

import { line } from 'd3-shape';
import { formatTime, type Seconds } from '../base/units.ts';
import type { DriftCurve } from '../cells/drift-curves.ts';
import {
  type Area,
  type Axis,
  drawing,
  horizontalAxis,
  linearAxis,
  pixels,
  timeAxis,
  timeColour,
  verticalAxis,
} from './chart.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { formatTick } from './wording.ts';

/** A measured value with the ends of its error bar. */
export type MeasuredPoint = {
  readonly at: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
};

/** Content of a chart of points against a law. */
export type LawChart = {
  readonly id: string;
  readonly title: string;
  /** Names of the axes, with units. */
  readonly horizontal: string;
  readonly vertical: string;
  /** End of the horizontal axis, which begins at 0. */
  readonly end: number;
  readonly points: readonly MeasuredPoint[];
  /** Absent if no law was fitted. */
  readonly law?: ((at: number) => number) | undefined;
};

const WIDTH = 480;
const PLOT: Area = { left: 64, right: 464, top: 36, bottom: 250 };
const STEPS = 200;

/** Points with error bars of one standard error, and the law. */
export function lawChart({ id, title, horizontal, vertical, end, points, law }: LawChart): Markup {
  const x = linearAxis({ values: [0, end], range: [PLOT.left, PLOT.right], format: formatTick });
  const curve =
    law === undefined
      ? []
      : Array.from({ length: STEPS + 1 }, (_, i) => [(end * i) / STEPS, law((end * i) / STEPS)] as const);
  const heights = [...points.flatMap(({ low, high }) => [low, high]), ...curve.map(([, value]) => value)];
  const y = linearAxis({ values: [0, ...heights], range: [PLOT.bottom, PLOT.top], format: formatTick });
  const marks = points.map(
    ({ at, value, low, high }) =>
      markup`${bar(x.place(at), y.place(low), y.place(high))}<circle class="mark" cx="${pixels(x.place(at))}" cy="${pixels(y.place(value))}" r="3.2"><title>${formatTick(at)}: ${Number(value.toPrecision(3))}</title></circle>`,
  );
  return drawing(
    {
      id,
      title,
      description: `${points.length} measured points with error bars of one standard error${law === undefined ? '' : ', and the fitted law as a line'}. The tables below have the numbers.`,
      width: WIDTH,
      height: PLOT.bottom + 46,
    },
    [
      verticalAxis(y, PLOT, vertical),
      horizontalAxis(x, PLOT, horizontal),
      markup`<g class="global">${law === undefined ? nothing : path(curve, x, y, 'var(--method)')}${marks}</g>`,
    ],
  );
}

/** Mean conductances over time by target, with the fitted cell's mean as lines. */
export function driftChart(id: string, curves: readonly DriftCurve[]): Markup {
  const times = [...new Set(curves.flatMap(({ points }) => points.map(({ time }) => time)))].sort(
    (a, b) => a - b,
  );
  const x = timeAxis(times, [PLOT.left, PLOT.right]);
  const values = curves.flatMap(({ points }) =>
    points.flatMap(({ mean, standardError, model }) => [
      mean + standardError,
      ...(model === undefined ? [] : [model]),
    ]),
  );
  const y = linearAxis({ values: [0, ...values], range: [PLOT.bottom, PLOT.top], format: formatTick });
  const series = curves.map(({ target, points }, index) => {
    const colour = timeColour(index, curves.length);
    const model = points.flatMap((point): (readonly [Seconds, number])[] =>
      point.model === undefined ? [] : [[point.time, point.model]],
    );
    const marks = points.map(
      ({ time, mean, standardError }) =>
        markup`${bar(x.place(time), y.place(mean - standardError), y.place(mean + standardError))}<circle class="dot" style="fill:${colour}" cx="${pixels(x.place(time))}" cy="${pixels(y.place(mean))}" r="3.2"><title>target ${formatTick(target)} µS, ${formatTime(time)}: ${Number(mean.toPrecision(4))} µS</title></circle>`,
    );
    return markup`<g style="--method:${colour}">${path(model, x, y, colour)}${marks}</g>`;
  });
  return drawing(
    {
      id,
      title: 'Mean conductance over time',
      description: `Measured means of ${curves.length} targets over ${times.length} times since the last programming pulse, with the means of the fitted cell as lines.`,
      width: WIDTH,
      height: PLOT.bottom + 46,
    },
    [
      verticalAxis(y, PLOT, 'conductance (µS)'),
      horizontalAxis(x, PLOT, 'time since the last pulse'),
      ...series,
    ],
  );
}

function bar(x: number, low: number, high: number): Markup {
  return markup`<line class="whisker" x1="${pixels(x)}" x2="${pixels(x)}" y1="${pixels(low)}" y2="${pixels(high)}"/>`;
}

function path(points: readonly (readonly [number, number])[], x: Axis, y: Axis, colour: string): Markup {
  const d =
    line<readonly [number, number]>()
      .x(([at]) => x.place(at))
      .y(([, value]) => y.place(value))
      .digits(2)(points) ?? '';
  return markup`<path class="curve" style="stroke:${colour}" d="${d}"/>`;
}
