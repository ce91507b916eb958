// Lowering of recurrences: a loop over the iterations, inside the loops over the elements, with one accumulator for each
// state. Whatever does not change from iteration to iteration is moved out of it by the builder.

import { recurrenceParts } from '../../graph/loops.ts';
import type { Node } from '../../graph/node.ts';
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
  const iterate = (iteration: Int): void => {
    // The old states: every next state is computed from them, whatever is assigned meanwhile.
    const old = states.map((state) => builder.valueOf(state));
    loops.set(loop, { iteration, states: old });
    const inner = condition && emit(condition, index);
    const held = both(s, outer, inner);
    where(s, inner && held, () => {
      const values = next.map((value) => emit(value, index));
      for (const [k, state] of states.entries()) {
        const op = builder.typeOf(state) === 'f32' ? 'select' : 'selectInt';
        const value = held === undefined ? values[k]! : builder.operation(op, held, values[k]!, old[k]!);
        builder.assign(state, value);
      }
    });
    loops.delete(loop);
  };
  where(s, outer, () => builder.loop(count, (iteration) => s.scoped(() => iterate(iteration)), 'at'));
  return states.map((state) => builder.valueOf(state));
}

/** Emits `body`, to run only if any lane of the mask is set; always, if there is no mask. */
function where({ builder, scoped }: Place, mask: Local | undefined, body: () => void): void {
  if (mask === undefined) body();
  else builder.ifAny(mask, () => scoped(body));
}

/** Where both masks hold, if there are two. */
function both({ builder }: Place, a: Local | undefined, b: Local | undefined): Local | undefined {
  return a === undefined || b === undefined ? (a ?? b) : builder.operation('and', a, b);
}
