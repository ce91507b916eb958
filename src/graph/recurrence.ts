// Elementwise recurrences, for users: an iteration written as a function on tensors, traced once. Pulses on cells and
// samples that follow one another are recurrences: the whole loop runs inside one kernel, with the states in registers.

import { UsageError } from '../base/errors.ts';
import { broadcastShapes, formatShape, type Shape, sameShape } from '../base/shape.ts';
import { apply, iota, type Tensor } from './tensor.ts';

/** The current iteration, as a step sees it. */
export type Iteration = {
  /**
   * x[iteration] of a tensor x (count, …). Draws that are used through it alone are made where they are needed, and never
   * stored: `item(key.normal([count, …]))`.
   */
  readonly item: (x: Tensor) => Tensor;
  /** Number of the iteration from 0, i32, (). */
  readonly number: Tensor;
};

/** What a step returns. */
export type Step<S> = {
  readonly next: S;
  /** Where a state takes its next value, bool; everywhere if absent. It is evaluated in every iteration. */
  readonly where?: Tensor | undefined;
};

/**
 * state ← next(state, at) for at = 0 … count − 1, where `where` holds; elsewhere a state stays as it is. All next states
 * are computed from the old ones. A step may hold another recurrence, which may use what the outer step sees.
 *
 * A vector of elements in which the condition of a step holds nowhere costs the condition alone. A vector in which the
 * condition of the whole recurrence (`where` of the options) holds nowhere costs only that one; if the results are the new
 * values of the states that are `initial`, these are not even loaded.
 *
 * Differentiation takes the results for constants.
 *
 * @param options.count iterations, a whole number from 1
 * @param options.initial the states before the first iteration, f32 or i32; all get the shape that these broadcast to
 * @param options.step one iteration: elementwise operations, draws, and views of what does not depend on a state. What it
 *   returns must broadcast to the shape of the states
 * @param options.where where the states change at all, bool; it does not depend on the iteration
 * @returns the states after the last iteration
 * @throws UsageError if there is no state or no iteration, if a step returns other states, types or larger shapes, if a
 *   condition is not bool, or if the step holds a reduction, a product or another operation that is not elementwise
 */
export function recur<S extends Readonly<Record<string, Tensor>>>({
  count,
  initial,
  step,
  where,
}: {
  readonly count: number;
  readonly initial: S;
  readonly step: (state: S, iteration: Iteration) => Step<S>;
  readonly where?: Tensor | undefined;
}): S {
  const names = Object.keys(initial);
  const first = initial[names[0]!];
  if (first === undefined) throw new UsageError('recur: expected at least one state, got none');
  if (!(Number.isInteger(count) && count >= 1))
    throw new UsageError(`recur: expected a whole number of iterations from 1, got ${count}`);
  const { builder } = first;
  const shape = names.reduce<Shape>((all, name) => broadcastShapes('recur', all, initial[name]!.shape), []);
  for (const name of names) {
    if (initial[name]!.dtype === 'bool')
      throw new UsageError(`recur: state "${name}" is bool; cast it to i32 or f32`);
  }
  const loop = builder.addLoop();
  const carried = names.map((name, position) =>
    apply(builder, 'carried', [], { loop, position, shape, dtype: initial[name]!.dtype }),
  );
  const item = (x: Tensor): Tensor => {
    if (x.shape[0] !== count) {
      throw new UsageError(
        `recur: expected items of a tensor (${count}, …), one for each iteration, got ${formatShape(x.shape)}`,
      );
    }
    return apply(builder, 'item', [x], { loop });
  };
  const named = (values: readonly Tensor[]): S =>
    Object.fromEntries(names.map((name, k) => [name, values[k]!])) as S;
  const { next, where: held } = step(named(carried), { item, number: item(iota(first, [count], 0)) });
  const nextValues = nextStates(next, initial, shape);
  const conditions = [where, held].flatMap((condition) =>
    condition === undefined ? [] : [spread('the condition', conditionOf(condition), shape)],
  );
  const inputs = [
    ...conditions,
    ...names.map((name) => initial[name]!.broadcastTo(shape)),
    ...names.map((name) => nextValues.get(name)!),
  ];
  const common = { loop, count, states: names.length };
  const [hasPrecondition, hasCondition] = [where !== undefined, held !== undefined];
  return named(
    names.map((_, result) =>
      apply(builder, 'recurrence', inputs, { ...common, hasPrecondition, hasCondition, result }),
    ),
  );
}

/** What a step returned, in the shape of the states. */
function nextStates<S extends Readonly<Record<string, Tensor>>>(
  next: S,
  initial: S,
  shape: Shape,
): Map<string, Tensor> {
  const [given, wanted] = [Object.keys(next).sort(), Object.keys(initial).sort()];
  if (given.join() !== wanted.join())
    throw new UsageError(`recur: expected next values of ${wanted.join(', ')}, got ${given.join(', ')}`);
  return new Map(
    wanted.map((name) => {
      const [before, after] = [initial[name]!.dtype, next[name]!.dtype];
      if (before !== after)
        throw new UsageError(`recur: state "${name}" is ${before}, its next value ${after}; cast it`);
      return [name, spread(`the next value of "${name}"`, next[name]!, shape)];
    }),
  );
}

function conditionOf(condition: Tensor): Tensor {
  if (condition.dtype === 'bool') return condition;
  throw new UsageError(`recur: expected a bool condition, got ${condition.dtype}; compare or cast it`);
}

/** A value in the shape of the states. */
function spread(what: string, x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (sameShape(broadcastShapes('recur', x.shape, shape), shape)) return x.broadcastTo(shape);
  throw new UsageError(
    `recur: ${what} has the shape ${formatShape(x.shape)}, the states ${formatShape(shape)}; broadcast an initial state to it`,
  );
}
