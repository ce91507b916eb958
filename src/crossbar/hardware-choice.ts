// Hardware as users name it: a preset, a whole specification, or a preset with changes.

import { z } from 'zod';
import { UsageError } from '../base/errors.ts';
import { mergeSettings } from '../base/merge.ts';
import { type Incomplete, type Json, nameSchema } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import type { HardwareSpec } from './hardware.ts';
import { checkHardware, hardwareSchema } from './hardware-schema.ts';
import { hermes256, ideal, joshi2020, standardEvaluation } from './presets.ts';

/** Names of the presets. */
export type HardwareName = 'ideal' | 'joshi2020' | 'hermes256' | 'standardEvaluation';

/** A preset with changes: `{ preset: 'hermes256', adc: { bits: 6 } }`. What is not said stays; another `kind` replaces. */
export type ChangedPreset = Incomplete<HardwareSpec> & { readonly preset: HardwareName };

/** Hardware in settings. */
export type HardwareChoice = HardwareName | HardwareSpec | ChangedPreset;

/** All presets by name. */
export const hardwarePresets: { readonly [N in HardwareName]: HardwareSpec } = {
  ideal,
  joshi2020,
  hermes256,
  standardEvaluation,
};

/** All names of presets. */
export const hardwareNames: readonly HardwareName[] = Object.keys(hardwarePresets) as HardwareName[];

/** Schema of `HardwareChoice`. The changes of a preset are checked when they lie on it. */
export const hardwareChoiceSchema: z.ZodType<HardwareChoice> = z.union([
  nameSchema(hardwareNames),
  z
    .looseObject({ preset: nameSchema(hardwareNames) })
    .meta({ description: 'a preset with changes; fields as in a whole specification' }),
  hardwareSchema,
]) as unknown as z.ZodType<HardwareChoice>;

/**
 * The specification that settings name, hold or change.
 *
 * @throws UsageError that lists all faults of a changed preset
 */
export function resolveHardware(choice: HardwareChoice): HardwareSpec {
  if (typeof choice === 'string') return hardwarePresets[choice];
  if (!('preset' in choice)) return choice;
  const { preset, ...changes } = choice;
  const base: HardwareSpec | undefined = hardwarePresets[preset];
  if (base === undefined) throw new UsageError(`hardware.preset: ${unknownName(preset, hardwareNames)}`);
  return checkHardware(mergeSettings(base as unknown as Json, changes as unknown as Json));
}
