import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './errors.ts';
import { countParameters, hostTensor } from './parameters.ts';

test('a host tensor is filled exactly', () => {
  const data = new Float32Array(6);
  assert.deepEqual(hostTensor([2, 3], data), { shape: [2, 3], data });
  assert.throws(
    () => hostTensor([2, 4], data),
    new UsageError('hostTensor: shape (2, 4) needs 8 values, got 6'),
  );
});

test('parameters are counted over the whole tree', () => {
  const parameters = {
    'a.weights': hostTensor([2, 3], new Float32Array(6)),
    'a.bias': hostTensor([], new Float32Array(1)),
  };
  assert.equal(countParameters(parameters), 7);
  assert.equal(countParameters({}), 0);
});
