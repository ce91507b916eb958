// Accuracy against energy as a page, a table and CSV. A point is a variant of the hardware; its bars are the 95 % interval of
// the accuracy over chips and the interval that the cost leaves open.

import { printable } from '../base/printable.ts';
import { alignRow, widthsOf } from '../base/text-table.ts';
import { type ParetoPoint, type ParetoRecord, paretoFront } from '../experiment/pareto-record.ts';
import {
  evidenceSentence,
  formatArea,
  formatDuration,
  formatRange,
  formatRate,
  intervalSentence,
} from './cost-wording.ts';
import { csvText } from './csv.ts';
import { markup } from './markup.ts';
import { pageText } from './page.ts';
import { numberHeads, type Section, table } from './page-parts.ts';
import { paretoPlot } from './pareto-plot.ts';
import { settingsTable } from './settings-section.ts';
import {
  formatAccuracy,
  formatChips,
  formatCount,
  formatPercent,
  METHOD_NAMES,
  timeText,
} from './wording.ts';

/** The record as a complete HTML document. */
export function paretoPage(record: ParetoRecord): string {
  const { title, dataset, testImages, network, chips, seed, ohmic, machine } = record;
  return pageText({
    title,
    kicker: 'ohmic, accuracy against energy',
    summary: paretoVerdict(record),
    facts: [
      ['data', `${dataset}, ${formatCount(testImages)} test images`],
      ['network', network],
      ['after', `${timeText(record.timeSeconds)}, ${METHOD_NAMES[record.method]}`],
      ['chips', `${chips}, seed ${seed}`],
      ['cost', record.points[0]!.cost.cost],
      ['made with', `ohmic ${ohmic}, ${machine.backend}`],
    ],
    sections: [plotSection(record), tableSection(record), settingsSection(record), repeatSection(record)],
  });
}

/** The outcome in two sentences. */
export function paretoVerdict({ points, digitalAccuracy, chips }: ParetoRecord): string {
  const front = paretoFront(points);
  const [cheapest, best] = [front[0]!, front.at(-1)!];
  const text = (point: ParetoPoint): string =>
    `${point.name} has ${formatAccuracy(point.accuracy)} for ${formatRange(point.cost.energy.chip)}`;
  const ends = front.length === 1 ? text(best) : `${text(cheapest)}; ${text(best)}`;
  return `Of ${points.length} variants, ${front.length} ${front.length === 1 ? 'is' : 'are'} on the front: ${ends}. The digital network has ${formatPercent(digitalAccuracy)}; ${formatChips(chips)} for each variant.`;
}

function plotSection(record: ParetoRecord): Section {
  const { points, digitalAccuracy } = record;
  const cost = points[0]!.cost;
  const body = markup`<p>Energy of the chip for one example, on a logarithmic axis; the line is the front. ${intervalSentence(cost)} ${evidenceSentence(cost)}</p>
<figure>${paretoPlot(points, digitalAccuracy)}<figcaption>Accuracy after ${timeText(record.timeSeconds)} (${METHOD_NAMES[record.method]}) against energy; dashed: the digital network</figcaption></figure>
<p>Not in these energies: ${cost.gaps.join('; ')}.</p>`;
  return { id: 'plot', title: 'Accuracy against energy', body };
}

function tableSection(record: ParetoRecord): Section {
  const { points } = record;
  const front = paretoFront(points);
  const body = table({
    caption: 'Variants of the hardware; those on the front are bold',
    head: markup`<tr><th scope="col">variant</th>${numberHeads(['accuracy', 'energy, tiles', 'energy, chip', 'latency', 'pipelined', 'tiles', 'area of tiles', 'cells in use'])}</tr>`,
    body: points.map((point, index) => {
      const { name, accuracy, cost } = point;
      const { energy, latency, area, tilesPlaced, utilisation } = cost;
      const title = `${index + 1} ${name}`;
      return markup`<tr><th scope="row">${front.includes(point) ? markup`<strong>${title}</strong>` : title}</th><td>${formatAccuracy(accuracy)}</td><td>${formatRange(energy.tile)}</td><td>${formatRange(energy.chip)}</td><td>${formatDuration(latency.sequentialNanoseconds)}</td><td>${formatRate(latency.examplesPerSecond)}</td><td>${formatCount(tilesPlaced)}</td><td>${formatArea(area.tilesSquareMillimeters)}</td><td>${formatPercent(utilisation.cells, 1)}</td></tr>`;
    }),
    kind: 'wide',
  });
  return { id: 'variants', title: 'Variants', body };
}

