// Hardware from flags: a preset, or a file with a specification or with changes of a preset; changed by `--set` and
// `--keep-digital`.

import { existsSync } from 'node:fs';
import { UsageError } from '../base/errors.ts';
import { isTree, treeAt } from '../base/merge.ts';
import { check, type Json } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { changeHardware, chosenHardwareSchema, hardwareNames } from '../crossbar/hardware-choice.ts';
import { hardwareSchema } from '../crossbar/hardware-schema.ts';
import { withCellFile } from './cell-file.ts';
import { readSettingsFile } from './files.ts';
import { below, fieldsOfSchema, located, parseSettings, type Root, type Setting } from './set-flag.ts';
import { parseList } from './values.ts';

/** Flags that choose and change hardware, as typed. */
export type HardwareFlags = {
  readonly hardware?: string;
  /** `adc.bits=4` */
  readonly set?: readonly string[];
  /** Patterns of layers. */
  readonly keepDigital?: string;
};

/**
 * The specification that flags name and change.
 *
 * @throws UsageError if there is none of that name, or with all faults of the hardware
 */
export function hardwareFromFlags({ hardware, set = [], keepDigital }: HardwareFlags): HardwareSpec {
  const roots = [{ fields: ['hardware'], at: [] }, hardwareRoot(['hardware'])];
  const { inside } = below(['hardware'], located(parseSettings(set), roots));
  const isFile = hardware !== undefined && !hardwareNames.some((known) => known === hardware);
  const chosen = chosenHardware(undefined, { hardware, keepDigital, settings: inside });
  return check(chosenHardwareSchema, isFile ? hardware : 'hardware', chosen);
}

/**
 * Hardware as settings hold it, chosen and changed by flags. The name of changed hardware lists the changes, unless
 * they set the name.
 *
 * @param base the hardware of a settings file; if there is none, changes apply to hardware with ideal periphery and
 * cells
 */
export function chosenHardware(
  base: Json | undefined,
  {
    hardware,
    keepDigital,
    settings,
  }: {
    readonly hardware: string | undefined;
    readonly keepDigital: string | undefined;
    /** Of `--set`, paths from the hardware. */
    readonly settings: readonly Setting[];
  },
): Json | undefined {
  const chosen = hardware === undefined ? base : hardwareChoice(hardware);
  const patterns = keepDigital === undefined ? undefined : parseList(keepDigital);
  if (settings.length === 0 && patterns === undefined) return chosen;
  // One after the other: of two for one field the later holds, and a name that is set is hardware whose fields can be changed.
  const start = settings
    .filter(({ path }) => path.length === 0)
    .reduce((all: Json, { value }) => changeHardware(all, value)!, chosen ?? 'ideal');
  const parts = settings.filter(({ path }) => path.length > 0);
  const changes = [
    ...parts.map(({ path, value }) => treeAt(path, value)),
    ...(patterns === undefined ? [] : [digitalLayers(patterns)]),
  ];
  const texts = [
    ...parts.map(({ path, value }) => `${path.join('.')}=${JSON.stringify(value)}`),
    ...(patterns === undefined ? [] : [`digital ${patterns.join(', ')}`]),
  ];
  const changed = changes.reduce((all: Json, change) => changeHardware(all, change)!, start);
  const isNamed = parts.some(({ path: [first] }) => first === 'name') || texts.length === 0;
  return isNamed ? changed : changeHardware(changed, nameOfChanged(start, texts.join('; ')));
}

/** Hardware as settings hold it, from what --hardware says. Throws UsageError if it is neither a preset nor a file. */
function hardwareChoice(text: string): Json {
  if (hardwareNames.some((known) => known === text)) return text;
  if (existsSync(text)) return withCellFile(readSettingsFile(text), text);
  throw new UsageError(`--hardware: there is no file of that name; ${unknownName(text, hardwareNames)}`);
}

/** Where `--set` finds fields of hardware. */
export function hardwareRoot(at: readonly string[]): Root {
  return { fields: fieldsOfSchema(hardwareSchema), at };
}

function digitalLayers(patterns: readonly string[]): Json {
  return { layers: Object.fromEntries(patterns.map((pattern) => [pattern, 'digital'])) };
}

/** A name that lists the changes of hardware; no field if it had no name, or has this one already. */
function nameOfChanged(base: Json, text: string): Json {
  const { name, preset } = isTree(base) ? base : { name: base, preset: undefined };
  const known = name ?? preset;
  const ending = ` (${text})`;
  // A run that the same command continues has this name already.
  return typeof known !== 'string' || known.endsWith(ending) ? {} : { name: `${known}${ending}` };
}
