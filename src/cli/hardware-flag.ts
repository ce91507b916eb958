// Hardware as a flag names it: a preset, or a file that holds a specification or changes of a preset.

import { existsSync } from 'node:fs';
import { UsageError } from '../base/errors.ts';
import { check } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hardwareChoiceSchema, hardwareNames, resolveHardware } from '../crossbar/hardware-choice.ts';
import { withCellFile } from './cell-file.ts';
import { readSettingsFile } from './files.ts';

/**
 * The specification that a flag names.
 *
 * @throws UsageError if there is none of that name, or the file has faults, which are all listed
 */
export function hardwareFromFlag(text: string): HardwareSpec {
  const known = hardwareNames.find((candidate) => candidate === text);
  if (known !== undefined) return resolveHardware(known);
  if (!existsSync(text)) {
    throw new UsageError(`--hardware: there is no file of that name; ${unknownName(text, hardwareNames)}`);
  }
  return resolveHardware(check(hardwareChoiceSchema, text, withCellFile(readSettingsFile(text), text)));
}
