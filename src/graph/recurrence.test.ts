// Recurrences as users write them: what they mean, by a loop in JavaScript, and what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { gradients } from './gradients.ts';
import { interpret } from './interpret.ts';
import { isInBody } from './loops.ts';
import { nodesOf } from './node.ts';
import { printGraph } from './print.ts';
import { recur, type Step } from './recurrence.ts';
import type { Tensor } from './tensor.ts';
import { type Trace, trace } from './trace.ts';

test('a recurrence is the loop that it says, with old states on the right', () => {
  const graph = trace((t) => {
    const [a, b, k] = [t.input('a', [4]), t.input('b', [1]), t.input('k', [3, 1], 'i32')];
    return {
      outputs: recur({
        count: 3,
        initial: { a, b },
        step: (s, { item, number }) => ({
          next: { a: s.b.add(item(k).cast('f32')), b: s.a.multiply(number.cast('f32')) },
          where: s.a.less(5),
        }),
        where: a.equal(2).cast('i32').equal(0),
      }),
    };
  });
  const [a, b, k] = [[1, 2, 3, 9], [10], [1, -2, 7]];
  const expected = a.map((first) => {
    let state = { a: first, b: b[0]! };
    for (let at = 0; at < 3; at++)
      if (first !== 2 && state.a < 5) state = { a: state.b + k[at]!, b: state.a * at };
    return state;
  });
  const { outputs } = interpret(graph, { a, b, k });
  assert.deepEqual(
    [...outputs['a']!],
    expected.map((state) => state.a),
  );
  assert.deepEqual(
    [...outputs['b']!],
    expected.map((state) => state.b),
  );
});

test('a loop in a loop starts anew in each iteration of the outer one', () => {
  const graph = trace((t) => {
    const x = t.input('x', [2, 3, 2]);
    const { y } = recur({
      count: 2,
      initial: { y: t.input('y', [2]) },
      step: (outer, sample) => {
        const { sum } = recur({
          count: 3,
          initial: { sum: outer.y },
          step: ({ sum }, pulse) => ({
            next: {
              sum: sum
                .multiply(2)
                .add(pulse.item(sample.item(x)))
                .add(outer.y),
            },
          }),
        });
        return { next: { y: sum.subtract(outer.y) } };
      },
    });
    return { outputs: { y } };
  });
  const x = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
  const y = [2, 7].map((first, column) => {
    let outer = first;
    for (let i = 0; i < 2; i++) {
      let sum = outer;
      for (let j = 0; j < 3; j++) sum = 2 * sum + x[(3 * i + j) * 2 + column]! + outer;
      outer = sum - outer;
    }
    return outer;
  });
  assert.deepEqual([...interpret(graph, { x, y: [2, 7] }).outputs['y']!], y);
});

test('bits that two words share, and how many there are', () => {
  const graph = trace((t) => {
    const [a, b] = [t.input('a', [4], 'i32'), t.input('b', [4], 'i32')];
    return { outputs: { both: a.bitAnd(b), low: a.bitAnd(15), count: a.bitCount() } };
  });
  const given = { a: [0, -1, 0b1011, -(2 ** 31)], b: [5, 6, 0b0110, -1] };
  const { both, low, count } = interpret(graph, given).outputs;
  assert.deepEqual([...both!], [0, 6, 0b0010, -(2 ** 31)]);
  assert.deepEqual([...low!], [0, 15, 0b1011, 0]);
  assert.deepEqual([...count!], [0, 32, 3, 1]);
});

test('differentiation takes a recurrence for a constant', () => {
  const graph = trace((t) => {
    const x = t.input('x', [3]);
    const { y } = recur({ count: 2, initial: { y: x }, step: ({ y }) => ({ next: { y: y.multiply(3) } }) });
    return { outputs: { slope: gradients(y.multiply(x).sum(), [x])[0]! } };
  });
  assert.deepEqual([...interpret(graph, { x: [1, 2, 3] }).outputs['slope']!], [9, 18, 27]);
});

test('a body is printed as nodes of the graph', () => {
  const graph = trace((t) => ({
    outputs: recur({
      count: 4,
      initial: { y: t.input('y', [2]) },
      step: ({ y }, { item }) => ({ next: { y: y.add(item(t.input('x', [4, 2]))) } }),
    }),
  }));
  assert.equal(nodesOf(graph).filter(isInBody).length, 3);
  assert.equal(
    printGraph(graph),
    `%0 = input() {name: y, role: input} : f32 (2)
%1 = carried() {loop: 0, position: 0} : f32 (2)
%2 = input() {name: x, role: input} : f32 (4, 2)
%3 = item(%2) {loop: 0} : f32 (2)
%4 = add(%1, %3) : f32 (2)
%5 = recurrence(%0, %4) {loop: 0, count: 4, states: 1, hasPrecondition: false, hasCondition: false, result: 0} : f32 (2)
output y = %5
`,
  );
});

