// Energy of training in the cells, for one example: products forwards and backwards on the same tiles, and the update. An
// analog training is compared with the same training in floating point on a digital design. Programming a finished network
// is reckoned once. Left out: time, and the steps of Tiki-Taka.

import { throwFaults } from '../base/errors.ts';
import { POLARITIES, pairsOf } from '../crossbar/arrays.ts';
import { type HardwareSpec, hardwareOf } from '../crossbar/hardware.ts';
import { checkCost } from './cost-schema.ts';
import { type Evidence, type HardwareCost, weaker } from './cost-spec.ts';
import type { LayerCount, NetworkCount } from './count.ts';
import { ALADDIN, energyScaling, OPERATIONS, type Process, sramPicojoulesPerByte } from './digital.ts';
import { evidenceOf, layerEnergy, times } from './energy.ts';
import { costFaults } from './suitable.ts';

/** How a training in cells updates, and what it recorded. */
export type TrainingWork = {
  /** Gathered digitally, or written by pulses alone. */
  readonly rule: 'mixed-precision' | 'pulsed';
  readonly batchSize: number;
  /** Single pulses on all devices, for one example; null if they were not counted. */
  readonly pulses: number | null;
  /** Pairs that were refreshed, for one example; null if they were not counted. */
  readonly refreshes: number | null;
};

/** Rules whose energy is modelled. */
export const TRAINING_RULES: readonly TrainingWork['rule'][] = ['mixed-precision', 'pulsed'];

/** Steps of a training, in order. */
export const TRAINING_STEPS = [
  'forward',
  'backward',
  'around the tiles',
  'outer products',
  'accumulator',
  'pulses',
  'refresh',
] as const;

/** A step of a training. */
export type TrainingTerm = {
  readonly step: (typeof TRAINING_STEPS)[number];
  /** For one example; null if unknown. */
  readonly picojoules: number | null;
  readonly evidence: Evidence;
};

/** Energy of training, for one example. */
export type TrainingEstimate = {
  readonly rule: TrainingWork['rule'];
  readonly batchSize: number;
  readonly terms: readonly TrainingTerm[];
  /** Of what is known. */
  readonly picojoules: number;
  readonly low: number;
  readonly high: number;
  readonly evidence: Evidence;
  readonly gaps: readonly string[];
  /** The same training in 32-bit arithmetic at 14 nm. */
  readonly digitalPicojoules: number;
};

const GAPS: { readonly [S in TrainingTerm['step']]?: string } = {
  pulses: 'pulses of the update, whose energy or number is unknown',
  refresh: 'pulses of refreshes, likewise',
};

/** Bytes of an accumulator and of a weight in floating point. */
const WORD = 4;

/**
 * Forward products of all layers, backward products of those with weights before them, and the update. Mixed precision:
 * an outer product, rows × columns multiply-adds for each vector, and one read and one write of the accumulator a batch.
 * Then pulses and refreshes as recorded; a refresh counts as one pulse on each device of its pair.
 *
 * @throws UsageError as `estimateCost`, or for impossible work
 *
 * Not modelled: converters of the other direction, which are taken to be like those forwards; the reads of a refresh; an
 * accumulator larger than the memory of the cost.
 */
export function trainingEnergy(
  count: NetworkCount,
  hardware: HardwareSpec,
  given: HardwareCost,
  work: TrainingWork,
): TrainingEstimate {
  const cost = checkCost(given);
  throwFaults(`cost "${cost.name}" for training on "${hardware.name}"`, [
    ...workFaults(work),
    ...costFaults(count, hardware, cost),
  ]);
  const forward = count.layers.map((layer) => energyOf(layer, layer, hardware, cost));
  const backward = count.layers
    .filter(({ isBackwards }) => isBackwards)
    .map((layer) => energyOf(backwards(layer), layer, hardware, cost));
  const products = [...forward, ...backward];
  const terms: TrainingTerm[] = [
    { step: 'forward', picojoules: total(forward, 'value'), evidence: weakest(forward) },
    { step: 'backward', picojoules: total(backward, 'value'), evidence: weakest(backward) },
    { step: 'around the tiles', picojoules: total(products, 'around'), evidence: 'fitted' },
    ...updateTerms(count, cost, work),
  ];
  const picojoules = terms.reduce((sum, term) => sum + (term.picojoules ?? 0), 0);
  const value = total(products, 'value');
  return {
    rule: work.rule,
    batchSize: work.batchSize,
    terms,
    picojoules,
    low: picojoules - value + total(products, 'low'),
    high: picojoules - value + total(products, 'high'),
    evidence: evidenceOf(terms.map((term) => ({ ...term, part: 'tile' }))),
    gaps: terms.filter((term) => term.picojoules === null).map(({ step }) => GAPS[step] ?? step),
    digitalPicojoules: digitalTraining(count, work.batchSize),
  };
}

/** The energy of products: within tiles, its range, and around them. */
type ProductsEnergy = Readonly<Record<'value' | 'low' | 'high' | 'around', number>> & {
  readonly evidence: Evidence;
};

