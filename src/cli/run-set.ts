// Settings of a run, changed by the flags `--set` and `--backend` of `ohmic run` and `ohmic reproduce`.

import { withValueAt } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { valueAt } from '../base/value-at.ts';
import { chosenHardware, hardwareRoot } from './hardware-flag.ts';
import { laySettings } from './lay-settings.ts';
import { below, fieldsOfSchema, located, parseSettings, settingsTree } from './set-flag.ts';
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
  const roots = [{ fields: fieldsOfSchema(runSchema), at: [] }, hardwareRoot(['hardware'])];
  const { inside, others } = below(['hardware'], located(parseSettings(set), roots));
  const laid = laySettings(settings, settingsTree(others), backend === undefined ? undefined : { backend });
  const base = valueAt(laid, ['hardware']) as Json | undefined;
  const hardware = chosenHardware(base, { hardware: undefined, keepDigital: undefined, settings: inside });
  return hardware === undefined ? laid : withValueAt(laid, ['hardware'], hardware);
}
