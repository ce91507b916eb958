// Summaries of a chip for reports: histograms of its conductances, and the errors of its weights.

import type { HostTensor, Parameters } from '../base/parameters.ts';
import { signedSignificance } from '../crossbar/arrays.ts';
import type { Chip, Reading } from '../crossbar/chip.ts';
import { compensationFactors } from '../crossbar/compensation.ts';
import { hardwareOf } from '../crossbar/hardware.ts';
import { tileMatrix } from '../crossbar/tiling.ts';
import type { ConductanceHistogram, LayerSummary } from './record.ts';

const BINS = 60;
/** Histograms end at this multiple of the largest conductance; larger values count in the last bin. */
const HISTOGRAM_END = 1.2;

/** Counts of all cells of a chip by conductance; those of a reading without the read noise that products draw. */
export function conductanceHistogram(chip: Chip, readings: readonly Reading[]): ConductanceHistogram {
  const end = chip.hardware.cell.gMaxMicrosiemens * HISTOGRAM_END;
  const layers = Object.values(chip.layers);
  const count = (tensors: readonly HostTensor[]): number[] => {
    const counts = new Array<number>(BINS).fill(0);
    for (const { data } of tensors)
      for (const g of data) counts[Math.min(BINS - 1, Math.floor((g / end) * BINS))]!++;
    return counts;
  };
  return {
    edgesMicrosiemens: Array.from({ length: BINS + 1 }, (_, i) => (i * end) / BINS),
    target: count(layers.flatMap(({ cells }) => cells.map(({ target }) => target))),
    programmed: count(layers.flatMap(({ cells }) => cells.map(({ conductance }) => conductance))),
    read: readings.map(({ timeSeconds, layers: read }) => ({
      timeSeconds,
      counts: count(Object.values(read).flatMap(({ cells }) => cells.map(({ conductance }) => conductance))),
    })),
  };
}

/** Sizes, tiles and weight errors of every layer of a chip. */
export function layerSummaries(
  chip: Chip,
  parameters: Parameters,
  baseline: Reading,
  readings: readonly Reading[],
): LayerSummary[] {
  return Object.values(chip.layers).map(({ name, rows, columns, groups = 1 }) => {
    const { tile } = hardwareOf(chip.hardware, name)!;
    const { tileCount, utilisation } = tileMatrix({ rows, columns, groups }, tile);
    const weights = parameters[`${name}.weights`]!.data;
    return {
      name,
      rows,
      columns,
      tiles: tileCount,
      utilisation,
      weightErrors: readings.map((reading) => {
        const factors = compensationFactors('global', baseline, reading)[name]!.data;
        return {
          timeSeconds: reading.timeSeconds,
          none: weightError(weights, reading, name, () => 1),
          global: weightError(weights, reading, name, (column) => factors[column]!),
        };
      }),
    };
  });
}

/**
 * Root mean square of (weight as read − weight) / max|weight|. Where every product draws read noise, the mean is also
 * over products: the square of a weight's error has the variance of its read noise added.
 */
function weightError(
  weights: Float32Array,
  reading: Reading,
  name: string,
  factor: (column: number) => number,
): number {
  const { cells, scale, columns, variance } = reading.layers[name]!;
  const arrays = cells.map((cell) => ({
    g: cell.conductance.data,
    significance: signedSignificance(cell),
  }));
  const largest = weights.reduce((max, weight) => Math.max(max, Math.abs(weight)), 0);
  if (largest === 0) return 0;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const column = i % columns;
    const columnScale = scale.data[scale.data.length === 1 ? 0 : column]!;
    let net = 0;
    for (const { g, significance } of arrays) net += significance * g[i]!;
    const read = net * columnScale * factor(column);
    sum += (read - weights[i]!) ** 2;
    if (variance !== undefined) sum += variance.data[i]! * (columnScale * factor(column)) ** 2;
  }
  return Math.sqrt(sum / weights.length) / largest;
}
