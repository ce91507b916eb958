// What a name map leaves to be matched. It takes tensors out of a file, says what single tensors are, and cuts the file
// and the network into sections that are matched each for itself.

import type { ForeignModule, Module, Slot, WantedModule, WantedParameter } from './modules.ts';
import type { NameMap } from './name-map.ts';
import type { StoredTensor } from './number-formats.ts';

/** Modules that are matched with one another and with nothing else. */
export type Section = {
  readonly ours: readonly WantedModule[];
  readonly theirs: readonly ForeignModule[];
  /** True if the map names the section, so that a module alone on both sides is a pair whatever its shape. */
  readonly isNamed: boolean;
};

/** A tensor and the parameter that the map says it is. */
export type NamedTensor = {
  readonly parameter: WantedParameter;
  readonly slot: Slot;
  readonly module: WantedModule;
  readonly tensor: StoredTensor;
};

/** A file and a network as the map cuts them. */
export type Sections = {
  readonly named: readonly NamedTensor[];
  readonly sections: readonly Section[];
  /** Tensors that the map leaves out. */
  readonly leftOut: readonly StoredTensor[];
  /** What the map says that cannot be. */
  readonly faults: readonly string[];
};

/** Cuts a network and a file into sections: those that `names` makes, and all the rest as the last. */
export function cutIntoSections(
  ours: readonly WantedModule[],
  theirs: readonly ForeignModule[],
  { names }: Pick<NameMap, 'names'>,
): Sections {
  const keyOf = (module: ForeignModule, tensor: StoredTensor): string | undefined =>
    longest(names, (key) => covers(key, tensor.name) || covers(key, module.name));
  const placed = theirs.flatMap((module) =>
    [...module.tensors].map(([slot, tensor]) => ({ module, slot, tensor, key: keyOf(module, tensor) })),
  );
  const isNamed = ({ tensor, key }: (typeof placed)[number]): boolean =>
    key === tensor.name && names[key] !== null;
  const parameters = new Map(
    ours.flatMap((module) =>
      [...module.tensors].map(([slot, parameter]) => [parameter.name, { module, slot, parameter }] as const),
    ),
  );
  const named = placed.filter(isNamed).flatMap(({ tensor, key }): NamedTensor[] => {
    const found = parameters.get(names[key!]!);
    return found === undefined ? [] : [{ ...found, tensor }];
  });
  const leftOut = placed.flatMap(({ tensor, key }) =>
    key !== undefined && names[key] === null ? [tensor] : [],
  );
  const taken = new Set<StoredTensor | WantedParameter>([
    ...leftOut,
    ...placed.filter(isNamed).map(({ tensor }) => tensor),
    ...named.map(({ parameter }) => parameter),
  ]);
  const left = {
    ours: ours.flatMap((module) => without(module, taken)),
    theirs: theirs.flatMap((module) => without(module, taken)),
  };
  const begun = begunPairs(named, theirs, left);
  const isBegun = new Set<unknown>(begun.flatMap((section) => [...section.ours, ...section.theirs]));
  const free = {
    ours: left.ours.filter((module) => !isBegun.has(module)),
    theirs: left.theirs.filter((module) => !isBegun.has(module)),
  };
  return {
    named,
    sections: [...begun, ...namedSections(free, names)],
    leftOut,
    faults: faultsOf(
      ours,
      theirs,
      placed.map(({ tensor }) => tensor.name),
      names,
    ),
  };
}

/** What is left of a layer, some of whose parameters the map names, is in the module that has those tensors. */
function begunPairs(
  named: readonly NamedTensor[],
  theirs: readonly ForeignModule[],
  left: Pick<Section, 'ours' | 'theirs'>,
): readonly Section[] {
  return [...Map.groupBy(named, ({ module }) => module.name)].flatMap(([layer, members]): Section[] => {
    const sources = theirs.filter((module) =>
      [...module.tensors.values()].some((tensor) => members.some((known) => known.tensor === tensor)),
    );
    const mine = left.ours.filter(({ name }) => name === layer);
    const other = left.theirs.filter(({ name }) => sources.length === 1 && name === sources[0]!.name);
    return mine.length === 1 && other.length === 1 ? [{ ours: mine, theirs: other, isNamed: true }] : [];
  });
}

/** One section for each name here that the map gives, and one for what is not named. */
function namedSections(
  { ours, theirs }: Pick<Section, 'ours' | 'theirs'>,
  names: NameMap['names'],
): readonly Section[] {
  const targets = Object.fromEntries(
    Object.values(names).flatMap((target) => (target === null ? [] : [[target, target]])),
  );
  const targetOfOurs = ({ name }: WantedModule): string | undefined =>
    longest(targets, (target) => covers(target, name));
  const targetOfTheirs = ({ name }: ForeignModule): string | undefined => {
    const key = longest(names, (candidate) => covers(candidate, name));
    return key === undefined ? undefined : (names[key] ?? undefined);
  };
  const all = new Set<string | undefined>([...Object.keys(targets), undefined]);
  return [...all].map((target) => ({
    ours: ours.filter((module) => targetOfOurs(module) === target),
    theirs: theirs.filter((module) => targetOfTheirs(module) === target),
    isNamed: target !== undefined,
  }));
}

function faultsOf(
  ours: readonly WantedModule[],
  theirs: readonly ForeignModule[],
  tensors: readonly string[],
  names: NameMap['names'],
): readonly string[] {
  const parameters = ours.flatMap(({ tensors: own }) => [...own.values()].map(({ name }) => name));
  const exact = new Map<string, string>();
  return Object.entries(names).flatMap(([key, target]) => {
    if (![...tensors, ...theirs.map(({ name }) => name)].some((name) => covers(key, name))) {
      return [`the map names "${key}", which is not in the file`];
    }
    if (target === null) return [];
    if (!tensors.includes(key)) {
      const isLayer = ours.some(({ name }) => covers(target, name));
      return isLayer ? [] : [`the map says that "${key}" is "${target}", which is no layer here`];
    }
    if (!parameters.includes(target)) {
      return [`the map says that the tensor "${key}" is "${target}", which is no parameter here`];
    }
    const other = exact.get(target);
    exact.set(target, key);
    return other === undefined ? [] : [`the map says that "${other}" and "${key}" are both "${target}"`];
  });
}

/** The module without some of its tensors; nothing if none is left. */
function without<T, K extends string>(module: Module<T, K>, taken: ReadonlySet<unknown>): Module<T, K>[] {
  const tensors = new Map([...module.tensors].filter(([, tensor]) => !taken.has(tensor)));
  if (tensors.size === module.tensors.size) return [module];
  return tensors.size === 0 ? [] : [{ ...module, tensors }];
}

/** The longest key for which a condition holds. */
function longest(
  names: Readonly<Record<string, unknown>>,
  holds: (key: string) => boolean,
): string | undefined {
  return Object.keys(names)
    .filter(holds)
    .toSorted((a, b) => b.length - a.length)[0];
}

/** True if `name` is `prefix` or something below it. */
function covers(prefix: string, name: string): boolean {
  return name === prefix || name.startsWith(`${prefix}.`);
}
