// Hardware as users name it: one of the presets, or a file with a specification.

import { existsSync } from 'node:fs';
import { UsageError } from '../base/errors.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { checkHardware } from '../crossbar/hardware-schema.ts';
import { hermes256, ideal, joshi2020, standardEvaluation } from '../crossbar/presets.ts';
import { withCellFile } from './cell-file.ts';
import { readSettingsFile } from './files.ts';
import { unknownName } from './suggest.ts';

/** Names of the presets. */
export type HardwareName = 'ideal' | 'joshi2020' | 'hermes256' | 'standardEvaluation';

const presets: { readonly [N in HardwareName]: HardwareSpec } = {
  ideal,
  joshi2020,
  hermes256,
  standardEvaluation,
};

/** All names of presets. */
export const hardwareNames: readonly HardwareName[] = Object.keys(presets) as HardwareName[];

/** The specification that settings name or hold. */
export function resolveHardware(hardware: HardwareName | HardwareSpec): HardwareSpec {
  return typeof hardware === 'string' ? presets[hardware] : hardware;
}

/**
 * The specification that a flag names: a preset, else a JSON or YAML file.
 *
 * @throws UsageError if it is neither, or the file has faults, which are all listed
 */
export function hardwareFromFlag(text: string): HardwareSpec {
  const known = hardwareNames.find((candidate) => candidate === text);
  if (known !== undefined) return presets[known];
  if (!existsSync(text)) {
    throw new UsageError(`--hardware: there is no file of that name; ${unknownName(text, hardwareNames)}`);
  }
  return checkHardware(withCellFile(readSettingsFile(text), text));
}
