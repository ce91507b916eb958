import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './errors.ts';
import { broadcastShapes, elementCount, formatShape, normalizeAxes, sameShape, stridesOf } from './shape.ts';

test('a shape has as many elements as its axes multiply to; a scalar has one', () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([3, 4, 5]), 60);
  assert.equal(elementCount([3, 0]), 0);
});

test('strides are those of row-major order', () => {
  assert.deepEqual(stridesOf([]), []);
  assert.deepEqual(stridesOf([7]), [1]);
  assert.deepEqual(stridesOf([2, 3, 4]), [12, 4, 1]);
});

test('shapes are the same if all axes are', () => {
  assert.ok(sameShape([], []));
  assert.ok(sameShape([2, 3], [2, 3]));
  assert.ok(!sameShape([2, 3], [3, 2]));
  assert.ok(!sameShape([2], [2, 1]));
  assert.ok(!sameShape([], [1]));
});

test('a shape prints as people write it', () => {
  assert.equal(formatShape([]), '()');
  assert.equal(formatShape([3, 4]), '(3, 4)');
});

test('broadcasting aligns the last axes and stretches ones, in either order', () => {
  const cases = [
    [[], [], []],
    [[], [2, 3], [2, 3]],
    [[3], [2, 3], [2, 3]],
    [
      [2, 1],
      [1, 3],
      [2, 3],
    ],
    [
      [4, 1, 5],
      [3, 1],
      [4, 3, 5],
    ],
  ] as const;
  for (const [a, b, expected] of cases) {
    assert.deepEqual(broadcastShapes('here', a, b), expected);
    assert.deepEqual(broadcastShapes('here', b, a), expected);
  }
});

test('shapes that do not broadcast are refused by name', () => {
  assert.throws(
    () => broadcastShapes('add', [2, 3], [2, 4]),
    new UsageError('add: shapes (2, 3) and (2, 4) do not broadcast'),
  );
});

test('axes may count from the end; they come back sorted', () => {
  assert.deepEqual(normalizeAxes('sum', 3, [-1, 0]), [0, 2]);
  assert.deepEqual(normalizeAxes('sum', 0, []), []);
});

test('axes that are not there, or named twice, are refused', () => {
  assert.throws(
    () => normalizeAxes('sum', 2, [2]),
    new UsageError('sum: axis 2 is outside a tensor of 2 axes'),
  );
  assert.throws(
    () => normalizeAxes('sum', 2, [-3]),
    new UsageError('sum: axis -3 is outside a tensor of 2 axes'),
  );
  assert.throws(
    () => normalizeAxes('sum', 2, [0.5]),
    new UsageError('sum: axis 0.5 is outside a tensor of 2 axes'),
  );
  assert.throws(
    () => normalizeAxes('sum', 2, [1, -1]),
    new UsageError('sum: axes [1, -1] name an axis twice'),
  );
});
