// The estimate of a network on its hardware: energy with its boundary and its interval, latency, area, utilisation, and
// what is missing. A plain record, which reports print and records keep; its schema is estimate-schema.ts.

import { throwFaults } from '../base/errors.ts';
import type { Seconds } from '../base/units.ts';
import { type HardwareSpec, hardwareOf, matchesPattern } from '../crossbar/hardware.ts';
import { tileSquareMillimeters } from './area.ts';
import { checkCost } from './cost-schema.ts';
import { type Evidence, type HardwareCost, type ReadModeName, readModeOf } from './cost-spec.ts';
import type { LayerCount, NetworkCount } from './count.ts';
import { type Baseline, digitalBaselines } from './digital.ts';
import {
  evidenceOf,
  joined,
  type LayerEnergy,
  layerEnergy,
  productEnergy,
  sumOf,
  type Term,
  times,
} from './energy.ts';
import { gapsOf } from './gaps.ts';
import { latencyOf, productNanoseconds } from './latency.ts';
import { costFaults } from './suitable.ts';

/** The name of the format; another schema has another name. */
export const COST_FORMAT = 'ohmic-cost-1';

/** An energy for one example, pJ, and the interval that the model leaves open. */
export type EnergyRange = {
  /** What the cost itself says: of a measured tile the whole one, of a bottom-up tile the sum of its parts. */
  readonly picojoules: number;
  readonly low: number;
  readonly high: number;
};

/** A layer's part. */
export type LayerCost = {
  readonly name: string;
  readonly isDigital: boolean;
  readonly rows: number;
  readonly columns: number;
  /** Tiles of one copy. */
  readonly tiles: number;
  readonly copies: number;
  /** Products for one example. */
  readonly vectors: number;
  readonly multiplyAdds: number;
  readonly conversions: number;
  readonly partialSums: number;
  /** Share of the cells of its tiles that are in use; 1 of a digital layer. */
  readonly utilisation: number;
  readonly energy: EnergyRange;
  readonly breakdown: readonly Term[];
  /** Of all its products, copies working side by side; null if unknown. */
  readonly nanoseconds: number | null;
};

/** The energy at a time after programming, with the conductances as read then. */
export type EnergyAtTime = {
  readonly timeSeconds: Seconds;
  readonly arrayPicojoules: number;
  readonly chip: EnergyRange;
};

/** What a network costs on its hardware. */
export type CostEstimate = {
  readonly format: typeof COST_FORMAT;
  readonly network: string;
  readonly hardware: string;
  readonly cost: string;
  readonly tileKind: HardwareCost['tile']['kind'];
  readonly readMode: ReadModeName;
  /** Energy for one example within three boundaries; null of a system of which nothing is known. */
  readonly energy: {
    /** Array, DAC, ADC. */
    readonly tile: EnergyRange;
    /** With digital work, memory, links and leakage, as far as they are known. */
    readonly chip: EnergyRange;
    /** With what is outside the chip, as far as it is known. */
    readonly system: EnergyRange;
  };
  /** Of the system. */
  readonly breakdown: readonly Term[];
  readonly evidence: Evidence;
  /** What is unknown, and so not in the sums. */
  readonly gaps: readonly string[];
  readonly latency: {
    readonly sequentialNanoseconds: number | null;
    readonly bottleneckNanoseconds: number | null;
    readonly bottleneck: string;
    readonly examplesPerSecond: number | null;
  };
  readonly area: {
    readonly tilesSquareMillimeters: number | null;
    /** With the digital parts; null if either is unknown. */
    readonly chipSquareMillimeters: number | null;
  };
  readonly tiles: number;
  /** With all copies. */
  readonly tilesPlaced: number;
  readonly multiplyAdds: number;
  readonly utilisation: {
    /** Of the cells of all tiles. */
    readonly cells: number;
    /** The same, each tile as often as it works. */
    readonly work: number;
  };
  /** Two operations a multiply-add. */
  readonly efficiency: {
    /** Of a whole tile, the largest on the chip; null if a part of a tile's energy is unknown. */
    readonly peakTopsPerWatt: number | null;
    /** Null likewise. */
    readonly tileTopsPerWatt: number | null;
    /** By what is known; what is not, the gaps name. Null if nothing is known. */
    readonly chipTopsPerWatt: number | null;
    /** Of all tiles at once, all the time. */
    readonly peakTops: number | null;
  };
  readonly layers: readonly LayerCost[];
  readonly baselines: readonly Baseline[];
  readonly overTime?: readonly EnergyAtTime[];
};

