import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, normalsOf, runModule } from '../../test/run-module.ts';
import { groupNormalization, layerNormalization } from './modules.ts';

/** (v − mean) / √(variance + 1e-5) of the values at some places. */
function normalizedInto(to: Float64Array, x: ArrayLike<number>, places: readonly number[]): void {
  const mean = places.reduce((sum, at) => sum + x[at]!, 0) / places.length;
  const variance = places.reduce((sum, at) => sum + (x[at]! - mean) ** 2, 0) / places.length;
  for (const at of places) to[at] = (x[at]! - mean) / Math.sqrt(variance + 1e-5);
}

test('layer normalisation is over the channels of each step', () => {
  const { value, x, parameters } = runModule(layerNormalization('n'), [3, 4]);
  const wanted = new Float64Array(24);
  for (let row = 0; row < 6; row++)
    normalizedInto(
      wanted,
      x,
      [0, 1, 2, 3].map((k) => row * 4 + k),
    );
  assertClose(
    value,
    wanted.map((y, i) => y * parameters['n.scale']![i % 4]! + parameters['n.shift']![i % 4]!),
  );
});

test('group normalisation is over pixels and the channels of a group', () => {
  const { value, x, parameters } = runModule(groupNormalization({ name: 'n', groups: 2 }), [2, 2, 6]);
  const wanted = new Float64Array(48);
  for (let n = 0; n < 2; n++)
    for (let group = 0; group < 2; group++)
      normalizedInto(
        wanted,
        x,
        [0, 1, 2, 3].flatMap((pixel) => [0, 1, 2].map((k) => (n * 4 + pixel) * 6 + group * 3 + k)),
      );
  assertClose(
    value,
    wanted.map((y, i) => y * parameters['n.scale']![i % 6]! + parameters['n.shift']![i % 6]!),
  );
});

test('a large mean costs no digits, and constant channels stay finite', () => {
  const plain = { 'n.scale': [1, 1, 1, 1], 'n.shift': [0, 0, 0, 0] };
  const x = normalsOf('x', [2, 4]);
  const near = runModule(layerNormalization('n'), [4], { x, parameters: plain }).value;
  const far = runModule(layerNormalization('n'), [4], { x: x.map((v) => v + 1e6), parameters: plain }).value;
  // 1e6 leaves 1e-10 of a value of 1 in float64.
  assertClose(far, near, 1e-9);
  assertClose(
    runModule(layerNormalization('n'), [4], { x: new Float64Array(8).fill(7), parameters: plain }).value,
    new Float64Array(8),
  );
});

test('normalisations that need no batch report no statistics, and uneven groups are refused', () => {
  const { statistics } = runModule(layerNormalization('n'), [4], { mode: { kind: 'training' } });
  assert.deepEqual(statistics, {});
  assert.throws(() => groupNormalization({ name: 'n', groups: 4 })([6]), {
    name: 'UsageError',
    message: 'groupNormalization "n": groups must divide the channels, got 4 groups and 6 channels',
  });
});
