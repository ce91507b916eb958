// Energy of one product of a tile and of one layer, as a list of terms that add up. Terms of unknown size are null, and
// stay in the list. Array energy comes from conductances and pulse widths that occur, where they are known.

import { assertNever } from '../base/errors.ts';
import type { Microsiemens } from '../base/units.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { type AdcFigures, surveyAdc, zigzagAdc } from './adc.ts';
import {
  type BottomUpTile,
  type Constant,
  type Evidence,
  type HardwareCost,
  type MeasuredTile,
  readModeOf,
  weaker,
} from './cost-spec.ts';
import type { LayerCount, TileUse } from './count.ts';
import { bitsOf, bottomUpPhaseNanoseconds, longestPulseNanoseconds } from './latency.ts';

/** What energy is spent on; `tile` is array, DAC and ADC where only their sum is known. */
export const PARTS = [
  'tile',
  'array',
  'dac',
  'adc',
  'digital',
  'memory',
  'links',
  'leakage',
  'off-chip memory',
  'host',
] as const;

/** What energy is spent on. */
export type Part = (typeof PARTS)[number];

/** Part of an energy, pJ; null if unknown. */
export type Term = {
  readonly part: Part;
  readonly picojoules: number | null;
  readonly evidence: Evidence;
};

/** V² · µS · ns is a femtojoule. */
const PICOJOULES = 1e-3;

/**
 * Energy that a voltage drives through an array in one product: E = V² Σ_ij G_ij T_i, pJ.
 *
 * @param conductances (rows, columns), µS: of all cells of a crosspoint together, G⁺ + G⁻
 * @param pulses       T_i, mean pulse width of each row, ns; a row without pulse costs nothing
 * @param voltage      of the read, V
 *
 * Every cell is read once with the pulse of its row, in whatever phase. Not modelled: wires, access transistors, the
 * amplifiers that hold the voltage.
 */
export function arrayPicojoules(
  conductances: ArrayLike<Microsiemens>,
  pulses: ArrayLike<number>,
  voltage: number,
): number {
  const columns = conductances.length / pulses.length;
  let sum = 0;
  for (let row = 0; row < pulses.length; row++) {
    let ofRow = 0;
    for (let column = 0; column < columns; column++) ofRow += conductances[row * columns + column]!;
    sum += ofRow * pulses[row]!;
  }
  return voltage ** 2 * sum * PICOJOULES;
}

/** Energy of one product. */
export type ProductEnergy = {
  readonly terms: readonly Term[];
  /** Of all terms, as far as they are known. */
  readonly low: number;
  readonly high: number;
};

/**
 * Energy of one product of a tile. A measured tile is charged as a whole, which is the upper end; the lower end is the share
 * of its cells in use. Of a bottom-up tile the sum is the lower end, the upper one that many times as much as a measured
 * tile needs of what the model gives for it.
 *
 * @param array energy of its array, pJ, from data; absent: from the assumed conductance and pulse
 */
export function productEnergy(
  cost: HardwareCost,
  hardware: HardwareSpec,
  use: TileUse,
  array?: { readonly picojoules: number },
): ProductEnergy {
  const { tile } = cost;
  switch (tile.kind) {
    case 'measured':
      return measuredEnergy(tile, hardware, use);
    case 'bottom-up':
      return bottomUpEnergy(tile, hardware, use, array);
    default:
      return assertNever(tile);
  }
}

function measuredEnergy(tile: MeasuredTile, hardware: HardwareSpec, use: TileUse): ProductEnergy {
  const { energy } = tile.reads[readModeOf(hardware)]!;
  const whole = energy.value === null ? null : energy.value * 1000;
  const share = (use.drivenRows * use.columns) / (tile.rows * tile.columns);
  // Only the whole tile was measured: what a part of it needs is a rule, whichever is taken.
  const evidence = share === 1 ? energy.evidence : weaker(energy.evidence, 'assumed');
  return {
    terms: [{ part: 'tile', picojoules: whole, evidence }],
    low: (whole ?? 0) * share,
    high: whole ?? 0,
  };
}

