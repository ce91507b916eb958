// Curves of twins by epoch: colour and dashes tell the training, width the seed; the first is prominent.

import { line } from 'd3-shape';
import type { TwinRecord } from '../experiment/twin-record.ts';
import type { EpochRecord } from '../train/training-state.ts';
import { type Area, type Axis, drawing, horizontalAxis, linearAxis, pixels, verticalAxis } from './chart.ts';
import { dashes } from './curves.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { legendKey } from './page-parts.ts';
import { formatTick } from './wording.ts';

/** The two trainings in the order of reports. */
export const TWINS = [
  { of: 'inCells', name: 'in cells', colour: 'network-0', pattern: 0 },
  { of: 'inFloat', name: 'in floating point', colour: 'network-1', pattern: 1 },
] as const;

/** The key to colours and widths. */
export function twinsLegend(
  { pairs }: Pick<TwinRecord, 'pairs'>,
  trainings: readonly (typeof TWINS)[number][] = TWINS,
): Markup {
  const first = pairs.length > 1 ? `, seed ${pairs[0]!.seed}` : '';
  const keys = trainings.map(({ name, colour, pattern }) =>
    legendKey(markup`<path class="mean" d="M0,7H28"${dashes(pattern)}/>`, `${name}${first}`, colour),
  );
  const others =
    pairs.length > 1 ? legendKey(markup`<path class="chip" d="M1,7H27"/>`, 'other seeds', 'plain') : nothing;
  return markup`<ul class="legend">${keys}${others}</ul>`;
}

type EpochChart = {
  readonly id: string;
  readonly title: string;
  /** Name of the vertical axis. */
  readonly name: string;
  /** Undefined where an epoch has no value. */
  readonly value: (epoch: EpochRecord) => number | undefined;
  readonly trainings?: readonly (typeof TWINS)[number][];
  /** The axis begins at zero. */
  readonly fromZero: boolean;
};

const [WIDTH, HEIGHT] = [480, 300];

/** A quantity of all epochs of all seeds; undefined if no epoch has it. */
export function epochChart(
  { pairs }: TwinRecord,
  { id, title, name, value, trainings = TWINS, fromZero }: EpochChart,
): Markup | undefined {
  const series = trainings.flatMap((training) =>
    pairs.map((pair, index) => ({
      training,
      isFirst: index === 0,
      points: pair[training.of].history.flatMap((epoch) => {
        const y = value(epoch);
        return y === undefined ? [] : [[epoch.epoch, y] as const];
      }),
    })),
  );
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return undefined;
  const plot: Area = { left: 56, right: WIDTH - 14, top: 34, bottom: HEIGHT - 48 };
  const across = linearAxis({
    values: [...(all.every(([epoch]) => epoch === 1) ? [0] : []), ...all.map(([epoch]) => epoch)],
    range: [plot.left + 6, plot.right - 6],
    format: formatTick,
  });
  const x: Axis = { ...across, ticks: across.ticks.filter(({ label }) => !label.includes('.')) };
  const y = linearAxis({
    values: [...(fromZero ? [0] : []), ...all.map(([, height]) => height)],
    range: [plot.bottom, plot.top],
    format: formatTick,
  });
  // The first seed is above the others.
  const drawn = series.toSorted((a, b) => Number(a.isFirst) - Number(b.isFirst));
  const ends = series
    .filter(({ isFirst, points }) => isFirst && points.length > 0)
    .map(({ training, points }) => `${training.name} ${Number(points.at(-1)![1].toPrecision(4))}`);
  return drawing(
    {
      id,
      title,
      description: `${name} by epoch. At the end, first seed: ${ends.join(', ')}. The tables below have every epoch.`,
      width: WIDTH,
      height: HEIGHT,
    },
    [
      verticalAxis(y, plot, name),
      horizontalAxis(x, plot, 'epoch'),
      ...drawn.map(({ training: { colour, pattern }, isFirst, points }) =>
        curve(
          points.map(([epoch, height]) => [x.place(epoch), y.place(height)]),
          { colour, pattern, isFirst },
        ),
      ),
    ],
  );
}

type CurveLook = { readonly colour: string; readonly pattern: number; readonly isFirst: boolean };

function curve(
  points: readonly (readonly [number, number])[],
  { colour, pattern, isFirst }: CurveLook,
): Markup {
  const last = points.at(-1);
  if (last === undefined) return nothing;
  const path = line().digits(2)(points.map(([x, y]) => [x, y])) ?? '';
  const end = markup`<circle class="mark" cx="${pixels(last[0])}" cy="${pixels(last[1])}" r="${isFirst ? 3.5 : 2}"/>`;
  const stroke =
    points.length < 2
      ? nothing
      : markup`<path class="${isFirst ? 'mean' : 'chip'}" d="${path}"${dashes(pattern)}/>`;
  return markup`<g class="${colour}${isFirst ? '' : ' others'}">${stroke}${end}</g>`;
}
