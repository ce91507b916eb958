// A crossbar accelerator as data: which cell, how weights become conductances, how large a tile is, what its
// converters and amplifiers do. Left out: IR drop, input noise, energy and latency, bit slicing.

import type { CellSpec } from '../cells/cell.ts';

/** One conductance scale for the whole weight matrix, or one for each of its columns. */
export type Mapping = { readonly scale: 'per-layer' | 'per-column' };

/** A physical array; a crosspoint holds one differential pair, so one weight. */
export type Tile =
  | { readonly kind: 'unlimited' }
  | { readonly kind: 'limited'; readonly rows: number; readonly columns: number };

/** Converter of the inputs. Its range is the layer's input range, which calibration finds. */
export type Dac = { readonly kind: 'ideal' } | { readonly kind: 'uniform'; readonly bits: number };

/** Full scale of the output converter, in products of a full input with a full weight. */
export type AdcRange =
  | { readonly kind: 'fixed'; readonly fullScale: number }
  | { readonly kind: 'calibrated' };

/** Converter of a tile's column outputs. */
export type Adc =
  | { readonly kind: 'ideal' }
  | { readonly kind: 'uniform'; readonly bits: number; readonly range: AdcRange };

/** Noise on every column output of a tile, drawn anew for every product, before the ADC. */
export type OutputNoise =
  | { readonly kind: 'none' }
  /** Standard deviation relative to the product of a full input with a full weight. */
  | { readonly kind: 'gaussian'; readonly relativeStandardDeviation: number };

/**
 * When the cells' read noise is drawn: once for each read of the whole chip, which all products then share, or anew for
 * every product. The spectrum of 1/f lies between: part of it is slower than a product, part is faster.
 */
export type ReadNoiseDraw = { readonly kind: 'per-read' } | { readonly kind: 'per-product' };

/** An accelerator. How large read noise is belongs to the cell. */
export type HardwareSpec = {
  readonly name: string;
  readonly source: string;
  readonly cell: CellSpec;
  readonly mapping: Mapping;
  readonly tile: Tile;
  readonly dac: Dac;
  readonly adc: Adc;
  readonly outputNoise: OutputNoise;
  /** Absent: per read. */
  readonly readNoise?: ReadNoiseDraw;
};

/** True if the periphery computes exactly: a product is then the plain product with the conductances. */
export function hasIdealPeriphery({ dac, adc, outputNoise }: HardwareSpec): boolean {
  return dac.kind === 'ideal' && adc.kind === 'ideal' && outputNoise.kind === 'none';
}

/** True if every product draws read noise, so that a reading has its variance instead of one draw. */
export function hasReadNoiseInProducts({ cell, readNoise }: HardwareSpec): boolean {
  return readNoise?.kind === 'per-product' && cell.readNoise.kind !== 'none';
}
