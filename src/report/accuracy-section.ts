// Accuracy over time: a panel for each network on one scale, a closer view of the compensated methods, and the numbers.

import { formatTime } from '../base/units.ts';
import type {
  CompensationMethod,
  EvaluationSettings,
  ExperimentRecord,
  NetworkResult,
} from '../experiment/record.ts';
import {
  type Area,
  type Axis,
  drawing,
  horizontalAxis,
  linearAxis,
  pixels,
  publishedMark,
  timeAxis,
  verticalAxis,
} from './chart.ts';
import { formatPublished, plottedFigures } from './comparison.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { type CurvePoint, methodCurve } from './method-curve.ts';
import {
  ACCURACY_CAPTION,
  accuracyCell,
  figureGrid,
  legendKey,
  methodKey,
  panelWidth,
  SCROLLING,
} from './page-parts.ts';
import {
  formatAccuracy,
  formatCount,
  formatPercent,
  formatPercentCell,
  formatTick,
  METHOD_NAMES,
  methodsOf,
  resultsOf,
  timesOf,
} from './wording.ts';

/** The closer view is drawn when all accuracies span so many times the range of the compensated ones. */
const CLOSER_VIEW_FROM = 2.5;

/** Section on the accuracy over time. */
export function accuracySection(record: ExperimentRecord): Markup {
  const methods = methodsOf(record);
  if (methods.length === 0)
    return markup`<section><h2>Accuracy over time</h2><p>No network was deployed.</p></section>`;
  const chance = 1 / record.dataset.classes;
  return markup`<section>
<h2>Accuracy over time</h2>
<p>${caption(record, chance)}</p>
${legend(record, methods)}
${panels(record, { id: 'accuracy', methods, values: withChance(valuesOf(record, methods), chance) })}
${closerView(record, methods)}
${meansTable(record)}
${chipsTable(record)}
</section>`;
}

function caption({ dataset, evaluation, networks }: ExperimentRecord, chance: number): string {
  const imagesOf = ({ testImages = dataset.testImages }: EvaluationSettings): number => testImages;
  const images = imagesOf(evaluation);
  const others = networks.flatMap(({ label, evaluation: own = evaluation }) => {
    const on = imagesOf(own) === images ? '' : ` on ${formatCount(imagesOf(own))} images`;
    return own.chips === evaluation.chips && on === '' ? [] : [`${label}: ${own.chips}${on}`];
  });
  const except = others.length === 0 ? '' : ` (${others.join(', ')})`;
  const chips =
    evaluation.chips === 1
      ? `one programmed chip${except}; with a single chip there is no interval`
      : `${evaluation.chips} programmed chips${except}: thick lines are means, bands their 95 % confidence intervals, faint lines single chips`;
  const scale = networks.length === 1 ? '' : ' All panels share one scale.';
  return `Share of ${formatCount(images)} test images classified correctly, on ${chips}.${scale} Chance is ${formatPercent(chance, 1)}.`;
}

function valuesOf(record: ExperimentRecord, methods: readonly CompensationMethod[]): number[] {
  return record.networks.flatMap((network) => [
    network.digitalAccuracy,
    ...plottedFigures(record, network, methods).map((figure) => figure.accuracy),
    ...methods.flatMap((method) =>
      resultsOf(network, method).flatMap(({ accuracies, interval95 = [] }) => [...accuracies, ...interval95]),
    ),
  ]);
}

/** Adds the chance level if results come near it; else it would only squeeze the rest. */
function withChance(values: readonly number[], chance: number): readonly number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low - chance < 0.5 * (high - chance) ? [...values, chance] : values;
}

function closerView(record: ExperimentRecord, methods: readonly CompensationMethod[]): Markup {
  const compensated = methods.filter((method) => method !== 'none');
  if (compensated.length === 0 || compensated.length === methods.length) return nothing;
  const span = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
  const values = valuesOf(record, compensated);
  if (span(valuesOf(record, methods)) < CLOSER_VIEW_FROM * span(values)) return nothing;
  return markup`<h3>Closer: with compensation</h3>
${panels(record, { id: 'closer', methods: compensated, values })}`;
}

type Panels = {
  readonly id: string;
  readonly methods: readonly CompensationMethod[];
  readonly values: readonly number[];
};

function panels(record: ExperimentRecord, { id, methods, values }: Panels): Markup {
  const width = panelWidth(record);
  const plot: Area = { left: 44, right: width - 26, top: 34, bottom: 274 };
  // The end of an interval may lie beyond.
  const percents = values.map((value) => Math.min(100, 100 * value));
  const [low, high] = [Math.min(...percents), Math.max(...percents)];
  // Room for the label above the digital accuracy, but no axis beyond 100 %.
  const top = Math.max(high, Math.min(100, high + 0.06 * (high - low)));
  const y = linearAxis({
    values: [low, top],
    range: [plot.bottom, plot.top],
    format: formatTick,
  });
  const x = timeAxis(timesOf(record), [plot.left + 14, plot.right - 14]);
  const accuracy: Axis = { ...y, place: (share) => y.place(100 * share) };
  const figures = record.networks.map((network, index) => ({
    label: network.label,
    chart: drawing(
      {
        id: `${id}-${index}`,
        title: `Accuracy over time: ${network.label}`,
        description: `${description(network, methods)} The table below has all numbers.`,
        width,
        height: plot.bottom + 48,
      },
      [
        verticalAxis(accuracy, plot, 'accuracy (%)'),
        horizontalAxis(x, plot, 'time since programming, logarithmic'),
        ...methods.map((method) => methodCurve(method, pointsOf(network, method, x), accuracy)),
        ...references(record, network, accuracy, plot),
        ...publishedMarks(record, network, { methods, x, y: accuracy, plot }),
      ],
    ),
  }));
  return figureGrid(figures);
}

