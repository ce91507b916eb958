// Which module of a file is which layer: by the map, by equal names, then by structure. What each of the three may
// decide, and what it leaves, stands here; how structure decides is in structure.ts.

import type { Layout } from './layout.ts';
import { type ForeignModule, possibleSignatures, signatureOf, type WantedModule } from './modules.ts';
import type { Section } from './sections.ts';
import { type AlignmentOptions, type Ambiguity, align, type Evidence, type Item } from './structure.ts';

/** What says that two tensors are one: what a person says, an equal name, or structure. */
export type Reason = 'map' | 'name' | Evidence;

/** A layer and its module in the file. */
export type ModulePair = {
  readonly ours: WantedModule;
  readonly theirs: ForeignModule;
  readonly how: Reason;
};

/** What the modules of a section come to. */
export type PairedModules = {
  readonly pairs: readonly ModulePair[];
  readonly ambiguities: readonly Ambiguity[];
  /** Layers without a partner, and modules left over. */
  readonly unpaired: Pick<Section, 'ours' | 'theirs'>;
};

/**
 * Pairs the modules of a section.
 *
 * @param fileKeepsOrder true if the file keeps the order of definition: see `keepsDefinitionOrder`
 */
export function pairModules(section: Section, layout: Layout, fileKeepsOrder: boolean): PairedModules {
  const [ours, theirs] = [section.ours[0], section.theirs[0]];
  if (section.isNamed && section.ours.length === 1 && section.theirs.length === 1) {
    return {
      pairs: [{ ours: ours!, theirs: theirs!, how: 'map' }],
      ambiguities: [],
      unpaired: { ours: [], theirs: [] },
    };
  }
  const classes = classesOf(section, layout);
  const byName = section.isNamed ? [] : pairsByName(section, classes);
  const pairsBy = (isLenient: boolean): PairedModules => {
    const { pairs: found, ambiguities } = alignSection(section, byName, classes, {
      fileKeepsOrder,
      isLenient,
    });
    const pairs = [...byName, ...found];
    const isUnclear = new Set(ambiguities.flatMap((unclear) => [...unclear.ours, ...unclear.theirs]));
    const { ours: mine, theirs: other } = unpairedOf(section, pairs);
    const isLost = ({ name }: { readonly name: string }): boolean =>
      ![...isUnclear].some((unclear) => name === unclear || name.startsWith(`${unclear}.`));
    return { pairs, ambiguities, unpaired: { ours: mine.filter(isLost), theirs: other.filter(isLost) } };
  };
  const strict = pairsBy(false);
  // Something is missing or left over, so this is an error: find out what, as exactly as may be.
  if (countUnpaired(strict) === 0) return strict;
  const lenient = pairsBy(true);
  return countUnpaired(lenient) < countUnpaired(strict) &&
    lenient.ambiguities.length <= strict.ambiguities.length
    ? lenient
    : strict;
}

function countUnpaired({ unpaired }: PairedModules): number {
  return unpaired.ours.length + unpaired.theirs.length;
}

function unpairedOf(
  { ours, theirs }: Pick<Section, 'ours' | 'theirs'>,
  pairs: readonly ModulePair[],
): PairedModules['unpaired'] {
  const paired = new Set<WantedModule | ForeignModule>(pairs.flatMap((pair) => [pair.ours, pair.theirs]));
  return {
    ours: ours.filter((module) => !paired.has(module)),
    theirs: theirs.filter((module) => !paired.has(module)),
  };
}

/** For each module that has a possible partner, the class of modules that it may be one with. */
type Classes = ReadonlyMap<WantedModule | ForeignModule, string>;

/**
 * Two modules are of one class if their signatures are equal. A square matrix may be dense or an embedding, so a module of
 * the file may have several signatures that are wanted here: they are then one class.
 */
function classesOf({ ours, theirs }: Pick<Section, 'ours' | 'theirs'>, layout: Layout): Classes {
  const wanted = new Map(ours.map((module) => [module, signatureOf(module)]));
  const isWanted = new Set(wanted.values());
  const possible = new Map(
    theirs.map((module) => [
      module,
      possibleSignatures(module, layout).filter((signature) => isWanted.has(signature)),
    ]),
  );
  const leader = new Map([...isWanted].map((signature) => [signature, signature]));
  for (const [first, ...others] of possible.values()) {
    for (const other of others) {
      const [from, to] = [leader.get(other)!, leader.get(first!)!];
      for (const [signature, current] of leader) if (current === from) leader.set(signature, to);
    }
  }
  const theirClasses = [...possible].flatMap(([module, [first]]) =>
    first === undefined ? [] : [[module, leader.get(first)!] as const],
  );
  const isPossible = new Set(theirClasses.map(([, name]) => name));
  const ourClasses = [...wanted].flatMap(([module, signature]) => {
    const name = leader.get(signature)!;
    return isPossible.has(name) ? [[module, name] as const] : [];
  });
  return new Map<WantedModule | ForeignModule, string>([...ourClasses, ...theirClasses]);
}

/**
 * Pairs of equal names and one class, but for a first part that all modules of the file share (`module.`). Of a class,
 * all layers have an equal name in the file or none is paired by name: of `dense1`, `dense2`, `dense3` here and `dense0`,
 * `dense1`, `dense2` there, two share a name by accident.
 */
function pairsByName({ ours, theirs }: Section, classes: Classes): readonly ModulePair[] {
  const shared = sharedPrefix(theirs.map(({ name }) => name));
  const byName = new Map(theirs.map((module) => [module.name.slice(shared.length), module]));
  const equal = (module: WantedModule): ForeignModule | undefined => {
    const other = byName.get(module.name) ?? theirs.find(({ name }) => name === module.name);
    const isOne = other !== undefined && classes.has(module) && classes.get(other) === classes.get(module);
    return isOne ? other : undefined;
  };
  const byClass = Map.groupBy(ours, (module) => classes.get(module));
  return [...byClass.values()].flatMap((members) =>
    members.every((module) => equal(module) !== undefined)
      ? members.map((module): ModulePair => ({ ours: module, theirs: equal(module)!, how: 'name' }))
      : [],
  );
}

/** The dotted parts with which all names begin, with the dot behind them. */
function sharedPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  const end = first.indexOf('.') + 1;
  const prefix = first.slice(0, end);
  if (end === 0 || !others.every((name) => name.startsWith(prefix))) return '';
  return prefix + sharedPrefix(names.map((name) => name.slice(end)));
}

function alignSection(
  { ours, theirs }: Section,
  byName: readonly ModulePair[],
  classes: Classes,
  options: AlignmentOptions,
): { readonly pairs: readonly ModulePair[]; readonly ambiguities: readonly Ambiguity[] } {
  const itemsOf = <M extends WantedModule | ForeignModule>(modules: readonly M[]): ReadonlyMap<M, Item> =>
    new Map(
      modules.flatMap((module, position): [M, Item][] => {
        const signature = classes.get(module);
        const isNormalization = module.kind === 'normalization';
        return signature === undefined
          ? []
          : [[module, { name: module.name, position, signature, isNormalization }]];
      }),
    );
  const [left, right] = [itemsOf(ours), itemsOf(theirs)];
  const { pairs, ambiguities } = align(
    {
      ours: [...left.values()],
      theirs: [...right.values()],
      known: byName.map((pair) => ({ ours: left.get(pair.ours)!, theirs: right.get(pair.theirs)! })),
    },
    options,
  );
  return {
    pairs: pairs.map((pair) => ({
      ours: ours[pair.ours.position]!,
      theirs: theirs[pair.theirs.position]!,
      how: pair.how,
    })),
    ambiguities,
  };
}
