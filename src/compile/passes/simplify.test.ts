import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodesOf } from '../../graph/node.ts';
import { printGraph } from '../../graph/print.ts';
import { constant, customGradient, type Tensor } from '../../graph/tensor.ts';
import { type Trace, trace } from '../../graph/trace.ts';
import { constantValue, simplify } from './simplify.ts';

/** The simplified graph of one result, as text without the inputs' lines. */
function simplified(define: (x: Tensor, t: Trace) => Tensor): string {
  const text = printGraph(simplify(trace((t) => ({ outputs: { y: define(t.input('x', [2, 3]), t) } }))));
  return text
    .split('\n')
    .filter((line) => !line.includes('input()'))
    .join('\n')
    .trim();
}

const UNCHANGED = 'output y = %0';

test('what only differentiation needs disappears', () => {
  assert.equal(
    simplified((x) => x.detach()),
    UNCHANGED,
  );
  assert.equal(
    simplified((x) => customGradient('any', x, [x], (g) => [g])),
    UNCHANGED,
  );
});

test('neutral elements disappear', () => {
  const neutral: readonly ((x: Tensor, t: Trace) => Tensor)[] = [
    (x) => x.add(0),
    (x, t) => constant(t, 0).add(x),
    (x) => x.subtract(0),
    (x) => x.multiply(1),
    (x, t) => constant(t, 1).broadcastTo([2, 3]).multiply(x),
    (x) => x.divide(1),
    (x) => x.negate().negate(),
    (x) => x.reshape([6]).reshape([1, 6]).reshape([2, 3]),
    (x) => x.reshape([2, 1, 3]).sum([1]),
  ];
  for (const define of neutral) assert.equal(simplified(define), UNCHANGED);
});

test('what is not neutral stays', () => {
  const different: readonly ((x: Tensor, t: Trace) => Tensor)[] = [
    (x, t) => constant(t, 0).subtract(x),
    (x) => x.multiply(0),
    (x, t) => constant(t, 1).divide(x),
    (x) => x.add(1e-30),
    (x) => x.sum([0], true),
  ];
  for (const define of different) assert.notEqual(simplified(define), UNCHANGED);
});

test('operations on constants are done here, also under a stretch', () => {
  assert.equal(
    simplified((x, t) => x.multiply(constant(t, 3).add(1).multiply(0.5).broadcastTo([2, 3]))),
    [
      '%1 = constant() {value: 2} : f32 ()',
      '%2 = reshape(%1) : f32 (1, 1)',
      '%3 = broadcast(%2) : f32 (2, 3)',
      '%4 = multiply(%0, %3) : f32 (2, 3)',
      'output y = %4',
    ].join('\n'),
  );
});

test('views of views of the same elements are one view', () => {
  const graph = simplify(
    trace((t) => ({ outputs: { y: t.input('x', [2, 3]).reshape([6]).reshape([3, 2]) } })),
  );
  assert.deepEqual(
    nodesOf(graph).map(({ op }) => op),
    ['input', 'reshape'],
  );
});

test('equal values that became equal only now are one', () => {
  const graph = simplify(
    trace((t) => {
      const x = t.input('x', [2]);
      return { outputs: { a: x.add(0).exp(), b: x.detach().exp() } };
    }),
  );
  assert.equal(graph.outputs['a'], graph.outputs['b']);
});

test('an input that nothing needs is not asked for, an updated state is', () => {
  const graph = simplify(
    trace((t) => {
      t.input('unused', [7]);
      t.state('kept', [7]);
      const x = t.input('x', [2]);
      t.state('overwritten', [2]);
      return { outputs: { y: x }, updates: { overwritten: x } };
    }),
  );
  assert.deepEqual(
    graph.inputs.map(({ attributes }) => attributes.name),
    ['x', 'overwritten'],
  );
});

test('a constant is known through stretches and reshapes, nothing else is', () => {
  trace((t) => {
    assert.equal(constantValue(constant(t, 2).broadcastTo([3, 4]).reshape([12]).node), 2);
    assert.equal(constantValue(t.input('x', []).node), undefined);
    assert.equal(constantValue(constant(t, 2).exp().node), undefined);
    return { outputs: {} };
  });
});
