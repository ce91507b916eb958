// Settings as trees of plain values: laying one over another, and telling two apart.

import { UsageError } from './errors.ts';
import type { Json } from './schema.ts';

type Tree = { readonly [name: string]: Json | undefined };

/** True for fields with values. */
export function isTree(value: Json | undefined): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `over` laid on `base`, field by field. Where `over` says another `kind` or `preset`, nothing of `base` is kept: the
 * fields mean other things. A name replaces fields, and fields a name: `hardware: ideal` and a whole specification.
 *
 * @throws UsageError if fields meet any other single value: one of the two is a mistake, and would be lost
 */
export function mergeSettings(
  base: Json | undefined,
  over: Json | undefined,
  path: readonly string[] = [],
): Json | undefined {
  if (over === undefined) return base;
  const isName = typeof base === 'string' || typeof over === 'string';
  if (isTree(base) !== isTree(over) && base !== undefined && !isName && over !== null)
    throw new UsageError(
      `settings: ${path.join('.')}: expected the same form in both places, got ${JSON.stringify(base)} and ${JSON.stringify(over)}`,
    );
  if (!isTree(base) || !isTree(over)) return over;
  if (isAnother(base, over)) return over;
  const names = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(
    names.map((name) => [name, mergeSettings(base[name], over[name], [...path, name])]),
  );
}

function isAnother(base: Tree, over: Tree): boolean {
  if (over['kind'] !== undefined && base['kind'] !== undefined && over['kind'] !== base['kind']) return true;
  return over['preset'] !== undefined && over['preset'] !== base['preset'];
}

/** One line for every field that differs: `training.epochs: 10 there, 20 here`. */
export function settingsDifferences(there: Json | undefined, here: Json | undefined, path = ''): string[] {
  if (isTree(there) && isTree(here)) {
    const names = [...new Set([...Object.keys(there), ...Object.keys(here)])];
    return names.flatMap((name) =>
      settingsDifferences(there[name], here[name], path === '' ? name : `${path}.${name}`),
    );
  }
  const [before, now] = [there, here].map((value) =>
    value === undefined ? 'absent' : JSON.stringify(value),
  );
  return before === now ? [] : [`${path}: ${before} there, ${now} here`];
}
