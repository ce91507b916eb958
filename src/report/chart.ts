// Axes, frames and marks shared by all charts: d3 places and shapes, this file writes SVG text.
// Left out: what is drawn, which each chart decides; colours, which are CSS variables (style.ts).

import { scaleLinear, scaleLog } from 'd3-scale';
import {
  type SymbolType,
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond2,
  symbolSquare,
  symbolStar,
  symbolTriangle,
} from 'd3-shape';
import type { Seconds } from '../base/units.ts';
import type { CompensationMethod, PublishedFigure } from '../experiment/record.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { timeText } from './wording.ts';

/** A point of an axis in pixels, and its label, which is empty if there is no room. */
export type Tick = { readonly at: number; readonly label: string };

/** Positions of values along one direction of a chart. */
export type Axis = { readonly place: (value: number) => number; readonly ticks: readonly Tick[] };

/** The plotting area in pixels; text is outside it. */
export type Area = {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
};

/** From and to. */
export type Range = readonly [number, number];

/** Mean width of a character of tick labels, in pixels: 11 px digits. */
const CHARACTER_WIDTH = 6.2;

/** A linear axis whose ends are round numbers. */
export function linearAxis({
  values,
  range,
  ticks = 5,
  format,
}: {
  readonly values: readonly number[];
  readonly range: Range;
  readonly ticks?: number;
  readonly format: (value: number) => string;
}): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = low === high ? Math.abs(low) * 0.05 || 1 : 0;
  const scale = scaleLinear([low - margin, high + margin], range).nice(ticks);
  return {
    place: scale,
    ticks: scale.ticks(ticks).map((value) => ({ at: scale(value), label: format(value) })),
  };
}

/**
 * A logarithmic axis of times, with a tick at each. Time 0, which has no logarithm, is a decade before the first other
 * time. If labels would touch, those of the ends have priority, then whole units (1 h, 1 day), then others.
 */
export function timeAxis(times: readonly Seconds[], range: Range): Axis {
  const positive = times.filter((time) => time > 0);
  const first = positive[0] ?? 1;
  const last = positive.at(-1) ?? 1;
  const zero = first / 10;
  const start = times.length > positive.length ? zero : first;
  const scale = start === last ? scaleLog([start / 3, last * 3], range) : scaleLog([start, last], range);
  const place = (time: Seconds): number => scale(Math.max(time, zero));
  return { place, ticks: thinned(times.map((time) => ({ at: place(time), label: timeText(time) }))) };
}

/** A logarithmic axis of counts with ticks at powers of 10. It begins at half a count, where 0 is drawn. */
export function countAxis(highest: number, range: Range): Axis {
  const scale = scaleLog([0.5, Math.max(2, highest)], range);
  const powers = [...'0123456789'].map(Number).filter((power) => 10 ** power <= Math.max(2, highest));
  return {
    place: (value) => scale(Math.max(value, 0.5)),
    ticks: powers.map((power) => ({ at: scale(10 ** power), label: String(10 ** power) })),
  };
}

/** Empties labels that would touch more important ones; the first and the last label stay. */
function thinned(ticks: readonly Tick[]): readonly Tick[] {
  const touches = (a: Tick, b: Tick): boolean =>
    Math.abs(a.at - b.at) < ((a.label.length + b.label.length) / 2) * CHARACTER_WIDTH + 10;
  const rank = (tick: Tick, index: number): number => {
    if (index === 0 || index === ticks.length - 1) return 0;
    return tick.label.startsWith('1 ') ? 1 : 2;
  };
  const kept: Tick[] = [];
  for (const { tick } of ticks
    .map((tick, index) => ({ tick, rank: rank(tick, index) }))
    .toSorted((a, b) => a.rank - b.rank)) {
    if (kept.every((other) => !touches(other, tick))) kept.push(tick);
  }
  return ticks.map((tick) => (kept.includes(tick) ? tick : { ...tick, label: '' }));
}

