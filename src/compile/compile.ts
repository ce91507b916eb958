// The compiler: graph → simplify → join sums → fuse → lower → place memory → plan. A plan depends only on the graph and on the
// machine's vector width, never on the number of threads.

import { elementCount } from '../base/shape.ts';
import { type Graph, isOp, type Node, nodesOf } from '../graph/node.ts';
import { type Binding, type Launch, mapCalls, type Placement, type Plan } from './backend.ts';
import type { Context, DraftLaunch, Memory } from './draft.ts';
import { lowerCopy } from './elementwise/map.ts';
import { placeConcatenated, placeSlices, wholeOf } from './parts.ts';
import { type Fusion, fuse, isBuffer } from './passes/fuse.ts';
import { joinSums } from './passes/join-sums.ts';
import { lowerGroups } from './passes/lower-groups.ts';
import { type NumberedKernels, numberKernels } from './passes/number-kernels.ts';
import { pairLaunches } from './passes/pair-launches.ts';
import { placeMemory } from './passes/place-memory.ts';
import { shareLaunches } from './passes/share-launches.ts';
import { simplify } from './passes/simplify.ts';
import type { Target } from './tuning.ts';

/** The memory of each stored node, and the bindings of the plan. */
type Homes = {
  readonly memories: ReadonlyMap<Node, Memory>;
  readonly bindings: readonly Binding[];
  readonly bindingMemories: readonly Memory[];
  /** Copies to bindings at the end, in an order in which none overwrites what a later one needs. */
  readonly copies: readonly Copy[];
};

type Copy = { readonly from: Memory; readonly to: Memory };

/** Compiles a graph for a machine. */
export function compile(graph: Graph, target: Target): Plan {
  const simple = joinSums(simplify(graph));
  const fusion = fuse(simple);
  const homes = assignHomes(simple, fusion);
  const scalars = simple.inputs
    .filter((input) => input.attributes.role === 'scalar')
    .map((input) => ({ name: input.attributes.name, dtype: input.attributes.dtype }));
  const context: Context = {
    ...target,
    memoryOf: (node) => homes.memories.get(node),
    scalarSlot: (name) => scalars.findIndex((scalar) => scalar.name === name),
  };
  const numbered = numberKernels();
  const launches = shareLaunches(
    lowerGroups(context, fusion.groups),
    new Set(homes.bindingMemories),
    numbered.numberOf,
  );
  const drafts = [
    ...pairLaunches(launches),
    ...homes.copies.map(({ from, to }) => ({ kind: 'single', call: lowerCopy(context, from, to) }) as const),
  ];
  return assemble(target, { drafts, numbered }, homes, scalars);
}

/**
 * Gives every stored value its memory. Inputs and states have their bindings; a result has the binding of its output,
 * if it can be written there directly; everything else is a temporary.
 */
function assignHomes(graph: Graph, fusion: Fusion): Homes {
  const memories = new Map<Node, Memory>();
  const bindings: Binding[] = [];
  const bindingMemories: Memory[] = [];
  // Copies that read old states come before copies that overwrite them.
  const saves: Copy[] = [];
  const overwrites: Copy[] = [];
  const bind = (binding: Omit<Binding, 'elements'>): Memory => {
    const memory = { label: binding.name, elements: elementCount(binding.shape) };
    bindings.push({ ...binding, elements: memory.elements });
    bindingMemories.push(memory);
    return memory;
  };
  for (const node of graph.inputs) {
    const { name, role, shape, dtype } = node.attributes;
    if (role !== 'scalar') memories.set(node, bind({ name, role, shape, dtype }));
  }
  const states = new Map(graph.inputs.map((node) => [node.attributes.name, node]));
  for (const [name, node] of Object.entries(graph.outputs)) {
    const memory = bind({ name, role: 'output', shape: node.shape, dtype: node.dtype });
    const known = memories.get(node);
    if (known === undefined) memories.set(node, memory);
    else saves.push({ from: known, to: memory });
  }
  const readAtEnd = statesReadAtEnd(graph, states);
  for (const [name, node] of Object.entries(graph.updates)) {
    const state = states.get(name)!;
    const to = memories.get(state)!;
    if (node === state) continue;
    if (isBuffer(node)) {
      const saved = { label: `saved for ${name}`, elements: to.elements };
      saves.push({ from: memories.get(node)!, to: saved });
      overwrites.push({ from: saved, to });
      continue;
    }
    if (!memories.has(node)) {
      const isInPlace = !readAtEnd.has(state) && isWrittenInPlace(fusion, state, node);
      memories.set(node, isInPlace ? to : { label: `new ${name}`, elements: to.elements });
    }
    const from = memories.get(node)!;
    if (from !== to) overwrites.push({ from, to });
  }
  const nodes = nodesOf(graph);
  // Users first: a part of a part is placed after the part.
  for (const node of nodes.toReversed()) {
    if (!fusion.stored.has(node)) continue;
    if (!memories.has(node))
      memories.set(node, { label: `${node.op} %${node.id}`, elements: elementCount(node.shape) });
    if (isOp(node, 'concat')) placeConcatenated(node, fusion.stored, memories);
  }
  placeSlices(nodes, memories);
  return { memories, bindings, bindingMemories, copies: [...saves, ...overwrites] };
}

