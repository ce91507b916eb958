// Settings of a run, changed by the flags `--set` and `--backend` of `ohmic run` and `ohmic reproduce`.

import type { z } from 'zod';
import { withValueAt } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { valueAt } from '../base/value-at.ts';
import { chosenHardware, hardwareRoot } from './hardware-flag.ts';
import { laySettings } from './lay-settings.ts';
import {
  below,
  fieldsOfSchema,
  located,
  parseSettings,
  type Root,
  type Setting,
  settingsTree,
} from './set-flag.ts';
import { runSchema } from './settings-schema.ts';

/** Flags that change settings of a run, as typed. */
export type SetFlags = { readonly set?: readonly string[]; readonly backend?: string };

/**
 * Settings of a run, changed by flags. Paths of `--set` begin with a field of the settings
 * (`evaluation.chips`) or of the hardware (`adc.bits`).
 *
 * @throws UsageError that lists all flags that can't be read
 */
export function withSetFlags(settings: Json, { set = [], backend }: SetFlags): Json | undefined {
  const laid = laySettings(settings, backend === undefined ? undefined : { backend });
  return withSettings(laid, located(parseSettings(set), settingRoots(runSchema)));
}

/** Where paths of settings with a `hardware` begin: at their fields, or at those of the hardware. */
export function settingRoots(schema: z.ZodType): Root[] {
  return [{ fields: fieldsOfSchema(schema), at: [] }, hardwareRoot(['hardware'])];
}

/** Settings with some of their fields set; changed hardware lists the changes in its name. */
export function withSettings(settings: Json | undefined, given: readonly Setting[]): Json | undefined {
  const { inside, others } = below(['hardware'], given);
  const laid = laySettings(settings, settingsTree(others));
  const base = valueAt(laid, ['hardware']) as Json | undefined;
  const hardware = chosenHardware(base, { hardware: undefined, keepDigital: undefined, settings: inside });
  return hardware === undefined ? laid : withValueAt(laid, ['hardware'], hardware);
}
