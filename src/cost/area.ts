// Area of a tile, from its parts or as measured.

import { assertNever } from '../base/errors.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import type { HardwareCost } from './cost-spec.ts';
import { adcOf } from './energy.ts';

const SQUARE_MILLIMETERS = 1e-6;

/**
 * Area of a whole tile, used or not: as measured, or crosspoints + rows · DAC + columns · ADC / columns per ADC; mm², null
 * if a part is unknown. Not modelled: decoders, drivers of writing, wiring between the parts.
 */
export function tileSquareMillimeters({ tile }: HardwareCost, hardware: HardwareSpec): number | null {
  switch (tile.kind) {
    case 'measured':
      return tile.area.value;
    case 'bottom-up': {
      if (hardware.tile.kind !== 'limited') return null;
      const { rows, columns } = hardware.tile;
      const adc = adcOf(tile, hardware).figures?.squareMicrometers;
      const crosspoint = tile.array.crosspointArea.value;
      const dac = tile.dac.area.value;
      if (adc === undefined || Number.isNaN(adc) || crosspoint === null || dac === null) return null;
      const adcs = Math.ceil(columns / tile.adc.columnsPerAdc);
      return (rows * columns * crosspoint + rows * dac + adcs * adc) * SQUARE_MILLIMETERS;
    }
    default:
      return assertNever(tile);
  }
}
