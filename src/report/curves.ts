// Results as curves in one plot: means with their intervals, and single chips if there is room. Curves that coincide
// stay visible: the ones below are wider, and their marks are side by side. Left out: the quantity of the horizontal
// axis, time or training noise, which the caller decides.

import { area, line } from 'd3-shape';
import type { AccuracyAtTime, CompensationMethod } from '../experiment/record.ts';
import { type Area, type Axis, methodMark, pixels } from './chart.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { formatAccuracy } from './wording.ts';

/** A result, its horizontal position in pixels, and the label of that position: `1 day`. */
export type CurvePoint = { readonly x: number; readonly name: string; readonly result: AccuracyAtTime };

/** The results of one network under one method. */
export type Series = {
  /** For people: `noise-trained, AdaBS`. */
  readonly name: string;
  /** Shape of the marks. */
  readonly method: CompensationMethod;
  /** Colour: a method, or the number of a network, as in style.ts. */
  readonly colour: CompensationMethod | `network-${number}`;
  /** Dashes and filling; 0 is a full line with full marks. */
  readonly pattern: number;
  readonly points: readonly CurvePoint[];
};

/** Dash patterns; networks beyond the last repeat them. */
const DASHES = ['', '8 4', '2 3', '12 3 2 3', '5 2 1 2', '14 5'] as const;

/** Curves whose means are nowhere further apart than this, in pixels, count as coinciding. */
const COINCIDENCE = 3;

/** Widths of coinciding curves grow by this, from the top one down, and marks stand this far apart. */
const WIDER = 3;
const MARK_GAP = 9;

/** Attribute of a line in the pattern of a network. */
export function dashes(pattern: number): Markup {
  const dash = DASHES[pattern % DASHES.length]!;
  return dash === '' ? nothing : markup` stroke-dasharray="${dash}"`;
}

/**
 * Series that coincide in a plot: their means are within `COINCIDENCE` pixels wherever both have one, and there
 * are at least two such places, or one if that is all that they have.
 */
export function coincidingSeries(series: readonly Series[], y: Axis): readonly (readonly Series[])[] {
  const groups: Series[][] = [];
  for (const one of series) {
    const group = groups.find(([first]) => coincide(first!, one, y));
    if (group === undefined) groups.push([one]);
    else group.push(one);
  }
  return groups.filter((group) => group.length > 1);
}

function coincide(a: Series, b: Series, y: Axis): boolean {
  const distances = a.points.flatMap(({ x, result }) => {
    const other = b.points.find((point) => point.x === x);
    return other === undefined ? [] : [Math.abs(y.place(result.mean) - y.place(other.result.mean))];
  });
  const enough = Math.min(2, a.points.length, b.points.length);
  return enough > 0 && distances.length >= enough && Math.max(...distances) <= COINCIDENCE;
}

/** Draws series in one plot, the first at the bottom. */
export function curves(
  series: readonly Series[],
  y: Axis,
  {
    singleChips,
    format = formatAccuracy,
  }: {
    readonly singleChips: boolean;
    /** A result for people; absent: as an accuracy. */
    readonly format?: (result: AccuracyAtTime) => string;
  },
): Markup {
  const groups = coincidingSeries(series, y);
  const layers = series.map((one) => {
    const group = groups.find((members) => members.includes(one)) ?? [one];
    const below = group.length - 1 - group.indexOf(one);
    const aside = (group.indexOf(one) - (group.length - 1) / 2) * Math.min(MARK_GAP, 30 / group.length);
    return { one, width: 2 + below * Math.min(WIDER, 9 / group.length), aside };
  });
  const drawn = (part: (layer: (typeof layers)[number]) => Markup | readonly Markup[]): readonly Markup[] =>
    layers.map((layer) => markup`<g class="${layer.one.colour}">${part(layer)}</g>`);
  return markup`<g>${drawn(({ one }) => markup`${singleChips ? chipLines(one, y) : nothing}${bandOf(one, y)}`)}
${drawn(({ one, width }) => meanLine(one, y, width))}
${drawn(({ one, aside }) => marksOf(one, y, { aside, format }))}</g>`;
}

function pathOf(points: readonly CurvePoint[], y: Axis, value: (result: AccuracyAtTime) => number): string {
  return (
    line<CurvePoint>()
      .x(({ x }) => x)
      .y(({ result }) => y.place(value(result)))
      .digits(2)(points) ?? ''
  );
}

