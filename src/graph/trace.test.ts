import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { deriveKey } from '../base/random.ts';
import type { Tensor } from './tensor.ts';
import { trace } from './trace.ts';

test('a graph lists its inputs in the order of their declaration, also those without users', () => {
  const graph = trace((t) => {
    const x = t.input('x', [2]);
    t.input('unused', [3], 'i32');
    const w = t.state('w', [2]);
    const rate = t.scalar('rate');
    t.key('noise');
    return { outputs: { y: x.add(w) }, updates: { w: w.multiply(rate) } };
  });
  assert.deepEqual(
    graph.inputs.map(({ attributes: { name, role }, shape, dtype }) => [name, role, shape, dtype]),
    [
      ['x', 'input', [2], 'f32'],
      ['unused', 'input', [3], 'i32'],
      ['w', 'state', [2], 'f32'],
      ['rate', 'scalar', [], 'f32'],
      ['noise.0', 'scalar', [], 'i32'],
      ['noise.1', 'scalar', [], 'i32'],
    ],
  );
});

test('a name declared twice alike is one input', () => {
  const graph = trace((t) => {
    assert.equal(t.input('x', [2]).node, t.input('x', [2]).node);
    return { outputs: {} };
  });
  assert.equal(graph.inputs.length, 1);
});

test('a name declared twice differently is refused, whether in shape, type or role', () => {
  const message = 'trace: input "x" is declared twice, differently';
  trace((t) => {
    t.input('x', [2]);
    assert.throws(() => t.input('x', [3]), new UsageError(message));
    assert.throws(() => t.input('x', [2], 'i32'), new UsageError(message));
    assert.throws(() => t.state('x', [2]), new UsageError(message));
    return { outputs: {} };
  });
});

test('only states are updated, with their own shape and type', () => {
  assert.throws(
    () => trace((t) => ({ outputs: {}, updates: { x: t.input('x', [2]) } })),
    new UsageError('trace: update of "x", which is not a state'),
  );
  assert.throws(
    () => trace((t) => ({ outputs: {}, updates: { typo: t.state('w', [2]) } })),
    new UsageError('trace: update of "typo", which is not a state'),
  );
  assert.throws(
    () => trace((t) => ({ outputs: {}, updates: { w: t.state('w', [2, 3]).sum([0]) } })),
    new UsageError('trace: state "w" has shape (2,3), its update (3)'),
  );
  assert.throws(
    () => trace((t) => ({ outputs: {}, updates: { w: t.state('w', [2]).cast('i32') } })),
    new UsageError('trace: state "w" is f32, its update i32; cast it'),
  );
});

test('tensors of two traces do not mix, neither as operands nor as results', () => {
  const kept: Tensor[] = [];
  trace((t) => {
    kept.push(t.input('x', [2, 2]));
    return { outputs: {} };
  });
  const [other] = kept as [Tensor];
  trace((t) => {
    const x = t.input('y', [2, 2]);
    const uses: readonly (readonly [string, () => Tensor])[] = [
      ['add', () => x.add(other)],
      ['matmul', () => x.matmul(other)],
      ['select', () => x.less(0).select(other, 1)],
    ];
    for (const [op, use] of uses) {
      assert.throws(
        use,
        new UsageError(`${op}: the operands belong to two traces; use tensors of one trace`),
      );
    }
    return { outputs: {} };
  });
  assert.throws(
    () => trace(() => ({ outputs: { y: other } })),
    new UsageError('trace: "y" belongs to another trace'),
  );
  assert.throws(
    () =>
      trace((t) => {
        t.state('w', [2, 2]);
        return { outputs: {}, updates: { w: other } };
      }),
    new UsageError('trace: "w" belongs to another trace'),
  );
});

test('a key is two runtime words and a stream that its path fixes', () => {
  trace((t) => {
    const key = t.key('noise');
    assert.deepEqual(key.stream, [0, 0]);
    const layer = key.derive('layer', 3);
    assert.deepEqual(layer.stream, deriveKey([0, 0], 'layer', 3));
    assert.deepEqual(layer.words, key.words);
    assert.deepEqual(
      layer.normal([4]).node.inputs,
      key.words.map(({ node }) => node),
    );
    return { outputs: {} };
  });
});
