// What to say when a file is not the network: which layers have no partner, what is left over, and what it looks like.

import { formatShape } from '../base/shape.ts';
import type { Layout } from './layout.ts';
import {
  type ForeignModule,
  lastPart,
  possibleSignatures,
  signatureOf,
  type WantedModule,
} from './modules.ts';
import type { Section } from './sections.ts';
import type { Ambiguity } from './structure.ts';

/** One fault for each set of equals that nothing tells apart. */
export function ambiguityFaults(ambiguities: readonly Ambiguity[]): readonly string[] {
  return ambiguities.map(
    ({ ours, theirs }) =>
      `${quoted(ours)} have the same shapes as ${quoted(theirs)}, and neither numbers in the names nor the order of the file tell which is which; say it in a map`,
  );
}

/**
 * Faults of layers without a partner and of modules left over. A layer and a module that are probably meant for each
 * other make one fault.
 */
export function unpairedFaults(
  { ours, theirs }: Pick<Section, 'ours' | 'theirs'>,
  layout: Layout,
): readonly string[] {
  const crowded = crowds({ ours, theirs }, layout);
  const isCrowded = new Set<unknown>(crowded.flatMap((crowd) => [...crowd.ours, ...crowd.theirs]));
  const left = {
    ours: ours.filter((module) => !isCrowded.has(module)),
    theirs: theirs.filter((module) => !isCrowded.has(module)),
  };
  const likely = likelyPairs(left, layout);
  const partners = new Set(likely.values());
  return [
    ...crowded.map(crowdFault),
    ...left.ours.map((module) => {
      const other = likely.get(module);
      return other === undefined ? withoutPartner(module) : wrongShape(module, other, layout);
    }),
    ...left.theirs
      .filter((module) => !partners.has(module))
      .map(
        (module) =>
          `${describe(module)} of the file is left over: nothing here takes it; "${nameOf(module)}": null in the map leaves it out`,
      ),
  ];
}

/** Layers and modules of one signature of which there are not as many here as in the file. */
type Crowd = Pick<Section, 'ours' | 'theirs'> & { readonly signature: string };

function crowds({ ours, theirs }: Pick<Section, 'ours' | 'theirs'>, layout: Layout): readonly Crowd[] {
  return [...Map.groupBy(ours, signatureOf)].flatMap(([signature, members]) => {
    const others = theirs.filter((module) => possibleSignatures(module, layout).includes(signature));
    return others.length === 0 ? [] : [{ signature, ours: members, theirs: others }];
  });
}

function crowdFault({ signature, ours, theirs }: Crowd): string {
  const count = theirs.length === 1 ? 'one' : `${theirs.length}`;
  return `${ours.length === 1 ? 'one layer' : `${ours.length} layers`} here, ${quoted(ours.map(nameOf))}, and ${count} of the file, ${quoted(theirs.map(nameOf))}, would fit (${signature}), and nothing tells which is which; say it in a map`;
}

/** For a layer, the module that was probably meant: of its name, of its shape but for the layout, or the only one left. */
function likelyPairs(
  { ours, theirs }: Pick<Section, 'ours' | 'theirs'>,
  layout: Layout,
): ReadonlyMap<WantedModule, ForeignModule> {
  const free = new Set(theirs);
  const likely = new Map<WantedModule, ForeignModule>();
  const otherLayout: Layout = layout === 'torch' ? 'ohmic' : 'torch';
  const tests: readonly ((mine: WantedModule, other: ForeignModule) => boolean)[] = [
    (mine, other) => mine.name === other.name,
    (mine, other) => possibleSignatures(other, otherLayout).includes(signatureOf(mine)),
    (mine, other) => {
      const isAlone = (modules: readonly (WantedModule | ForeignModule)[]): boolean =>
        modules.filter((module) => familyOf(module) === familyOf(mine)).length === 1;
      return isAlone(ours) && isAlone(theirs) && familyOf(other) === familyOf(mine);
    },
    (mine, other) => lastPart(mine.name) === lastPart(other.name),
  ];
  for (const test of tests) {
    for (const mine of ours.filter((module) => !likely.has(module))) {
      const other = [...free].find((module) => familyOf(module) === familyOf(mine) && test(mine, module));
      if (other === undefined) continue;
      likely.set(mine, other);
      free.delete(other);
    }
  }
  return likely;
}

function withoutPartner(module: WantedModule): string {
  return `${describe(module)} has no partner in the file`;
}

function wrongShape(mine: WantedModule, other: ForeignModule, layout: Layout): string {
  const otherLayout: Layout = layout === 'torch' ? 'ohmic' : 'torch';
  const looksTransposed = possibleSignatures(other, otherLayout).includes(signatureOf(mine));
  const advice = looksTransposed
    ? `; it looks transposed: pass --layout ${otherLayout}`
    : '; is it a network of another size?';
  return `${describe(mine)} does not fit ${describe(other)} of the file${advice}`;
}

/** `"dense" (weights (64, 10), bias (10))` */
function describe(module: WantedModule | ForeignModule): string {
  const tensors = [...module.tensors.values()].map(
    ({ name, shape }) => `${name === module.name ? '' : `${lastPart(name)} `}${formatShape(shape)}`,
  );
  return `"${nameOf(module)}" (${tensors.join(', ')})`;
}

function nameOf({ name, tensors }: WantedModule | ForeignModule): string {
  return name === '' ? [...tensors.values()].map((tensor) => tensor.name).join(', ') : name;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

/** What a module is like, whatever its size: a normalisation, an LSTM, a matrix, a filter. */
function familyOf({ kind, tensors }: WantedModule | ForeignModule): string {
  if (kind === 'normalization' || kind === 'lstm' || kind === 'other') return kind;
  return tensors.get('weights')?.shape.length === 2 ? 'matrix' : 'filter';
}
