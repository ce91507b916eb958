// Matching by structure: which module of a file is which layer, when the names differ. The dotted names of both sides are
// trees. Groups that hold the same shapes are matched first, then what is inside them; where several are equal, their
// order decides (order.ts), or nothing is decided. Nothing is matched by a plain zip over the file.

import { contradictsOrder, inOrder, type OrderSource, type Placed } from './order.ts';

/** One module of either side. */
export type Item = Placed & {
  /** Two modules can be one if these are equal. */
  readonly signature: string;
  readonly isNormalization: boolean;
};

/**
 * What says that two modules are one: `shape`, nothing else fits at that place; `neighbour`, the normalisation that
 * belongs to a convolution that is matched; or an order among equals.
 */
export type Evidence = 'shape' | 'neighbour' | OrderSource;

/** Two modules that are one. */
export type Pair = { readonly ours: Item; readonly theirs: Item; readonly how: Evidence };

/** Equal modules, or groups of them, of which nothing says which is which. */
export type Ambiguity = { readonly ours: readonly string[]; readonly theirs: readonly string[] };

/** What a matching comes to. What is in no pair has no partner. */
export type Alignment = { readonly pairs: readonly Pair[]; readonly ambiguities: readonly Ambiguity[] };

/** How to match. */
export type AlignmentOptions = {
  /** True if the file keeps the order of definition: see `keepsDefinitionOrder`. */
  readonly fileKeepsOrder: boolean;
  /**
   * True to match groups in their order although their shapes differ somewhere. It finds out what a file lacks, when
   * it does not match; its pairs are no result.
   */
  readonly isLenient: boolean;
};

/** The modules of a network and of a file. */
export type Sides = {
  /** In the order of the forward pass. */
  readonly ours: readonly Item[];
  readonly theirs: readonly Item[];
  /** What is paired already; it tells to which layers normalisations belong. */
  readonly known: readonly Omit<Pair, 'how'>[];
};

/** Items whose names begin with the same `depth` parts; an item alone is a group too, whatever its depth. */
type Group = Placed & { readonly items: readonly Item[]; readonly depth: number };

type Search = AlignmentOptions & {
  readonly pairs: Pair[];
  readonly ambiguities: Ambiguity[];
  readonly all: Pick<Sides, 'ours' | 'theirs'>;
};

/**
 * Pairs of modules of the network and of the file.
 *
 * At each level, groups (of one module or more) that hold the same signatures are brought together; those that have no
 * equal are opened. Of k equal groups on both sides, the first of ours is the first of theirs if an order is known.
 * Normalisations of one shape go with the convolution beside them first.
 *
 * @returns pairs besides the known ones
 */
export function align({ known, ...sides }: Sides, options: AlignmentOptions): Alignment {
  const search: Search = {
    ...options,
    pairs: known.map((pair) => ({ ...pair, how: 'shape' })),
    ambiguities: [],
    all: sides,
  };
  const isKnown = new Set(known.flatMap(({ ours, theirs }) => [ours, theirs]));
  const unknown = (items: readonly Item[]): readonly Group[] =>
    groupsOf(
      items.filter((item) => !isKnown.has(item)),
      0,
    );
  alignGroups(search, unknown(sides.ours), unknown(sides.theirs), 'shape');
  const found = search.pairs.slice(known.length);
  const wrong = options.isLenient ? [] : disordered(found, options.fileKeepsOrder);
  return {
    pairs: found.filter((pair) => !wrong.flat().includes(pair)),
    ambiguities: [
      ...search.ambiguities,
      ...wrong.map((equals) => ({
        ours: equals.map(({ ours }) => ours.name),
        theirs: equals.map(({ theirs }) => theirs.name),
      })),
    ],
  };
}

/**
 * Equal layers that the hierarchy pairs in another order than names or the file have: the two contradict each other.
 * Normalisations are left out, since those of a shortcut may stand anywhere in their block.
 */
function disordered(pairs: readonly Pair[], fileKeepsOrder: boolean): readonly (readonly Pair[])[] {
  const layers = pairs.filter(({ ours }) => !ours.isNormalization);
  return [...Map.groupBy(layers, ({ ours }) => ours.signature).values()].filter((equals) => {
    const theirs = equals.toSorted((a, b) => a.ours.position - b.ours.position).map((known) => known.theirs);
    return contradictsOrder(theirs, fileKeepsOrder);
  });
}

