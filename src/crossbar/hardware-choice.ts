// Hardware as users name it: a preset, a whole specification, or a preset with changes.

import { z } from 'zod';
import { isTree, mergeSettings, type Tree } from '../base/merge.ts';
import { check, type Incomplete, type Json, nameSchema } from '../base/schema.ts';
import { publishedCells } from '../cells/published-cells.ts';
import type { HardwareSpec } from './hardware.ts';
import { hardwareSchema } from './hardware-schema.ts';
import {
  hermes256,
  hermes256OnePhase,
  ideal,
  inCellTraining,
  joshi2020,
  standardEvaluation,
} from './presets.ts';

/** Names of the presets. */
export type HardwareName =
  | 'ideal'
  | 'joshi2020'
  | 'hermes256'
  | 'hermes256OnePhase'
  | 'standardEvaluation'
  | 'inCellTraining';

/**
 * A preset with changes: `{ preset: 'hermes256', adc: { bits: 6 } }`. Other fields stay; another `kind` replaces its
 * record.
 */
export type ChangedPreset = Incomplete<HardwareSpec> & { readonly preset: HardwareName };

/** Hardware in settings. */
export type HardwareChoice = HardwareName | HardwareSpec | ChangedPreset;

/** All presets by name. */
export const hardwarePresets: { readonly [N in HardwareName]: HardwareSpec } = {
  ideal,
  joshi2020,
  hermes256,
  hermes256OnePhase,
  standardEvaluation,
  inCellTraining,
};

/** All names of presets. */
export const hardwareNames: readonly HardwareName[] = Object.keys(hardwarePresets) as HardwareName[];

/**
 * Applies changes to hardware in the form of settings. A complete value (a name, another preset, a specification)
 * replaces the hardware; anything else changes it field by field. Of layers, the patterns of `over` come first.
 *
 * @param base a name, a preset with changes, or a specification
 */
export function changeHardware(base: Json | undefined, over: Json | undefined): Json | undefined {
  if (over === undefined) return base;
  if (base === undefined || !isTree(over)) return over;
  const under = typeof base === 'string' ? { preset: base } : base;
  if (!isTree(under)) return under;
  if (isWhole(over, under)) return over;
  const { layers: lower, ...below } = withNamedCell(under);
  const { layers: upper, ...above } = withNamedCell(over);
  const layers = changeLayers(lower, upper);
  return { ...(mergeSettings(below, above) as object), ...(layers === undefined ? {} : { layers }) };
}

function isWhole(over: Tree, under: Tree): boolean {
  const { preset } = over;
  if (preset !== undefined) return preset !== under['preset'];
  return Object.keys(hardwarePresets.ideal).every((field) => over[field] !== undefined);
}

/** With the cell itself in place of a published name, so that a field of it can be changed. */
function withNamedCell(tree: Tree): Tree {
  const { cell } = tree;
  if (typeof cell !== 'string' || !Object.hasOwn(publishedCells, cell)) return tree;
  return { ...tree, cell: publishedCells[cell] as unknown as Json };
}

function changeLayers(base: Json | undefined, over: Json | undefined): Json | undefined {
  if (!isTree(base) || !isTree(over)) return over ?? base;
  const changed = Object.entries(over).map(([pattern, own]): [string, Json | undefined] => {
    const below = base[pattern];
    return [
      pattern,
      isTree(below) && isTree(own) ? mergeSettings(withNamedCell(below), withNamedCell(own)) : own,
    ];
  });
  return { ...Object.fromEntries(changed), ...withoutKeys(base, Object.keys(over)) };
}

function withoutKeys(tree: Tree, names: readonly string[]): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !names.includes(name)));
}

const changedPreset = z
  .looseObject({ preset: nameSchema(hardwareNames) })
  .superRefine(({ preset, ...changes }, { addIssue }) => {
    const checked = hardwareSchema.safeParse(onPreset(preset, changes as Tree));
    for (const issue of checked.error?.issues ?? []) addIssue({ ...issue, path: [...issue.path] });
  })
  .meta({ description: 'a preset with changes; fields as in a whole specification' });

/** Schema of `HardwareChoice`; the changes must fit the preset. */
export const hardwareChoiceSchema: z.ZodType<HardwareChoice, HardwareChoice> = z.union([
  nameSchema(hardwareNames),
  changedPreset,
  hardwareSchema,
]) as unknown as z.ZodType<HardwareChoice, HardwareChoice>;

/** Schema that takes a `HardwareChoice` and returns the complete `HardwareSpec`. */
export const chosenHardwareSchema: z.ZodType<HardwareSpec, HardwareChoice> =
  hardwareChoiceSchema.transform(wholeHardware);

/**
 * The complete specification of a choice.
 *
 * @throws UsageError that lists all faults
 */
export function resolveHardware(choice: HardwareChoice): HardwareSpec {
  return check(chosenHardwareSchema, 'hardware', choice);
}

/** The specification of a choice. */
function wholeHardware(choice: HardwareChoice): HardwareSpec {
  if (typeof choice === 'string') return hardwarePresets[choice];
  if (!('preset' in choice)) return choice;
  const { preset, ...changes } = choice;
  // Its faults are said already, where the choice was checked.
  return hardwareSchema.safeParse(onPreset(preset, changes as unknown as Tree)).data ?? z.NEVER;
}

function onPreset(preset: HardwareName, changes: Tree): Json | undefined {
  return changeHardware(hardwarePresets[preset] as unknown as Json, changes);
}
