// `ohmic presets`: named hardware, published cells, devices that learn and costs, as files in which one field may be changed.

import { stringify } from 'yaml';
import { UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import type { CellSpec } from '../cells/cell.ts';
import { publishedCells } from '../cells/published-cells.ts';
import { publishedPulseDevices } from '../cells/published-pulse-devices.ts';
import type { PulseDeviceSpec } from '../cells/pulse-spec.ts';
import type { HardwareCost } from '../cost/cost-spec.ts';
import { publishedCosts } from '../cost/published-costs.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hardwarePresets } from '../crossbar/hardware-choice.ts';
import { jsonText } from '../report/json.ts';

/** Flags of `ohmic presets`, as typed. */
export type PresetsFlags = { readonly json?: boolean };

/** A preset and its name. */
type Preset =
  | { readonly kind: 'hardware'; readonly name: string; readonly spec: HardwareSpec }
  | { readonly kind: 'cell'; readonly name: string; readonly spec: CellSpec }
  | { readonly kind: 'device'; readonly name: string; readonly spec: PulseDeviceSpec }
  | { readonly kind: 'cost'; readonly name: string; readonly spec: HardwareCost };

/** Hardware first. */
const presets: readonly Preset[] = [
  ...Object.entries(hardwarePresets).map(([name, spec]): Preset => ({ kind: 'hardware', name, spec })),
  ...Object.entries(publishedCells).map(([name, spec]): Preset => ({ kind: 'cell', name, spec })),
  ...Object.entries(publishedPulseDevices).map(([name, spec]): Preset => ({ kind: 'device', name, spec })),
  ...Object.entries(publishedCosts).map(([name, spec]): Preset => ({ kind: 'cost', name, spec })),
];

/** Names of all presets. */
export const presetNames: readonly string[] = presets.map(({ name }) => name);

/**
 * Prints a preset as YAML, or as JSON; without a name, lists what there is.
 *
 * @throws UsageError for an unknown name
 */
export function presetsCommand(name: string | undefined, { json = false }: PresetsFlags): void {
  if (name === undefined) {
    const list = presets.map(({ kind, name: known, spec: { source } }) => ({ name: known, kind, source }));
    process.stdout.write(json ? `${jsonText(list)}\n` : listText(list));
    return;
  }
  process.stdout.write(presetText(name, { json }));
}

/** One line for each; sources are sentences, so they stand last and to the left. */
function listText(list: readonly Readonly<Record<'name' | 'kind' | 'source', string>>[]): string {
  const width = Math.max(...list.map(({ name }) => name.length));
  return list
    .map(({ name, kind, source }) => `${name.padEnd(width)}  ${kind.padEnd('hardware'.length)}  ${source}\n`)
    .join('');
}

/**
 * A preset as YAML, or as JSON.
 *
 * @throws UsageError for an unknown name
 */
export function presetText(name: string, { json = false }: { readonly json?: boolean } = {}): string {
  const preset = presets.find((known) => known.name === name);
  if (preset === undefined) throw new UsageError(`presets: ${unknownName(name, presetNames)}`);
  const { kind, spec } = preset;
  if (json) return `${jsonText(spec)}\n`;
  const use = uses[kind];
  return `# ${use}\n${stringify(spec, { aliasDuplicateObjects: false, lineWidth: 110 })}`;
}

/** What a file of each kind is for. */
const uses: Readonly<Record<Preset['kind'], string>> = {
  hardware: 'A file like this is hardware: --hardware FILE. Schema: ohmic schema hardware.',
  cell: 'A file like this is a cell: hardware files name it, `cell: FILE`; or the name itself, `cell: NAME`. Schema: ohmic schema cell.',
  cost: 'A file like this is the cost of hardware: --cost FILE. Schema: ohmic schema cost.',
  device: 'A file like this is a device that learns. Schema: ohmic schema pulse-device.',
};