/** States whose old value is needed at the end: it is an output, or the new value of another state. */
function statesReadAtEnd({ outputs, updates }: Graph, states: ReadonlyMap<string, Node>): Set<Node> {
  const moved = Object.entries(updates).filter(([name, node]) => states.get(name) !== node);
  return new Set([...Object.values(outputs), ...moved.map(([, node]) => node)]);
}

/** True if `update` may overwrite `state` as it is computed: no group loads the state later, or at another index. */
function isWrittenInPlace({ groups, stored, lastLoads }: Fusion, state: Node, update: Node): boolean {
  const position = groups.findIndex((group) => (group.results as readonly Node[]).includes(update));
  const group = groups[position]!;
  if (group.kind !== 'map') return false;
  if ((lastLoads.get(state) ?? -1) > position) return false;
  const isLoaded = remembered(
    (node) => node === state || (!stored.has(node) && !isBuffer(node) && node.inputs.some(isLoaded)),
  );
  const isAligned = remembered((node) => {
    const isView =
      node.op === 'reshape' ||
      node.op === 'transpose' ||
      node.op === 'slice' ||
      node.op === 'broadcast' ||
      node.op === 'item' ||
      node.op === 'gather';
    return node.inputs.every(
      (input) => !isLoaded(input) || (!isView && (input === state || isAligned(input))),
    );
  });
  return group.results.every(isAligned);
}

/** `predicate` with its answers kept: shared parts of a graph are visited once. */
function remembered(predicate: (node: Node) => boolean): (node: Node) => boolean {
  const answers = new Map<Node, boolean>();
  return (node) => {
    const answer = answers.get(node) ?? predicate(node);
    answers.set(node, answer);
    return answer;
  };
}

function assemble(
  target: Target,
  {
    drafts,
    numbered: { kernels, numberOf },
  }: { readonly drafts: readonly Launch<DraftLaunch>[]; readonly numbered: NumberedKernels },
  homes: Homes,
  scalars: Plan['scalars'],
): Plan {
  const external = new Set(homes.bindingMemories);
  const arena = placeMemory(drafts, external);
  const place = (memory: Memory): Placement => {
    const whole = wholeOf(memory);
    if (external.has(whole)) {
      const binding = homes.bindingMemories.indexOf(whole);
      return memory.part === undefined
        ? { space: 'binding', binding }
        : { space: 'binding', binding, offset: memory.part.offset, whole: 0 };
    }
    const offset = arena.offsets.get(whole)!;
    return memory.part === undefined
      ? { space: 'arena', offset }
      : { space: 'arena', offset: offset + memory.part.offset, whole: offset };
  };
  const launches = drafts.map((draft) =>
    mapCalls(draft, ({ kernel, memories, pushConstants }) => ({
      kernel: numberOf(kernel),
      buffers: memories.map(place),
      pushConstants,
    })),
  );
  return {
    lanes: target.lanes,
    kernels,
    launches,
    bindings: homes.bindings,
    scalars,
    arenaElements: arena.elements,
  };
}
