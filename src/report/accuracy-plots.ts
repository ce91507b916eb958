// Plots of accuracy over time. Up to three networks share one plot: colour and shape mean the method, dashes and
// filling the network. More networks have a plot for each method, in which colour and dashes mean the network.

import type { CompensationMethod, ExperimentRecord, NetworkResult } from '../experiment/record.ts';
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
import { coincidingSeries, curves, type EndLabel, endLabels, type Series } from './curves.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { figureGrid, legendKey, methodKey, networkKey } from './page-parts.ts';
import {
  formatAccuracy,
  formatPercent,
  formatTick,
  listed,
  METHOD_NAMES,
  resultsOf,
  timesOf,
  timeText,
} from './wording.ts';

/** Most networks that can be distinguished by dashes in one plot; for more, each method has a plot. */
export const SHARED_BY = 3;

/** Names in a plot are cut to this; the whole name is in its title. */
const LONGEST_NAME = 28;

/** Accuracy of guessing. */
export function chanceOf({ dataset }: Pick<ExperimentRecord, 'dataset'>): number {
  return 1 / dataset.classes;
}

/** All accuracies that plots of these methods show. */
export function valuesOf(record: ExperimentRecord, methods: readonly CompensationMethod[]): number[] {
  return record.networks.flatMap((network) => [
    network.digitalAccuracy,
    ...plottedFigures(record, network, methods).map((figure) => figure.accuracy),
    ...methods.flatMap((method) =>
      resultsOf(network, method).flatMap(({ accuracies, interval95 = [] }) => [...accuracies, ...interval95]),
    ),
  ]);
}

type PlotsOf = { readonly id: string; readonly methods: readonly CompensationMethod[] };

type Plot = PlotsOf & {
  readonly title: string;
  readonly networks: readonly NetworkResult[];
  readonly width: number;
  readonly height: number;
  readonly singleChips: boolean;
  /** Accuracies that must be within the axis. */
  readonly values: readonly number[];
  readonly colour: (network: number, method: CompensationMethod) => Series['colour'];
};

/** All networks and methods in one plot; for many networks, a plot for each method. */
export function overviewPlots(record: ExperimentRecord, { id, methods }: PlotsOf): Markup {
  const { networks } = record;
  if (networks.length <= SHARED_BY) {
    const chart = plot(record, {
      id,
      methods,
      networks,
      title: 'Accuracy over time',
      width: 1000,
      height: 400,
      singleChips: networks.length === 1,
      values: withChance(valuesOf(record, methods), chanceOf(record)),
      colour: (_, method) => method,
    });
    return figureGrid([{ label: captionOf(record, methods), chart }]);
  }
  const charts = methods.map((method) => ({
    label: `${METHOD_NAMES[method]}.${coincidenceNote(record, [method])}`,
    chart: plot(record, {
      id: `${id}-${method}`,
      methods: [method],
      networks,
      title: `Accuracy over time: ${METHOD_NAMES[method]}`,
      width: 480,
      height: 320,
      singleChips: false,
      values: withChance(valuesOf(record, [method]), chanceOf(record)),
      colour: networkColour,
    }),
  }));
  return figureGrid(charts);
}

/** A plot of each network with its single chips, all on one scale. */
export function networkPlots(record: ExperimentRecord, { id, methods }: PlotsOf): Markup {
  const values = withChance(valuesOf(record, methods), chanceOf(record));
  const charts = record.networks.map((network, index) => ({
    label: `${network.label}, chip by chip.`,
    chart: plot(record, {
      id: `${id}-${index}`,
      methods,
      networks: [network],
      title: `Accuracy over time, chip by chip: ${network.label}`,
      width: 480,
      height: 320,
      singleChips: true,
      values,
      colour: (_, method) => method,
    }),
  }));
  return figureGrid(charts);
}

function captionOf(record: ExperimentRecord, methods: readonly CompensationMethod[]): string {
  const names = listed(methods.map((method) => METHOD_NAMES[method]));
  const of = record.networks.length === 1 ? '' : ` of ${listed(record.networks.map(({ label }) => label))}`;
  return `Mean accuracy${of}: ${names}.${coincidenceNote(record, methods)}`;
}