function chipLines({ points }: Series, y: Axis): readonly Markup[] {
  const chips = Math.max(0, ...points.map(({ result }) => result.accuracies.length));
  if (chips < 2) return [];
  return Array.from({ length: chips }, (_, chip) => {
    const having = points.filter(({ result }) => chip < result.accuracies.length);
    return markup`<path class="chip" d="${pathOf(having, y, ({ accuracies }) => accuracies[chip]!)}"/>`;
  });
}

function bandOf({ points }: Series, y: Axis): Markup {
  const band =
    area<CurvePoint>()
      .defined(({ result }) => result.interval95 !== undefined)
      .x(({ x }) => x)
      .y0(({ result }) => y.place(result.interval95![0]))
      .y1(({ result }) => y.place(result.interval95![1]))
      .digits(2)(points) ?? '';
  return points.length < 2 ? nothing : markup`<path class="band" d="${band}"/>`;
}

function meanLine({ points, pattern }: Series, y: Axis, width: number): Markup {
  if (points.length < 2) return nothing;
  const lower = width > 2 ? ' lower' : '';
  return markup`<path class="mean${lower}" d="${pathOf(points, y, ({ mean }) => mean)}" style="stroke-width:${pixels(width)}"${dashes(pattern)}/>`;
}

function marksOf(
  { name, method, pattern, points }: Series,
  y: Axis,
  { aside, format }: { readonly aside: number; readonly format: (result: AccuracyAtTime) => string },
): readonly Markup[] {
  return points.map(({ x, name: where, result }) => {
    const title = `${name}, ${where}: ${format(result)}`;
    const bar = points.length > 1 ? nothing : whisker(result, x + aside, y);
    return markup`${bar}${methodMark(method, { x: x + aside, y: y.place(result.mean), isHollow: pattern % 2 === 1, title })}`;
  });
}

/** The interval at a single point, where a band has no width. */
function whisker({ interval95 }: AccuracyAtTime, x: number, y: Axis): Markup {
  if (interval95 === undefined) return nothing;
  const [low, high] = interval95.map((end) => pixels(y.place(end))) as [string, string];
  return markup`<line class="whisker" x1="${pixels(x)}" x2="${pixels(x)}" y1="${low}" y2="${high}"/>`;
}

/** A name beside a plot, for the curve at height `y`; names are kept apart. */
export type EndLabel = {
  readonly text: string;
  readonly full: string;
  readonly y: number;
  readonly from: number;
};

const LABEL_HEIGHT = 14;

/** Names at the right of a plot, each joined to its curve, moved apart where they would overlap. */
export function endLabels(labels: readonly EndLabel[], { right, top, bottom }: Area): Markup {
  const sorted = labels.toSorted((a, b) => a.y - b.y);
  const places = spread(
    sorted.map(({ y }) => y),
    [top, bottom],
  );
  const texts = sorted.map(({ text, full, y, from }, index) => {
    const at = places[index]!;
    const title = full === text ? nothing : markup`<title>${full}</title>`;
    return markup`<path class="leader" d="M${pixels(from + 5)},${pixels(y)}L${pixels(right + 6)},${pixels(y)}L${pixels(right + 20)},${pixels(at)}"/><text class="end-label" x="${pixels(right + 24)}" y="${pixels(at)}" dy="0.35em">${text}${title}</text>`;
  });
  return markup`<g>${texts}</g>`;
}

/** Sorted heights, moved no more than needed to be a label's height apart, within the plot where they fit. */
export function spread(
  heights: readonly number[],
  [top, bottom]: readonly [number, number],
): readonly number[] {
  const places = heights.map((height) => height);
  // Overlapping labels form blocks, each centred on its curves; blocks that overlap are merged.
  let blocks = places.map((height) => ({ from: height, members: [height] }));
  for (let moved = true; moved; ) {
    moved = false;
    const next: typeof blocks = [];
    for (const block of blocks) {
      const last = next.at(-1);
      if (last !== undefined && block.from < last.from + last.members.length * LABEL_HEIGHT) {
        next[next.length - 1] = centred([...last.members, ...block.members], top, bottom);
        moved = true;
      } else next.push(centred(block.members, top, bottom));
    }
    blocks = next;
  }
  return blocks.flatMap(({ from, members }) => members.map((_, index) => from + index * LABEL_HEIGHT));
}

function centred(members: number[], top: number, bottom: number): { from: number; members: number[] } {
  const height = (members.length - 1) * LABEL_HEIGHT;
  const middle = members.reduce((sum, member) => sum + member, 0) / members.length;
  return { from: Math.max(top, Math.min(middle - height / 2, bottom - height)), members };
}