function bottomUpEnergy(
  tile: BottomUpTile,
  hardware: HardwareSpec,
  use: TileUse,
  array: { readonly picojoules: number } | undefined,
): ProductEnergy {
  const { input } = bitsOf(hardware);
  const mode = readModeOf(hardware);
  const phases = tile.phases[mode];
  const { energyPerBit } = tile.dac;
  const conversion = adcOf(tile, hardware);
  const terms: Term[] = [
    array === undefined ? assumedArray(tile, input, use) : ofData(tile, array),
    {
      part: 'dac',
      picojoules: times(energyPerBit, phases * use.drivenRows * input),
      evidence: energyPerBit.evidence,
    },
    {
      part: 'adc',
      picojoules:
        conversion.figures === undefined ? null : phases * use.columns * conversion.figures.picojoules,
      evidence: conversion.evidence,
    },
  ];
  const low = terms.reduce((sum, { picojoules }) => sum + (picojoules ?? 0), 0);
  return { terms, low, high: low * Math.max(1, tile.measuredOverEstimated[mode].value ?? 1) };
}

function ofData({ array }: BottomUpTile, { picojoules }: { readonly picojoules: number }): Term {
  const { value, evidence } = array.readVoltage;
  return { part: 'array', picojoules: value === null ? null : picojoules, evidence };
}

/** V² · G · rows · columns · T, with assumed means of G and T. */
function assumedArray({ array, dac }: BottomUpTile, bits: number, use: TileUse): Term {
  const { readVoltage, conductance, pulseShare } = array;
  const longest = longestPulseNanoseconds(dac, bits);
  const evidence = [conductance.evidence, pulseShare.evidence].reduce(weaker, readVoltage.evidence);
  const values = [readVoltage.value, conductance.value, pulseShare.value, longest];
  if (values.includes(null)) return { part: 'array', picojoules: null, evidence };
  const [v, g, share, pulse] = values as [number, number, number, number];
  const picojoules = v ** 2 * g * use.drivenRows * use.columns * share * pulse * PICOJOULES;
  return { part: 'array', picojoules, evidence };
}

/** A converter of a bottom-up tile, at the rate that its columns ask for; undefined if a constant is unknown. */
export function adcOf(
  tile: BottomUpTile,
  hardware: HardwareSpec,
): { readonly figures: AdcFigures | undefined; readonly evidence: Evidence } {
  const { output } = bitsOf(hardware);
  const { model, columnsPerAdc } = tile.adc;
  switch (model.kind) {
    case 'survey': {
      const phase = bottomUpPhaseNanoseconds(tile, hardware);
      if (phase === null) return { figures: undefined, evidence: 'fitted' };
      const samplesPerSecond = (1e9 * columnsPerAdc) / phase;
      const { nodeNanometers } = tile;
      return { figures: surveyAdc({ bits: output, samplesPerSecond, nodeNanometers }), evidence: 'fitted' };
    }
    case 'zigzag': {
      const { value: voltage, evidence } = model.voltage;
      const figures = voltage === null ? undefined : zigzagAdc({ bits: output, voltage });
      return { figures, evidence: weaker('fitted', evidence) };
    }
    case 'fixed': {
      const { energy, area } = model;
      if (energy.value === null) return { figures: undefined, evidence: energy.evidence };
      const figures = { picojoules: energy.value, squareMicrometers: area.value ?? Number.NaN };
      return { figures, evidence: energy.evidence };
    }
    default:
      return assertNever(model);
  }
}

/** Energy of a layer for one example. */
export type LayerEnergy = ProductEnergy & {
  /** Array, DAC and ADC alone. */
  readonly tile: { readonly low: number; readonly high: number };
};

/**
 * Energy of a layer on tiles for one example:
 * P (Σ_tiles E + (tiles of rows − 1) C e_add + C e_post) + bytes in e_read + bytes out e_write + moved bits · hops · e_link.
 * Every partial sum moves, every input moves once and reaches all columns. A digital layer needs its multiply-adds, and
 * one read of each weight.
 *
 * @param array energy of the arrays of the whole layer in one product, pJ, from data
 */