/** A note on the curves of a plot that coincide; the plot draws the lower ones wider. */
function coincidenceNote(record: ExperimentRecord, methods: readonly CompensationMethod[]): string {
  const values = withChance(valuesOf(record, methods), chanceOf(record));
  const isShared = record.networks.length <= SHARED_BY;
  const area = areaOf(isShared ? 1000 : 480, isShared ? 400 : 320, 0);
  const series = seriesOf(record.networks, methods, timeAxis(timesOf(record), [0, 1]), (_, method) => method);
  const groups = coincidingSeries(series, accuracyAxis(values, area));
  if (groups.length === 0) return '';
  const sets = groups.map((group) => listed(group.map(({ name }) => name)));
  return ` Curves that coincide at this scale (the lower ones are drawn wider, marks side by side): ${sets.join('; ')}.`;
}

/** Colour of a network where methods have plots of their own. */
function networkColour(network: number): Series['colour'] {
  return `network-${network % 6}`;
}

/** Adds the chance level if results come near it; otherwise it would only compress the axis. */
function withChance(values: readonly number[], chance: number): readonly number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low - chance < 0.5 * (high - chance) ? [...values, chance] : values;
}

function seriesOf(
  networks: readonly NetworkResult[],
  methods: readonly CompensationMethod[],
  x: Axis,
  colour: Plot['colour'],
): readonly (Series & { readonly short: string })[] {
  return networks.flatMap((network, pattern) =>
    methods.map((method) => ({
      name: nameOf(networks, network, method, methods).full,
      short: nameOf(networks, network, method, methods).text,
      method,
      colour: colour(pattern, method),
      pattern,
      points: resultsOf(network, method).map((result) => ({
        x: x.place(result.timeSeconds),
        name: timeText(result.timeSeconds),
        result,
      })),
    })),
  );
}

function areaOf(width: number, height: number, labels: number): Area {
  return { left: 44, right: width - 26 - labels, top: 34, bottom: height - 48 };
}

function accuracyAxis(values: readonly number[], { top: highest, bottom }: Area): Axis {
  // The end of an interval can be above 100 %.
  const percents = values.map((value) => Math.min(100, 100 * value));
  const [low, high] = [Math.min(...percents), Math.max(...percents)];
  // Room above the digital accuracy, but no axis beyond 100 %.
  const top = Math.max(high, Math.min(100, high + 0.04 * (high - low)));
  const y = linearAxis({ values: [low, top], range: [bottom, highest], format: formatTick });
  return { ...y, place: (share) => y.place(100 * share) };
}

function plot(record: ExperimentRecord, of: Plot): Markup {
  const { id, title, networks, methods, width, height, singleChips } = of;
  const names = [
    digitalLabels(networks),
    networks.flatMap((one) => methods.map((by) => nameOf(networks, one, by, methods))),
  ];
  const longest = Math.max(7, ...names.flat().map(({ text }) => text.length));
  const area = areaOf(width, height, longest * 6.1 + 4);
  const y = accuracyAxis(of.values, area);
  const x = timeAxis(timesOf(record), [area.left + 18, area.right - 18]);
  const series = seriesOf(networks, methods, x, of.colour).filter(({ points }) => points.length > 0);
  const labels: readonly EndLabel[] = [
    ...digitalLabels(networks).map(({ accuracy, ...name }) => ({
      ...name,
      y: y.place(accuracy),
      from: area.right,
    })),
    ...series.map(({ name, short, points }) => {
      const last = points.at(-1)!;
      return { text: short, full: name, y: y.place(last.result.mean), from: last.x };
    }),
  ];
  const references = networks.map(({ digitalAccuracy }) => rule(digitalAccuracy, y, area));
  return drawing({ id, title, description: description(networks, methods), width, height }, [
    verticalAxis(y, area, 'accuracy (%)'),
    horizontalAxis(x, area, 'time since programming (logarithmic)'),
    ...references,
    chanceLine(record, y, area),
    endLabels(labels, area),
    curves(series, y, { singleChips }),
    ...networks.flatMap((network) => publishedMarks(record, network, { methods, x, y, area })),
  ]);
}

type Name = { readonly text: string; readonly full: string };

/** Names of the lines of digital accuracies; many networks share one, at the highest. */
function digitalLabels(
  networks: readonly NetworkResult[],
): readonly (Name & { readonly accuracy: number })[] {
  if (networks.length <= SHARED_BY && networks.length > 1)
    return networks.map(({ label, digitalAccuracy: accuracy }) => ({ ...cut(label, ', no chip'), accuracy }));
  const accuracy = Math.max(...networks.map(({ digitalAccuracy }) => digitalAccuracy));
  return [{ text: 'no chip', full: 'no chip', accuracy }];
}

