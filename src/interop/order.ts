// In which order a file's modules run. Shapes alone cannot tell two equal layers apart, so their order must; and the
// order of a file is often not that of the forward pass: the library of Hugging Face sorts tensors by type and name before
// it writes them (safetensors, `tensor.rs`, `prepare`). So an order is believed only where something speaks for it.

import type { ForeignModule } from './modules.ts';
import type { StoredTensor } from './number-formats.ts';

/** What an order is taken from: the numbers in names, or the places of tensors in the file. */
export type OrderSource = 'numbers' | 'file order';

/** What is put in order. */
export type Placed = {
  readonly name: string;
  /** Place in the file. */
  readonly position: number;
};

/**
 * True if a file keeps the order in which PyTorch defines its tensors: the tensors of each module follow one another
 * and some are in PyTorch's order within a module (weight before bias, mean before variance) while none are not.
 * Alphabetical order and the order of hash tables fail this.
 */
export function keepsDefinitionOrder(
  modules: readonly ForeignModule[],
  tensors: readonly StoredTensor[],
): boolean {
  const place = new Map(tensors.map((tensor, position) => [tensor, position]));
  const known = modules.filter(({ kind }) => kind !== 'other');
  const followOneAnother = known.every(({ tensors: own }) => {
    const places = [...own.values()].map((tensor) => place.get(tensor)!);
    return Math.max(...places) - Math.min(...places) === places.length - 1;
  });
  const pairs = known.flatMap(({ tensors: own }) =>
    [
      [own.get('weights'), own.get('bias')],
      [own.get('scale'), own.get('shift')],
      [own.get('inputWeights'), own.get('bias')],
    ].flatMap(([first, second]) =>
      first === undefined || second === undefined ? [] : [place.get(first)! < place.get(second)!],
    ),
  );
  return followOneAnother && pairs.length > 0 && pairs.every((isInOrder) => isInOrder);
}

/**
 * Modules, or groups of them, in the order of the forward pass: by their numbers if the names of every two differ first
 * in a number (`layer1.0.conv1`, `layer1.1.conv1`), else by the file if it keeps the order of definition.
 *
 * @returns undefined if neither tells, or the two contradict each other
 */
export function inOrder<T extends Placed>(
  members: readonly T[],
  fileKeepsOrder: boolean,
): { readonly ordered: readonly T[]; readonly source: OrderSource } | undefined {
  const byFile = members.toSorted((a, b) => a.position - b.position);
  const comparisons = byFile.flatMap((a, i) =>
    byFile.slice(i + 1).map((b) => compareByNumber(a.name, b.name)),
  );
  if (fileKeepsOrder && comparisons.some((sign) => sign !== undefined && sign > 0)) return undefined;
  if (comparisons.every((sign) => sign !== undefined)) {
    return { ordered: members.toSorted((a, b) => compareByNumber(a.name, b.name)!), source: 'numbers' };
  }
  return fileKeepsOrder ? { ordered: byFile, source: 'file order' } : undefined;
}

/** True if numbers in names, or the file where it keeps its order, say that members do not run in this order. */
export function contradictsOrder(members: readonly Placed[], fileKeepsOrder: boolean): boolean {
  return members.some((a, i) =>
    members
      .slice(i + 1)
      .some((b) => (compareByNumber(a.name, b.name) ?? 0) > 0 || (fileKeepsOrder && a.position > b.position)),
  );
}

/** The sign of a − b where two names differ first in a number; undefined where they differ first in a word. */
function compareByNumber(a: string, b: string): number | undefined {
  const [left, right] = [a, b].map((name) => name.match(/\d+|[^\d.]+|\./g) ?? []);
  const at = left!.findIndex((part, i) => part !== right![i]);
  const [x, y] = [left![at], right![at]];
  if (x === undefined || y === undefined || !/^\d/.test(x) || !/^\d/.test(y)) return undefined;
  return Number(x) - Number(y) || undefined;
}
