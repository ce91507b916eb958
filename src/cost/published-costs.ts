// Costs with published constants, by name. Totals of tiles are as published; the bottom-up tile is put together here from
// published parts, and its interval reaches to what a comparable chip was measured to need. docs/energy.md has them as tables.

import { UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import type {
  BottomUpTile,
  Constant,
  DigitalCost,
  Evidence,
  HardwareCost,
  MeasuredTile,
} from './cost-spec.ts';
import {
  ALADDIN,
  energyScaling,
  HOROWITZ,
  OPERATIONS,
  type Process,
  sramPicojoulesPerByte,
} from './digital.ts';

function constant<U extends string>(
  value: number | null,
  unit: U,
  evidence: Evidence,
  source: string,
): Constant<U> {
  return { value: value === null ? null : Number(value.toPrecision(4)), unit, source, evidence };
}

function unknown<U extends string>(unit: U, what: string): Constant<U> {
  return { value: null, unit, source: `not found: ${what}`, evidence: 'assumed' };
}

/** The node of the chip whose tile was measured. */
const HERE: Process = { nodeNanometers: 14, voltage: 0.8 };
const BUFFER_BYTES = 65_536;

const fromAladdin = energyScaling(ALADDIN, HERE);
const SCALED = 'hwcomponents, Aladdin at 40 nm, scaled to 14 nm and 0.8 V by Stillmaker and Baas';

/** Digital parts at 14 nm. */
const digital14: DigitalCost = {
  add: constant(OPERATIONS.add32 * fromAladdin, 'pJ', 'fitted', `32-bit add: ${SCALED}`),
  postProcessing: constant(
    (OPERATIONS.multiply32 + OPERATIONS.add32) * fromAladdin,
    'pJ',
    'fitted',
    `one 32-bit multiply and add: ${SCALED}`,
  ),
  multiplyAdd: constant(
    OPERATIONS.multiplyAdd8 * energyScaling(HOROWITZ, HERE),
    'pJ',
    'fitted',
    'int8: M. Horowitz, ISSCC 2014, 45 nm, scaled to 14 nm and 0.8 V',
  ),
  memoryRead: sram('read'),
  memoryWrite: sram('write, as a read'),
  link: constant(
    0.054,
    'pJ/bit',
    'designed',
    'bus of ISAAC (ISCA 2016), 32 nm, as in hwcomponents-library; not scaled, as wires scale little',
  ),
  hops: constant(1, '1', 'assumed', 'ours: every bit takes one bus'),
  leakage: unknown('mW', 'leakage of the digital parts'),
  area: unknown('mm²', 'area of the digital parts'),
};

function sram(what: string): Constant<'pJ/byte'> {
  return constant(
    sramPicojoulesPerByte(BUFFER_BYTES, HERE),
    'pJ/byte',
    'fitted',
    `${what}: M. Horowitz, ISSCC 2014, 8 KB at 45 nm; × (64 KB / 8 KB)^0.78 (hwcomponents); scaled as logic to 14 nm`,
  );
}

const common: Pick<HardwareCost, 'digital' | 'system' | 'writing'> = {
  digital: digital14,
  system: {
    memory: constant(7.03, 'pJ/bit', 'simulated', 'DRAM: AccelForge, tpu_v4i.yaml'),
    host: unknown('pJ', 'host, clocks, conversion of the supply'),
  },
  writing: {
    pulse: unknown('pJ', 'energy of a programming pulse of these devices'),
    pulsesPerDevice: unknown('1', 'pulses of program-and-verify for a device'),
  },
};

const LE_GALLO = 'M. Le Gallo et al., Nat. Electron. 6:680 (2023), known from notes on it';
const JSSC = 'R. Khaddam-Aljameh et al., IEEE J. Solid-State Circuits (2022), known from notes on it';

/**
 * A core of the 64-core HERMES chip: array, converters and pulse modulators of 256 x 256 unit cells, 14 nm. The four-phase
 * mode goes with the accuracies that were measured; the one-phase mode never did.
 */
export const hermesTile: MeasuredTile = {
  kind: 'measured',
  rows: 256,
  columns: 256,
  inputBits: 8,
  outputBits: 8,
  reads: {
    'one-phase': {
      energy: constant(860 / 64, 'nJ', 'measured', `${LE_GALLO}: 0.86 µJ for a product on all 64 cores`),
      time: constant(133, 'ns', 'measured', `${LE_GALLO}: from 63.1 TOPS of 64 cores`),
    },
    'four-phase': {
      energy: constant(3380 / 64, 'nJ', 'measured', `${LE_GALLO}: 3.38 µJ for a product on all 64 cores`),
      time: constant(521, 'ns', 'measured', `${LE_GALLO}: from 16.1 TOPS of 64 cores`),
    },
  },
  area: constant(0.63, 'mm²', 'measured', `${LE_GALLO}: from TOPS and TOPS/mm², 0.636 and 0.629`),
};

/** The chip: its tiles as measured, digital parts of our own estimate. */
export const hermes: HardwareCost = {
  name: 'hermes',
  source: `tile: ${LE_GALLO}; digital parts: ours`,
  tile: hermesTile,
  ...common,
};

/** The single core of the paper before it, which was measured in one phase only. */
export const hermesCore: HardwareCost = {
  name: 'hermes-core',
  source: `tile: ${JSSC}; digital parts: ours`,
  tile: {
    ...hermesTile,
    reads: {
      'one-phase': {
        energy: constant(12.5, 'nJ', 'measured', `${JSSC}: from 1.008 TOPS and 10.5 TOPS/W`),
        time: constant(130, 'ns', 'measured', `${JSSC}: from 1.008 TOPS`),
      },
    },
    area: constant(0.634, 'mm²', 'measured', `${JSSC}: from 1.59 TOPS/mm²`),
  },
  ...common,
};

const BURR =
  'G. W. Burr et al., IEDM 2023, known from notes on it: 100 TOPS/W, 40 ns, 10.9 TOPS/mm² of 512 x 512';

/** The tile that projections of a 2-D mesh assume, ten times better than the measured one. Eight bits: ours. */
export const burr2023: HardwareCost = {
  name: 'burr2023',
  source: `tile: ${BURR}; digital parts: ours`,
  tile: {
    kind: 'measured',
    rows: 512,
    columns: 512,
    inputBits: 8,
    outputBits: 8,
    reads: {
      unstated: { energy: constant(5.24, 'nJ', 'assumed', BURR), time: constant(40, 'ns', 'assumed', BURR) },
    },
    area: constant(1.2, 'mm²', 'assumed', BURR),
  },
  ...common,
};

/** Parts of a 14 nm tile with an ADC for each column, which converts while the pulses last. */
export const tile14: BottomUpTile = {
  kind: 'bottom-up',
  nodeNanometers: 14,
  phases: { 'one-phase': 1, 'four-phase': 4, unstated: 1 },
  array: {
    readVoltage: constant(
      0.2,
      'V',
      'assumed',
      'ours; a current that is drawn from the 0.8 V supply costs four times as much',
    ),
    conductance: constant(5, 'µS', 'assumed', 'ours, if the conductances are not known'),
    pulseShare: constant(0.5, '1', 'assumed', 'ours, if the inputs are not known'),
    crosspointArea: constant(
      4 * 48 * 0.014 ** 2,
      'µm²',
      'assumed',
      'four 1T1R cells of 4 F x 12 F (NeuroSim manual V1.4)',
    ),
  },
  dac: {
    energyPerBit: constant(0.05 * 0.8 ** 2, 'pJ', 'fitted', 'ZigZag-IMC (ICCAD 2023): 0.05 b V² pJ, 0.8 V'),
    slot: constant(1, 'ns', 'measured', `${JSSC}: 128 ns for 8 bits, 1 GHz`),
    area: constant(
      495 * 0.17,
      'µm²',
      'assumed',
      'a counter: hwcomponents, Aladdin at 40 nm, × 0.17 as from 45 to 14 nm',
    ),
  },
  adc: {
    model: { kind: 'survey' },
    columnsPerAdc: 1,
    conversionTime: constant(2, 'ns', 'fitted', `${JSSC}: 130 ns of a product less 128 ns of pulse`),
  },
  leakage: unknown('mW', 'leakage of a tile'),
  measuredOverEstimated: {
    'one-phase': constant(
      13.47,
      '1',
      'measured',
      'HERMES, 13.44 nJ, over 0.997 nJ of these parts for its tile',
    ),
    'four-phase': constant(
      35.9,
      '1',
      'measured',
      'HERMES, 52.8 nJ, over 1.471 nJ of these parts for its tile',
    ),
    unstated: constant(13.47, '1', 'measured', 'HERMES in one phase, 13.44 nJ, over 0.997 nJ of these parts'),
  },
};

/** The bottom-up cost: any size of tile, any bits; optimistic, as its interval shows. */
export const bottomUp14: HardwareCost = {
  name: 'bottom-up-14nm',
  source: 'parts from ADC survey (arXiv 2404.06553), ZigZag-IMC, hwcomponents, Horowitz; array: ours',
  tile: tile14,
  ...common,
};

/** Published costs by name. */
export const publishedCosts: Readonly<Record<string, HardwareCost>> = {
  hermes,
  'hermes-core': hermesCore,
  burr2023,
  'bottom-up-14nm': bottomUp14,
};

/** Names of all published costs. */
export const costNames: readonly string[] = Object.keys(publishedCosts);

/**
 * The published cost of a name.
 *
 * @throws UsageError if there is none
 */
export function costByName(name: string): HardwareCost {
  const cost = Object.hasOwn(publishedCosts, name) ? publishedCosts[name] : undefined;
  if (cost === undefined) throw new UsageError(`cost: ${unknownName(name, costNames)}`);
  return cost;
}
