// Settings of a run or of twins, changed by the flags `--set` and `--backend` of `ohmic run`, `twins` and `reproduce`.

import type { z } from 'zod';
import { type Tree, withValueAt } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { valueAt } from '../base/value-at.ts';
import { trainingSchema } from '../train/settings.ts';
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
import { twinPartSchema } from './twins-schema.ts';

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

/** Where the hardware of a training is. */
export const TRAINING_HARDWARE = ['training', 'hardware'] as const;

/** Where paths of settings with a `training` begin: at their fields, at those of the training, or of its hardware. */
export function trainingRoots(schema: z.ZodType): Root[] {
  return [
    { fields: fieldsOfSchema(schema), at: [] },
    { fields: fieldsOfSchema(trainingSchema), at: ['training'] },
    hardwareRoot(TRAINING_HARDWARE),
  ];
}

/** Settings with some of their fields set; changed hardware, which is at a place, lists the changes in its name. */
export function withSettings(
  settings: Json | undefined,
  given: readonly Setting[],
  place: readonly string[] = ['hardware'],
): Json | undefined {
  const { inside, others } = below(place, given);
  const laid = laySettings(settings, settingsTree(others));
  const base = valueAt(laid, place) as Json | undefined;
  const hardware = chosenHardware(base, { hardware: undefined, keepDigital: undefined, settings: inside });
  return hardware === undefined ? laid : withValueAt(laid, place, hardware);
}

/**
 * Settings of twins, changed by flags: in each of some parts. Paths of `--set` begin with a field of a part (`seeds`), of its
 * training (`rule.granularity`) or of the hardware (`mapping.pairs`).
 *
 * @throws UsageError that lists all flags that can't be read
 */
export function withTwinFlags(
  settings: Tree,
  asked: readonly string[],
  { set = [], backend }: SetFlags,
): Json | undefined {
  const given = located(parseSettings(set), trainingRoots(twinPartSchema));
  const laid = laySettings(settings, backend === undefined ? undefined : { backend });
  if (given.length === 0) return laid;
  return asked.reduce((all, name) => {
    const place = ['parts', name];
    const part = withSettings(valueAt(all, place) as Json | undefined, given, TRAINING_HARDWARE);
    return withValueAt(all, place, part!);
  }, laid);
}