function nameOf(
  networks: readonly NetworkResult[],
  { label }: NetworkResult,
  method: CompensationMethod,
  methods: readonly CompensationMethod[],
): Name {
  if (networks.length === 1) return cut(METHOD_NAMES[method], '');
  return cut(label, methods.length === 1 ? '' : `, ${METHOD_NAMES[method]}`);
}

/** A name, and its shortened form beside a plot, which keeps the end of the name. */
function cut(name: string, end: string): Name {
  const room = LONGEST_NAME - end.length;
  const text = name.length <= room ? name : `${name.slice(0, room - 1)}…`;
  return { text: `${text}${end}`, full: `${name}${end}` };
}

function description(networks: readonly NetworkResult[], methods: readonly CompensationMethod[]): string {
  const parts = networks.flatMap((network) => {
    const changes = methods.flatMap((method) => {
      const results = resultsOf(network, method);
      const [first, last] = [results[0], results.at(-1)];
      if (first === undefined || last === undefined) return [];
      const end = first === last ? '' : `, ${formatAccuracy(last)} at ${timeText(last.timeSeconds)}`;
      return [`${METHOD_NAMES[method]} ${formatAccuracy(first)} at ${timeText(first.timeSeconds)}${end}`];
    });
    return [`${network.label}: digital ${formatPercent(network.digitalAccuracy)}; ${changes.join('; ')}.`];
  });
  return `${parts.join(' ')} The table below has all numbers.`;
}

function rule(share: number, y: Axis, { left, right }: Area): Markup {
  const at = pixels(y.place(share));
  return markup`<line class="reference" x1="${left}" x2="${pixels(right)}" y1="${at}" y2="${at}"/>`;
}

/** The line of chance, if it is within the plot. */
function chanceLine(record: ExperimentRecord, y: Axis, area: Area): Markup {
  const chance = chanceOf(record);
  if (y.place(chance) > area.bottom + 0.5) return nothing;
  return markup`${rule(chance, y, area)}<text class="note" x="${area.left + 4}" y="${pixels(y.place(chance) - 6)}">chance ${formatPercent(chance, 1)}</text>`;
}

type Plotted = {
  readonly methods: readonly CompensationMethod[];
  readonly x: Axis;
  readonly y: Axis;
  readonly area: Area;
};

/** Published accuracies at their times; digital ones at the left edge. */
function publishedMarks(
  record: ExperimentRecord,
  network: NetworkResult,
  { methods, x, y, area }: Plotted,
): readonly Markup[] {
  return plottedFigures(record, network, methods).map((figure) =>
    publishedMark({
      method: figure.onChips?.method,
      meaning: figure.meaning,
      x: figure.onChips === undefined ? area.left : x.place(figure.onChips.timeSeconds),
      y: y.place(figure.accuracy),
      title: `published, ${figure.what}: ${formatPublished(figure)} (${figure.locator})`,
    }),
  );
}

/** What colours, shapes and dashes mean. */
export function legend(record: ExperimentRecord, methods: readonly CompensationMethod[]): Markup {
  const { networks } = record;
  const isShared = networks.length <= SHARED_BY;
  const hasChips = networks.some(({ deployed }) => deployed.some(({ accuracies }) => accuracies.length > 1));
  const published = publishedMark({ method: undefined, meaning: 'equal', x: 6, y: 8 });
  const bound = publishedMark({ method: undefined, meaning: 'above', x: 22, y: 8 });
  const networkKeys = networks.map(({ label }, index) =>
    networkKey(label, index, isShared ? 'plain' : networkColour(index)),
  );
  return markup`<ul class="legend">${methods.map(methodKey)}${networks.length > 1 ? networkKeys : nothing}${hasChips ? legendKey(markup`<path class="chip" d="M1,7H27"/>`, 'a single chip') : nothing}${legendKey(markup`<path class="reference" d="M1,7H27"/>`, 'digital (no chip), chance')}${
    record.published === undefined
      ? nothing
      : legendKey(
          markup`${published}${bound}`,
          'published, in the shape of its method; with an arrow: more than',
        )
  }</ul>`;
}
