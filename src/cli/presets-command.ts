// `ohmic presets`: named hardware and published cells, as files in which one field may be changed.

import { stringify } from 'yaml';
import { UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import type { CellSpec } from '../cells/cell.ts';
import { hermesOneDevice, hermesTwoDevices, idealCell, pcmNandakumar2019 } from '../cells/published-cells.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hardwarePresets } from '../crossbar/hardware-choice.ts';
import { jsonText } from '../report/json.ts';

/** A preset and its name. */
type Preset =
  | { readonly kind: 'hardware'; readonly name: string; readonly spec: HardwareSpec }
  | { readonly kind: 'cell'; readonly name: string; readonly spec: CellSpec };

/** Hardware first. The ideal cell has another name here, because `ideal` is the hardware. */
const presets: readonly Preset[] = [
  ...Object.entries(hardwarePresets).map(([name, spec]): Preset => ({ kind: 'hardware', name, spec })),
  ...[pcmNandakumar2019, hermesOneDevice, hermesTwoDevices].map(
    (spec): Preset => ({ kind: 'cell', name: spec.name, spec }),
  ),
  { kind: 'cell', name: 'ideal-cell', spec: idealCell },
];

/** Names of all presets. */
export const presetNames: readonly string[] = presets.map(({ name }) => name);

/**
 * Prints a preset as YAML, or as JSON; without a name, lists what there is.
 *
 * @throws UsageError for an unknown name
 */
export function presetsCommand(
  name: string | undefined,
  { json = false }: { readonly json?: boolean },
): void {
  if (name === undefined) {
    const list = presets.map(({ kind, name: known, spec: { source } }) => ({ name: known, kind, source }));
    process.stdout.write(json ? `${jsonText(list)}\n` : listText(list));
    return;
  }
  const preset = presets.find((known) => known.name === name);
  if (preset === undefined) throw new UsageError(`presets: ${unknownName(name, presetNames)}`);
  process.stdout.write(json ? `${jsonText(preset.spec)}\n` : presetText(preset));
}

/** One line for each; sources are sentences, so they stand last and to the left. */
function listText(list: readonly Readonly<Record<'name' | 'kind' | 'source', string>>[]): string {
  const width = Math.max(...list.map(({ name }) => name.length));
  return list
    .map(({ name, kind, source }) => `${name.padEnd(width)}  ${kind.padEnd('hardware'.length)}  ${source}\n`)
    .join('');
}

function presetText({ kind, spec }: Preset): string {
  const use =
    kind === 'hardware'
      ? 'A file like this is hardware: --hardware FILE. Schema: ohmic schema hardware.'
      : 'A file like this is a cell: hardware files name it, `cell: FILE`. Schema: ohmic schema cell.';
  return `# ${use}\n${stringify(spec, { aliasDuplicateObjects: false, lineWidth: 110 })}`;
}
