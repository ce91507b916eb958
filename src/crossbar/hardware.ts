// A crossbar accelerator as data: which cell, how weights become conductances, how large a tile is, what its
// converters and amplifiers do. Left out: IR drop, input noise, bit slicing; energy and latency are in cost/.

import type { CellSpec } from '../cells/cell.ts';

/** How weights become conductances. */
export type Mapping = {
  /** One conductance scale for the whole weight matrix, or one for each of its columns. */
  readonly scale: 'per-layer' | 'per-column';
  /** Differential pairs of a weight; all have the same targets, and their mean is the weight. Absent: one. */
  readonly pairs?: number;
};

/** A physical array; a crosspoint holds one weight, with all its differential pairs. */
export type Tile =
  | { readonly kind: 'unlimited' }
  | { readonly kind: 'limited'; readonly rows: number; readonly columns: number };

/** Where the range of the input converter comes from. */
export type DacRange =
  /** One for the layer, calibrated or learned. */
  | { readonly kind: 'calibrated' }
  /** The largest magnitude of each example, which the digital side finds before it converts. */
  | { readonly kind: 'per-example' };

/** Converter of the inputs. */
export type Dac =
  | { readonly kind: 'ideal' }
  /** `range` absent: calibrated. */
  | { readonly kind: 'uniform'; readonly bits: number; readonly range?: DacRange };

/** Full scale of the output converter, in products of a full input with a full weight. */
export type AdcRange =
  | { readonly kind: 'fixed'; readonly fullScale: number }
  | { readonly kind: 'calibrated' };

/**
 * What happens if an output is beyond the range of the converter: it is cut, or the product of that example is computed
 * again with inputs of half the size, at most `halvings` times, and the result is scaled up.
 */
export type BoundManagement =
  | { readonly kind: 'none' }
  | { readonly kind: 'iterative'; readonly halvings: number };

/** Converter of a tile's column outputs. */
export type Adc =
  | { readonly kind: 'ideal' }
  | {
      readonly kind: 'uniform';
      readonly bits: number;
      readonly range: AdcRange;
      /** Absent: none. */
      readonly boundManagement?: BoundManagement;
    };

/** Noise on every column output of a tile, drawn anew for every product, before the ADC. */
export type OutputNoise =
  | { readonly kind: 'none' }
  /** Standard deviation relative to the product of a full input with a full weight. */
  | { readonly kind: 'gaussian'; readonly relativeStandardDeviation: number };

/**
 * When read noise is drawn: once for each read of the chip, shared by all products, or anew for every product. Real 1/f
 * noise is between the two: a part of it is slower than a product, a part is faster.
 */
export type ReadNoiseDraw = { readonly kind: 'per-read' } | { readonly kind: 'per-product' };

/**
 * How a tile brings inputs and weights of both signs together. It decides noise here, time and energy in cost/, so that no
 * experiment joins the accuracy of one mode with the energy of another.
 */
export type ReadMode =
  /** One integration for each sign of inputs and of weights; the noise is that of the cells and converters. */
  | { readonly kind: 'four-phase' }
  /**
   * All at once, with one more error on every column output, drawn anew for every product. `relativeError`: its standard
   * deviation as a share of the full scale of the ADC.
   */
  | { readonly kind: 'one-phase'; readonly relativeError: number };

/** The arrays of a layer and their periphery. The size of the read noise belongs to the cell. */
export type ArrayHardware = {
  readonly cell: CellSpec;
  readonly mapping: Mapping;
  readonly tile: Tile;
  readonly dac: Dac;
  readonly adc: Adc;
  readonly outputNoise: OutputNoise;
  /** Absent: per read. */
  readonly readNoise?: ReadNoiseDraw;
  /** Absent: not stated; then only costs that state none either fit. */
  readonly readMode?: ReadMode;
};

/** Exceptions for some layers: they stay digital, or have other arrays or periphery. */
export type LayerHardware = 'digital' | Partial<ArrayHardware>;

/** An accelerator. */
export type HardwareSpec = ArrayHardware & {
  readonly name: string;
  readonly source: string;
  /**
   * Exceptions by the name of a layer, or by a pattern in which `*` stands for any text; the first that fits decides.
   * Absent: all layers are alike.
   */
  readonly layers?: Readonly<Record<string, LayerHardware>>;
};

/** The hardware of one layer; undefined if it stays digital. */
export function hardwareOf({ layers, ...hardware }: HardwareSpec, layer: string): HardwareSpec | undefined {
  if (layers === undefined) return hardware;
  const own = exceptionOf(layers, layer);
  if (own === 'digital') return undefined;
  return own === undefined ? hardware : { ...hardware, ...own };
}