/** An SVG drawing with its name and its description for those who can't see it. */
export function drawing(
  {
    id,
    title,
    description,
    width,
    height,
  }: {
    readonly id: string;
    readonly title: string;
    readonly description: string;
    readonly width: number;
    readonly height: number;
  },
  content: readonly Markup[],
): Markup {
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">${title}</title><desc id="${id}-text">${description}</desc>
${content}
</svg>`;
}

/** Grid lines, tick labels and, above them, the name of a vertical axis. */
export function verticalAxis(axis: Axis, { left, right, top }: Area, name: string): Markup {
  const ticks = axis.ticks.map(
    ({
      at,
      label,
    }) => markup`<line class="grid" x1="${left}" x2="${right}" y1="${pixels(at)}" y2="${pixels(at)}"/>
<text class="tick" x="${left - 8}" y="${pixels(at)}" dy="0.35em" text-anchor="end">${label}</text>`,
  );
  return markup`<g>${ticks}<text class="axis" x="${left - 8}" y="${top - 16}" text-anchor="start" dx="${8 - left}">${name}</text></g>`;
}

/** The line, tick labels and, below them, the name of a horizontal axis. */
export function horizontalAxis(axis: Axis, { left, right, bottom }: Area, name: string): Markup {
  const ticks = axis.ticks.map(
    ({
      at,
      label,
    }) => markup`<line class="rule" x1="${pixels(at)}" x2="${pixels(at)}" y1="${bottom}" y2="${bottom + 5}"/>
${label === '' ? nothing : markup`<text class="tick" x="${pixels(at)}" y="${bottom + 18}" text-anchor="middle">${label}</text>`}`,
  );
  return markup`<g><line class="rule" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${ticks}
<text class="axis" x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${name}</text></g>`;
}

/** A position for SVG text: hundredths of a pixel. */
export function pixels(position: number): string {
  return String(Number(position.toFixed(2)));
}

const symbols: { readonly [M in CompensationMethod]: SymbolType } = {
  none: symbolTriangle,
  global: symbolSquare,
  'per-column': symbolDiamond2,
  adabs: symbolCircle,
  lora: symbolStar,
};

/**
 * The mark of a method: its shape, so that colour is not needed to tell methods apart; hollow for every second network.
 */
export function methodMark(
  method: CompensationMethod,
  {
    x,
    y,
    isHollow = false,
    title,
  }: { readonly x: number; readonly y: number; readonly isHollow?: boolean; readonly title?: string },
): Markup {
  const path = symbol(symbols[method], 40)() ?? '';
  const hint = title === undefined ? nothing : markup`<title>${title}</title>`;
  return markup`<path class="mark${isHollow ? ' hollow' : ''}" transform="translate(${pixels(x)} ${pixels(y)})" d="${path}">${hint}</path>`;
}

/** A published accuracy: the outline of its method's mark, a cross for digital ones; an arrow upwards from a bound. */
export function publishedMark({
  method,
  meaning,
  x,
  y,
  title,
}: {
  readonly method: CompensationMethod | undefined;
  readonly meaning: PublishedFigure['meaning'];
  readonly x: number;
  readonly y: number;
  readonly title?: string;
}): Markup {
  const outline = symbol(method === undefined ? symbolCross : symbols[method], 64)() ?? '';
  const arrow = meaning === 'above' ? 'M0,-6V-14M-3,-11L0,-14L3,-11' : '';
  const hint = title === undefined ? nothing : markup`<title>${title}</title>`;
  return markup`<path class="published${method === undefined ? '' : ` ${method}`}" transform="translate(${pixels(x)} ${pixels(y)})" d="${outline}${arrow}">${hint}</path>`;
}

/** The colour of the `index`-th of `count` times, from early to late. */
export function timeColour(index: number, count: number): string {
  const late = count < 2 ? 0 : Math.round((100 * index) / (count - 1));
  return `color-mix(in oklab, var(--late) ${late}%, var(--early))`;
}

/** A key to the colours of times. */
export function timeLegend(times: readonly Seconds[]): Markup {
  const items = times.map(
    (time, index) =>
      markup`<li><svg class="key" viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="4.5" style="fill:${timeColour(index, times.length)}"/></svg>${timeText(time)}</li>`,
  );
  return markup`<ul class="legend">${items}</ul>`;
}
