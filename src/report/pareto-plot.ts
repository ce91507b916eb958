// The plot of accuracy against energy: a point for each hardware with the interval of its accuracy over chips and the one
// that its cost leaves open, and the line of those that no other beats. Copies change neither, so they share a point.

import { scaleLog } from 'd3-scale';
import { type ParetoPoint, paretoFront } from '../experiment/pareto-record.ts';
import {
  type Area,
  type Axis,
  drawing,
  horizontalAxis,
  linearAxis,
  pixels,
  timeColour,
  verticalAxis,
} from './chart.ts';
import { formatRange } from './cost-wording.ts';
import { type Markup, markup } from './markup.ts';
import { formatAccuracy, formatTick } from './wording.ts';

const MICROJOULES = 1e-6;
const AREA: Area = { left: 60, right: 760, top: 40, bottom: 420 };
const KEY = 16;

/** Variants of one hardware: the first, and the numbers of all in the table. */
type Plotted = { readonly point: ParetoPoint; readonly numbers: readonly number[] };

/** Places of accuracies and energies. */
type Scales = { readonly x: Axis; readonly y: Axis };

/** The plot, with a key that has the numbers of the table. */
export function paretoPlot(points: readonly ParetoPoint[], digitalAccuracy: number): Markup {
  const plotted = plottedOf(points);
  const scales = scalesOf(points, digitalAccuracy);
  const front = paretoFront(plotted.map(({ point }) => point));
  const line = front.map((point) => placeOf(point, scales).map(pixels).join(',')).join('L');
  const digital = pixels(scales.y.place(100 * digitalAccuracy));
  return drawing(
    {
      id: 'pareto',
      title: 'Accuracy against energy',
      description: `Accuracy and energy of ${plotted.length} variants of the hardware. The table below has all numbers.`,
      width: 1080,
      height: Math.max(470, AREA.top + KEY * plotted.length),
    },
    [
      verticalAxis(scales.y, AREA, 'accuracy (%)'),
      horizontalAxis(scales.x, AREA, 'energy of the chip for one example (µJ)'),
      markup`<path class="reference" d="M${AREA.left},${digital}H${AREA.right}"/><path class="reference" style="stroke-dasharray:none" d="M${line}"/>`,
      ...plotted.map((one, index) => markOf(one, scales, timeColour(index, plotted.length))),
      ...plotted.map(({ point, numbers }, index) => {
        const onFront = front.includes(point) ? ', on the front' : '';
        return markup`<text class="tick" x="${AREA.right + 30}" y="${AREA.top + KEY * index}"><tspan style="fill:${timeColour(index, plotted.length)}">●</tspan> ${numbers.join(', ')} ${point.name}${onFront}</text>`;
      }),
    ],
  );
}

function plottedOf(points: readonly ParetoPoint[]): Plotted[] {
  const names = points.map(({ hardware }) => hardware.name);
  return points.flatMap((point, index) => {
    if (names.indexOf(point.hardware.name) !== index) return [];
    const numbers = names.flatMap((name, other) => (name === point.hardware.name ? [other + 1] : []));
    return [{ point, numbers }];
  });
}

/** Intervals beyond 0 or 1, which Student's t may have, do not stretch the axis. */
function scalesOf(points: readonly ParetoPoint[], digitalAccuracy: number): Scales {
  const ends = points.flatMap(({ cost: { energy } }) => [energy.chip.low, energy.chip.high]);
  const accuracies = points.flatMap(({ accuracy }) => [accuracy.mean, ...(accuracy.interval95 ?? [])]);
  const values = [...accuracies, digitalAccuracy].map((share) => 100 * withinShares(share));
  return {
    x: energyAxis(ends.map((end) => end * MICROJOULES)),
    y: linearAxis({ values, range: [AREA.bottom, AREA.top], format: formatTick }),
  };
}

function withinShares(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function placeOf({ cost, accuracy }: ParetoPoint, { x, y }: Scales): readonly [number, number] {
  return [x.place(cost.energy.chip.picojoules * MICROJOULES), y.place(100 * accuracy.mean)];
}

function markOf({ point, numbers }: Plotted, scales: Scales, colour: string): Markup {
  const { cost, accuracy, name } = point;
  const { low, high } = cost.energy.chip;
  const [px, py] = placeOf(point, scales);
  const [left, right] = [low, high].map((end) => pixels(scales.x.place(end * MICROJOULES)));
  const [bottom, top] = (accuracy.interval95 ?? [accuracy.mean, accuracy.mean]).map((share) =>
    pixels(scales.y.place(100 * withinShares(share))),
  );
  return markup`<g style="stroke:${colour}"><path d="M${left!},${pixels(py)}H${right!}" stroke-opacity="0.5"/><path d="M${pixels(px)},${bottom!}V${top!}"/></g><circle cx="${pixels(px)}" cy="${pixels(py)}" r="5" style="fill:${colour}"><title>${name}: ${formatAccuracy(accuracy)}, ${formatRange(cost.energy.chip)}</title></circle><text class="end-label" x="${pixels(px + 8)}" y="${pixels(py - 8)}">${numbers.join(', ')}</text>`;
}

/** A logarithmic axis with ticks at 1, 2 and 5 of each decade; over many decades only the ones have labels. */
function energyAxis(microjoules: readonly number[]): Axis {
  const [low, high] = [Math.min(...microjoules) / 1.3, Math.max(...microjoules) * 1.3];
  const scale = scaleLog([low, high], [AREA.left, AREA.right]);
  const decades = Array.from({ length: 24 }, (_, k) => 10 ** (k - 9));
  const ticks = decades
    .flatMap((decade) => [1, 2, 5].map((digit) => ({ digit, value: digit * decade })))
    .filter(({ value }) => value >= low && value <= high);
  return {
    place: scale,
    ticks: ticks.map(({ digit, value }) => ({
      at: scale(value),
      label: digit === 1 || ticks.length <= 10 ? formatTick(value) : '',
    })),
  };
}
