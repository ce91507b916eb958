// Accuracy over the amount of training noise: a panel for each time on one scale, and the numbers.

import { line } from 'd3-shape';
import type { Seconds } from '../base/units.ts';
import type { CompensationMethod, ExperimentRecord, NoiseSweepPoint } from '../experiment/record.ts';
import { type Area, type Axis, drawing, horizontalAxis, linearAxis, verticalAxis } from './chart.ts';
import { curves, type Series } from './curves.ts';
import { type Markup, markup } from './markup.ts';
import {
  ACCURACY_CAPTION,
  accuracyCell,
  figureGrid,
  legendKey,
  methodKey,
  numberHeads,
  type Section,
  table,
} from './page-parts.ts';
import {
  formatChips,
  formatCount,
  formatEpochs,
  formatEta,
  formatPercent,
  formatPercentCell,
  formatTick,
  METHOD_NAMES,
  methodsOf,
  resultAt,
  timesOf,
  timeText,
} from './wording.ts';

/** Section on the sweep over training noise; none if the record has none. */
export function noiseSweepSection({ noiseSweep, dataset }: ExperimentRecord): Section | undefined {
  if (noiseSweep === undefined || noiseSweep.points.length === 0) return undefined;
  const { evaluation } = noiseSweep;
  const points = noiseSweep.points.toSorted((a, b) => a.relativeToMax - b.relativeToMax);
  const [times, methods] = [timesOf({ networks: points }), methodsOf({ networks: points })];
  const length = formatEpochs(points[0]!.training.settings!.epochs);
  const chips = formatChips(evaluation.chips);
  const images = formatCount(evaluation.testImages ?? dataset.testImages);
  const body = markup`<p>Networks trained for ${length} each from the same digital weights; they differ in η, the standard deviation of the training noise relative to the largest weight of a layer. Accuracy on ${images} test images, of ${chips} each, the same draws for all η. One training each: differences between neighbours may be those of a training.</p>
${legend(methods)}
${figureGrid(times.map((time, index) => ({ label: `${timeText(time)} after programming`, chart: panel(points, { id: `sweep-${index}`, time, times, methods }) })))}
${sweepTable(points, times, methods)}`;
  return { id: 'training-noise', title: 'Amount of training noise', body };
}

type Panel = {
  readonly id: string;
  readonly time: Seconds;
  readonly times: readonly Seconds[];
  readonly methods: readonly CompensationMethod[];
};

function panel(points: readonly NoiseSweepPoint[], { id, time, times, methods }: Panel): Markup {
  const width = times.length === 1 ? 1000 : 480;
  const plot: Area = { left: 44, right: width - 26, top: 34, bottom: 274 };
  const values = points.flatMap(({ digitalAccuracy, deployed }) => [
    digitalAccuracy,
    ...deployed.flatMap(({ accuracies, interval95 = [] }) => [...accuracies, ...interval95]),
  ]);
  const y = linearAxis({
    values: values.map((value) => Math.min(100, 100 * value)),
    range: [plot.bottom, plot.top],
    format: formatTick,
  });
  const accuracy: Axis = { ...y, place: (share) => y.place(100 * share) };
  const x = linearAxis({
    values: [0, ...points.map(({ relativeToMax }) => 100 * relativeToMax)],
    range: [plot.left + 14, plot.right - 14],
    format: formatTick,
  });
  const at = ({ relativeToMax }: NoiseSweepPoint): number => x.place(100 * relativeToMax);
  const series = methods.map((method): Series => {
    const measured = points.flatMap((point) => {
      const result = resultAt(point, method, time);
      return result === undefined ? [] : [{ x: at(point), name: formatEta(point), result }];
    });
    return { name: METHOD_NAMES[method], method, colour: method, pattern: 0, points: measured };
  });
  const digital = line<NoiseSweepPoint>()
    .x(at)
    .y(({ digitalAccuracy }) => accuracy.place(digitalAccuracy))
    .digits(2)(points);
  return drawing(
    {
      id,
      title: `Accuracy over training noise, ${timeText(time)} after programming`,
      description: `Digital accuracy: ${points.map((point) => `${formatPercent(point.digitalAccuracy)} at ${formatEta(point)}`).join(', ')}. The table below has all numbers.`,
      width,
      height: plot.bottom + 48,
    },
    [
      verticalAxis(accuracy, plot, 'accuracy (%)'),
      horizontalAxis(x, plot, 'training noise η (%)'),
      markup`<path class="reference" d="${digital ?? ''}"/>`,
      curves(series, accuracy, { singleChips: true }),
    ],
  );
}

function legend(methods: readonly CompensationMethod[]): Markup {
  const digital = legendKey(markup`<path class="reference" d="M1,7H27"/>`, 'digital');
  return markup`<ul class="legend">${methods.map(methodKey)}${digital}</ul>`;
}

function sweepTable(
  points: readonly NoiseSweepPoint[],
  times: readonly Seconds[],
  methods: readonly CompensationMethod[],
): Markup {
  const rows = points.map((point) => {
    const cells = times.flatMap((time) =>
      methods.map((method) => accuracyCell(resultAt(point, method, time))),
    );
    return markup`<tr><th scope="row">${formatEta(point)}</th><td>${formatPercentCell(point.digitalAccuracy)}</td>${cells}</tr>`;
  });
  return table({
    caption: ACCURACY_CAPTION,
    head: markup`<tr><th scope="col" rowspan="2">training noise</th><th scope="col" rowspan="2" class="number">digital</th>${times.map((time) => markup`<th scope="colgroup" colspan="${methods.length}" class="number">${timeText(time)}</th>`)}</tr>
<tr>${times.map(() => numberHeads(methods.map((method) => METHOD_NAMES[method])))}</tr>`,
    body: rows,
  });
}
