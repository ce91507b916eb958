// Energy, latency and area of the networks of a record: totals with boundary and interval, where the energy goes layer by
// layer, how full the tiles are, what drift does to it, and what is missing.

import type { Part } from '../cost/energy.ts';
import type { CostEstimate, LayerCost } from '../cost/estimate.ts';
import type { ExperimentRecord } from '../experiment/record.ts';
import { type Area, drawing, horizontalAxis, linearAxis, pixels, timeColour } from './chart.ts';
import {
  evidenceSentence,
  formatArea,
  formatDuration,
  formatEfficiency,
  formatEnergy,
  formatRange,
  formatRate,
  intervalSentence,
  PART_NAMES,
} from './cost-wording.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { foldedTable, legendKey, numberHeads, type Section, table } from './page-parts.ts';
import { formatCount, formatPercent, formatTick, METHOD_NAMES, resultAt, timeText } from './wording.ts';

type Costed = { readonly label: string; readonly cost: CostEstimate };

/** Section on costs; none if no network has one. */
export function costSection(record: ExperimentRecord): Section | undefined {
  const costed = record.networks.flatMap(({ label, cost }): Costed[] =>
    cost === undefined ? [] : [{ label, cost }],
  );
  const [first] = costed;
  if (first === undefined) return undefined;
  const body = markup`<p>For one example, counted over the tiles, bits and read mode (${readModeText(first.cost)}) that gave the accuracies above; constants of the cost <code>${first.cost.cost}</code>. ${intervalSentence(first.cost)} ${evidenceSentence(first.cost)}</p>
${totalsTable(costed)}
${costed.map(({ label, cost }, index) => figureOf(label, cost, `cost-${index}`))}
${costed.map(({ label, cost }) => layerTable(label, cost))}
${overTimeTable(record, costed)}
${baselineTable(first)}
<p>Not in these sums: ${first.cost.gaps.join('; ')}. No digital work is in the times.</p>`;
  return { id: 'cost', title: 'Energy, latency and area', body };
}

/** A read mode in words. */
export function readModeText({ readMode }: Pick<CostEstimate, 'readMode'>): string {
  const texts = { 'one-phase': 'one phase', 'four-phase': 'four phases', unstated: 'not stated' };
  return texts[readMode];
}

const TOTALS: readonly (readonly [string, (cost: CostEstimate) => string])[] = [
  ['energy within the tiles', ({ energy }) => formatRange(energy.tile)],
  ['energy of the chip', ({ energy }) => formatRange(energy.chip)],
  ['energy of the system, as far as known', ({ energy }) => formatRange(energy.system)],
  ['one layer after another', ({ latency }) => formatDuration(latency.sequentialNanoseconds)],
  ['as a pipeline', ({ latency }) => formatRate(latency.examplesPerSecond)],
  ['slowest layer', ({ latency }) => latency.bottleneck],
  ['tiles, with copies', ({ tilesPlaced }) => formatCount(tilesPlaced)],
  ['area of the tiles', ({ area }) => formatArea(area.tilesSquareMillimeters)],
  ['cells in use', ({ utilisation }) => formatPercent(utilisation.cells, 1)],
  ['cells in use of tiles at work', ({ utilisation }) => formatPercent(utilisation.work, 1)],
  ['peak of a whole tile', ({ efficiency }) => formatEfficiency(efficiency.peakTopsPerWatt)],
  ['effective, tiles', ({ efficiency }) => formatEfficiency(efficiency.tileTopsPerWatt)],
  ['effective, chip', ({ efficiency }) => formatEfficiency(efficiency.chipTopsPerWatt)],
];

function totalsTable(costed: readonly Costed[]): Markup {
  return table({
    caption: 'Cost of one example',
    head: markup`<tr><th scope="col">quantity</th>${numberHeads(costed.map(({ label }) => label))}</tr>`,
    body: TOTALS.map(
      ([name, of]) =>
        markup`<tr><th scope="row">${name}</th>${costed.map(({ cost }) => markup`<td>${of(cost)}</td>`)}</tr>`,
    ),
  });
}

const ROW = 17;
const WIDTH = 1000;