function energyOf(
  products: LayerCount,
  layer: LayerCount,
  hardware: HardwareSpec,
  cost: HardwareCost,
): ProductsEnergy {
  const { terms, tile } = layerEnergy(cost, hardwareOf(hardware, layer.name), products);
  const isInside = (part: string): boolean => ['tile', 'array', 'dac', 'adc'].includes(part);
  const sum = (inside: boolean): number =>
    terms.reduce((all, { part, picojoules }) => all + (isInside(part) === inside ? (picojoules ?? 0) : 0), 0);
  const evidence = evidenceOf(terms.filter(({ part }) => isInside(part)));
  return { value: sum(true), low: tile.low, high: tile.high, around: sum(false), evidence };
}

function total(all: readonly ProductsEnergy[], what: Exclude<keyof ProductsEnergy, 'evidence'>): number {
  return all.reduce((sum, one) => sum + one[what], 0);
}

function weakest(all: readonly ProductsEnergy[]): Evidence {
  return all.map(({ evidence }) => evidence).reduce(weaker, 'measured');
}

/** The same products from columns to rows: gradients drive the columns, rows are converted and added up. */
function backwards(layer: LayerCount): LayerCount {
  const { rows, columns, groups, vectors } = layer;
  const converted = layer.tiles.reduce((sum, tile) => sum + tile.rows, 0);
  const outputs = vectors * rows * groups;
  return {
    ...layer,
    tiles: layer.tiles.map((tile) => ({ rows: tile.columns, columns: tile.rows, drivenRows: tile.columns })),
    conversions: vectors * converted,
    partialSums: Math.max(0, vectors * converted - outputs),
    inputs: vectors * columns,
    outputs,
  };
}

function updateTerms(
  { layers }: NetworkCount,
  { digital, writing }: HardwareCost,
  { rule, batchSize, pulses, refreshes }: TrainingWork,
): TrainingTerm[] {
  const multiplyAdds = layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  const bytes = (WORD * weightsOf(layers)) / batchSize;
  const { memoryRead, memoryWrite, multiplyAdd } = digital;
  const pulseTerm = (step: 'pulses' | 'refresh', amount: number | null): TrainingTerm => ({
    step,
    picojoules: amount === null ? null : times(writing.pulse, amount),
    evidence: writing.pulse.evidence,
  });
  const read = times(memoryRead, bytes);
  const write = times(memoryWrite, bytes);
  const gathered: TrainingTerm[] = [
    {
      step: 'outer products',
      picojoules: times(multiplyAdd, multiplyAdds),
      evidence: multiplyAdd.evidence,
    },
    {
      step: 'accumulator',
      picojoules: read === null || write === null ? null : read + write,
      evidence: weaker(memoryRead.evidence, memoryWrite.evidence),
    },
  ];
  return [
    ...(rule === 'mixed-precision' ? gathered : []),
    pulseTerm('pulses', pulses),
    pulseTerm('refresh', refreshes === null ? null : POLARITIES.length * refreshes),
  ];
}

function weightsOf(layers: readonly LayerCount[]): number {
  return layers.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
}

function workFaults({ batchSize, pulses, refreshes }: TrainingWork): string[] {
  return [
    ...(Number.isInteger(batchSize) && batchSize >= 1
      ? []
      : [`batchSize: expected a whole number from 1, got ${batchSize}`]),
    ...Object.entries({ pulses, refreshes }).flatMap(([name, value]) =>
      value === null || value >= 0 ? [] : [`${name}: expected a number from 0, or null, got ${value}`],
    ),
  ];
}

const DESIGN: Process = { nodeNanometers: 14, voltage: 0.8 };

/**
 * The same training in 32-bit arithmetic, for one example, pJ: a multiply-add (hwcomponents, Aladdin) for each of the
 * forward product, the backward one and the outer product; weights in an SRAM of their size, read in each direction, read
 * and written by the update, once a batch. Assumed throughout: activations, control and leakage are left out.
 */
export function digitalTraining({ layers }: NetworkCount, batchSize: number): number {
  const operation = (OPERATIONS.multiply32 + OPERATIONS.add32) * energyScaling(ALADDIN, DESIGN);
  const all = layers.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
  const back = layers.filter(({ isBackwards }) => isBackwards);
  const backMultiplyAdds = back.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
  const weights = weightsOf(layers);
  const bytes = WORD * (3 * weights + weightsOf(back));
  const memory = sramPicojoulesPerByte(WORD * weights, DESIGN) * bytes;
  return operation * (2 * all + backMultiplyAdds) + memory / batchSize;
}

/** Programming a network once, at deployment. */
export type ProgrammingEstimate = {
  readonly devices: number;
  /** Null if a constant is unknown. */
  readonly picojoules: number | null;
  readonly evidence: Evidence;
};

/** Devices · pulses for a device by program-and-verify · energy of a pulse; the reads between pulses are not in it. */
export function programmingEnergy(
  { layers }: NetworkCount,
  hardware: HardwareSpec,
  { writing: { pulse, pulsesPerDevice } }: HardwareCost,
): ProgrammingEstimate {
  const devices = layers.reduce((sum, layer) => {
    const own = hardwareOf(hardware, layer.name);
    return own === undefined ? sum : sum + pairsOf(own.mapping).length * weightsOf([layer]);
  }, 0);
  const pulses = times(pulsesPerDevice, devices);
  return {
    devices,
    picojoules: pulses === null ? null : times(pulse, pulses),
    evidence: weaker(pulse.evidence, pulsesPerDevice.evidence),
  };
}