/** Copies of layers by name or pattern; the first that fits decides, others have one. */
export type Replicas = Readonly<Record<string, number>>;

/** What an estimate is made from. */
export type EstimateOptions = {
  readonly count: NetworkCount;
  readonly hardware: HardwareSpec;
  readonly cost: HardwareCost;
  readonly replicas?: Replicas | undefined;
  /** Energy of the arrays of each layer in one product, pJ, from conductances and inputs; absent: assumed means. */
  readonly arrays?: Readonly<Record<string, number>> | undefined;
};

/**
 * The cost of a network for one example. Layers add up; so do their tiles.
 *
 * @throws UsageError that lists everything that makes the cost unsuitable for the hardware, all faults of the cost, and
 *         copies that are no whole numbers
 */
export function estimateCost(options: EstimateOptions): CostEstimate {
  const { count, hardware, replicas = {} } = options;
  const cost = checkCost(options.cost);
  throwFaults(`cost "${cost.name}" for hardware "${hardware.name}"`, [
    ...costFaults(count, hardware, cost),
    ...replicaFaults(count, replicas),
  ]);
  const placed = count.layers.map((layer) => placedLayer(options, cost, layer, copiesOf(replicas, layer)));
  const layers = placed.map(({ summary }) => summary);
  const ofLayers = joined(placed.flatMap(({ energy }) => energy.terms));
  const latency = timesOf(placed);
  const tilesPlaced = sum(layers, ({ tiles, copies }) => tiles * copies);
  const own = hardware.readMode === undefined ? {} : { readMode: hardware.readMode };
  const leakage = leakageOf(cost, latency.sequentialNanoseconds, tilesPlaced);
  const outside = outsideOf(cost, count);
  const chipTerms = joined([...ofLayers, ...leakage]);
  const ofTiles = ofLayers.filter(isOfTile);
  const tile = rangeOf(placed, ({ energy }) => energy.tile, ofTiles);
  const chip = widened(tile, sumOf(chipTerms) - tile.picojoules);
  const system = widened(chip, sumOf(outside));
  const breakdown = joined([...chipTerms, ...outside]);
  const multiplyAdds = sum(layers, (layer) => layer.multiplyAdds);
  return {
    format: COST_FORMAT,
    network: count.network,
    hardware: hardware.name,
    cost: cost.name,
    tileKind: cost.tile.kind,
    readMode: readModeOf(own),
    energy: { tile, chip, system },
    breakdown,
    evidence: evidenceOf(chipTerms),
    gaps: gapsOf(cost, hardware, { breakdown, layers }),
    latency,
    area: areaOf(placed, cost),
    tiles: sum(layers, ({ tiles }) => tiles),
    tilesPlaced,
    multiplyAdds,
    utilisation: utilisationOf(placed),
    efficiency: {
      ...peakOf(placed, cost),
      tileTopsPerWatt: ofTiles.every(isKnown)
        ? topsPerWatt(
            sum(layers, (one) => (one.isDigital ? 0 : one.multiplyAdds)),
            tile,
          )
        : null,
      chipTopsPerWatt: topsPerWatt(multiplyAdds, chip),
    },
    layers,
    baselines: digitalBaselines(multiplyAdds),
  };
}