function alignGroups(search: Search, ours: readonly Group[], theirs: readonly Group[], how: Evidence): void {
  const { balanced, rest } = balance(search, ours, theirs, how);
  const isNormalizations = ([group]: readonly Group[]): boolean =>
    isSingle(group!) && group!.items[0]!.isNormalization;
  const normalizations = balanced.filter(([a]) => isNormalizations(a));
  for (const [a, b] of balanced.filter(([some]) => !isNormalizations(some))) settle(search, a, b, how);
  if (search.isLenient) pairByLastPart(search, rest.ours, rest.theirs, how);
  // After the convolutions of this level, which tell them apart.
  for (const [a, b] of normalizations) {
    const beside = a.length > 1 ? neighbourPairs(search, a, b, how) : [];
    // All or none: of `bn0` and `bn1` beside `conv1` and `conv2`, one shares a number by accident.
    if (beside.length === a.length) search.pairs.push(...beside);
    else settle(search, a, b, how);
  }
  search.pairs.push(...neighbourPairs(search, rest.ours, rest.theirs, how));
}

type Balance = {
  /** Groups of equal content, as many of ours as of theirs. */
  readonly balanced: readonly (readonly [ours: readonly Group[], theirs: readonly Group[]])[];
  /** Single modules that have too many or too few equals. */
  readonly rest: { readonly ours: readonly Group[]; readonly theirs: readonly Group[] };
};

/** Opens groups until all that are left have as many equals on the other side, or are single modules. */
function balance(search: Search, ours: readonly Group[], theirs: readonly Group[], how: Evidence): Balance {
  const [left, right] = [Map.groupBy(ours, contentOf), Map.groupBy(theirs, contentOf)];
  const isBalanced = (group: Group): boolean =>
    left.get(contentOf(group))?.length === right.get(contentOf(group))?.length;
  const rest = {
    ours: ours.filter((group) => !isBalanced(group)),
    theirs: theirs.filter((group) => !isBalanced(group)),
  };
  const paired = search.isLenient ? pairUnequal(search, rest.ours, rest.theirs, how) : new Set<Group>();
  const open = [...rest.ours, ...rest.theirs].filter((group) => !isSingle(group) && !paired.has(group));
  const isKept = (group: Group): boolean => !paired.has(group);
  if (open.length > 0) {
    const opened = (group: Group): readonly Group[] =>
      open.includes(group) ? groupsOf(group.items, group.depth) : [group];
    return balance(search, ours.filter(isKept).flatMap(opened), theirs.filter(isKept).flatMap(opened), how);
  }
  const balanced = [...left].flatMap(([content, a]) =>
    a.every(isBalanced) ? [[a, right.get(content)!] as const] : [],
  );
  return { balanced, rest: { ours: rest.ours.filter(isKept), theirs: rest.theirs.filter(isKept) } };
}

/** Matches equal groups, as many of ours as of theirs. */
function settle(search: Search, ours: readonly Group[], theirs: readonly Group[], how: Evidence): void {
  const order = theirs.length < 2 ? undefined : inOrder(theirs, search.fileKeepsOrder);
  if (theirs.length > 1 && order === undefined) {
    search.ambiguities.push({ ours: ours.map(({ name }) => name), theirs: theirs.map(({ name }) => name) });
    return;
  }
  const evidence = order === undefined ? how : weaker(how, order.source);
  for (const [i, b] of (order?.ordered ?? theirs).entries()) pair(search, ours[i]!, b, evidence);
}

function pair(search: Search, a: Group, b: Group, how: Evidence): void {
  if (isSingle(a) && isSingle(b)) search.pairs.push({ ours: a.items[0]!, theirs: b.items[0]!, how });
  else alignGroups(search, groupsOf(a.items, a.depth), groupsOf(b.items, b.depth), how);
}

/** Pairs of normalisations, each a group of its own, whose convolutions are a pair. */
function neighbourPairs(
  search: Search,
  ours: readonly Group[],
  theirs: readonly Group[],
  how: Evidence,
): readonly Pair[] {
  const { all, fileKeepsOrder, pairs } = search;
  const partners = new Map(pairs.map((known) => [known.ours, known.theirs]));
  const done = new Set(pairs.flatMap((known) => [known.ours, known.theirs]));
  const beside = (groups: readonly Group[], side: readonly Item[], isOrdered: boolean): Map<Item, Item[]> =>
    Map.groupBy(
      groups.flatMap(({ items: [item] }) => (item!.isNormalization && !done.has(item!) ? [item!] : [])),
      (item) => neighbourOf(item, side, isOrdered) ?? item,
    );
  const [left, right] = [beside(ours, all.ours, true), beside(theirs, all.theirs, fileKeepsOrder)];
  return [...left].flatMap(([neighbour, [a, ...moreOfOurs]]): Pair[] => {
    const partner = partners.get(neighbour);
    const [b, ...moreOfTheirs] = (partner && right.get(partner)) ?? [];
    const isOnly = b !== undefined && moreOfOurs.length + moreOfTheirs.length === 0;
    return isOnly && a!.signature === b.signature
      ? [{ ours: a!, theirs: b, how: weaker(how, 'neighbour') }]
      : [];
  });
}

