// The base of a sweep: settings of a run, or an evaluation of weights that are kept; and what a point makes of it.

import { z } from 'zod';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import { isTree, type Tree, treeAt } from '../base/merge.ts';
import { check, type Json, nameSchema } from '../base/schema.ts';
import { nearestName, unknownName } from '../base/suggest.ts';
import { type HardwareChoice, hardwareChoiceSchema, resolveHardware } from '../crossbar/hardware-choice.ts';
import { type NamedSetName, namedSets } from '../data/named-sets.ts';
import { type EvaluationSettings, evaluationSchema } from '../experiment/evaluation-settings.ts';
import { BACKEND_CHOICES, type BackendChoice } from '../node/backend-choice.ts';
import type { PointValues } from '../sweep/expand.ts';
import type { Axis, SweepFile } from '../sweep/sweep-file.ts';
import { checkRunSettings } from './check-settings.ts';
import { settingRoots, withSettings } from './run-set.ts';
import type { Root, Setting } from './set-flag.ts';
import { settingPath } from './set-flag.ts';
import { type RunSettings, runSchema } from './settings-schema.ts';

/** An evaluation of weights that are kept. */
export type KeptEvaluation = {
  /** A weights file. */
  readonly weights: string;
  readonly data: {
    readonly dataset?: NamedSetName | undefined;
    readonly trainImages?: number | undefined;
    readonly testImages?: number | undefined;
  };
  readonly hardware: HardwareChoice;
  readonly evaluation: EvaluationSettings;
  readonly seed: number;
  readonly backend: BackendChoice;
};

/** The settings of one point. */
export type PointSettings =
  | { readonly kind: 'run'; readonly settings: RunSettings }
  | { readonly kind: 'evaluation'; readonly settings: KeptEvaluation };

const count = z.int().min(1).optional();

/** Schema of `KeptEvaluation`. */
export const keptEvaluationSchema: z.ZodType<KeptEvaluation> = z.strictObject({
  weights: z.string().min(1),
  data: z
    .strictObject({
      dataset: nameSchema(Object.keys(namedSets) as NamedSetName[]).optional(),
      trainImages: count,
      testImages: count,
    })
    .prefault({}),
  hardware: hardwareChoiceSchema,
  evaluation: evaluationSchema.prefault({}),
  seed: z.int().min(0).default(0),
  backend: nameSchema(BACKEND_CHOICES).default('auto'),
}) as unknown as z.ZodType<KeptEvaluation>;

/** A base that is ready for its points. */
export type SweepBase = {
  readonly kind: PointSettings['kind'];
  readonly raw: Tree;
  readonly roots: readonly Root[];
};

/**
 * The base of a sweep.
 *
 * @param raw its settings, files already read
 * @throws UsageError if an axis names no setting
 */
export function sweepBase(where: string, raw: Tree, { axes }: Pick<SweepFile, 'axes'>): SweepBase {
  const kind =
    raw['weights'] !== undefined || axes.some(({ paths }) => paths.includes('weights'))
      ? 'evaluation'
      : 'run';
  if (raw['noiseSweep'] !== undefined)
    throw new UsageError(
      `${where}: base.noiseSweep: a sweep has no sweep inside; make an axis of training.noise.relativeToMax`,
    );
  const base: SweepBase = {
    kind,
    raw,
    roots: settingRoots(kind === 'run' ? runSchema : keptEvaluationSchema),
  };
  throwFaults(where, [...axes.flatMap((axis) => axisFaults(base, axis)), ...sharedFaults(base, axes)]);
  return base;
}

/** Kinds that their numbers imply, by the end of the path. */
const IMPLIED: readonly (readonly [end: string, kind: string])[] = [
  ['noise.relativeToMax', 'gaussian'],
  ['clipping.alpha', 'standard-deviations'],
];

/**
 * The settings of a point, complete.
 *
 * @throws UsageError that lists all faults
 */
export function pointSettings(
  base: SweepBase,
  { axes }: Pick<SweepFile, 'axes'>,
  values: PointValues,
  where: string,
): PointSettings {
  const given = axes.flatMap(({ name, paths }) =>
    paths.flatMap((path) => settingsAt(base, path, values[name]!)),
  );
  const raw = withSettings(base.raw as Json, given);
  if (base.kind === 'run') return { kind: 'run', settings: checkRunSettings(where, raw) };
  return { kind: 'evaluation', settings: check(keptEvaluationSchema, where, raw) };
}

