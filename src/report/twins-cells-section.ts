// What training did to the cells of each layer: where conductances ended, how many pulses devices took. Of the first seed.

import { area, curveStepAfter } from 'd3-shape';
import type { ArrayStatistics, CellStatistics, LayerStatistics } from '../experiment/cell-statistics.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';
import {
  type Area,
  type Axis,
  countAxis,
  drawing,
  horizontalAxis,
  linearAxis,
  pixels,
  verticalAxis,
} from './chart.ts';
import { type Markup, markup } from './markup.ts';
import { figureGrid, foldedTable, legendKey, numberHeads, type Section, table } from './page-parts.ts';
import { formatCount, formatTick } from './wording.ts';

/** Section on the cells after training; none if the record has none. */
export function twinCellsSection({ cells, pairs }: TwinRecord): Section | undefined {
  if (cells === undefined || cells.layers.length === 0) return undefined;
  const { unit } = cells;
  const layers = cells.layers.map(bySign);
  const bins = pulseBinsOf(layers);
  const figures = layers.flatMap((layer, index) => [
    {
      label: `${layer.name}: devices by ${quantityOf(cells)}, on a logarithmic scale.`,
      chart: histogram({
        id: `cells-${index}-values`,
        title: `${layer.name}: ${quantityOf(cells)} of its devices`,
        name: `${quantityOf(cells)}${unit === '' ? '' : ` (${unit})`}`,
        arrays: layer.arrays,
        countsOf: ({ values }) => values,
        across: (range) => valueAxis(cells, range),
        bins: cells.edges.length - 1,
      }),
    },
    {
      label: `${layer.name}: devices by the pulses that each has had, in classes that double.`,
      chart: histogram({
        id: `cells-${index}-pulses`,
        title: `${layer.name}: pulses of its devices`,
        name: 'pulses of a device, from',
        arrays: layer.arrays,
        countsOf: ({ pulses }) => pulses.slice(0, bins),
        across: (range) => pulseAxis(bins, range),
        bins,
      }),
    },
  ]);
  const polarities = POLARITIES.filter(({ of }) =>
    layers.some(({ arrays }) => arrays.some(({ polarity }) => polarity === of)),
  );
  const legend = polarities.map(({ name, colour }) =>
    legendKey(markup`<path class="band" d="M1,13V3H27V13Z"/><path class="mean" d="M1,3H27"/>`, name, colour),
  );
  const body = markup`<p>The cells of seed ${pairs[0]!.seed} after training. A weight is proportional to the difference of its devices in the plus and the minus array; without a minus array, to its device.${pairsOf(cells) > 1 ? ' With several pairs, which share the weight, the arrays of each sign are counted together.' : ''}</p>
<ul class="legend">${legend}</ul>
${figureGrid(figures)}
${layers.map((layer) => countsTable(cells, layer, bins))}`;
  return { id: 'cells', title: 'Cells after training', body };
}