function description(network: NetworkResult, methods: readonly CompensationMethod[]): string {
  const changes = methods.flatMap((method) => {
    const results = resultsOf(network, method);
    const [first, last] = [results[0], results.at(-1)];
    if (first === undefined || last === undefined) return [];
    const end = first === last ? '' : `, ${formatAccuracy(last)} at ${formatTime(last.timeSeconds)}`;
    return [`${METHOD_NAMES[method]}: ${formatAccuracy(first)} at ${formatTime(first.timeSeconds)}${end}.`];
  });
  return `Digital: ${formatPercent(network.digitalAccuracy)}. ${changes.join(' ')}`;
}

function pointsOf(network: NetworkResult, method: CompensationMethod, x: Axis): CurvePoint[] {
  return resultsOf(network, method).map((result) => ({
    x: x.place(result.timeSeconds),
    name: formatTime(result.timeSeconds),
    result,
  }));
}

type Plotted = {
  readonly methods: readonly CompensationMethod[];
  readonly x: Axis;
  readonly y: Axis;
  readonly plot: Area;
};

/** Published accuracies at their times; digital ones at the left edge. */
function publishedMarks(
  record: ExperimentRecord,
  network: NetworkResult,
  { methods, x, y, plot }: Plotted,
): readonly Markup[] {
  return plottedFigures(record, network, methods).map((figure) =>
    publishedMark({
      method: figure.onChips?.method,
      meaning: figure.meaning,
      x: figure.onChips === undefined ? plot.left : x.place(figure.onChips.timeSeconds),
      y: y.place(figure.accuracy),
      title: `published, ${figure.what}: ${formatPublished(figure)} (${figure.locator})`,
    }),
  );
}

/** Lines of the digital accuracy and, where it lies in the plot, of chance. */
function references(
  { dataset }: ExperimentRecord,
  { digitalAccuracy }: NetworkResult,
  y: Axis,
  { left, right, bottom }: Area,
): readonly Markup[] {
  const rule = (share: number): Markup =>
    markup`<line class="reference" x1="${left}" x2="${right}" y1="${pixels(y.place(share))}" y2="${pixels(y.place(share))}"/>`;
  const digital = markup`${rule(digitalAccuracy)}<text class="note" x="${right}" y="${pixels(y.place(digitalAccuracy) - 6)}" text-anchor="end">digital ${formatPercent(digitalAccuracy)}</text>`;
  const chance = 1 / dataset.classes;
  if (y.place(chance) > bottom + 0.5) return [digital];
  return [
    digital,
    markup`${rule(chance)}<text class="note" x="${left + 4}" y="${pixels(y.place(chance) - 6)}">chance ${formatPercent(chance, 1)}</text>`,
  ];
}

function legend(record: ExperimentRecord, methods: readonly CompensationMethod[]): Markup {
  const hasChips = record.networks.some(({ deployed }) =>
    deployed.some(({ accuracies }) => accuracies.length > 1),
  );
  const published = publishedMark({ method: undefined, meaning: 'equal', x: 6, y: 8 });
  const bound = publishedMark({ method: undefined, meaning: 'above', x: 22, y: 8 });
  return markup`<ul class="legend">${methods.map(methodKey)}${hasChips ? legendKey(markup`<path class="chip" d="M1,7H27"/>`, 'a single chip') : nothing}${legendKey(markup`<path class="reference" d="M1,7H27"/>`, 'digital, chance')}${
    record.published === undefined
      ? nothing
      : legendKey(
          markup`${published}${bound}`,
          'published, in the shape of its method; with an arrow: more than',
        )
  }</ul>`;
}

function meansTable(record: ExperimentRecord): Markup {
  const times = timesOf(record);
  const bodies = record.networks.map((network) => {
    const methods = methodsOf({ ...record, networks: [network] });
    const rows = methods.map((method, index) => {
      const results = resultsOf(network, method);
      const cells = times.map((time) =>
        accuracyCell(results.find(({ timeSeconds }) => timeSeconds === time)),
      );
      const lead =
        index > 0
          ? nothing
          : markup`<th scope="rowgroup" rowspan="${methods.length}">${network.label}</th><td rowspan="${methods.length}">${formatPercentCell(network.digitalAccuracy)}</td>`;
      return markup`<tr>${lead}<th scope="row">${METHOD_NAMES[method]}</th>${cells}</tr>`;
    });
    return markup`<tbody>${rows}</tbody>`;
  });
  return markup`${SCROLLING}<table>
${ACCURACY_CAPTION}
<thead><tr><th scope="col">network</th><th scope="col" class="number">digital</th><th scope="col">compensation</th>${times.map((time) => markup`<th scope="col" class="number">${formatTime(time)}</th>`)}</tr></thead>
${bodies}</table></div>`;
}

function chipsTable({ networks }: ExperimentRecord): Markup {
  const rows = networks.flatMap((network) =>
    network.deployed.map(
      ({ method, timeSeconds, accuracies }) =>
        markup`<tr><th scope="row">${network.label}</th><td class="text">${METHOD_NAMES[method]}</td><td>${formatTime(timeSeconds)}</td><td class="text">${accuracies.map((value) => formatPercentCell(value)).join(', ')}</td></tr>`,
    ),
  );
  return markup`<details><summary>Every chip</summary>${SCROLLING}<table>
<caption>Accuracy of each chip (%)</caption>
<thead><tr><th scope="col">network</th><th scope="col">compensation</th><th scope="col" class="number">time</th><th scope="col">chips 1, 2, …</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>`;
}
