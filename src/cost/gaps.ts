// What an estimate leaves out because nobody told its size, by name.

import { type HardwareSpec, hardwareOf } from '../crossbar/hardware.ts';
import type { HardwareCost } from './cost-spec.ts';
import type { Part, Term } from './energy.ts';

const MISSING: { readonly [P in Part]: string } = {
  tile: 'energy of a tile',
  array: 'energy of the arrays',
  dac: 'energy of the DACs',
  adc: 'energy of the ADCs',
  digital: 'digital work',
  memory: 'memory on the chip',
  links: 'links between tiles',
  leakage: 'leakage outside the tiles',
  'off-chip memory': 'memory outside the chip',
  host: 'host, clocks and conversion of the supply',
};

/** The gaps of an estimate: unknown terms, and what the model does not reach. */
export function gapsOf(
  { tile, digital }: HardwareCost,
  hardware: HardwareSpec,
  {
    breakdown,
    layers,
  }: {
    readonly breakdown: readonly Term[];
    readonly layers: readonly { readonly name: string; readonly isDigital: boolean }[];
  },
): string[] {
  const unknown = breakdown.filter(({ picojoules }) => picojoules === null);
  return [
    ...unknown.map(({ part }) =>
      part === 'leakage' && tile.kind === 'bottom-up' ? 'leakage' : MISSING[part],
    ),
    ...(tile.kind === 'measured' ? ['how the energy of a tile divides into array, DAC and ADC'] : []),
    ...(tile.kind === 'measured' ? ['how it falls in a tile that is partly used'] : []),
    ...(layers.some(({ isDigital }) => isDigital) ? ['time of digital layers'] : []),
    ...(layers.some(({ name }) => repeatsProducts(hardwareOf(hardware, name)))
      ? ['products that bound management repeats']
      : []),
    ...(digital.area.value === null ? ['area of digital parts, memory and links'] : []),
  ];
}

function repeatsProducts(hardware: ReturnType<typeof hardwareOf>): boolean {
  const adc = hardware?.adc;
  return adc?.kind === 'uniform' && adc.boundManagement?.kind === 'iterative';
}
