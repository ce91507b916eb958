// Charts of a sweep: accuracy over an axis as lines, over two axes as a heat map, over cost as a Pareto front. Each takes
// means with their intervals; which groups belong together is decided in sweep-page.ts.

import { line } from 'd3-shape';
import { undominated } from '../base/pareto-front.ts';
import type { Json } from '../base/schema.ts';
import type { CompensationMethod } from '../experiment/record.ts';
import {
  type Area,
  type Axis,
  drawing,
  horizontalAxis,
  linearAxis,
  methodMark,
  pixels,
  verticalAxis,
} from './chart.ts';
import { curves, type Series } from './curves.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { axisText } from './sweep-table.ts';
import { formatAccuracy, formatPercentCell, formatTick } from './wording.ts';

/** A mean at a value of an axis. */
export type SweepPoint = {
  readonly at: Json;
  readonly mean: number;
  readonly interval95?: readonly [low: number, high: number];
};

/** Means along an axis, all else equal. */
export type SweepLine = {
  readonly name: string;
  readonly method: CompensationMethod;
  readonly colour: Series['colour'];
  readonly pattern: number;
  readonly points: readonly SweepPoint[];
};

type Named = { readonly id: string; readonly title: string };

const WIDTH = 480;
const PLOT: Area = { left: 44, right: WIDTH - 20, top: 34, bottom: 274 };

/** Accuracy over an axis: a line and a band of intervals for each series. */
export function lineChart(lines: readonly SweepLine[], axis: string, { id, title }: Named): Markup {
  const values = distinct(lines.flatMap(({ points }) => points.map(({ at }) => at)));
  const x = axisOf(values, [PLOT.left + 14, PLOT.right - 14]);
  const y = accuracyAxis(lines.flatMap(({ points }) => points));
  const series = lines.map(
    ({ name, method, colour, pattern, points }): Series => ({
      name,
      method,
      colour,
      pattern,
      points: points
        .map(({ at, mean, interval95 }) => ({
          x: x.at(at),
          name: `${axis} = ${axisText(at)}`,
          result: { timeSeconds: 0, method, accuracies: [mean], mean, ...(interval95 && { interval95 }) },
        }))
        .sort((a, b) => a.x - b.x),
    }),
  );
  const description = lines
    .map(
      ({ name, points }) =>
        `${name}: ${points.map((point) => `${formatAccuracy(point)} at ${axisText(point.at)}`).join(', ')}`,
    )
    .join('; ');
  return drawing({ id, title, description, width: WIDTH, height: PLOT.bottom + 48 }, [
    verticalAxis(y, PLOT, 'accuracy (%)'),
    horizontalAxis(x.axis, PLOT, axis),
    curves(series, y, { singleChips: false }),
  ]);
}

/** A mean at two values. */
export type HeatCell = SweepPoint & { readonly across: Json };

/** Accuracy over two axes: a cell for each pair of values, its number in it. */
export function heatMap(
  cells: readonly HeatCell[],
  { across, up }: { readonly across: string; readonly up: string },
  { id, title }: Named,
): Markup {
  const columns = distinct(cells.map((cell) => cell.across));
  const rows = distinct(cells.map(({ at }) => at)).toReversed();
  const [low, high] = [
    Math.min(...cells.map(({ mean }) => mean)),
    Math.max(...cells.map(({ mean }) => mean)),
  ];
  const area: Area = { ...PLOT, left: 60 };
  const [width, height] = [(area.right - area.left) / columns.length, (area.bottom - area.top) / rows.length];
  const drawn = cells.map((cell) => {
    const [column, row] = [indexIn(columns, cell.across), indexIn(rows, cell.at)];
    const [x, y] = [area.left + column * width, area.top + row * height];
    const share = high === low ? 1 : (cell.mean - low) / (high - low);
    const label =
      width < 38 || height < 14
        ? nothing
        : markup`<text class="tick" style="fill:${share > 0.55 ? 'var(--ground)' : 'var(--ink)'}" x="${pixels(x + width / 2)}" y="${pixels(y + height / 2)}" dy="0.35em" text-anchor="middle">${formatPercentCell(cell.mean, 1)}</text>`;
    const hint = `${across} = ${axisText(cell.across)}, ${up} = ${axisText(cell.at)}: ${formatAccuracy(cell)}`;
    return markup`<rect x="${pixels(x)}" y="${pixels(y)}" width="${pixels(width - 1)}" height="${pixels(height - 1)}" style="fill:color-mix(in oklab, var(--late) ${Math.round(100 * share)}%, var(--tint))"><title>${hint}</title></rect>${label}`;
  });
  const ticks = (values: readonly Json[], start: number, step: number): Axis => ({
    place: (value) => value,
    ticks: values.map((value, k) => ({ at: start + (k + 0.5) * step, label: axisText(value) })),
  });
  const names = rows.map(
    (value, k) =>
      markup`<text class="tick" x="${area.left - 8}" y="${pixels(area.top + (k + 0.5) * height)}" dy="0.35em" text-anchor="end">${axisText(value)}</text>`,
  );
  const description = cells
    .map((cell) => `${axisText(cell.across)}, ${axisText(cell.at)}: ${formatAccuracy(cell)}`)
    .join('; ');
  return drawing({ id, title, description, width: WIDTH, height: area.bottom + 48 }, [
    markup`<g>${drawn}</g><g>${names}<text class="axis" x="${area.left - 8}" y="${area.top - 16}" text-anchor="start" dx="${8 - area.left}">${up}</text></g>`,
    horizontalAxis(ticks(columns, area.left, width), area, across),
  ]);
}