/** Section on the layers in cells; none if the record has no cells. */
export function twinLayersSection({ cells, network, pairs }: TwinRecord): Section | undefined {
  if (cells === undefined || cells.layers.length === 0) return undefined;
  const rows = cells.layers.map(({ name, weights, arrays }) => {
    const given = arrays.reduce((sum, { pulsesGiven }) => sum + pulsesGiven, 0);
    const most = Math.max(...arrays.map(({ pulses }) => pulses.findLastIndex((devices) => devices > 0)));
    const unused = arrays.reduce((sum, { pulses }) => sum + (pulses[0] ?? 0), 0);
    return { name, weights, devices: weights * arrays.length, given, unused, most };
  });
  const total = (of: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((sum, row) => sum + of(row), 0);
  const cellsOf = (row: Omit<(typeof rows)[number], 'name'>): Markup =>
    markup`<td>${formatCount(row.weights)}</td><td>${formatCount(row.devices)}</td><td>${formatCount(row.given)}</td><td>${(row.given / row.weights).toFixed(2)}</td><td>${formatCount(row.unused)}</td><td>${pulseClass(row.most, row.most === LAST_CLASS)}</td>`;
  const all = {
    weights: total(({ weights }) => weights),
    devices: total(({ devices }) => devices),
    given: total(({ given }) => given),
    unused: total(({ unused }) => unused),
    most: Math.max(...rows.map(({ most }) => most)),
  };
  const hasRefreshes = pairs[0]!.inCells.history.some(({ refreshes = 0 }) => refreshes > 0);
  const digital = network.weights - network.analogWeights;
  const body = markup`<p>Of ${formatCount(network.weights)} parameters ${formatCount(network.analogWeights)} are weights on crossbars${digital > 0 ? markup`; the other ${formatCount(digital)}, such as biases, are digital` : []}. The last column is the class of the device with the most pulses.${hasRefreshes ? ' Pulses of refreshes are among these, but not among those by epoch.' : ''}</p>
${table({
  caption: 'Layers in cells after training',
  head: markup`<tr><th scope="col">layer</th>${numberHeads(['weights', 'devices', 'pulses', 'pulses per weight', 'devices without pulse', 'most pulses'])}</tr>`,
  body: rows.map((row) => markup`<tr><th scope="row">${row.name}</th>${cellsOf(row)}</tr>`),
  foot: markup`<tr><th scope="row">all</th>${cellsOf(all)}</tr>`,
})}`;
  return { id: 'layers', title: 'Layers in cells', body };
}

/** The class that is open above, of `cellStatistics`. */
const LAST_CLASS = 19;

const POLARITIES = [
  { of: 'plus', name: 'plus array', colour: 'network-2' },
  { of: 'minus', name: 'minus array', colour: 'network-3' },
] as const;

/** The most pairs of a weight. */
function pairsOf({ layers }: CellStatistics): number {
  return Math.max(...layers.flatMap(({ arrays }) => arrays.map(({ pair = 1 }) => pair)));
}

/** The layer with the arrays of each sign as one. */
function bySign({ arrays, ...layer }: LayerStatistics): LayerStatistics {
  const signs = POLARITIES.flatMap(({ of }) => {
    const [first, ...others] = arrays.filter(({ polarity }) => polarity === of);
    return first === undefined ? [] : [others.reduce(together, first)];
  });
  return { ...layer, arrays: signs };
}

function together({ pair: _, ...a }: ArrayStatistics, b: ArrayStatistics): ArrayStatistics {
  return {
    ...a,
    values: a.values.map((n, bin) => n + b.values[bin]!),
    pulses: a.pulses.map((n, bin) => n + b.pulses[bin]!),
    pulsesGiven: a.pulsesGiven + b.pulsesGiven,
  };
}

function quantityOf({ unit }: CellStatistics): string {
  return unit === 'µS' ? 'conductance' : 'value';
}

/** Classes up to the last that has a device. */
function pulseBinsOf(layers: readonly LayerStatistics[]): number {
  const lasts = layers.flatMap(({ arrays }) =>
    arrays.map(({ pulses }) => pulses.findLastIndex((devices) => devices > 0)),
  );
  return Math.max(1, ...lasts.map((last) => last + 1));
}

/** `0`, `1`, `2 – 3`, `4 – 7`; the open one `262 144 –`. */
function pulseClass(index: number, isOpen = false): string {
  if (index < 2) return String(Math.max(0, index));
  const from = 2 ** (index - 1);
  return isOpen ? `${formatCount(from)} –` : `${formatCount(from)} – ${formatCount(2 * from - 1)}`;
}

/** An axis whose `place` takes the number of an edge between bins. */
type BinAxis = (range: readonly [number, number]) => Axis;

function valueAxis({ edges }: CellStatistics, range: readonly [number, number]): Axis {
  const axis = linearAxis({ values: [edges[0]!, edges.at(-1)!], range, ticks: 6, format: formatTick });
  return { ...axis, place: (edge) => axis.place(edges[edge]!) };
}

/** Classes of one width, each named by its smallest number. */
function pulseAxis(bins: number, [left, right]: readonly [number, number]): Axis {
  const width = (right - left) / bins;
  const every = Math.ceil(bins / 10);
  return {
    place: (edge) => left + edge * width,
    ticks: Array.from({ length: bins }, (_, bin) => ({
      at: left + (bin + 0.5) * width,
      label: bin % every === 0 ? (bin < 2 ? String(bin) : formatCount(2 ** (bin - 1))) : '',
    })),
  };
}

type Histogram = {
  readonly id: string;
  readonly title: string;
  readonly name: string;
  readonly arrays: readonly ArrayStatistics[];
  readonly countsOf: (array: ArrayStatistics) => readonly number[];
  readonly across: BinAxis;
  readonly bins: number;
};

const [WIDTH, HEIGHT] = [480, 240];

/** The arrays of a layer over each other: filled steps of counts. */
function histogram({ id, title, name, arrays, countsOf, across, bins }: Histogram): Markup {
  const plot: Area = { left: 56, right: WIDTH - 14, top: 34, bottom: HEIGHT - 48 };
  const x = across([plot.left, plot.right]);
  const y = countAxis(Math.max(1, ...arrays.flatMap(countsOf)), [plot.bottom, plot.top]);
  const edges = Array.from({ length: bins + 1 }, (_, edge) => edge);
  const shapes = arrays.map((array) => {
    const counts = countsOf(array);
    // The last edge has no bin; it closes the step of the bin before it.
    const filled = area<number>()
      .curve(curveStepAfter)
      .x((edge) => x.place(edge))
      .y0(plot.bottom)
      .y1((edge) => y.place(counts[Math.min(edge, bins - 1)] ?? 0))
      .digits(1);
    const { colour, name: label } = POLARITIES.find(({ of }) => of === array.polarity)!;
    return markup`<g class="${colour}"><path class="band" d="${filled(edges) ?? ''}"><title>${label}</title></path><path class="mean step" d="${filled.lineY1().digits(1)(edges) ?? ''}"/></g>`;
  });
  const sums = arrays.map(
    (array) => `${array.polarity}: ${formatCount(countsOf(array).reduce((sum, n) => sum + n, 0))} devices`,
  );
  return drawing(
    {
      id,
      title,
      description: `Histograms. ${sums.join(', ')}. The tables below have the counts.`,
      width: WIDTH,
      height: HEIGHT,
    },
    [
      verticalAxis(withPowers(y), plot, 'devices'),
      ...shapes,
      horizontalAxis(x, plot, name),
      markup`<line class="rule" x1="${plot.left}" x2="${plot.left}" y1="${plot.top}" y2="${pixels(plot.bottom)}"/>`,
    ],
  );
}

/** Ticks as people write powers of ten: `1`, `10`, `10²`. */
function withPowers(axis: Axis): Axis {
  return {
    ...axis,
    ticks: axis.ticks.map(({ at, label }) => ({
      at,
      label: label.length < 3 ? label : `10${'⁰¹²³⁴⁵⁶⁷⁸⁹'[label.length - 1]}`,
    })),
  };
}

function countsTable(cells: CellStatistics, { name, arrays }: LayerStatistics, bins: number): Markup {
  const heads = arrays.map(({ polarity }) => polarity);
  const { edges, unit } = cells;
  const values = edges
    .slice(0, -1)
    .map(
      (edge, bin) =>
        markup`<tr><th scope="row" class="number">${edge.toFixed(2)} – ${edges[bin + 1]!.toFixed(2)}</th>${arrays.map((array) => markup`<td>${formatCount(array.values[bin]!)}</td>`)}</tr>`,
    );
  const pulses = Array.from(
    { length: bins },
    (_, bin) =>
      markup`<tr><th scope="row" class="number">${pulseClass(bin, bin === LAST_CLASS)}</th>${arrays.map((array) => markup`<td>${formatCount(array.pulses[bin] ?? 0)}</td>`)}</tr>`,
  );
  return foldedTable(
    `Counts: ${name}`,
    markup`${table({
      caption: `Devices by ${quantityOf(cells)}: ${name}`,
      head: markup`<tr>${numberHeads([`${quantityOf(cells)}${unit === '' ? '' : ` (${unit})`}`, ...heads])}</tr>`,
      body: values,
    })}${table({
      caption: `Devices by pulses: ${name}`,
      head: markup`<tr>${numberHeads(['pulses', ...heads])}</tr>`,
      body: pulses,
    })}`,
  );
}
