// The trained cells over time: scores by compensation, as means over seeds. Each seed counts once, with the mean of its
// repeated reads, because another training is what a reader would repeat.

import { estimateOf, meanOf } from '../base/statistics.ts';
import type { AccuracyAtTime, CompensationMethod, NetworkResult } from '../experiment/record.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';
import { type Area, drawing, horizontalAxis, linearAxis, pixels, timeAxis, verticalAxis } from './chart.ts';
import { curves, endLabels, type Series } from './curves.ts';
import { type Markup, markup } from './markup.ts';
import {
  figureGrid,
  foldedTable,
  legendKey,
  methodKey,
  numberHeads,
  type Section,
  table,
} from './page-parts.ts';
import { estimateCell, estimateText, scoreCell, scoreNumber, scoreTitle } from './twin-scores.ts';
import { formatTick, METHOD_NAMES, methodsOf, resultAt, timesOf, timeText } from './wording.ts';

/** Section on what became of the trained cells; none if nothing was measured. */
export function afterwardsSection(record: TwinRecord): Section | undefined {
  const { afterwards: networks = [], score, inCells, inFloat } = record;
  const methods = methodsOf({ networks });
  if (methods.length === 0) return undefined;
  const times = timesOf({ networks });
  const rows = methods.map((method) => {
    const cells = times.map((time) => {
      const result = overSeeds(networks, method, time);
      return markup`<td>${result === undefined ? '–' : estimateCell(score, result)}</td>`;
    });
    return markup`<tr><th scope="row">${METHOD_NAMES[method]}</th>${cells}</tr>`;
  });
  const repeats = Math.max(
    ...networks.flatMap(({ deployed }) => deployed.map(({ accuracies }) => accuracies.length)),
  );
  const several = networks.length > 1;
  const body = markup`<p>What the trained cells score when they are left alone and read later: they drift, and every read has noise. Each seed was measured ${repeats === 1 ? 'once' : `${repeats} times`} on its chip; ${several ? 'lines are means over seeds, bands their 95 % confidence intervals, faint lines single seeds' : 'with a single seed there is no interval'}. At the end of training the mean was ${estimateText(score, inCells)} in cells and ${estimateText(score, inFloat)} in floating point.</p>
<ul class="legend">${methods.map(methodKey)}${several ? legendKey(markup`<path class="chip" d="M1,7H27"/>`, 'a single seed') : []}${legendKey(markup`<path class="reference" d="M1,7H27"/>`, 'at the end of training')}</ul>
${figureGrid([{ label: `The ${score.name} of the trained cells over time.`, chart: chart(record, methods) }])}
${table({
  caption: `Mean ${scoreTitle(score)} over seeds${several ? ' ± half width of its 95 % confidence interval' : ''}`,
  head: markup`<tr><th scope="col">compensation</th>${numberHeads(times.map(timeText))}</tr>`,
  body: rows,
  kind: times.length > 7 ? 'crowded' : 'wide',
})}
${everyMeasurement(record)}`;
  return { id: 'afterwards', title: 'The trained cells over time', body };
}

/** The mean over seeds of what each seed scored at a time; undefined where no seed was measured. */
function overSeeds(
  networks: readonly NetworkResult[],
  method: CompensationMethod,
  time: number,
): AccuracyAtTime | undefined {
  const bySeed = networks.flatMap((network) => {
    const result = resultAt(network, method, time);
    return result === undefined ? [] : [meanOf(result.accuracies)];
  });
  if (bySeed.length === 0) return undefined;
  return { timeSeconds: time, method, accuracies: bySeed, ...estimateOf(bySeed) };
}

const [WIDTH, HEIGHT] = [1000, 380];

function chart(record: TwinRecord, methods: readonly CompensationMethod[]): Markup {
  const { afterwards: networks = [], score, inCells, inFloat } = record;
  const times = timesOf({ networks });
  const ends = [
    { text: 'trained', full: 'in cells, at the end of training', mean: inCells.mean },
    { text: 'floating point', full: 'in floating point', mean: inFloat.mean },
  ];
  const longest = Math.max(
    ...[...methods.map((by) => METHOD_NAMES[by]), 'floating point'].map((text) => text.length),
  );
  const plot: Area = { left: 56, right: WIDTH - 30 - longest * 6.1, top: 34, bottom: HEIGHT - 48 };
  const x = timeAxis(times, [plot.left + 18, plot.right - 18]);
  const found = methods.map((method) => ({
    method,
    results: times.flatMap((time) => overSeeds(networks, method, time) ?? []),
  }));
  const drawn = found.flatMap(({ results }) =>
    results.flatMap(({ accuracies, interval95 = [] }) => [...accuracies, ...interval95]),
  );
  const numbers = [...drawn, ...ends.map(({ mean }) => mean)].map((value) => scoreNumber(score, value));
  const axis = linearAxis({
    // The end of an interval can be above 100 %.
    values: score.isShare ? numbers.map((value) => Math.max(0, Math.min(100, value))) : numbers,
    range: [plot.bottom, plot.top],
    format: formatTick,
  });
  const y = { ...axis, place: (value: number) => axis.place(scoreNumber(score, value)) };
  const series: Series[] = found.map(({ method, results }) => ({
    name: METHOD_NAMES[method],
    method,
    colour: method,
    pattern: 0,
    points: results.map((result) => ({
      x: x.place(result.timeSeconds),
      name: timeText(result.timeSeconds),
      result,
    })),
  }));
  const references = ends.map(({ mean }) => pixels(y.place(mean)));
  const labels = [
    ...ends.map(({ text, full, mean }) => ({ text, full, y: y.place(mean), from: plot.right })),
    ...series.map(({ name, points }) => {
      const last = points.at(-1)!;
      return { text: name, full: name, y: y.place(last.result.mean), from: last.x };
    }),
  ];
  const told = found.map(({ method, results }) => {
    const last = results.at(-1)!;
    return `${METHOD_NAMES[method]} ${estimateText(score, last)} at ${timeText(last.timeSeconds)}`;
  });
  return drawing(
    {
      id: 'afterwards-chart',
      title: `Over time: ${score.name} of the trained cells`,
      description: `${told.join('; ')}. The table below has all numbers.`,
      width: WIDTH,
      height: HEIGHT,
    },
    [
      verticalAxis(y, plot, scoreTitle(score)),
      horizontalAxis(x, plot, 'time since training (logarithmic)'),
      ...references.map(
        (at) =>
          markup`<line class="reference" x1="${plot.left}" x2="${pixels(plot.right)}" y1="${at}" y2="${at}"/>`,
      ),
      endLabels(labels, plot),
      curves(series, y, {
        singleChips: networks.length > 1,
        format: (result) => estimateText(score, result),
      }),
    ],
  );
}

function everyMeasurement({ afterwards: networks = [], score }: TwinRecord): Markup {
  const rows = networks.flatMap(({ label, deployed }) =>
    deployed.map(
      ({ method, timeSeconds, accuracies }) =>
        markup`<tr><th scope="row">${label}</th><td class="text">${METHOD_NAMES[method]}</td><td>${timeText(timeSeconds)}</td><td class="text">${accuracies.map((value) => scoreCell(score, value)).join(', ')}</td></tr>`,
    ),
  );
  return foldedTable(
    'Every measurement',
    table({
      caption: `Every measurement: ${scoreTitle(score)}`,
      head: markup`<tr><th scope="col">training</th><th scope="col">compensation</th><th scope="col" class="number">time</th><th scope="col">measurements 1, 2, …</th></tr>`,
      body: rows,
    }),
  );
}
