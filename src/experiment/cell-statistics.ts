// What training did to the cells of each layer: pulses, and where conductances ended. From trained parameters.

import type { Parameters } from '../base/parameters.ts';
import { type PulseDeviceSpec, pulseModel } from '../cells/pulse-device.ts';
import { learnedPairs, learningCellsOf } from '../crossbar/learning-cells.ts';
import type { Layer } from '../graph/operator.ts';

/** One array of a layer after training. */
export type ArrayStatistics = {
  readonly polarity: 'plus' | 'minus';
  /** Of a weight with several pairs: which one, from 2 on. Absent: the first. */
  readonly pair?: number | undefined;
  /** Counts of devices by value, between the edges of the record. */
  readonly values: readonly number[];
  /** Counts of devices by pulses: none, 1, 2 to 3, 4 to 7, … */
  readonly pulses: readonly number[];
  /** Pulses of all devices. */
  readonly pulsesGiven: number;
};

/** A layer in cells after training. */
export type LayerStatistics = {
  readonly name: string;
  readonly weights: number;
  readonly arrays: readonly ArrayStatistics[];
};

/** The cells of a network after training. */
export type CellStatistics = {
  /** Of values, in the unit of the device. */
  readonly edges: readonly number[];
  /** µS, or none of devices in weight units. */
  readonly unit: 'µS' | '';
  readonly layers: readonly LayerStatistics[];
};

const VALUE_BINS = 40;
const PULSE_BINS = 20;

/**
 * Statistics of the cells that are among trained parameters.
 *
 * @param device the device that they are of; layers without cells are left out
 */
export function cellStatistics(
  layers: readonly Layer[],
  parameters: Parameters,
  device: PulseDeviceSpec,
): CellStatistics {
  const model = pulseModel(device);
  const [low, high] = model.range;
  const inCells = layers.filter(({ name }) => parameters[`${name}.cells.scale`] !== undefined);
  const specs = inCells.map((layer) => {
    const pairs = learnedPairs(layer.name, (name) => parameters[name] !== undefined);
    return { layer, cells: learningCellsOf(layer, model, { pairs }) };
  });
  const dataOf = (name: string): Float32Array => parameters[name]!.data;
  const all = specs.flatMap(({ cells }) => cells.arrays.map(({ values }) => dataOf(values['value']!.name)));
  // Single devices may go beyond the nominal range.
  const extremes = all.map((values) =>
    values.reduce(([least, most], v) => [Math.min(least, v), Math.max(most, v)] as const, [
      low,
      high,
    ] as const),
  );
  const [from, to] = [
    Math.min(low, ...extremes.map(([x]) => x)),
    Math.max(high, ...extremes.map(([, x]) => x)),
  ];
  const width = (to - from) / VALUE_BINS;
  return {
    edges: Array.from({ length: VALUE_BINS + 1 }, (_, k) => from + k * width),
    unit: device.kind === 'pcm-pulses' ? 'µS' : '',
    layers: specs.map(({ layer, cells }) => ({
      name: layer.name,
      weights: dataOf(cells.arrays[0]!.pulsesGiven.name).length,
      arrays: cells.arrays.map(({ polarity, pair, values, pulsesGiven }) => {
        const given = dataOf(pulsesGiven.name);
        return {
          polarity,
          ...(pair !== undefined && { pair }),
          values: counts(dataOf(values['value']!.name), VALUE_BINS, (v) => Math.floor((v - from) / width)),
          pulses: counts(given, PULSE_BINS, (n) => (n < 1 ? 0 : 1 + Math.floor(Math.log2(n)))),
          pulsesGiven: given.reduce((sum, n) => sum + n, 0),
        };
      }),
    })),
  };
}

function counts(values: Float32Array, bins: number, binOf: (value: number) => number): number[] {
  const found = new Array<number>(bins).fill(0);
  for (const value of values) found[Math.max(0, Math.min(bins - 1, binOf(value)))]!++;
  return found;
}
