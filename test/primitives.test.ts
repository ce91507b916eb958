// Concatenations, rows of tables and stacks of matrices on every backend.

import { gradients } from '../src/graph/gradients.ts';
import { apply, concat, iota, type Tensor } from '../src/graph/tensor.ts';
import type { Traced } from '../src/graph/trace.ts';
import type { SampleTrace } from './compare.ts';
import { type Results, testEverywhere, withGradients } from './everywhere.ts';

/** Parts of all ranks and types, along every axis, few and many elements, from memory and computed. */
function concatenations(t: SampleTrace): Results {
  const results: Results = {};
  for (const shape of [[7], [3, 5], [2, 3, 4], [2, 1, 3, 2, 5, 2], [3, 40, 50], [9001]]) {
    for (const axis of shape.keys()) {
      const sizes = [1, shape[axis]!, 4];
      const parts = sizes.map((size) => t.normals(shape.map((own, k) => (k === axis ? size : own))));
      const [a, b, c] = parts as [Tensor, Tensor, Tensor];
      const y = concat([a, b.tanh(), c, b], axis);
      Object.assign(results, withGradients(t, `(${shape}) along ${axis}`, y, { a, b, c }));
    }
  }
  const x = t.normals([4, 6]);
  const whole = t.integers([4, 6], -9, 9);
  const product = x.matmul(t.normals([6, 5]));
  return {
    ...results,
    integers: concat([whole, whole.slice([0, 1], [4, 3])], 1),
    bools: concat([whole.less(0), x.less(0)], 0),
    'of views': concat([x.transpose(), x.reshape([6, 4]), x.slice([1, 0], [2, 4]).broadcastTo([3, 4])], 0),
    'of a product, and more': concat([product, x], 1).relu(),
    'a filter of two': t
      .normals([3, 10])
      .matmul(concat([x, x.exp()], 0).slice([0, 0], [8, 6]).reshape([8, 6]).pad([0, 0], [2, 0])),
    'images of two': concat([t.normals([2, 5, 5, 3]), t.normals([2, 5, 5, 4])], -1).convolve(
      t.normals([3, 3, 7, 6]),
      { stride: [1, 1], padding: [1, 1] },
    ),
    'a stack of steps': concat(
      Array.from({ length: 12 }, (_, k) => x.multiply(k).tanh().reshape([1, 4, 6])),
      0,
    ),
  };
}

