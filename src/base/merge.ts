// Settings as trees of plain values: laying one over another, setting one field, and telling two apart.

import { shortened } from './echo.ts';
import type { Json } from './schema.ts';

/** Fields with values. */
export type Tree = { readonly [name: string]: Json | undefined };

/** How a field of some name is laid over another, where that is not field by field. */
export type MergeRules = Readonly<
  Record<string, (base: Json | undefined, over: Json | undefined) => Json | undefined>
>;

/** True for fields with values. */
export function isTree(value: Json | undefined): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `over` laid on `base`, field by field. Where `over` says another `kind` or `preset`, nothing of `base` is kept: the
 * fields mean other things. Where fields meet something that has none, that is kept, whichever of the two it is: nothing is lost silently, and the
 * schema refuses it together with all other faults.
 *
 * @param rules for fields of these names, at any depth, instead
 */
export function mergeSettings(
  base: Json | undefined,
  over: Json | undefined,
  rules: MergeRules = {},
): Json | undefined {
  if (over === undefined) return base;
  if (base === undefined || !isTree(over)) return over;
  if (!isTree(base)) return base;
  if (isAnother(base, over)) return over;
  const names = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(
    names.map((name) => {
      const merge = Object.hasOwn(rules, name) ? rules[name] : undefined;
      return [
        name,
        merge === undefined ? mergeSettings(base[name], over[name], rules) : merge(base[name], over[name]),
      ];
    }),
  );
}

/** A tree that holds one value at a path: `['adc', 'bits'], 4` gives `{ adc: { bits: 4 } }`. */
export function treeAt(path: readonly string[], value: Json): Json {
  return path.reduceRight((inner: Json, name) => ({ [name]: inner }), value);
}

function isAnother(base: Tree, over: Tree): boolean {
  if (over['kind'] !== undefined && base['kind'] !== undefined && over['kind'] !== base['kind']) return true;
  return over['preset'] !== undefined && over['preset'] !== base['preset'];
}

/** A tree with one value set; the tree itself where the path leads through something that has no fields. */
export function withValueAt(tree: Json | undefined, path: readonly string[], value: Json): Json | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (tree === undefined) return treeAt(path, value);
  return isTree(tree) ? { ...tree, [name]: withValueAt(tree[name], rest, value) } : tree;
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
  ) as [string, string];
  if (before === now) return [];
  return [`${shortened(path)}: ${shortened(before)} there, ${shortened(now)} here`];
}
