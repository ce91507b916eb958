import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodesOf, reachable } from './node.ts';
import { concat, constant, customGradient, type Tensor } from './tensor.ts';
import { type Trace, trace } from './trace.ts';

function within(body: (t: Trace, x: Tensor) => void): void {
  trace((t) => {
    body(t, t.input('x', [2, 3]));
    return { outputs: {} };
  });
}

test('equal operations on equal operands are one node', () => {
  within((t, x) => {
    assert.equal(x.add(1).exp().node, x.add(1).exp().node);
    assert.equal(x.sum([0, 1]).node, x.sum([-1, 0]).node);
    assert.equal(t.key('k').derive('a').normal([2]).node, t.key('k').derive('a').normal([2]).node);
  });
});

test('geometries that say the same in more or fewer words are one node', () => {
  within((t) => {
    const [x, w] = [t.input('images', [1, 4, 5, 2]), t.input('filter', [2, 2, 2, 3])];
    const short = x.convolve(w, { stride: [1, 2], padding: [1, 0] });
    const long = x.convolve(
      w,
      {
        groups: 1,
        dilation: [1, 1],
        padding: [
          [1, 1],
          [0, 0],
        ],
        stride: [1, 2],
      },
      [0, 8],
    );
    assert.equal(short.node, long.node);
    assert.notEqual(short.node, x.convolve(w, { stride: [1, 2], padding: [[1, 0], 0] }).node);
  });
});

test('operations that differ in anything are two nodes', () => {
  within((t, x) => {
    const pairs: readonly (readonly [Tensor, Tensor])[] = [
      [x.add(1), x.add(2)],
      [x.add(1), x.subtract(1)],
      [x.subtract(x.exp()), x.exp().subtract(x)],
      [x.sum([0]), x.sum([1])],
      [t.key('k').derive('a').normal([2]), t.key('k').derive('b').normal([2])],
      [t.key('k').uniform([2]), t.key('k').normal([2])],
      [constant(t, 1), constant(t, 1, 'i32')],
      [constant(t, Number.POSITIVE_INFINITY), constant(t, Number.NEGATIVE_INFINITY)],
      [constant(t, Number.NaN), constant(t, Number.POSITIVE_INFINITY)],
      [constant(t, 0), constant(t, -0)],
    ];
    for (const [a, b] of pairs) assert.notEqual(a.node, b.node);
  });
});

test('custom gradients are never shared: their rules may differ', () => {
  within((_, x) => {
    const make = (): Tensor => customGradient('same', x.exp(), [x], (g) => [g]);
    assert.notEqual(make().node, make().node);
  });
});

test('operations that change nothing add no node', () => {
  within((_, x) => {
    const same = [
      x.reshape([2, 3]),
      x.reshape([-1, 3]),
      x.transpose([0, 1]),
      x.broadcastTo([2, 3]),
      x.slice([0, 0], [2, 3]),
      x.pad([0, 0], [0, 0]),
      x.cast('f32'),
      x.sum([], true),
      concat([x], 1),
    ];
    for (const result of same) assert.equal(result.node, x.node);
  });
});

test('a number takes the element type of what it meets', () => {
  within((t, x) => {
    assert.equal(t.input('i', [2], 'i32').add(1).dtype, 'i32');
    assert.equal(x.add(1).dtype, 'f32');
    assert.equal(x.less(1).dtype, 'bool');
    assert.equal(x.less(0).select(t.input('j', [], 'i32'), 0).dtype, 'i32');
  });
});

test('nodes come after their inputs, each once, also in graphs as deep as training is long', () => {
  const graph = trace((t) => {
    let x = t.input('x', []);
    for (let step = 0; step < 20_000; step++) x = x.add(x);
    return { outputs: { x } };
  });
  const order = nodesOf(graph);
  assert.equal(order.length, 20_001);
  const positions = new Map(order.map((node, position) => [node, position]));
  for (const node of order)
    for (const input of node.inputs) assert.ok(positions.get(input)! < positions.get(node)!);
  assert.deepEqual(reachable([]), []);
});
