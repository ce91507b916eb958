// Whether a cost says something of a hardware: a measured tile tells nothing of other sizes, other converters or another
// read mode, and no cost tells what a tile without limits needs.

import { type HardwareSpec, hardwareOf } from '../crossbar/hardware.ts';
import { type BottomUpTile, type HardwareCost, type MeasuredTile, readModeOf } from './cost-spec.ts';
import type { NetworkCount } from './count.ts';

/** What makes a cost unsuitable for the hardware of a network; one line for layers with the same fault. */
export function costFaults({ layers }: NetworkCount, chip: HardwareSpec, cost: HardwareCost): string[] {
  const found = new Map<string, string[]>();
  for (const { name } of layers) {
    const hardware = hardwareOf(chip, name);
    for (const fault of hardware === undefined ? [] : faultsOf(hardware, cost))
      found.set(fault, [...(found.get(fault) ?? []), name]);
  }
  return [...found].map(([fault, names]) =>
    names.length === layers.length ? fault : `${shortList(names)}: ${fault}`,
  );
}

function shortList(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more layers`;
}

function faultsOf(hardware: HardwareSpec, { tile }: HardwareCost): string[] {
  return [
    ...(hardware.tile.kind === 'limited'
      ? []
      : [
          'tile: expected one of a size, as a layer that fits no tile has no cost, got one without limits; set tile={kind: limited, rows: 256, columns: 256}',
        ]),
    ...(['dac', 'adc'] as const).flatMap((converter) =>
      hardware[converter].kind === 'ideal'
        ? [
            `${converter}: expected a converter with bits, as an ideal one has no cost; set ${converter}={kind: uniform, …}`,
          ]
        : [],
    ),
    ...(tile.kind === 'measured' ? measuredFaults(hardware, tile) : bottomUpFaults(hardware, tile)),
  ];
}

function measuredFaults(hardware: HardwareSpec, tile: MeasuredTile): string[] {
  const { dac, adc } = hardware;
  const mode = readModeOf(hardware);
  const known = Object.keys(tile.reads);
  const read = tile.reads[mode];
  const own = hardware.tile;
  const advice = 'a measured tile tells nothing of others; use a bottom-up cost';
  return [
    ...(own.kind === 'limited' && (own.rows !== tile.rows || own.columns !== tile.columns)
      ? [`tile: expected ${tile.rows} x ${tile.columns}, got ${own.rows} x ${own.columns}; ${advice}`]
      : []),
    ...(dac.kind === 'uniform' && dac.bits !== tile.inputBits
      ? [`dac.bits: expected ${tile.inputBits}, got ${dac.bits}; ${advice}`]
      : []),
    ...(adc.kind === 'uniform' && adc.bits !== tile.outputBits
      ? [`adc.bits: expected ${tile.outputBits}, got ${adc.bits}; ${advice}`]
      : []),
    ...(read === undefined
      ? [
          `readMode: expected ${known.join(' or ')}, got ${mode}; this cost was not measured in that mode, so it does not belong to that accuracy`,
        ]
      : []),
    ...(read?.energy.value === null ? [`tile.reads.${mode}.energy: expected a number, got null`] : []),
  ];
}

/** The survey has no converters below 4 bits; the array of a tile in several phases is read once. */
function bottomUpFaults({ adc }: HardwareSpec, { adc: { model } }: BottomUpTile): string[] {
  return model.kind === 'survey' && adc.kind === 'uniform' && adc.bits < 4
    ? [`adc.bits: expected at least 4, where the survey has converters, got ${adc.bits}`]
    : [];
}