/**
 * The convolution or dense layer that a normalisation belongs to: of those beside it, the one of the same name but for
 * words like `conv` and `bn` (`conv1` and `bn1`, `stem` and `stemNorm`); of a numbered sequence, the last before it; else
 * the one directly before it, if the order is known.
 */
function neighbourOf(item: Item, side: readonly Item[], isOrdered: boolean): Item | undefined {
  const [parent, own] = splitName(item.name);
  const beside = side.filter((other) => !other.isNormalization && splitName(other.name)[0] === parent);
  if (/^\d+$/.test(own)) {
    const before = beside.filter(({ name }) => Number(splitName(name)[1]) < Number(own));
    return before.toSorted((a, b) => Number(splitName(b.name)[1]) - Number(splitName(a.name)[1]))[0];
  }
  const alike = beside.filter(({ name }) => bareName(splitName(name)[1]) === bareName(own));
  if (alike.length === 1) return alike[0];
  return isOrdered
    ? beside.filter(({ position }) => position < item.position).toSorted((a, b) => b.position - a.position)[0]
    : undefined;
}

function bareName(part: string): string {
  return part
    .toLowerCase()
    .replaceAll(/batch_?norm|norm|bn|conv(olution)?|linear|dense|fc|_/g, '')
    .replace(/2d/, '');
}

/** Lenient: groups that differ in content, if there are as many of them on both sides and their order is known. */
function pairUnequal(
  search: Search,
  ours: readonly Group[],
  theirs: readonly Group[],
  how: Evidence,
): ReadonlySet<Group> {
  const isOpen = (group: Group): boolean => !isSingle(group);
  const [a, b] = [ours.filter(isOpen), theirs.filter(isOpen)];
  const ordered = b.length < 2 ? b : inOrder(b, search.fileKeepsOrder)?.ordered;
  if (
    a.length !== b.length ||
    ordered === undefined ||
    !a.every((group, i) => areSimilar(group, ordered[i]!))
  )
    return new Set();
  for (const [i, group] of a.entries()) pair(search, group, ordered[i]!, how);
  return new Set([...a, ...b]);
}

/** True if at least half of what either group holds is in the other too. */
function areSimilar({ items: a }: Group, { items: b }: Group): boolean {
  const left = b.map(({ signature }) => signature);
  const shared = a.filter(({ signature }) => {
    const at = left.indexOf(signature);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
  return 2 * shared.length >= Math.max(a.length, b.length);
}

/** Lenient: single modules of one signature and equal last names (`conv1`). */
function pairByLastPart(
  search: Search,
  ours: readonly Group[],
  theirs: readonly Group[],
  how: Evidence,
): void {
  const key = ({ items: [item] }: Group): string => `${splitName(item!.name)[1]} ${item!.signature}`;
  const [left, right] = [Map.groupBy(ours, key), Map.groupBy(theirs, key)];
  for (const [name, [a, ...moreOfOurs]] of left) {
    const [b, ...moreOfTheirs] = right.get(name) ?? [];
    if (b !== undefined && moreOfOurs.length + moreOfTheirs.length === 0) pair(search, a!, b, how);
  }
}

/** Items by the part of their names behind the first `depth`; parts that all share are skipped. */
function groupsOf(items: readonly Item[], depth: number): readonly Group[] {
  const byPart = Map.groupBy(items, ({ name }) => name.split('.')[depth]);
  if (byPart.size === 1 && items.length > 1) return groupsOf(items, depth + 1);
  return [...byPart.values()].map((members) => ({
    items: members,
    depth: depth + 1,
    name:
      members.length === 1
        ? members[0]!.name
        : members[0]!.name
            .split('.')
            .slice(0, depth + 1)
            .join('.'),
    position: Math.min(...members.map(({ position }) => position)),
  }));
}

/** The signatures in a group, as one text. */
function contentOf({ items }: Group): string {
  return items
    .map(({ signature }) => signature)
    .sort()
    .join('; ');
}

function isSingle({ items }: Group): boolean {
  return items.length === 1;
}

const strength: readonly Evidence[] = ['shape', 'neighbour', 'numbers', 'file order'];

function weaker(a: Evidence, b: Evidence): Evidence {
  return strength.indexOf(a) < strength.indexOf(b) ? b : a;
}

function splitName(name: string): readonly [parent: string, last: string] {
  const at = name.lastIndexOf('.');
  return [name.slice(0, Math.max(0, at)), name.slice(at + 1)];
}
