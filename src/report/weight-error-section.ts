// Errors of the weights as read, layer by layer: a row for each layer, a dot for each time.

import type { ExperimentRecord, LayerSummary, NetworkResult } from '../experiment/record.ts';
import { type Area, drawing, horizontalAxis, linearAxis, pixels, timeColour, timeLegend } from './chart.ts';
import { type Markup, markup } from './markup.ts';
import { figureGrid, foldedTable, numberHeads, panelWidth, type Section, table } from './page-parts.ts';
import { formatPercent, formatTick, timeText } from './wording.ts';

const ROW_HEIGHT = 17;
const NAME_LENGTH = 20;

type Side = 'none' | 'global';
const SIDES: readonly { readonly side: Side; readonly name: string }[] = [
  { side: 'none', name: 'no compensation' },
  { side: 'global', name: 'global compensation' },
];

/** Section on the errors of the weights. */
export function weightErrorSection(record: ExperimentRecord): Section {
  const section = { id: 'weight-errors', title: 'Weight errors' };
  const errors = record.networks.flatMap(({ layers }) => layers.flatMap(({ weightErrors }) => weightErrors));
  const times = [...new Set(errors.map(({ timeSeconds }) => timeSeconds))].sort((a, b) => a - b);
  if (times.length === 0) return { ...section, body: markup`<p>No weight was read.</p>` };
  const highest = Math.max(0.001, ...errors.flatMap(({ none, global }) => [none, global]));
  const figures = record.networks.map((network, index) => ({
    label: network.label,
    chart: chart(record, { id: `weights-${index}`, network, highest, times }),
  }));
  const body = markup`<p>Root mean square of (weight as read − weight), relative to the largest weight of the layer, on the first chip. Global compensation multiplies each layer by one factor.</p>
${timeLegend(times)}
${figureGrid(figures)}
${record.networks.map((network) => dataTable(network, times))}`;
  return { ...section, body };
}

type ChartOf = {
  readonly id: string;
  readonly network: NetworkResult;
  readonly highest: number;
  readonly times: readonly number[];
};

function chart(
  record: ExperimentRecord,
  { id, network: { label, layers }, highest, times }: ChartOf,
): Markup {
  const width = panelWidth(record);
  const nameWidth = Math.min(NAME_LENGTH, Math.max(...layers.map(({ name }) => name.length))) * 6.4 + 14;
  const bottom = 34 + layers.length * ROW_HEIGHT + 6;
  const gap = 26;
  const half = (width - nameWidth - 20 - gap) / 2;
  const sides = SIDES.map(({ side, name }, index) => {
    const left = nameWidth + index * (half + gap);
    const plot: Area = { left, right: left + half, top: 34, bottom };
    const x = linearAxis({
      values: [0, 100 * highest],
      range: [plot.left, plot.right],
      ticks: width > 600 ? 6 : 4,
      format: formatTick,
    });
    const rows = layers.map((layer, row) =>
      layerRow({
        layer,
        side,
        plot,
        times,
        y: 34 + (row + 0.5) * ROW_HEIGHT,
        place: (share) => x.place(100 * share),
      }),
    );
    return markup`<g><text class="axis" x="${pixels(left)}" y="18">${name}</text>${rows}${horizontalAxis(x, plot, 'error (%)')}</g>`;
  });
  const names = layers.map(
    ({ name }, row) =>
      markup`<text class="tick" x="${pixels(nameWidth - 10)}" y="${34 + (row + 0.5) * ROW_HEIGHT}" dy="0.35em" text-anchor="end">${shortened(name)}<title>${name}</title></text>`,
  );
  const description = `Weight error of ${layers.length} layers without and with global compensation at ${times.map(timeText).join(', ')}. The table below has all numbers.`;
  return drawing({ id, title: `Weight errors: ${label}`, description, width, height: bottom + 48 }, [
    ...names,
    ...sides,
  ]);
}

function shortened(name: string): string {
  return name.length <= NAME_LENGTH ? name : `…${name.slice(1 - NAME_LENGTH)}`;
}

type RowOf = {
  readonly layer: LayerSummary;
  readonly side: Side;
  readonly plot: Area;
  readonly times: readonly number[];
  readonly y: number;
  readonly place: (share: number) => number;
};

function layerRow({ layer, side, plot, times, y, place }: RowOf): Markup {
  const dots = layer.weightErrors.map(
    (error) =>
      markup`<circle class="dot" cx="${pixels(place(error[side]))}" cy="${y}" r="3.6" style="fill:${timeColour(times.indexOf(error.timeSeconds), times.length)}"><title>${layer.name}, ${timeText(error.timeSeconds)}: ${formatPercent(error[side])}</title></circle>`,
  );
  return markup`<line class="grid" x1="${pixels(plot.left)}" x2="${pixels(plot.right)}" y1="${y}" y2="${y}"/>${dots}`;
}

function dataTable({ label, layers }: NetworkResult, times: readonly number[]): Markup {
  const cells = ({ weightErrors }: LayerSummary): readonly Markup[] =>
    SIDES.flatMap(({ side }) =>
      times.map((time) => {
        const error = weightErrors.find(({ timeSeconds }) => timeSeconds === time);
        return markup`<td>${error === undefined ? '–' : formatPercent(error[side])}</td>`;
      }),
    );
  return foldedTable(
    `Errors: ${label}`,
    table({
      caption: `Weight errors relative to the largest weight of the layer: ${label}`,
      head: markup`<tr><th scope="col" rowspan="2">layer</th>${SIDES.map(({ name }) => markup`<th scope="colgroup" colspan="${times.length}">${name}</th>`)}</tr>
<tr>${SIDES.map(() => numberHeads(times.map(timeText)))}</tr>`,
      body: layers.map((layer) => markup`<tr><th scope="row">${layer.name}</th>${cells(layer)}</tr>`),
    }),
  );
}