/** Operations a picojoule; 0 where nothing is done, null where it is done for nothing. */
function topsPerWatt(multiplyAdds: number, { picojoules }: Pick<EnergyRange, 'picojoules'>): number | null {
  if (multiplyAdds === 0) return 0;
  return picojoules === 0 ? null : (2 * multiplyAdds) / picojoules;
}

function isKnown({ picojoules }: Term): boolean {
  return picojoules !== null;
}

type PlacedLayer = {
  readonly layer: LayerCount;
  readonly hardware: HardwareSpec | undefined;
  readonly energy: LayerEnergy;
  readonly nanoseconds: number | null;
  readonly area: number | null;
  readonly summary: LayerCost;
};

function placedLayer(
  { hardware: chip, arrays }: EstimateOptions,
  cost: HardwareCost,
  layer: LayerCount,
  copies: number,
): PlacedLayer {
  const hardware = hardwareOf(chip, layer.name);
  const array = arrays?.[layer.name];
  const energy = layerEnergy(cost, hardware, layer, array === undefined ? undefined : { picojoules: array });
  const nanoseconds = hardware === undefined ? null : productNanoseconds(cost, hardware);
  const cells = sum(layer.tiles, ({ rows, columns }) => rows * columns);
  return {
    layer,
    hardware,
    energy,
    nanoseconds,
    area: hardware === undefined ? 0 : tileSquareMillimeters(cost, hardware),
    summary: {
      name: layer.name,
      isDigital: layer.isDigital,
      rows: layer.rows,
      columns: layer.columns,
      tiles: layer.tiles.length,
      copies,
      vectors: layer.vectors,
      multiplyAdds: layer.multiplyAdds,
      conversions: layer.conversions,
      partialSums: layer.partialSums,
      utilisation: layer.isDigital ? 1 : cells / wholeCells(layer, hardware!),
      energy: { picojoules: sumOf(energy.terms), low: energy.low, high: energy.high },
      breakdown: energy.terms,
      nanoseconds: nanoseconds === null ? null : Math.ceil(layer.vectors / copies) * nanoseconds,
    },
  };
}

function wholeCells({ tiles }: LayerCount, { tile }: HardwareSpec): number {
  return tile.kind === 'limited' ? tiles.length * tile.rows * tile.columns : 0;
}

function timesOf(placed: readonly PlacedLayer[]): CostEstimate['latency'] {
  const onTiles = placed.filter(({ hardware }) => hardware !== undefined);
  if (onTiles.some(({ nanoseconds }) => nanoseconds === null))
    return {
      sequentialNanoseconds: null,
      bottleneckNanoseconds: null,
      bottleneck: '',
      examplesPerSecond: null,
    };
  const latency = latencyOf(
    onTiles.map(({ layer, nanoseconds, summary }) => ({
      layer,
      nanoseconds: nanoseconds!,
      copies: summary.copies,
    })),
  );
  const { bottleneckNanoseconds: slowest } = latency;
  return { ...latency, examplesPerSecond: slowest > 0 ? 1e9 / slowest : null };
}

/** mW · ns = pJ. */
function leakageOf({ tile, digital }: HardwareCost, nanoseconds: number | null, tiles: number): Term[] {
  // What was measured of a whole tile includes its leakage while it works.
  const ofTiles = tile.kind === 'bottom-up' ? [{ constant: tile.leakage, count: tiles }] : [];
  return [...ofTiles, { constant: digital.leakage, count: 1 }].map(({ constant, count }) => ({
    part: 'leakage',
    picojoules: nanoseconds === null ? null : times(constant, nanoseconds * count),
    evidence: constant.evidence,
  }));
}

/** The network's inputs and outputs as bytes through the memory, and the host. */
function outsideOf({ system }: HardwareCost, { inputs, outputs }: NetworkCount): Term[] {
  const { memory, host } = system;
  return [
    {
      part: 'off-chip memory',
      picojoules: times(memory, 8 * (inputs + outputs)),
      evidence: memory.evidence,
    },
    { part: 'host', picojoules: times(host, 1), evidence: host.evidence },
  ];
}