/** A setting with its cost and its mean. */
export type CostPoint = {
  readonly name: string;
  readonly cost: number;
  readonly mean: number;
  readonly interval95?: readonly [number, number];
};

/** Accuracy over cost: every setting, and the line of those that nothing beats. */
export function costChart(
  points: readonly CostPoint[],
  method: CompensationMethod,
  cost: string,
  { id, title }: Named,
): Markup {
  const x = axisOf(distinct(points.map((point) => point.cost)), [PLOT.left + 14, PLOT.right - 14]);
  const y = accuracyAxis(points);
  const front = undominated(
    points,
    (point) => point.cost,
    ({ mean }) => mean,
  );
  const path = line<CostPoint>()
    .x((point) => x.at(point.cost))
    .y(({ mean }) => y.place(mean))
    .digits(2)(front);
  const marks = points.map((point) => {
    const { name, mean, interval95 } = point;
    const at = x.at(point.cost);
    const bar =
      interval95 === undefined
        ? nothing
        : markup`<line class="whisker" x1="${pixels(at)}" x2="${pixels(at)}" y1="${pixels(y.place(interval95[0]))}" y2="${pixels(y.place(interval95[1]))}"/>`;
    return markup`${bar}${methodMark(method, { x: at, y: y.place(mean), isHollow: !front.includes(point), title: `${name}: ${formatAccuracy(point)}, cost ${formatTick(point.cost)}` })}`;
  });
  const description = `Nothing beats ${front.map(({ name, mean, cost: at }) => `${name} (${formatAccuracy({ mean })}, cost ${formatTick(at)})`).join('; ')}.`;
  return drawing({ id, title, description, width: WIDTH, height: PLOT.bottom + 48 }, [
    verticalAxis(y, PLOT, 'accuracy (%)'),
    horizontalAxis(x.axis, PLOT, cost),
    markup`<g class="${method}"><path class="mean" d="${path ?? ''}"/>${marks}</g>`,
  ]);
}

/** Values in order: numbers by size, all else as they come. */
export function distinct(values: readonly Json[]): Json[] {
  const all = [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
  return all.every((value) => typeof value === 'number') ? all.sort((a, b) => a - b) : all;
}

function indexIn(values: readonly Json[], value: Json): number {
  const text = JSON.stringify(value);
  return values.findIndex((one) => JSON.stringify(one) === text);
}

type Placed = { readonly axis: Axis; readonly at: (value: Json) => number };

/** Places of values: numbers where they belong, by their logarithms if they span decades evenly; others side by side. */
function axisOf(values: readonly Json[], range: readonly [number, number]): Placed {
  const numbers = values.filter((value) => typeof value === 'number');
  const isNumeric = numbers.length === values.length && numbers.length > 1;
  if (isNumeric && numbers[0]! > 0 && numbers.at(-1)! / numbers[0]! >= 100) {
    const logarithm = linearAxis({
      values: numbers.map(Math.log10),
      range,
      format: (value) => formatTick(10 ** value),
    });
    return { axis: logarithm, at: (value) => logarithm.place(Math.log10(value as number)) };
  }
  if (isNumeric) {
    const axis = linearAxis({ values: numbers, range, format: formatTick });
    return { axis, at: (value) => axis.place(value as number) };
  }
  const step = (range[1] - range[0]) / Math.max(1, values.length);
  const at = (value: Json): number => range[0] + (indexIn(values, value) + 0.5) * step;
  return {
    axis: {
      place: (value) => value,
      ticks: values.map((value) => ({ at: at(value), label: axisText(value) })),
    },
    at,
  };
}

function accuracyAxis(
  points: readonly { readonly mean: number; readonly interval95?: readonly [number, number] }[],
): Axis {
  const values = points.flatMap(({ mean, interval95 = [] }) => [mean, ...interval95]);
  const shown = values.map((value) => 100 * Math.min(1, Math.max(0, value)));
  const y = linearAxis({ values: shown, range: [PLOT.bottom, PLOT.top], format: formatTick });
  return { ...y, place: (share) => y.place(100 * Math.min(1, Math.max(0, share))) };
}
