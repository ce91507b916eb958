// Memories within memories. A part of a concatenation is computed where it belongs, and a slice is loaded from the
// value that it is a slice of, by an address of its own: kernels then know nothing of the place, so those of all steps
// of an unrolled network are the same. Both need that the part is contiguous in the whole.

import { elementCount, stridesOf } from '../base/shape.ts';
import { isOp, type Node } from '../graph/node.ts';
import type { Memory } from './draft.ts';

/** Parts begin and end at multiples of a cache line, because vectors may overrun the end of a value up to there. */
const LINE_ELEMENTS = 16;

/** A memory of `elements` elements that begins at element `offset` of `whole`, which may be a part itself. */
export function partOf(whole: Memory, offset: number, elements: number, label: string): Memory {
  const { of, offset: before } = whole.part ?? { of: whole, offset: 0 };
  return { label, elements, part: { of, offset: before + offset } };
}

/** The memory that a part lies in; other memories themselves. */
export function wholeOf(memory: Memory): Memory {
  return memory.part?.of ?? memory;
}

/** Where a slice begins in the memory of its input, if it is contiguous there; else undefined. */
export function sliceOffset(node: Node): number | undefined {
  if (!isOp(node, 'slice')) return undefined;
  const { start } = node.attributes;
  const from = node.inputs[0]!.shape;
  const cut = node.shape.findLastIndex((size, axis) => size !== from[axis]);
  if (elementCount(node.shape.slice(0, Math.max(0, cut))) !== 1) return undefined;
  const strides = stridesOf(from);
  return start.reduce((offset, at, axis) => offset + at * strides[axis]!, 0);
}

/** The value that holds the elements of `node`: the node itself, or, of a reshape that is not stored, its input. */
function holderOf(node: Node, isStored: (node: Node) => boolean): Node {
  return isStored(node) || node.op !== 'reshape' ? node : holderOf(node.inputs[0]!, isStored);
}

/** Gives contiguous slices of values in memory their part of it. `nodes` have inputs before users. */
export function placeSlices(nodes: readonly Node[], memories: Map<Node, Memory>): void {
  for (const node of nodes) {
    const offset = sliceOffset(node);
    if (offset === undefined || memories.has(node)) continue;
    const whole = memories.get(holderOf(node.inputs[0]!, (one) => memories.has(one)));
    if (whole !== undefined)
      memories.set(node, partOf(whole, offset, elementCount(node.shape), `slice of ${whole.label}`));
  }
}

/** Where each part of a concatenation begins in its memory, if parts are contiguous there; else undefined. */
export function concatOffsets(node: Node<'concat'>): readonly number[] | undefined {
  const { axis } = node.attributes;
  if (elementCount(node.shape.slice(0, axis)) !== 1) return undefined;
  let end = 0;
  return node.inputs.map(({ shape }) => {
    const start = end;
    end += elementCount(shape);
    return start;
  });
}

/** Gives values that a concatenation is made of their part of its memory, if they are stored and have none yet. */
export function placeConcatenated(
  node: Node<'concat'>,
  stored: ReadonlySet<Node>,
  memories: Map<Node, Memory>,
): void {
  const whole = memories.get(node)!;
  for (const [k, offset] of (concatOffsets(node) ?? []).entries()) {
    const part = holderOf(node.inputs[k]!, (one) => stored.has(one));
    const elements = elementCount(part.shape);
    const isAligned = offset % LINE_ELEMENTS === 0 && elements % LINE_ELEMENTS === 0;
    if (isAligned && stored.has(part) && !memories.has(part))
      memories.set(part, partOf(whole, offset, elements, `${part.op} %${part.id}`));
  }
}

/** True for each part of a concatenation that is computed in its place, and need not be copied there. */
export function partsInPlace(
  node: Node<'concat'>,
  memoryOf: (node: Node) => Memory | undefined,
): readonly boolean[] {
  const whole = memoryOf(node)!;
  const offsets = concatOffsets(node);
  return node.inputs.map((input, k) => {
    const own = memoryOf(holderOf(input, (one) => memoryOf(one) !== undefined))?.part;
    if (own === undefined || offsets === undefined || own.of !== wholeOf(whole)) return false;
    return own.offset === (whole.part?.offset ?? 0) + offsets[k]!;
  });
}
