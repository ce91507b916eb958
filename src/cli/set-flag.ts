// `--set path=value`: one field of settings or of hardware, named by its dotted path.

import { z } from 'zod';
import { shortened } from '../base/echo.ts';
import { messageOf, throwFaults } from '../base/errors.ts';
import { isTree, mergeSettings, treeAt } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import { parseYaml } from './parse-yaml.ts';

/** One `--set`: a path and a value. */
export type Setting = { readonly path: readonly string[]; readonly value: Json; readonly text: string };

/** A tree in which paths can begin: the names of its first fields, and its place in the whole. */
export type Root = { readonly fields: readonly string[]; readonly at: readonly string[] };

/** The names of a dotted path; a name with dots is in quotes. */
export function settingPath(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|[^."]+/g)].map(([all, quoted]) => (quoted ?? all).trim());
}

/**
 * Parses `--set` flags. Values are YAML: `adc.bits=4`, `learningRate={kind: step, factor: 0.2}`. A name with dots
 * needs quotes: `layers."stage1.*"=digital`.
 *
 * @throws UsageError that lists all faults
 */
export function parseSettings(texts: readonly string[]): Setting[] {
  const faults: string[] = [];
  const settings = texts.flatMap((text): Setting[] => {
    const parts = /^((?:[^="]|"[^"]*")+)=([\s\S]*)$/.exec(text);
    const path = settingPath(parts?.[1] ?? '');
    if (parts === null || path.length === 0) {
      faults.push(`expected path=value, got "${shortened(text)}"; write for example adc.bits=4`);
      return [];
    }
    try {
      return [{ path, value: parseYaml(parts[2]!), text }];
    } catch (thrown) {
      const [reason] = messageOf(thrown).split('\n');
      faults.push(`"${shortened(text)}": the value is no YAML (${reason})`);
      return [];
    }
  });
  throwFaults('--set', faults);
  return settings;
}

/**
 * Settings with their paths in the whole.
 *
 * @param roots trees in which a path can begin; the first with its first field is taken
 * @throws UsageError that lists all paths that fit no root
 */
export function located(settings: readonly Setting[], roots: readonly Root[]): Setting[] {
  const known = [...new Set(roots.flatMap(({ fields }) => fields))];
  throwFaults(
    '--set',
    settings
      .filter(({ path }) => !known.includes(path[0]!))
      .map(({ path, text }) => `"${shortened(text)}": ${unknownName(path[0], known)}`),
  );
  return settings.map((setting) => {
    const { at } = roots.find(({ fields }) => fields.includes(setting.path[0]!))!;
    return { ...setting, path: [...at, ...setting.path] };
  });
}

/** Settings with paths below a field, relative to it; and the others. */
export function below(
  field: readonly string[],
  settings: readonly Setting[],
): { readonly inside: Setting[]; readonly others: Setting[] } {
  const isInside = ({ path }: Setting): boolean => field.every((name, at) => path[at] === name);
  return {
    inside: settings
      .filter(isInside)
      .map((setting) => ({ ...setting, path: setting.path.slice(field.length) })),
    others: settings.filter((setting) => !isInside(setting)),
  };
}

/** The tree of several settings; of two for one field the later is taken. Undefined if there are none. */
export function settingsTree(settings: readonly Setting[]): Json | undefined {
  return settings.reduce(
    (all: Json | undefined, { path, value }) => mergeSettings(all, treeAt(path, value)),
    undefined,
  );
}

/** The names of a schema's fields. */
export function fieldsOfSchema(schema: z.ZodType): string[] {
  const { properties } = z.toJSONSchema(schema, { io: 'input' }) as { readonly properties?: Json };
  return isTree(properties) ? Object.keys(properties) : [];
}
