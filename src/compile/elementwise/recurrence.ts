// Lowering of recurrences: a loop over the iterations, inside the loops over the elements, with one accumulator for each
// state. Whatever does not change from iteration to iteration is moved out of it by the builder.

import { openLoops, recurrenceParts } from '../../graph/loops.ts';
import { isOp, type Node } from '../../graph/node.ts';
import { type Int, intKey } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import type { Emit, Place } from './emission.ts';

/** The result of a recurrence at an index. Its loop is emitted once for all results. */
export function emitRecurrence(node: Node<'recurrence'>, index: readonly Int[], emit: Emit, s: Place): Local {
  const key = `recurrence ${node.attributes.loop} ${index.map(intKey).join()}`;
  return s.builder.shared(key, () => emitLoop(node, index, emit, s))[node.attributes.result]!;
}

function emitLoop(node: Node<'recurrence'>, index: readonly Int[], emit: Emit, s: Place): Local[] {
  const { builder, loops } = s;
  const { loop, count } = node.attributes;
  const { precondition, condition, initial, next } = recurrenceParts(node);
  const outer = precondition && emit(precondition, index);
  const states = initial.map((value) => builder.accumulator(emit(value, index)));
  const endsLoop = condition !== undefined && count > 1 && isUntil(condition, loop);
  const iterate = (iteration: Int): void => {
    // The old states: every next state is computed from them, whatever is assigned meanwhile.
    const old = states.map((state) => builder.valueOf(state));
    loops.set(loop, { iteration, states: old });
    const inner = condition && emit(condition, index);
    const held = both(s, outer, inner);
    const update = (): void => {
      const values = next.map((value) => emit(value, index));
      for (const [k, state] of states.entries()) {
        const op = builder.typeOf(state) === 'f32' ? 'select' : 'selectInt';
        const value = held === undefined ? values[k]! : builder.operation(op, held, values[k]!, old[k]!);
        builder.assign(state, value);
      }
    };
    where(s, inner && held, update, endsLoop);
    loops.delete(loop);
  };
  where(s, outer, () => builder.loop(count, (iteration) => s.scoped(() => iterate(iteration)), 'at'));
  return states.map((state) => builder.valueOf(state));
}

/** Emits `body`, to run only if any lane of the mask is set; always, if there is no mask. `endsLoop` as for `ifAny`. */
function where(
  { builder, scoped }: Place,
  mask: Local | undefined,
  body: () => void,
  endsLoop = false,
): void {
  if (mask === undefined) body();
  else builder.ifAny(mask, () => scoped(body), { endsLoop });
}

/** True for `number < bound` of a loop, with a bound that stays: where it does not hold, it never holds again. */
function isUntil(condition: Node, loop: number): boolean {
  const whole = throughViews(condition);
  if (!isOp(whole, 'less')) return false;
  const [number, bound] = whole.inputs as readonly [Node, Node];
  return isNumberOf(number, loop) && !openLoops(bound).has(loop);
}

/** True for the number of an iteration, as it is or as f32. */
function isNumberOf(node: Node, loop: number): boolean {
  const inner = throughViews(node);
  if (isOp(inner, 'cast')) return isNumberOf(inner.inputs[0]!, loop);
  if (!(isOp(inner, 'item') && inner.attributes.loop === loop)) return false;
  const items = throughViews(inner.inputs[0]!);
  return isOp(items, 'iota') && items.attributes.axis === 0;
}

/** The node that others only reshape or repeat. */
function throughViews(node: Node): Node {
  return isOp(node, 'broadcast') || isOp(node, 'reshape') ? throughViews(node.inputs[0]!) : node;
}

/** Where both masks hold, if there are two. */
function both({ builder }: Place, a: Local | undefined, b: Local | undefined): Local | undefined {
  return a === undefined || b === undefined ? (a ?? b) : builder.operation('and', a, b);
}

/** States that a recurrence updates in place, and where it does: elsewhere they need not be touched. */
export type SparseUpdate = { readonly where: Node; readonly results: readonly Node[] };

/**
 * The sparse updates among the results of a map: of recurrences with a precondition, whose initial states have the memory
 * of the results. The other results need neither these recurrences nor the old states.
 *
 * @param isInPlace whether a result has the memory of an initial state
 * @param isLoaded whether the map loads a value, and does not compute it
 */
export function sparseUpdates(
  nodes: readonly Node[],
  isInPlace: (result: Node, initial: Node) => boolean,
  isLoaded: (node: Node) => boolean,
): SparseUpdate[] {
  const loops = Map.groupBy(
    nodes.filter((node) => isOp(node, 'recurrence')),
    ({ attributes }) => attributes.loop,
  );
  return [...loops].flatMap(([loop, results]) => {
    const { precondition, initial } = recurrenceParts(results[0]!);
    const isUpdate = results.every((result) => isInPlace(result, initial[result.attributes.result]!));
    if (precondition === undefined || !isUpdate) return [];
    const own = new Set<Node>(results);
    const states = new Set(results.map((result) => initial[result.attributes.result]!));
    const others = neededBy(
      nodes.filter((node) => !own.has(node)),
      isLoaded,
    );
    const isApart = [...others].every(
      (node) => !states.has(node) && !(isOp(node, 'recurrence') && node.attributes.loop === loop),
    );
    return isApart ? [{ where: precondition, results }] : [];
  });
}

/** Nodes and what they are computed from, down to what is loaded. */
export function neededBy(nodes: readonly Node[], isLoaded: (node: Node) => boolean): Set<Node> {
  const needed = new Set<Node>();
  const visit = (node: Node): void => {
    if (needed.has(node)) return;
    needed.add(node);
    if (!isLoaded(node)) node.inputs.forEach(visit);
  };
  nodes.forEach(visit);
  return needed;
}