type One = { readonly y: Tensor };
type Body = (state: One, item: (x: Tensor) => Tensor, t: Trace) => Step<One>;

const refused: Readonly<Record<string, readonly [body: Body, message: RegExp]>> = {
  'a sum': [({ y }) => ({ next: { y: y.add(y.sum()) } }), /^sum: the body of a recurrence holds elementwise/],
  'a maximum over an axis': [({ y }) => ({ next: { y: y.max([0], true) } }), /^reduceMax: the body/],
  'a product': [({ y }) => ({ next: { y: y.matmul(y) } }), /^matmul: the body/],
  'a product of items': [
    ({ y }, item, t) => ({ next: { y: y.add(item(t.input('x', [2, 3, 3])).matmul(t.input('w', [3, 3]))) } }),
    /^matmul: the body/,
  ],
  'a lookup': [
    ({ y }, _, t) => ({ next: { y: t.input('x', [5, 3]).gather(y) } }),
    /^gather: the body of a recurrence/,
  ],
  'zeros around it': [({ y }) => ({ next: { y: y.pad([0, 0], [1, 0]) } }), /^pad: the body/],
  'a view of a state': [
    ({ y }) => ({ next: { y: y.add(y.transpose()) } }),
    /^transpose: each element of a recurrence has its own state alone/,
  ],
  'a state by iteration': [
    ({ y }, item) => ({ next: { y: item(y.add(1)) } }),
    /^recur: expected items of a tensor \(2, …\)/,
  ],
  'too few items': [
    ({ y }, item, t) => ({ next: { y: y.add(item(t.input('x', [4, 3, 3]))) } }),
    /^recur: expected items of a tensor \(2, …\), one for each iteration, got \(4, 3, 3\)/,
  ],
  'another state': [
    ({ y }) => ({ next: { z: y } as unknown as One }),
    /^recur: expected next values of y, got z/,
  ],
  'another type': [
    ({ y }) => ({ next: { y: y.cast('i32') } }),
    /^recur: state "y" is f32, its next value i32; cast it/,
  ],
  'a larger state': [
    (_state, _, t) => ({ next: { y: t.input('x', [5, 3, 3]).add(1) } }),
    /^recur: the next value of "y" has the shape \(5, 3, 3\), the states \(3, 3\)/,
  ],
  'a condition of numbers': [
    ({ y }) => ({ next: { y }, where: y }),
    /^recur: expected a bool condition, got f32/,
  ],
};

for (const [what, [body, message]] of Object.entries(refused)) {
  test(`the step of a recurrence can't have ${what}`, () => {
    assert.throws(
      () =>
        trace((t) => ({
          outputs: recur({
            count: 2,
            initial: { y: t.input('y', [3, 3]) },
            step: (state, { item }) => body(state, item, t),
          }),
        })),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

test('states are numbers, one at least, and iterations whole', () => {
  const attempt = (count: number, initial: (t: Trace) => Record<string, Tensor>) => () =>
    trace((t) => ({ outputs: recur({ count, initial: initial(t), step: (next) => ({ next }) }) }));
  assert.throws(
    attempt(2, () => ({})),
    /^UsageError: recur: expected at least one state, got none/,
  );
  const one = (t: Trace): Record<string, Tensor> => ({ x: t.input('x', [2]) });
  assert.throws(attempt(0, one), /recur: expected a whole number of iterations from 1, got 0/);
  assert.throws(attempt(1.5, one), /recur: expected a whole number of iterations from 1, got 1.5/);
  assert.throws(
    attempt(1, (t) => ({ m: t.input('x', [2]).less(0) })),
    /recur: state "m" is bool; cast it to i32 or f32/,
  );
});

test('what depends on an iteration does not leave the recurrence', () => {
  let leaked: Tensor | undefined;
  const attempt = (use: (leaked: Tensor, y: Tensor) => Tensor) => () =>
    trace((t) => {
      const { y } = recur({
        count: 2,
        initial: { y: t.input('y', [3]) },
        step: (state) => {
          leaked = state.y.multiply(2);
          return { next: { y: leaked } };
        },
      });
      return { outputs: { z: use(leaked!, y) } };
    });
  const message =
    /trace: "z" depends on an iteration of a recurrence, outside of it; make it a state of the recurrence/;
  assert.throws(
    attempt((own) => own),
    message,
  );
  assert.throws(
    attempt((own, y) => own.add(y)),
    message,
  );
  assert.throws(
    attempt((own) => own.sum()),
    /^UsageError: sum: the body of a recurrence/,
  );
  assert.throws(
    attempt((own, y) => recur({ count: 2, initial: { y }, step: (s) => ({ next: { y: s.y.add(own) } }) }).y),
    message,
  );
});
