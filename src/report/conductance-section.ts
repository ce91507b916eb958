// Conductances of all cells: as mapped, just programmed, and as read at each time, one strip below the other.

import { area, curveStepAfter } from 'd3-shape';
import type { ConductanceHistogram, ExperimentRecord } from '../experiment/record.ts';
import {
  type Area,
  type Axis,
  countAxis,
  drawing,
  horizontalAxis,
  linearAxis,
  pixels,
  timeColour,
} from './chart.ts';
import { type Markup, markup } from './markup.ts';
import { figureGrid, foldedTable, numberHeads, panelWidth, type Section, table } from './page-parts.ts';
import { formatCount, formatFixed, formatTick, timeText } from './wording.ts';

const STRIP_HEIGHT = 50;
const STRIP_GAP = 12;

/** Section on the conductances. */
export function conductanceSection(record: ExperimentRecord): Section {
  const highest = Math.max(
    1,
    ...record.networks.flatMap(({ histogram }) => stripsOf(histogram).flatMap(({ counts }) => counts)),
  );
  const figures = record.networks.map(({ label, histogram }, index) => ({
    label,
    chart: chart(record, { id: `conductance-${index}`, label, histogram, highest }),
  }));
  const body = markup`<p>Number of cells by conductance on the first chip, on a logarithmic scale, because about half the cells, the unused ones of their pairs, have the target 0. The outline in every strip is the target.</p>
${figureGrid(figures)}
${record.networks.map(({ label, histogram }) => dataTable(label, histogram))}`;
  return { id: 'conductances', title: 'Conductances', body };
}

type Strip = { readonly name: string; readonly colour: string; readonly counts: readonly number[] };

function stripsOf({ target, programmed, read }: ConductanceHistogram): readonly Strip[] {
  return [
    { name: 'target', colour: 'var(--quiet)', counts: target },
    { name: 'programmed', colour: timeColour(0, read.length + 1), counts: programmed },
    ...read.map(({ timeSeconds, counts }, index) => ({
      name: timeText(timeSeconds),
      colour: timeColour(index + 1, read.length + 1),
      counts,
    })),
  ];
}

type ChartOf = {
  readonly id: string;
  readonly label: string;
  readonly histogram: ConductanceHistogram;
  readonly highest: number;
};

function chart(record: ExperimentRecord, { id, label, histogram, highest }: ChartOf): Markup {
  const width = panelWidth(record);
  const strips = stripsOf(histogram);
  const edges = histogram.edgesMicrosiemens;
  const plot: Area = {
    left: 84,
    right: width - 40,
    top: 30,
    bottom: 30 + strips.length * (STRIP_HEIGHT + STRIP_GAP),
  };
  const x = linearAxis({
    values: [edges[0]!, edges.at(-1)!],
    range: [plot.left, plot.right],
    ticks: width > 600 ? 10 : 6,
    format: formatTick,
  });
  const { gMaxMicrosiemens: gMax } = record.hardware.cell;
  const gMaxAt = pixels(x.place(gMax));
  return drawing(
    {
      id,
      title: `Conductances: ${label}`,
      description: `Histograms of conductance, from ${formatTick(edges[0]!)} to ${formatTick(edges.at(-1)!)} µS: ${strips.map(({ name }) => name).join(', ')}. The table below has the counts.`,
      width,
      height: plot.bottom + 46,
    },
    [
      markup`<text class="axis" x="0" y="14">cells per ${Number((edges[1]! - edges[0]!).toPrecision(3))} µS</text>`,
      ...strips.map((strip, index) =>
        stripMarks({
          strip,
          target: strips[0]!,
          edges,
          highest,
          plot,
          x,
          top: plot.top + index * (STRIP_HEIGHT + STRIP_GAP),
        }),
      ),
      markup`<line class="reference" x1="${gMaxAt}" x2="${gMaxAt}" y1="${plot.top - 6}" y2="${plot.bottom}"/><text class="note" x="${gMaxAt}" y="${plot.top - 12}" text-anchor="middle">Gmax ${gMax} µS</text>`,
      horizontalAxis(x, plot, 'conductance (µS)'),
    ],
  );
}

type StripOf = {
  readonly strip: Strip;
  readonly target: Strip;
  readonly edges: readonly number[];
  readonly highest: number;
  readonly plot: Area;
  readonly x: Axis;
  readonly top: number;
};

function stripMarks({ strip, target, edges, highest, plot, x, top }: StripOf): Markup {
  const bottom = top + STRIP_HEIGHT;
  const y = countAxis(highest, [bottom, top]);
  // The last edge has no bin; it closes the step of the bin before it.
  const filled = (counts: readonly number[]) =>
    area<number>()
      .curve(curveStepAfter)
      .x((edge) => x.place(edges[edge]!))
      .y0(bottom)
      .y1((edge) => y.place(counts[Math.min(edge, counts.length - 1)]!))
      .digits(1);
  const bins = edges.map((_, edge) => edge);
  const shape = filled(strip.counts)(bins) ?? '';
  const outline = filled(target.counts).lineY1().digits(1)(bins) ?? '';
  const ends = [y.ticks[0]!, y.ticks.at(-1)!].map(
    ({ at, label }) =>
      markup`<text class="tick small" x="${plot.right + 6}" y="${pixels(at)}" dy="0.35em">${superscript(label)}</text>`,
  );
  return markup`<g><path d="${shape}" style="fill:${strip.colour};fill-opacity:0.75"><title>${strip.name}</title></path>
${strip === target ? [] : markup`<path class="outline" d="${outline}"/>`}<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${bottom}" y2="${bottom}"/>
<text class="tick" x="${plot.left - 10}" y="${bottom - 4}" text-anchor="end">${strip.name}</text>${ends}</g>`;
}

/** A power of ten as people write it: `1`, `10⁴`. */
function superscript(powerOfTen: string): string {
  return powerOfTen.length < 3 ? powerOfTen : `10${'⁰¹²³⁴⁵⁶⁷⁸⁹'[powerOfTen.length - 1]}`;
}

function dataTable(label: string, histogram: ConductanceHistogram): Markup {
  const strips = stripsOf(histogram);
  const edges = histogram.edgesMicrosiemens;
  const rows = edges
    .slice(0, -1)
    .map(
      (edge, bin) =>
        markup`<tr><th scope="row" class="number">${shortFixed(edge)} – ${shortFixed(edges[bin + 1]!)}</th>${strips.map(({ counts }) => markup`<td>${formatCount(counts[bin]!)}</td>`)}</tr>`,
    );
  return foldedTable(
    `Counts: ${label}`,
    table({
      caption: `Cells by conductance on the first chip: ${label}`,
      head: markup`<tr>${numberHeads(['conductance (µS)', ...strips.map(({ name }) => name)])}</tr>`,
      body: rows,
    }),
  );
}

function shortFixed(value: number): string {
  return formatFixed(value, 3).replace(/\.?0+$/, '');
}
