// An estimate as plain text for a terminal: totals with their boundaries and intervals, parts, layers, what is missing.

import { printable } from '../base/printable.ts';
import { alignRow, widthsOf } from '../base/text-table.ts';
import type { CostEstimate } from '../cost/estimate.ts';
import type { ProgrammingEstimate, TrainingEstimate } from '../cost/training-energy.ts';
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
import { formatCount, formatPercent } from './wording.ts';

/** What one example is called: an image, a character. */
export type ExampleName = string;

/** The estimate as lines that end in a line feed. */
export function costTable(estimate: CostEstimate, example: ExampleName): string {
  const { network, hardware, cost, readMode, gaps } = estimate;
  const mode =
    readMode === 'unstated' ? '' : `, read in ${readMode === 'one-phase' ? 'one phase' : 'four phases'}`;
  const blocks = [
    `${network} on ${hardware}${mode}; cost ${cost}; for ${example}`,
    aligned(totals(estimate)),
    `${intervalSentence(estimate)}\n${evidenceSentence(estimate)}`,
    aligned([['part', 'energy', 'evidence'], ...parts(estimate)]),
    aligned([LAYER_HEAD, ...layers(estimate)]),
    `Not in these sums: ${gaps.join('; ')}.`,
    aligned([
      ['digital, for comparison', 'energy', 'boundary'],
      ...estimate.baselines.map(({ name, picojoules, boundary }) => [
        name,
        formatEnergy(picojoules),
        boundary,
      ]),
    ]),
  ];
  return `${blocks.map((block) => printable(block, '\n')).join('\n\n')}\n`;
}

function totals({
  energy,
  latency,
  area,
  efficiency,
  tiles,
  tilesPlaced,
  utilisation,
  multiplyAdds,
}: CostEstimate): string[][] {
  return [
    ['energy within the tiles', formatRange(energy.tile)],
    ['energy of the chip', formatRange(energy.chip)],
    ['energy of the system, as far as known', formatRange(energy.system)],
    ['one layer after another', formatDuration(latency.sequentialNanoseconds)],
    [
      'as a pipeline',
      latency.examplesPerSecond === null
        ? '–'
        : `${formatRate(latency.examplesPerSecond)}, ${latency.bottleneck} is the slowest`,
    ],
    ['tiles', tilesPlaced === tiles ? String(tiles) : `${tilesPlaced}, ${tiles} without copies`],
    ['area of the tiles', formatArea(area.tilesSquareMillimeters)],
    [
      'cells in use',
      `${formatPercent(utilisation.cells, 1)}; ${formatPercent(utilisation.work, 1)} of those of tiles at work`,
    ],
    ['multiply-adds', formatCount(multiplyAdds)],
    ['peak, a whole tile', formatEfficiency(efficiency.peakTopsPerWatt)],
    [
      'effective: tiles, chip',
      `${formatEfficiency(efficiency.tileTopsPerWatt)}, ${formatEfficiency(efficiency.chipTopsPerWatt)}`,
    ],
  ];
}

function parts({ breakdown }: CostEstimate): string[][] {
  return breakdown.map(({ part, picojoules, evidence }) => [
    PART_NAMES[part],
    picojoules === null ? 'unknown' : formatEnergy(picojoules),
    picojoules === null ? '' : evidence,
  ]);
}

const LAYER_HEAD = [
  'layer',
  'rows',
  'columns',
  'tiles',
  'copies',
  'cells in use',
  'products',
  'energy',
  'time',
];

function layers({ layers: all }: CostEstimate): string[][] {
  return all.map((layer) => [
    layer.name,
    String(layer.rows),
    String(layer.columns),
    layer.isDigital ? 'digital' : String(layer.tiles),
    String(layer.copies),
    layer.isDigital ? '–' : formatPercent(layer.utilisation, 1),
    formatCount(layer.vectors),
    formatEnergy(layer.energy.picojoules),
    formatDuration(layer.nanoseconds),
  ]);
}

/** Training and programming, as lines that end in a line feed. */
export function trainingTable(training: TrainingEstimate, programming: ProgrammingEstimate): string {
  const { rule, batchSize, terms, gaps, digitalPicojoules } = training;
  const rows = terms.map(({ step, picojoules, evidence }) => [
    step,
    picojoules === null ? 'unknown' : formatEnergy(picojoules),
    picojoules === null ? '' : evidence,
  ]);
  const blocks = [
    `training, ${rule}, batches of ${batchSize}, for one example: ${formatRange(training)}`,
    aligned([['step', 'energy', 'evidence'], ...rows]),
    ...(gaps.length > 0 ? [`Not in this sum: ${gaps.join('; ')}.`] : []),
    `the same in 32-bit arithmetic at 14 nm, an estimate of ours: ${formatEnergy(digitalPicojoules)}`,
    `programming once: ${formatCount(programming.devices)} devices, ${programming.picojoules === null ? 'energy unknown' : formatEnergy(programming.picojoules)}`,
  ];
  return `${blocks.join('\n')}\n`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = widthsOf(rows);
  return rows.map((row) => alignRow(row, widths, '  ')).join('\n');
}