/** The arrays of some layers. */
export type NamedArrays = {
  /** Of the names of the layers; undefined: what all layers have in common. */
  readonly pattern: string | undefined;
  readonly arrays: ArrayHardware;
  /** The fields that are stated here. */
  readonly own: Partial<ArrayHardware>;
};

/** All arrays that a hardware describes: first what its layers have in common, then each exception. */
export function arraysOf({ layers = {}, ...common }: HardwareSpec): NamedArrays[] {
  const exceptions = Object.entries(layers).flatMap(([pattern, own]): NamedArrays[] =>
    own === 'digital' ? [] : [{ pattern, arrays: { ...common, ...own }, own }],
  );
  return [{ pattern: undefined, arrays: common, own: common }, ...exceptions];
}

/**
 * The hardware with exceptions that a function chooses: `byLayer(hermes256, network.layers, ({ name }) => …)`. They
 * have priority over the hardware's own names and patterns.
 *
 * @param choose the exception for a layer; undefined: none
 */
export function byLayer<L extends { readonly name: string }>(
  hardware: HardwareSpec,
  layers: readonly L[],
  choose: (layer: L) => LayerHardware | undefined,
): HardwareSpec {
  const chosen = layers.flatMap((layer): [string, LayerHardware][] => {
    const own = choose(layer);
    return own === undefined ? [] : [[layer.name, own]];
  });
  const first = Object.fromEntries(chosen);
  return { ...hardware, layers: { ...first, ...hardware.layers, ...first } };
}

/** The exception of the first name or pattern that fits; undefined: none. */
export function exceptionOf<T>(exceptions: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.entries(exceptions).find(([pattern]) => matchesPattern(name, pattern))?.[1];
}

/** True if a name fits a pattern in which `*` stands for any text. */
export function matchesPattern(name: string, pattern: string): boolean {
  const [start, ...parts] = pattern.split('*') as [string, ...string[]];
  if (parts.length === 0) return name === pattern;
  if (!name.startsWith(start)) return false;
  let at = start.length;
  for (const part of parts.slice(0, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  const end = parts.at(-1)!;
  return name.length - end.length >= at && name.endsWith(end);
}

/** A fault for each pattern of a hardware's exceptions that fits no layer. */
export function patternFaults({ layers }: HardwareSpec, names: readonly string[]): string[] {
  return exceptionFaults('layers', layers, names);
}

/**
 * A fault for each pattern that fits no layer, or no parameter.
 *
 * @param field what has the patterns, for people
 * @param kind what the names are of, for people
 */
export function exceptionFaults(
  field: string,
  exceptions: Readonly<Record<string, unknown>> | undefined,
  names: readonly string[],
  kind: 'layer' | 'parameter' = 'layer',
): string[] {
  return Object.keys(exceptions ?? {})
    .filter((pattern) => !names.some((name) => matchesPattern(name, pattern)))
    .map((pattern) => `${field}: "${pattern}" fits no ${kind}; there are ${names.join(', ')}`);
}

/** True if the periphery is exact: then a product is the plain product with the conductances. */
export function hasIdealPeriphery({ dac, adc, outputNoise }: ArrayHardware): boolean {
  return dac.kind === 'ideal' && adc.kind === 'ideal' && outputNoise.kind === 'none';
}

/** A one-phase read whose ADC has no full scale that its error could be a share of, as a fault. */
export function readModeFaults({ readMode, adc }: ArrayHardware): string[] {
  return readMode?.kind === 'one-phase' && adc.kind === 'ideal'
    ? ['a one-phase read needs an ADC with a full scale, got an ideal one; set adc, or leave readMode out']
    : [];
}

/**
 * Several pairs a weight, as faults.
 *
 * @param why where each weight has one device or one pair: `with the rule "pulsed"`
 */
export function severalPairsFaults(hardware: HardwareSpec, why: string): string[] {
  return arraysOf(hardware).flatMap(({ pattern, own: { mapping: { pairs = 1 } = {} } }) => {
    const where = pattern === undefined ? '' : `layers."${pattern}".`;
    return pairs === 1 ? [] : [`${where}mapping.pairs must be 1 ${why}, got ${pairs}; leave it out`];
  });
}

/** True if each example has an input range of its own. */
export function hasRangePerExample({ dac }: ArrayHardware): boolean {
  return dac.kind === 'uniform' && dac.range?.kind === 'per-example';
}

/** True if every product draws read noise, so that a reading has its variance instead of one draw. */
export function hasReadNoiseInProducts({ cell, readNoise }: ArrayHardware): boolean {
  return readNoise?.kind === 'per-product' && cell.readNoise.kind !== 'none';
}