function isOfTile({ part }: Term): boolean {
  return part === 'tile' || part === 'array' || part === 'dac' || part === 'adc';
}

function rangeOf(
  placed: readonly PlacedLayer[],
  of: (one: PlacedLayer) => { readonly low: number; readonly high: number },
  terms: readonly Term[],
): EnergyRange {
  return {
    picojoules: sumOf(terms),
    low: sum(placed, (one) => of(one).low),
    high: sum(placed, (one) => of(one).high),
  };
}

/** A range and something certain. */
function widened({ picojoules, low, high }: EnergyRange, more: number): EnergyRange {
  return { picojoules: picojoules + more, low: low + more, high: high + more };
}

function areaOf(placed: readonly PlacedLayer[], { digital }: HardwareCost): CostEstimate['area'] {
  if (placed.some(({ area }) => area === null))
    return { tilesSquareMillimeters: null, chipSquareMillimeters: null };
  const tiles = sum(placed, ({ area, summary: { tiles: own, copies } }) => area! * own * copies);
  const { value } = digital.area;
  return { tilesSquareMillimeters: tiles, chipSquareMillimeters: value === null ? null : tiles + value };
}

function utilisationOf(placed: readonly PlacedLayer[]): CostEstimate['utilisation'] {
  const onTiles = placed.filter(({ hardware }) => hardware !== undefined);
  const used = ({ layer }: PlacedLayer): number => sum(layer.tiles, ({ rows, columns }) => rows * columns);
  const whole = ({ layer, hardware }: PlacedLayer): number => wholeCells(layer, hardware!);
  const share = (weight: (one: PlacedLayer) => number): number => {
    const all = sum(onTiles, (one) => weight(one) * whole(one));
    return all === 0 ? 0 : sum(onTiles, (one) => weight(one) * used(one)) / all;
  };
  return { cells: share(() => 1), work: share(({ layer }) => layer.vectors) };
}

/** Of a product that uses a whole tile; of several kinds of tile the best, and all together. */
function peakOf(
  placed: readonly PlacedLayer[],
  cost: HardwareCost,
): Pick<CostEstimate['efficiency'], 'peakTopsPerWatt' | 'peakTops'> {
  const onTiles = placed.flatMap(({ hardware, nanoseconds, summary }) => {
    if (hardware?.tile.kind !== 'limited') return [];
    const { rows, columns } = hardware.tile;
    const { terms } = productEnergy(cost, hardware, { rows, columns, drivenRows: rows });
    const operations = 2 * rows * columns;
    const count = summary.tiles * summary.copies;
    const efficiency = terms.every(isKnown)
      ? topsPerWatt(rows * columns, { picojoules: sumOf(terms) })
      : null;
    return [{ operations, efficiency, nanoseconds, count }];
  });
  const isTimed = onTiles.every(({ nanoseconds }) => nanoseconds !== null);
  return {
    peakTopsPerWatt: onTiles.reduce<number | null>(
      (most, { efficiency }) => (most === null || efficiency === null ? null : Math.max(most, efficiency)),
      0,
    ),
    peakTops: isTimed
      ? sum(onTiles, ({ operations, nanoseconds, count }) => (count * operations) / nanoseconds! / 1000)
      : null,
  };
}

function copiesOf(replicas: Replicas, { name }: LayerCount): number {
  return Object.entries(replicas).find(([pattern]) => matchesPattern(name, pattern))?.[1] ?? 1;
}

function replicaFaults({ layers }: NetworkCount, replicas: Replicas): string[] {
  return Object.entries(replicas).flatMap(([pattern, copies]) => [
    ...(Number.isInteger(copies) && copies >= 1
      ? []
      : [`replicas: "${pattern}": expected a whole number of copies from 1, got ${copies}`]),
    ...(layers.some(({ name }) => matchesPattern(name, pattern))
      ? []
      : [`replicas: "${pattern}" fits no layer; there are ${layers.map(({ name }) => name).join(', ')}`]),
  ]);
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
