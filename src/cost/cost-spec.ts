// What the work of an accelerator costs, as data beside its `HardwareSpec`: every constant with its unit, its source and
// how well it is known. An unknown constant is null, never 0: an estimate names it as a gap. The check is cost-schema.ts,
// the published values published-costs.ts, what is computed from them energy.ts, latency.ts and area.ts.

import type { ReadMode } from '../crossbar/hardware.ts';

/** How a number is known, best first. */
export const EVIDENCE = ['measured', 'designed', 'simulated', 'fitted', 'assumed'] as const;

/** How a number is known: on silicon, by a finished design, by a circuit or system simulator, by a fit, by us. */
export type Evidence = (typeof EVIDENCE)[number];

/** A constant; `value` is null if nobody told. */
export type Constant<U extends string = string> = {
  readonly value: number | null;
  readonly unit: U;
  readonly source: string;
  readonly evidence: Evidence;
};

/** The mode in which hardware says that its tiles are read, or that it says none. */
export type ReadModeName = ReadMode['kind'] | 'unstated';

/** One product of a whole tile of which only totals were published. */
export type MeasuredRead = { readonly energy: Constant<'nJ'>; readonly time: Constant<'ns'> };

/** A tile of which only totals are known; they say nothing of other sizes or other converters. */
export type MeasuredTile = {
  readonly kind: 'measured';
  readonly rows: number;
  readonly columns: number;
  readonly inputBits: number;
  readonly outputBits: number;
  /** By read mode; hardware with a mode that is missing here has no cost. */
  readonly reads: { readonly [M in ReadModeName]?: MeasuredRead };
  /** With its converters. */
  readonly area: Constant<'mm²'>;
};

/** Energy and area of an ADC: the formulas of adc.ts, or constants. */
export type AdcModel =
  | { readonly kind: 'survey' }
  | { readonly kind: 'zigzag'; readonly voltage: Constant<'V'> }
  | { readonly kind: 'fixed'; readonly energy: Constant<'pJ'>; readonly area: Constant<'µm²'> };

/** A tile that is put together from its parts. */
export type BottomUpTile = {
  readonly kind: 'bottom-up';
  readonly nodeNanometers: number;
  /** Integrations of one product, by read mode. */
  readonly phases: { readonly [M in ReadModeName]: number };
  readonly array: {
    readonly readVoltage: Constant<'V'>;
    /** Of a crosspoint, all its cells together, if the conductances are not known. */
    readonly conductance: Constant<'µS'>;
    /** Mean pulse as a share of the longest, if the inputs are not known. */
    readonly pulseShare: Constant<'1'>;
    readonly crosspointArea: Constant<'µm²'>;
  };
  /** Pulses whose widths code the inputs. */
  readonly dac: {
    /** For each bit of an input. */
    readonly energyPerBit: Constant<'pJ'>;
    /** A step of the pulse width; the longest pulse of b bits, one of them the sign, has 2^(b − 1). */
    readonly slot: Constant<'ns'>;
    /** For each row. */
    readonly area: Constant<'µm²'>;
  };
  readonly adc: {
    readonly model: AdcModel;
    readonly columnsPerAdc: number;
    /** Of each column, after the pulses. */
    readonly conversionTime: Constant<'ns'>;
  };
  /** Of a tile, switched on. */
  readonly leakage: Constant<'mW'>;
  /** Measured energy of a comparable whole tile over what this model gives for it, by read mode. */
  readonly measuredOverEstimated: { readonly [M in ReadModeName]: Constant<'1'> };
};

/** What a tile costs. */
export type TileCost = MeasuredTile | BottomUpTile;

/** The digital parts of a chip. */
export type DigitalCost = {
  /** Adding one partial sum of a column. */
  readonly add: Constant<'pJ'>;
  /** Scale, shift and non-linearity of one output. */
  readonly postProcessing: Constant<'pJ'>;
  /** One multiply-add of a layer that stays digital. */
  readonly multiplyAdd: Constant<'pJ'>;
  readonly memoryRead: Constant<'pJ/byte'>;
  readonly memoryWrite: Constant<'pJ/byte'>;
  /** Over one hop. */
  readonly link: Constant<'pJ/bit'>;
  /** Hops of every bit that reaches or leaves a tile. */
  readonly hops: Constant<'1'>;
  readonly leakage: Constant<'mW'>;
  readonly area: Constant<'mm²'>;
};

/** What is outside the chip. */
export type SystemCost = {
  /** Inputs and outputs of the network. */
  readonly memory: Constant<'pJ/bit'>;
  /** Host, clocks, conversion of the supply: for each inference. */
  readonly host: Constant<'pJ'>;
};

/** Changing conductances. */
export type WriteCost = {
  readonly pulse: Constant<'pJ'>;
  /** Pulses that program-and-verify needs for a device. */
  readonly pulsesPerDevice: Constant<'1'>;
};

/** The cost of an accelerator. */
export type HardwareCost = {
  readonly name: string;
  readonly source: string;
  readonly tile: TileCost;
  readonly digital: DigitalCost;
  readonly system: SystemCost;
  readonly writing: WriteCost;
};

/** The mode in which hardware is read. */
export function readModeOf({ readMode }: { readonly readMode?: ReadMode }): ReadModeName {
  return readMode?.kind ?? 'unstated';
}

/** The less certain of two. */
export function weaker(a: Evidence, b: Evidence): Evidence {
  return EVIDENCE[Math.max(EVIDENCE.indexOf(a), EVIDENCE.indexOf(b))]!;
}