/** Bars of energy by part on the left, the share of cells in use on the right. */
function figureOf(label: string, cost: CostEstimate, id: string): Markup {
  const { layers } = cost;
  const parts: readonly Part[] = [
    ...new Set(layers.flatMap(({ breakdown }) => breakdown.map(({ part }) => part))),
  ];
  const names = Math.min(24, Math.max(...layers.map(({ name }) => name.length))) * 6.4 + 14;
  const bottom = 34 + layers.length * ROW + 6;
  const left: Area = { left: names, right: 680, top: 34, bottom };
  const right: Area = { left: 720, right: WIDTH - 20, top: 34, bottom };
  const highest = Math.max(...layers.map(({ energy }) => energy.picojoules));
  const unit = highest >= 1e6 ? { name: 'µJ', size: 1e6 } : { name: 'nJ', size: 1e3 };
  const x = linearAxis({
    values: [0, highest / unit.size],
    range: [left.left, left.right],
    format: formatTick,
  });
  const share = linearAxis({ values: [0, 100], range: [right.left, right.right], format: formatTick });
  const rows = layers.map((layer, row) => {
    const y = 34 + (row + 0.5) * ROW;
    return markup`<text class="tick" x="${pixels(names - 10)}" y="${y}" dy="0.35em" text-anchor="end">${shortened(layer.name)}<title>${layer.name}</title></text>
${bars(layer, { y, parts, place: (picojoules) => x.place(picojoules / unit.size) })}
<line class="grid" x1="${right.left}" x2="${right.right}" y1="${y}" y2="${y}"/><circle class="dot" cx="${pixels(share.place(100 * layer.utilisation))}" cy="${y}" r="3.6" style="fill:var(--global)"><title>${layer.name}: ${formatPercent(layer.utilisation, 1)} of the cells</title></circle>`;
  });
  const chart = drawing(
    {
      id,
      title: `Energy by layer: ${label}`,
      description: `Energy of ${layers.length} layers by part, and the share of the cells of their tiles that is in use. The table below has all numbers.`,
      width: WIDTH,
      height: bottom + 48,
    },
    [
      markup`<text class="axis" x="${left.left}" y="18">energy</text><text class="axis" x="${right.left}" y="18">cells in use</text>`,
      ...rows,
      horizontalAxis(x, left, `energy (${unit.name})`),
      horizontalAxis(share, right, 'share (%)'),
    ],
  );
  const keys = parts.map((part, index) =>
    legendKey(
      markup`<rect x="4" y="2" width="20" height="10" style="fill:${timeColour(index, parts.length)}"/>`,
      PART_NAMES[part],
    ),
  );
  return markup`<ul class="legend">${keys}</ul><figure>${chart}<figcaption>${label}: energy by layer and part, and how full its tiles are</figcaption></figure>`;
}

type BarOf = {
  readonly y: number;
  readonly parts: readonly Part[];
  readonly place: (picojoules: number) => number;
};

function bars({ name, breakdown }: LayerCost, { y, parts, place }: BarOf): readonly Markup[] {
  let sum = 0;
  return breakdown.map(({ part, picojoules }) => {
    const from = place(sum);
    sum += picojoules ?? 0;
    return markup`<rect x="${pixels(from)}" y="${pixels(y - 5)}" width="${pixels(place(sum) - from)}" height="10" style="fill:${timeColour(parts.indexOf(part), parts.length)}"><title>${name}, ${PART_NAMES[part]}: ${formatEnergy(picojoules)}</title></rect>`;
  });
}

function shortened(name: string): string {
  return name.length <= 24 ? name : `…${name.slice(-23)}`;
}

function layerTable(label: string, { layers }: CostEstimate): Markup {
  return foldedTable(
    `Cost by layer: ${label}`,
    table({
      caption: `Cost by layer for one example: ${label}`,
      head: markup`<tr><th scope="col">layer</th>${numberHeads(['tiles', 'copies', 'cells in use', 'products', 'conversions', 'energy', 'lowest', 'highest', 'time'])}</tr>`,
      body: layers.map(
        (layer) =>
          markup`<tr><th scope="row">${layer.name}</th><td>${layer.isDigital ? 'digital' : formatCount(layer.tiles)}</td><td>${layer.copies}</td><td>${formatPercent(layer.utilisation, 1)}</td><td>${formatCount(layer.vectors)}</td><td>${formatCount(layer.conversions)}</td><td>${formatEnergy(layer.energy.picojoules)}</td><td>${formatEnergy(layer.energy.low)}</td><td>${formatEnergy(layer.energy.high)}</td><td>${formatDuration(layer.nanoseconds)}</td></tr>`,
      ),
    }),
  );
}

/** Energy at each time beside the accuracy under the last method. */
function overTimeTable(record: ExperimentRecord, costed: readonly Costed[]): Markup {
  const rows = costed.flatMap(({ label, cost }) => (cost.overTime ?? []).map((at) => ({ label, at })));
  if (rows.length === 0) return nothing;
  const method = record.evaluation.methods.at(-1)!;
  return markup`<h3>Over time</h3><p>Conductances fall by drift, and with them the energy of the arrays.</p>
${table({
  caption: 'Energy of one example with the conductances of the first chip as they are read',
  head: markup`<tr><th scope="col">network</th>${numberHeads(['time', 'arrays', 'chip', `accuracy, ${METHOD_NAMES[method]}`])}</tr>`,
  body: rows.map(({ label, at }) => {
    const network = record.networks.find((one) => one.label === label)!;
    const result = resultAt(network, method, at.timeSeconds);
    return markup`<tr><th scope="row">${label}</th><td>${timeText(at.timeSeconds)}</td><td>${formatEnergy(at.arrayPicojoules)}</td><td>${formatRange(at.chip)}</td><td>${result === undefined ? '–' : formatPercent(result.mean)}</td></tr>`;
  }),
})}`;
}

function baselineTable({ cost }: Costed): Markup {
  return markup`<h3>Digital machines beside it</h3><p>Boundaries differ: compare a measured chip with an accelerator, a system with a whole machine.</p>
${table({
  caption: 'Energy of the same multiply-adds on digital machines',
  head: markup`<tr><th scope="col">machine</th>${numberHeads(['energy'])}<th scope="col">boundary</th><th scope="col">evidence</th><th scope="col">source</th></tr>`,
  body: cost.baselines.map(
    ({ name, picojoules, boundary, evidence, source }) =>
      markup`<tr><th scope="row">${name}</th><td>${formatEnergy(picojoules)}</td><td class="text">${boundary}</td><td class="text">${evidence}</td><td class="text">${source}</td></tr>`,
  ),
})}`;
}