function settingsSection({ points }: ParetoRecord): Section {
  const columns = points.map(({ hardware, copies }, index) => ({
    label: String(index + 1),
    value: {
      name: hardware.name,
      tile: hardware.tile,
      dac: hardware.dac,
      adc: hardware.adc,
      readMode: hardware.readMode,
      copies,
    },
  }));
  return { id: 'settings', title: 'Settings', body: settingsTable('Bold values differ.', columns) };
}

function repeatSection({ command, ohmic, seed, machine }: ParetoRecord): Section {
  const body = markup`<pre><code>${command}</code></pre>
${settingsTable('The same seed and version on the same backend give the same accuracies.', [{ label: 'value', value: { ohmic, seed, machine } }])}`;
  return { id: 'repeat', title: 'Repeat it', body };
}

/** The variants as text for a terminal; lines that end in a line feed. */
export function paretoTable(record: ParetoRecord): string {
  const front = paretoFront(record.points);
  const rows = [
    ['', 'accuracy', 'energy of the chip', 'latency', 'tiles', ''],
    ...record.points.map((point) => [
      point.name,
      formatAccuracy(point.accuracy),
      formatRange(point.cost.energy.chip),
      formatDuration(point.cost.latency.sequentialNanoseconds),
      String(point.cost.tilesPlaced),
      front.includes(point) ? 'front' : '',
    ]),
  ];
  const widths = widthsOf(rows);
  const lines = [
    `${record.title} after ${timeText(record.timeSeconds)}, ${METHOD_NAMES[record.method]}`,
    ...rows.map((row) => alignRow(row, widths, '  ')),
    '',
    intervalSentence(record.points[0]!.cost),
    paretoVerdict(record),
  ];
  return `${lines.map((line) => printable(line)).join('\n')}\n`;
}

const HEADER = [
  'variant', 'hardware', 'adcBits', 'tileRows', 'tileColumns', 'readMode', 'copies', 'network', 'dataset', 'testImages',
  'timeSeconds', 'method', 'chip', 'accuracy', 'cost', 'tilePicojoules', 'chipPicojoules', 'chipLowPicojoules',
  'chipHighPicojoules', 'systemPicojoules', 'sequentialNanoseconds', 'bottleneckNanoseconds', 'tiles',
  'tilesSquareMillimeters',
]; // biome-ignore format: one list

/** A row for each variant and chip. */
export function paretoCsv(record: ParetoRecord): string {
  const { network, dataset, testImages, timeSeconds, method } = record;
  const rows = record.points.flatMap(({ name, hardware, copies, accuracy, cost }) => {
    const { tile, adc } = hardware;
    const { energy, latency, area } = cost;
    return accuracy.accuracies.map((share, chip) => [
      name,
      hardware.name,
      adc.kind === 'uniform' ? adc.bits : '',
      tile.kind === 'limited' ? tile.rows : '',
      tile.kind === 'limited' ? tile.columns : '',
      cost.readMode,
      copies,
      network,
      dataset,
      testImages,
      timeSeconds,
      method,
      chip + 1,
      share,
      cost.cost,
      energy.tile.picojoules,
      energy.chip.picojoules,
      energy.chip.low,
      energy.chip.high,
      energy.system.picojoules,
      latency.sequentialNanoseconds ?? '',
      latency.bottleneckNanoseconds ?? '',
      cost.tilesPlaced,
      area.tilesSquareMillimeters ?? '',
    ]);
  });
  return csvText([HEADER, ...rows]);
}
