// Bodies of recurrences. A body has no graph of its own: it is made of ordinary nodes, those that reach `carried` or
// `item` of a loop without passing through its `recurrence`. This file tells them apart, and says what may stand there.

import { UsageError } from '../base/errors.ts';
import { type Attributes, isOp, type Node, type OpName, reachable } from './node.ts';

/** What a value depends on that changes from iteration to iteration. */
type Dependence = {
  /** Loops of whose bodies the node is a part. */
  readonly loops: ReadonlySet<number>;
  /** True if it depends on a state of one of them. */
  readonly isOfState: boolean;
};

const NOTHING: Dependence = { loops: new Set(), isOfState: false };
const known = new WeakMap<Node, Dependence>();

function dependenceOf(node: Node): Dependence {
  const found = known.get(node);
  if (found !== undefined) return found;
  for (const each of reachable([node], (one) => known.has(one))) known.set(each, dependence(each));
  return known.get(node)!;
}

function dependence(node: Node): Dependence {
  const parts = node.inputs.map((input) => known.get(input)!);
  const loops = new Set(parts.flatMap((part) => [...part.loops]));
  let isOfState = parts.some((part) => part.isOfState);
  if (isOp(node, 'carried') || isOp(node, 'item')) loops.add(node.attributes.loop);
  if (isOp(node, 'carried')) isOfState = true;
  if (isOp(node, 'recurrence')) loops.delete(node.attributes.loop);
  return loops.size === 0 ? NOTHING : { loops, isOfState };
}

/** The loops of whose bodies a node is a part. */
export function openLoops(node: Node): ReadonlySet<number> {
  return dependenceOf(node).loops;
}

/** True for a part of the body of a recurrence: its value changes from iteration to iteration. */
export function isInBody(node: Node): boolean {
  return openLoops(node).size > 0;
}

/** The inputs of a recurrence by their meaning. */
export function recurrenceParts({
  inputs,
  attributes: { states, hasPrecondition, hasCondition },
}: {
  readonly inputs: readonly Node[];
  readonly attributes: Attributes['recurrence'];
}): {
  readonly precondition: Node | undefined;
  readonly condition: Node | undefined;
  readonly initial: readonly Node[];
  readonly next: readonly Node[];
} {
  const first = Number(hasPrecondition) + Number(hasCondition);
  return {
    precondition: hasPrecondition ? inputs[0] : undefined,
    condition: hasCondition ? inputs[first - 1] : undefined,
    initial: inputs.slice(first, first + states),
    next: inputs.slice(first + states),
  };
}

const VIEWS: ReadonlySet<OpName> = new Set(['reshape', 'transpose', 'broadcast', 'slice', 'item']);
const OWN_KERNELS: ReadonlySet<OpName> = new Set([
  'pad',
  'concat',
  'gather',
  'scatterAdd',
  'sum',
  'reduceMax',
  'matmul',
  'convolution',
  'convolutionInputGradient',
  'convolutionWeightGradient',
  'transposedConvolution',
]);

/**
 * Checks that an operation may stand in the bodies that its operands stand in: elementwise work and draws, and views of
 * what does not depend on a state, since every element has its own state alone.
 *
 * @throws UsageError if it may not
 */
export function requireAllowedInBody(op: OpName, inputs: readonly Node[]): void {
  if (OWN_KERNELS.has(op) && inputs.some(isInBody)) {
    throw new UsageError(
      `${op}: the body of a recurrence holds elementwise operations, views and draws only; compute it before or after`,
    );
  }
  if (VIEWS.has(op) && inputs.some((input) => dependenceOf(input).isOfState)) {
    throw new UsageError(
      `${op}: each element of a recurrence has its own state alone, no view of the states; give all states their full shape`,
    );
  }
}
