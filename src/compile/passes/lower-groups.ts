// Lowers groups to kernels. Networks repeat themselves: a group that differs from an earlier one only in its memories
// and random streams is not lowered again, but takes over the kernels of that one, with memories and push constants of
// its own. This saves time and nothing else: number-kernels.ts finds equal kernels wherever they come from.

import { InternalError } from '../../base/errors.ts';
import { exactText } from '../../base/exact-text.ts';
import { isOp, type Node } from '../../graph/node.ts';
import type { Context, DraftLaunch, Memory } from '../draft.ts';
import { lowerConcat, lowerMap, lowerPad } from '../elementwise/map.ts';
import { lowerReduce } from '../elementwise/reduce.ts';
import { lowerScatterAdd } from '../elementwise/scatter.ts';
import { partsInPlace } from '../parts.ts';
import { lowerContraction } from '../product/contraction.ts';
import type { Group } from './fuse.ts';

/** The calls of all groups, in their order. */
export function lowerGroups(context: Context, groups: readonly Group[]): DraftLaunch[] {
  const known = new Map<string, { readonly like: Likeness; readonly launches: readonly DraftLaunch[] }>();
  return groups.flatMap((group) => {
    const like = likenessOf(context, group);
    const earlier = known.get(like.key);
    if (earlier !== undefined) return adopt(earlier.launches, earlier.like, like);
    const launches = lowerGroup(context, group);
    // Push constants are identified by their values, so equal ones could not be replaced separately. Parts of memories
    // that the lowering made would have to be made anew.
    const own = new Set(like.memories);
    const makesParts = launches.some(({ memories }) =>
      memories.some((memory) => memory.part !== undefined && !own.has(memory)),
    );
    if (new Set(like.pushConstants).size === like.pushConstants.length && !makesParts)
      known.set(like.key, { like, launches });
    return launches;
  });
}

function lowerGroup(context: Context, group: Group): DraftLaunch[] {
  switch (group.kind) {
    case 'map':
      return [lowerMap(context, group.results)];
    case 'reduce':
      return lowerReduce(context, group.results);
    case 'placed':
      return lowerPlaced(context, group.results[0]);
    case 'product':
      return lowerContraction(context, group.product, group.results);
  }
}

function lowerPlaced(context: Context, node: Node): DraftLaunch[] {
  if (isOp(node, 'pad')) return lowerPad(context, node);
  if (isOp(node, 'concat')) return lowerConcat(context, node);
  if (isOp(node, 'scatterAdd')) return lowerScatterAdd(context, node);
  throw new InternalError(`internal: ${node.op} has no kernel of its own`);
}

/**
 * Groups with equal keys have equal kernels, if memories and push constants with the same number replace each other.
 */
type Likeness = {
  readonly key: string;
  /** Memories that the group touches, in order of first use. */
  readonly memories: readonly Memory[];
  /** The words of its random streams, which become push constants, in order of first use. */
  readonly pushConstants: readonly number[];
};

function likenessOf(context: Context, group: Group): Likeness {
  const results = new Set<Node>(group.results);
  const numbers = new Map<Node, number>();
  const memories = new Map<Memory, number>();
  const streams = new Map<string, number>();
  const pushConstants: number[] = [];
  const lines: string[] = [];
  const numberOf = (memory: Memory): number => {
    const number = memories.get(memory) ?? memories.size;
    memories.set(memory, number);
    return number;
  };
  const loops = new Map<number, number>();
  const attributesOf = (node: Node): string => {
    if (isOp(node, 'carried') || isOp(node, 'item') || isOp(node, 'recurrence')) {
      const { loop } = node.attributes;
      if (!loops.has(loop)) loops.set(loop, loops.size);
      return exactText({ ...node.attributes, loop: loops.get(loop) });
    }
    if (!isOp(node, 'uniform') && !isOp(node, 'normal')) return exactText(node.attributes);
    const { stream } = node.attributes;
    const name = stream.join();
    if (!streams.has(name)) {
      streams.set(name, streams.size);
      pushConstants.push(...stream);
    }
    return `stream ${streams.get(name)}`;
  };
  const visit = (node: Node): number => {
    const met = numbers.get(node);
    if (met !== undefined) return met;
    const memory = context.memoryOf(node);
    const place = memory === undefined ? '' : `in ${numberOf(memory)} of ${memory.elements}`;
    const isLoaded = memory !== undefined && !results.has(node);
    const what = isLoaded ? 'load' : `${node.op} ${attributesOf(node)} ${node.inputs.map(visit).join()}`;
    const number = numbers.size;
    numbers.set(node, number);
    lines.push(`${number} ${what} ${node.dtype} ${node.shape.join()} ${place}`);
    return number;
  };
  const order = group.results.map(visit);
  const product = group.kind === 'product' ? visit(group.product) : '';
  return {
    key: `${group.kind} ${order.join()} ${product} ${inPlaceOf(context, group)}\n${lines.join('\n')}`,
    memories: [...memories.keys()],
    pushConstants,
  };
}

/** Which parts of a concatenation need no kernel. */
function inPlaceOf(context: Context, { results: [node] }: Group): string {
  return isOp(node, 'concat') ? partsInPlace(node, context.memoryOf).join() : '';
}

/** The calls of one group, adapted to a group with an equal key. */
function adopt(launches: readonly DraftLaunch[], from: Likeness, to: Likeness): DraftLaunch[] {
  const memories = new Map(from.memories.map((memory, k) => [memory, to.memories[k]!]));
  const constants = new Map(from.pushConstants.map((word, k) => [word, to.pushConstants[k]!]));
  const memoryFor = (memory: Memory): Memory => {
    const own = memories.get(memory) ?? { ...memory };
    memories.set(memory, own);
    return own;
  };
  return launches.map((launch) => ({
    ...launch,
    memories: launch.memories.map(memoryFor),
    pushConstants: launch.pushConstants.map((word) => constants.get(word)!),
    writes: new Set([...launch.writes].map(memoryFor)),
  }));
}
