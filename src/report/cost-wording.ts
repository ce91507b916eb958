// Costs in words: energies, times and areas with their units, what an interval means, and how well a number is known.

import type { Part } from '../cost/energy.ts';
import type { CostEstimate, EnergyRange } from '../cost/estimate.ts';
import { formatCount } from './wording.ts';

/** Parts of an energy for people. */
export const PART_NAMES: { readonly [P in Part]: string } = {
  tile: 'tile: array, DAC, ADC',
  array: 'array',
  dac: 'DAC',
  adc: 'ADC',
  digital: 'digital work',
  memory: 'memory',
  links: 'links',
  leakage: 'leakage',
  'off-chip memory': 'off-chip memory',
  host: 'host',
};

/** An amount of a small unit with the prefix that suits it: `22.8 µJ`; a dash if it is unknown. */
function scaled(value: number | null, units: readonly string[]): string {
  if (value === null) return '–';
  let [amount, step] = [value, 0];
  while (amount >= 999.5 && step < units.length - 1) {
    amount /= 1000;
    step++;
  }
  return `${rounded(amount)} ${units[step]}`;
}

/** Three digits, without an exponent. */
export function rounded(amount: number): string {
  return String(Number(amount.toPrecision(3)));
}

/** An energy that was given in picojoules. */
export function formatEnergy(picojoules: number | null): string {
  return scaled(picojoules, ['pJ', 'nJ', 'µJ', 'mJ', 'J']);
}

/** A time that was given in nanoseconds. */
export function formatDuration(nanoseconds: number | null): string {
  return scaled(nanoseconds, ['ns', 'µs', 'ms', 's']);
}

/** `22.8 µJ (4.1 µJ to 80.5 µJ)`; without the interval if there is none. */
export function formatRange({ picojoules, low, high }: EnergyRange): string {
  const isOpen = high > low * (1 + 1e-9);
  return `${formatEnergy(picojoules)}${isOpen ? ` (${formatEnergy(low)} to ${formatEnergy(high)})` : ''}`;
}

/** A rate, `1.88 k/s`. */
export function formatRate(perSecond: number | null): string {
  return perSecond === null ? '–' : `${formatCount(Number(perSecond.toPrecision(3)))} per second`;
}

/** Square millimeters. */
export function formatArea(squareMillimeters: number | null): string {
  return squareMillimeters === null ? '–' : `${rounded(squareMillimeters)} mm²`;
}

/** Operations for a joule. */
export function formatEfficiency(topsPerWatt: number | null): string {
  return topsPerWatt === null ? 'unknown' : `${rounded(topsPerWatt)} TOPS/W`;
}

/** What the interval of an estimate means, as a sentence. */
export function intervalSentence({ tileKind }: Pick<CostEstimate, 'tileKind'>): string {
  return tileKind === 'measured'
    ? 'The headline and the upper end charge a whole tile, as it was measured, for every product; the lower end charges the cells in use only. No publication says which holds.'
    : 'The headline and the lower end are sums of published parts; the upper end is as many times as much as a measured chip needs of what these parts give for its tile.';
}

/** How well the energy on the chip is known, as a sentence. */
export function evidenceSentence({
  evidence,
  tileKind,
}: Pick<CostEstimate, 'evidence' | 'tileKind'>): string {
  const base = tileKind === 'measured' ? ' The energy of a whole tile was published.' : '';
  return `Evidence of the terms that make up nine tenths: ${evidence} at the weakest.${base}`;
}
