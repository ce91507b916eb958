// A correction of low rank is the product with W + down · up, for every kind of layer that has one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, normalsOf } from '../../test/run-module.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, exactProduct, type Layer, type LayerGeometry } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { corrected, lowRankOf } from './low-rank.ts';

type Case = { readonly layer: Layer; readonly x: Shape; readonly geometry?: LayerGeometry };

const geometry: LayerGeometry = { stride: [2, 1], padding: [1, 0] };
const cases: readonly Case[] = [
  { layer: { name: 'd', kind: 'dense', shape: [7, 5] }, x: [4, 7] },
  { layer: { name: 'c', kind: 'convolution', shape: [3, 2, 4, 5] }, x: [2, 6, 5, 4], geometry },
  { layer: { name: 't', kind: 'transposed-convolution', shape: [3, 2, 4, 5] }, x: [2, 3, 4, 4], geometry },
  { layer: { name: 'e', kind: 'embedding', shape: [6, 5] }, x: [2, 3] },
];

for (const { layer, x: inputShape, geometry: windows } of cases)
  test(`${layer.kind}: a correction of rank 3 adds the product with down · up`, () => {
    const { down, up } = lowRankOf(layer, 3)!;
    assert.deepEqual(
      [down.shape, up.shape],
      [
        [...layer.shape.slice(0, -1), 3],
        [3, 5],
      ],
    );
    const isIndex = layer.kind === 'embedding';
    const values = {
      w: normalsOf('w', layer.shape),
      x: isIndex ? [0, 5, 2, 2, 1, 4] : normalsOf('x', inputShape),
      down: normalsOf('down', down.shape),
      up: normalsOf('up', up.shape),
    };
    const graph = trace((t) => {
      const [w, x] = [t.input('w', layer.shape), t.input('x', inputShape)];
      const factors = { down: t.input('down', down.shape), up: t.input('up', up.shape) };
      const rows = elementCount(layer.shape) / 5;
      const sum = w.add(factors.down.reshape([rows, 3]).matmul(factors.up).reshape(layer.shape));
      return {
        outputs: {
          y: corrected(
            digital(() => w),
            () => factors,
          ).multiply(x, layer, windows),
          wanted: exactProduct(x, sum, layer.kind, windows),
          plain: corrected(
            digital(() => w),
            () => undefined,
          ).multiply(x, layer, windows),
          exact: exactProduct(x, w, layer.kind, windows),
        },
      };
    });
    const { y, wanted, plain, exact } = interpret(graph, values).outputs;
    assertClose(y!, wanted!, 1e-12);
    assertClose(plain!, exact!, 0);
  });

test('the rank is at most the smaller side, and groups have no correction', () => {
  assert.deepEqual(lowRankOf({ name: 'd', kind: 'dense', shape: [3, 10] }, 8)!.up.shape, [3, 10]);
  assert.deepEqual(lowRankOf({ name: 'd', kind: 'dense', shape: [30, 2] }, 8)!.down.shape, [30, 2]);
  const grouped: Layer = { name: 'g', kind: 'convolution', shape: [3, 3, 1, 8], groups: 8 };
  assert.equal(lowRankOf(grouped, 2), undefined);
});