/** Tables with rows below, at and above the width of a vector, and looked up in all ways: scalars, lists, beyond the ends. */
function tables(t: SampleTrace): Results {
  const results: Results = {};
  for (const shape of [[9], [9, 1], [5, 3], [7, 16], [4, 37], [3, 2, 5], [1, 8], [6, 300]]) {
    for (const count of [[], [4], [3, 5], [2, 1, 33]]) {
      const table = t.normals(shape);
      const indices = t.integers(count, -3, shape[0]! + 3);
      Object.assign(results, withGradients(t, `(${count}) of (${shape})`, table.gather(indices), { table }));
    }
  }
  const special = [0, -0, 0.9, -0.9, 1.5, 3.99, 4, 1e9, 1e20, -1e20, Number.NaN];
  const edges = t.values([13], [...special, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  const table = t.normals([5, 6]);
  const whole = t.integers([5, 6], -99, 99);
  const far = t.values([4], [-(2 ** 31), 2 ** 30, 4, 1]).cast('i32');
  const list = t.integers([7], 0, 5);
  const product = t.normals([5, 9]).matmul(t.normals([9, 6]));
  const square = t.normals([6, 6]);
  const six = t.integers([6], 0, 6);
  const looked = table.gather(list);
  return {
    ...results,
    ...withGradients(t, 'edges of floats', table.gather(edges), { table }),
    'edges of integers': table.gather(far),
    'of integers': whole.gather(list),
    'of bools': whole.less(0).gather(list),
    'of a computed table': table.exp().gather(list),
    'of a regrouped table': table.reshape([10, 3]).gather(list),
    'of a transposed table': table.transpose().gather(list),
    'of a number': t.givenScalar('number', 3).reshape([1, 1]).gather(list),
    'by computed indices': table.gather(list.multiply(2).subtract(3)).tanh(),
    'by counted indices': table.gather(iota(t, [3, 4], 1)),
    'by looked up indices': table.gather(t.integers([9], 0, 5).gather(list)),
    'transposed afterwards': looked.transpose().add(1),
    'regrouped afterwards': looked.reshape([3, 14]).multiply(2),
    'cut and stretched': looked.slice([1, 2], [4, 5]).reshape([3, 1, 3]).broadcastTo([3, 2, 3]).add(1),
    'summed up': looked.square().sum([0]),
    'as rows of a product': looked.matmul(t.normals([6, 17])),
    'as the filter of a product': t.normals([3, 7]).matmul(looked),
    'of a product': product.gather(list),
    'of a product, as large as it': product.gather(t.integers([5], 0, 5)).add(1),
    'by a product': square.gather(
      t
        .integers([6, 2], 0, 3)
        .cast('f32')
        .matmul(t.values([2, 1], [1, 1]))
        .reshape([6]),
    ),
    'after a product': square.matmul(square).add(square.gather(six)).relu(),
    'in images of a convolution': t
      .normals([9, 4])
      .gather(t.integers([2, 5, 6], 0, 9))
      .convolve(t.normals([3, 3, 4, 5]), { stride: [1, 1], padding: [1, 1] }),
    'random draws': table.gather(t.key('noise').uniform([8]).multiply(4).floor()),
    ...withGradients(t, 'twice the same table', looked.multiply(table.gather(list.add(1))), { table }),
  };
}

/** So many values in a row that sums of them in f32 would lose their digits, of equal size and of either sign. */
function manyValues(t: SampleTrace): Results {
  const count = 200_003;
  const values = t.uniforms([count, 3], 0.5, 1.5);
  const indices = t.integers([count], 0, 2);
  const add = (rows: number, at: Tensor, x: Tensor): Tensor =>
    apply(t.builder, 'scatterAdd', [at, x], { rows });
  return {
    'two rows': add(2, indices, values),
    'one row': add(1, indices, t.normals([count, 3])),
    'wide rows': add(40, t.integers([3000], 0, 40), t.uniforms([3000, 70], 0, 1)),
    'of a computation': add(
      3,
      t.integers([50, 60], 0, 3),
      t.uniforms([50, 1, 20], 0, 1).broadcastTo([50, 60, 20]),
    ),
    // One value is infinite: its row is, and nothing becomes NaN.
    infinities: add(
      2,
      indices,
      concat([t.values([1, 3], [0, 0, 1]), t.uniforms([count - 1, 3], 1, 2)], 0)
        .log()
        .abs(),
    ),
  };
}

/** Matrices by their number, rows, inner size and columns. */
const STACKS: readonly (readonly [leading: readonly number[], m: number, k: number, n: number])[] = [
  [[1], 5, 7, 3],
  [[3], 1, 1, 1],
  [[2, 3], 4, 17, 19],
  // Several in a chunk.
  [[16, 24], 8, 8, 8],
  [[130], 3, 5, 33],
  // Blocks of rows, and a rest; whole matrices of many rows.
  [[2], 70, 9, 5],
  [[8], 300, 4, 6],
  [[9], 200, 6, 20],
  // Panels of columns; parts of them; shares of the columns.
  [[2], 40, 300, 130],
  [[3], 33, 1100, 40],
  [[2], 33, 40, 1024],
];

function stackedMatrices(t: SampleTrace): Results {
  const results: Results = {};
  for (const [leading, m, k, n] of STACKS) {
    const [a, b] = [t.normals([...leading, m, k]), t.normals([...leading, k, n])];
    const name = `(${leading}) of (${m}, ${k}) · (${k}, ${n})`;
    const y = a
      .matmul(b)
      .multiply(1 / Math.sqrt(k))
      .add(t.normals([n]))
      .tanh();
    Object.assign(results, withGradients(t, name, y, { a, b }));
  }
  const [a, b] = [t.normals([3, 4, 10]), t.normals([3, 10, 18])];
  const tiles = a
    .matmul(b, [0, 3])
    .clip(-2, 2)
    .add(a.matmul(b, [3, 10]).clip(-2, 2));
  const [one, row] = [t.normals([10, 5]), t.normals([2, 1, 4, 10])];
  return {
    ...results,
    ...withGradients(t, 'two tiles', tiles, { a, b }),
    ...withGradients(t, 'one on the right', a.matmul(one), { a, one }),
    ...withGradients(t, 'one on the left', one.transpose().matmul(b), { one, b }),
    ...withGradients(t, 'stretched on both sides', row.matmul(b), { row, b }),
    'rows of panels': t.normals([2, 40, 400]).matmul(t.normals([2, 400, 120]), [30, 390]),
    'left transposed': t.normals([3, 10, 7]).transpose([0, 2, 1]).matmul(b),
    'right transposed': a.matmul(t.normals([3, 21, 10]).transpose([0, 2, 1])),
    'heads apart': t
      .normals([2, 6, 3, 8])
      .transpose([0, 2, 1, 3])
      .matmul(t.normals([2, 5, 3, 8]).transpose([0, 2, 3, 1])),
    'summed up': a.matmul(b).square().sum([0, 1]),
    'of sums': a.add(1).relu().matmul(b.multiply(2).exp()),
    ...attention(t),
  };
}

/** Softmax(Q · Kᵀ / √d) · V for several heads, with all gradients. */
function attention(t: SampleTrace): Results {
  const [q, k, v] = [t.normals([2, 3, 12, 8]), t.normals([2, 3, 14, 8]), t.normals([2, 3, 14, 8])];
  const scores = q.matmul(k.transpose([0, 1, 3, 2])).multiply(1 / Math.sqrt(8));
  const weights = scores.subtract(scores.max([-1], true).detach()).exp();
  const y = weights.divide(weights.sum([-1], true)).matmul(v);
  return withGradients(t, 'attention', y, { q, k, v });
}

/** Updates that load their own state at other places than they store to: none may be made in place. */
function states(t: SampleTrace): Traced {
  const [table, ring, sums] = [
    t.normalState('table', [9, 20]),
    t.normalState('ring', [8, 20]),
    t.normalState('sums', [9, 20]),
  ];
  const list = t.integers([9], 0, 9);
  const slope = gradients(sums.gather(list).square().sum(), [sums])[0]!;
  return {
    outputs: {},
    updates: {
      table: table.add(table.gather(list)),
      ring: concat([ring.slice([1, 0], [8, 20]), ring.slice([0, 0], [1, 20])], 0),
      sums: sums.subtract(slope.multiply(0.1)),
    },
  };
}

testEverywhere({
  concatenations: (t) => ({ outputs: concatenations(t) }),
  'rows of tables': (t) => ({ outputs: tables(t) }),
  'many values for few rows': (t) => ({ outputs: manyValues(t) }),
  'stacks of matrices': (t) => ({ outputs: stackedMatrices(t) }),
  'states that are looked up, turned and descend': states,
});