/** A point for people: `eta = 0.04, bits = 6`. */
export function pointText(values: PointValues): string {
  const texts = Object.entries(values).map(
    ([name, value]) => `${name} = ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return texts.length === 0 ? 'the base' : texts.join(', ');
}

/** What an axis sets: the value, and before it what the value implies. */
function settingsAt({ roots }: SweepBase, path: string, value: Json): Setting[] {
  const names = settingPath(path);
  const root = roots.find(({ fields }) => fields.includes(names[0]!));
  if (root === undefined) return [];
  const at = [...root.at, ...names];
  const implied = IMPLIED.find(([end]) => at.slice(-2).join('.') === end);
  const own: Setting = { path: at, value, text: path };
  return implied === undefined
    ? [own]
    : [{ path: [...at.slice(0, -1), 'kind'], value: implied[1], text: path }, own];
}

function axisFaults(base: SweepBase, { name, paths, values }: Axis): string[] {
  const value: Json =
    values.kind === 'list' ? values.values[0]! : values.kind === 'seeds' ? values.seeds[0]! : values.from;
  return paths.flatMap((path): string[] => {
    const place = `axes.${name}${path === name ? '' : `: path ${path}`}`;
    const names = settingPath(path);
    const first = names[0] ?? '';
    const known = [...new Set(base.roots.flatMap(({ fields }) => fields))];
    if (!known.includes(first)) return [`${place}: ${unknownSetting(path, knownPaths(base), known)}`];
    const [own] = settingsAt(base, path, value).slice(-1);
    const alone: SweepBase = { ...base, raw: { ...base.raw } };
    const axis: Axis = { name, paths: [path], values };
    const before = faultsOf(() => pointSettings(alone, { axes: [] }, {}, ''));
    const faults = faultsOf(() => pointSettings(alone, { axes: [axis] }, { [name]: value }, ''));
    const isUnknown = faults
      .filter((fault) => !before.includes(fault))
      .some((fault) => namesUnknown(fault, own!.path));
    return isUnknown ? [`${place}: ${unknownSetting(path, knownPaths(base), known)}`] : [];
  });
}

/** Two axes on one setting: the last would decide, and the table would say otherwise. */
function sharedFaults(base: SweepBase, axes: readonly Axis[]): string[] {
  const owners = new Map<string, string>();
  return axes.flatMap(({ name, paths }) =>
    paths.flatMap((path): string[] => {
      const at = settingsAt(base, path, null).at(-1)?.path.join('.');
      const owner = at === undefined ? undefined : owners.get(at);
      if (at !== undefined) owners.set(at, name);
      return owner === undefined || owner === name
        ? []
        : [
            `axes.${name}: expected a setting of its own, got ${path}, which ${owner} sets; make one axis of them`,
          ];
    }),
  );
}

function namesUnknown(fault: string, path: readonly string[]): boolean {
  const keys = /Unrecognized keys?: (.*)$/.exec(fault)?.[1];
  return keys !== undefined && path.some((name) => keys.includes(`"${name}"`));
}

function unknownSetting(path: string, paths: readonly string[], roots: readonly string[]): string {
  const near = nearestName(path, paths);
  if (near !== undefined) return `no setting has this name; did you mean "${near}"?`;
  const last = settingPath(path).at(-1) ?? '';
  const inside = paths.find((known) => known.endsWith(`.${last}`));
  if (inside !== undefined) return `no setting has this name; did you mean "${inside}"?`;
  return `no setting has this name: ${unknownName(settingPath(path)[0], roots)}`;
}

function faultsOf(attempt: () => unknown): string[] {
  try {
    attempt();
    return [];
  } catch (thrown) {
    return messageOf(thrown).split('\n');
  }
}

/** Paths of all settings that the base has, defaults included; those of the hardware also without its name before them. */
function knownPaths(base: SweepBase): string[] {
  let complete: Json = base.raw as Json;
  try {
    complete = pointSettings(base, { axes: [] }, {}, '').settings as unknown as Json;
  } catch {
    // A base that its axes complete.
  }
  const paths = pathsIn(complete, []);
  let hardware: string[] = [];
  try {
    hardware = pathsIn(
      resolveHardware((complete as { readonly hardware: HardwareChoice }).hardware) as unknown as Json,
      [],
    );
  } catch {
    // Its faults are said where the points are checked.
  }
  return [
    ...paths,
    'training.noise.relativeToMax',
    'noiseTraining.noise.relativeToMax',
    ...hardware,
    ...hardware.map((path) => `hardware.${path}`),
  ];
}

function pathsIn(value: Json | undefined, at: readonly string[]): string[] {
  const own = at.length === 0 ? [] : [at.join('.')];
  if (!isTree(value)) return own;
  return [...own, ...Object.entries(value).flatMap(([name, inner]) => pathsIn(inner, [...at, name]))];
}

/** The base without what may change while a sweep stays the same: its name, and how many chips there are. */
export function lastingBase(raw: Tree): Json {
  const { name: _, evaluation, ...rest } = raw;
  if (!isTree(evaluation)) return rest as Json;
  const { chips: __, ...lasting } = evaluation;
  return { ...rest, ...(treeAt(['evaluation'], lasting) as object) } as Json;
}