export function layerEnergy(
  cost: HardwareCost,
  hardware: HardwareSpec | undefined,
  layer: LayerCount,
  array?: { readonly picojoules: number },
): LayerEnergy {
  if (hardware === undefined) return digitalLayerEnergy(cost, layer);
  const cells = layer.tiles.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const products = layer.tiles.map((use) =>
    productEnergy(
      cost,
      hardware,
      use,
      array && { picojoules: (array.picojoules * use.rows * use.columns) / cells },
    ),
  );
  const ofTiles = products.flatMap(({ terms }) => terms).map((term) => timesTerm(term, layer.vectors));
  const [low, high] = [
    layer.vectors * products.reduce((sum, one) => sum + one.low, 0),
    layer.vectors * products.reduce((sum, one) => sum + one.high, 0),
  ];
  const { input, output } = bitsOf(hardware);
  const around = periphery(cost, {
    adds: layer.partialSums,
    outputs: layer.outputs,
    inputBits: layer.inputs * (layer.kind === 'embedding' ? Math.ceil(Math.log2(layer.rows)) : input),
    outputBits: layer.outputs * output,
    movedBits: layer.conversions * output,
  });
  const rest = sumOf(around);
  return {
    terms: joined([...ofTiles, ...around]),
    tile: { low, high },
    low: low + rest,
    high: high + rest,
  };
}

function periphery(
  { digital }: HardwareCost,
  work: Readonly<Record<'adds' | 'outputs' | 'inputBits' | 'outputBits' | 'movedBits', number>>,
): Term[] {
  const { add, postProcessing, memoryRead, memoryWrite, link, hops } = digital;
  const bits = work.inputBits + work.movedBits;
  return [
    { part: 'digital', picojoules: times(add, work.adds), evidence: add.evidence },
    {
      part: 'digital',
      picojoules: times(postProcessing, work.outputs),
      evidence: postProcessing.evidence,
    },
    { part: 'memory', picojoules: times(memoryRead, work.inputBits / 8), evidence: memoryRead.evidence },
    { part: 'memory', picojoules: times(memoryWrite, work.outputBits / 8), evidence: memoryWrite.evidence },
    {
      part: 'links',
      picojoules: hops.value === null ? null : times(link, bits * hops.value),
      evidence: weaker(link.evidence, hops.evidence),
    },
  ];
}

function digitalLayerEnergy({ digital }: HardwareCost, layer: LayerCount): LayerEnergy {
  const { multiplyAdd, memoryRead, memoryWrite } = digital;
  const weights = layer.kind === 'embedding' ? layer.outputs : layer.rows * layer.columns;
  const terms: Term[] = [
    {
      part: 'digital',
      picojoules: times(multiplyAdd, layer.kind === 'embedding' ? 0 : layer.multiplyAdds),
      evidence: multiplyAdd.evidence,
    },
    {
      part: 'memory',
      picojoules: times(memoryRead, weights + layer.inputs),
      evidence: memoryRead.evidence,
    },
    { part: 'memory', picojoules: times(memoryWrite, layer.outputs), evidence: memoryWrite.evidence },
  ];
  const sum = sumOf(terms);
  return { terms: joined(terms), tile: { low: 0, high: 0 }, low: sum, high: sum };
}

/** A constant times an amount; null if it is unknown and the amount is not 0. */
export function times({ value }: Constant, amount: number): number | null {
  if (amount === 0) return 0;
  return value === null ? null : value * amount;
}

function timesTerm(term: Term, factor: number): Term {
  return { ...term, picojoules: term.picojoules === null ? null : term.picojoules * factor };
}

/** The sum of what is known. */
export function sumOf(terms: readonly Term[]): number {
  return terms.reduce((sum, { picojoules }) => sum + (picojoules ?? 0), 0);
}

/** One term for each part; unknown if one of its terms is, with the weakest evidence of those that cost anything. */
export function joined(terms: readonly Term[]): Term[] {
  return PARTS.flatMap((part): Term[] => {
    const own = terms.filter((term) => term.part === part);
    if (own.length === 0) return [];
    const counting = own.filter(({ picojoules }) => picojoules !== 0);
    const evidence = (counting.length > 0 ? counting : own).map((term) => term.evidence).reduce(weaker);
    const isKnown = own.every(({ picojoules }) => picojoules !== null);
    return [{ part, picojoules: isKnown ? sumOf(own) : null, evidence }];
  });
}

/** The weakest evidence of the largest terms that together make up nine tenths. */
export function evidenceOf(terms: readonly Term[]): Evidence {
  const known = terms.filter(({ picojoules }) => picojoules !== null && picojoules > 0);
  const sorted = known.toSorted((a, b) => b.picojoules! - a.picojoules!);
  const total = sumOf(sorted);
  let sum = 0;
  let evidence: Evidence = 'measured';
  for (const term of sorted) {
    if (sum >= 0.9 * total) break;
    evidence = weaker(evidence, term.evidence);
    sum += term.picojoules!;
  }
  return sorted.length === 0 ? 'assumed' : evidence;
}
