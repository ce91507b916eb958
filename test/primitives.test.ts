// The younger primitives on every backend against the float64 interpreter: convolutions with groups, dilation and
// uneven margins, and what else products.test.ts and backends.test.ts do not hold.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Engine, engineOn } from '../src/engine.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { ConvolutionGeometry, SignalGeometry, TransposedGeometry } from '../src/graph/node.ts';
import { apply, concat, iota, type Tensor } from '../src/graph/tensor.ts';
import { assertAgrees, backends, runSample, type Sample, type SampleTrace, sample } from './compare.ts';

type Results = Record<string, Tensor>;

type Case = {
  readonly images: readonly [n: number, h: number, w: number, c: number];
  readonly kernel: readonly [number, number];
  readonly outputs: number;
} & ConvolutionGeometry;

const nameOf = ({ images, kernel, outputs, stride, padding, dilation = [1, 1], groups = 1 }: Case): string =>
  `(${images}) by ${kernel.join('x')} to ${outputs}, stride ${stride}, padding ${JSON.stringify(padding)}, dilation ${dilation}, ${groups} groups`;

/** A value, and its gradients for `inputs` in a random direction. */
function withGradients(
  t: SampleTrace,
  name: string,
  y: Tensor,
  inputs: Readonly<Record<string, Tensor>>,
): Results {
  const slopes = gradients(y.multiply(t.normals(y.shape)).sum(), Object.values(inputs));
  return {
    [name]: y,
    ...Object.fromEntries(Object.keys(inputs).map((input, k) => [`${name}, to ${input}`, slopes[k]!])),
  };
}

function convolutions(cases: readonly Case[]): (t: SampleTrace) => Results {
  return (t) =>
    Object.assign(
      {},
      ...cases.map((each) => {
        const { images, kernel, outputs, groups = 1 } = each;
        const [x, w] = [t.normals(images), t.normals([...kernel, images[3] / groups, outputs])];
        return withGradients(t, nameOf(each), x.convolve(w, each), { images: x, filter: w });
      }),
    );
}

const unit = { stride: [1, 1], padding: [0, 0] } as const;

/** Every way in which a kernel can leave out pixels, with strides that divide the dilation and that do not. */
const DILATED: readonly Case[] = [
  { images: [2, 7, 8, 5], kernel: [3, 3], outputs: 7, ...unit, dilation: [2, 2] },
  { images: [2, 9, 8, 20], kernel: [3, 3], outputs: 19, stride: [1, 1], padding: [2, 2], dilation: [2, 2] },
  { images: [1, 9, 11, 3], kernel: [3, 2], outputs: 16, stride: [2, 2], padding: [1, 2], dilation: [2, 3] },
  { images: [2, 8, 12, 4], kernel: [2, 3], outputs: 5, stride: [3, 2], padding: [0, 3], dilation: [3, 2] },
  { images: [2, 8, 9, 6], kernel: [3, 3], outputs: 9, stride: [1, 3], padding: [2, 1], dilation: [3, 1] },
  { images: [1, 6, 14, 7], kernel: [1, 4], outputs: 33, stride: [1, 4], padding: [0, 5], dilation: [1, 4] },
  // Three taps along the columns and rows apart: not by minimal filtering.
  { images: [2, 9, 9, 24], kernel: [3, 3], outputs: 16, stride: [1, 1], padding: [2, 1], dilation: [2, 1] },
];

/** Zeros on one side only, as for causal convolutions and for even strides. */
const UNEVEN: readonly Case[] = [
  {
    images: [2, 5, 6, 3],
    kernel: [3, 3],
    outputs: 7,
    stride: [2, 2],
    padding: [
      [0, 1],
      [1, 0],
    ],
  },
  { images: [1, 1, 12, 8], kernel: [1, 4], outputs: 16, stride: [1, 1], padding: [0, [3, 0]] },
  {
    images: [2, 4, 5, 2],
    kernel: [2, 3],
    outputs: 5,
    stride: [1, 2],
    padding: [
      [2, 3],
      [0, 4],
    ],
    dilation: [2, 1],
  },
  // By minimal filtering, with more zeros behind than the kernel reaches.
  {
    images: [2, 6, 8, 24],
    kernel: [3, 3],
    outputs: 24,
    stride: [1, 1],
    padding: [
      [1, 4],
      [0, 3],
    ],
  },
  {
    images: [2, 6, 8, 24],
    kernel: [3, 3],
    outputs: 24,
    stride: [1, 1],
    padding: [
      [2, 0],
      [2, 1],
    ],
  },
];

/** Depthwise, with several outputs a channel, groups below, at and above the widths of vectors, ends of vectors within. */
const GROUPED: readonly Case[] = [
  { images: [2, 6, 7, 16], kernel: [3, 3], outputs: 16, stride: [1, 1], padding: [1, 1], groups: 16 },
  { images: [2, 5, 6, 19], kernel: [3, 3], outputs: 19, stride: [2, 2], padding: [1, 1], groups: 19 },
  { images: [3, 5, 5, 40], kernel: [3, 3], outputs: 40, ...unit, groups: 40 },
  {
    images: [1, 9, 9, 7],
    kernel: [5, 5],
    outputs: 7,
    stride: [1, 1],
    padding: [4, 4],
    dilation: [2, 2],
    groups: 7,
  },
  { images: [2, 5, 6, 5], kernel: [3, 3], outputs: 15, stride: [1, 2], padding: [1, 0], groups: 5 },
  { images: [2, 5, 6, 12], kernel: [3, 3], outputs: 6, stride: [1, 1], padding: [1, 1], groups: 6 },
  { images: [2, 5, 6, 12], kernel: [3, 2], outputs: 20, stride: [2, 1], padding: [1, 1], groups: 4 },
  { images: [2, 4, 6, 24], kernel: [3, 3], outputs: 48, stride: [1, 1], padding: [1, 1], groups: 2 },
  { images: [2, 4, 6, 22], kernel: [1, 1], outputs: 34, ...unit, groups: 2 },
  { images: [2, 4, 6, 34], kernel: [2, 3], outputs: 38, ...unit, dilation: [1, 2], groups: 2 },
  {
    images: [1, 7, 9, 12],
    kernel: [3, 3],
    outputs: 27,
    stride: [2, 3],
    padding: [
      [0, 2],
      [1, 0],
    ],
    groups: 3,
  },
];

/** What comes before and after a grouped convolution: work on both sides, sums of its results, shares of its rows. */
function surroundedGroups(t: SampleTrace): Results {
  const results: Results = {};
  for (const [channels, outputs, groups] of [
    [12, 12, 12],
    [12, 18, 3],
    [8, 38, 2],
  ] as const) {
    const x = t.normals([3, 5, 6, channels]);
    const w = t.normals([3, 3, channels / groups, outputs], 0.5);
    const geometry = { stride: [1, 1], padding: [1, 1], groups } as const;
    const scale = t.normals([channels]);
    const y = x.multiply(scale).tanh().convolve(w, geometry);
    const mean = y.mean([0, 1, 2]);
    const normal = y.subtract(mean).divide(y.subtract(mean).square().mean([0, 1, 2]).add(1).sqrt());
    const name = `${groups} groups of ${channels} to ${outputs}`;
    Object.assign(results, withGradients(t, `normalised, ${name}`, normal.relu(), { x, w, scale }));
    const rows = (9 * channels) / groups;
    const cut = Math.floor(rows / 2) - 1;
    const parts = [x.convolve(w, geometry, [0, cut]), x.convolve(w, geometry, [cut, rows])].map((part) =>
      part.clip(-2, 2),
    );
    Object.assign(results, withGradients(t, `two tiles, ${name}`, parts[0]!.add(parts[1]!), { x, w }));
    results[`one row, ${name}`] = x.convolve(w, geometry, [cut, cut + 1]);
  }
  return results;
}

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

/** Signals: causal, strided, with gaps, depthwise, by minimal filtering; their statistics, and shares of the rows. */
function signals(t: SampleTrace): Results {
  const results: Results = {};
  const cases: readonly (readonly [
    size: readonly [n: number, l: number, c: number],
    filter: readonly [k: number, outputs: number],
    geometry: SignalGeometry,
  ])[] = [
    [[2, 9, 3], [1, 7], {}],
    [[2, 21, 5], [4, 16], { padding: [3, 0] }],
    [[3, 17, 7], [3, 19], { stride: 2, padding: 1 }],
    [[1, 30, 6], [3, 5], { dilation: 4, padding: [8, 0] }],
    [[2, 16, 24], [3, 20], { padding: 1 }],
    [[2, 19, 33], [3, 16], { padding: [2, 0] }],
    [[2, 14, 18], [5, 18], { padding: 2, groups: 18 }],
    [[2, 14, 12], [3, 40], { stride: 2, groups: 2, dilation: 2 }],
    [[1, 1300, 2], [8, 3], { stride: 3 }],
  ];
  for (const [size, [k, outputs], geometry] of cases) {
    const [x, w] = [t.normals(size), t.normals([k, size[2] / (geometry.groups ?? 1), outputs])];
    const name = `(${size}) by ${k} to ${outputs}, ${JSON.stringify(geometry)}`;
    Object.assign(results, withGradients(t, name, x.convolve1d(w, geometry), { x, w }));
  }
  const [x, w, scale] = [t.normals([3, 12, 24]), t.normals([3, 24, 18], 0.2), t.normals([24])];
  const y = x.multiply(scale).tanh().convolve1d(w, { padding: 1 });
  const mean = y.mean([0, 1]);
  const normal = y.subtract(mean).divide(y.subtract(mean).square().mean([0, 1]).add(1).sqrt());
  const tiles = [x.convolve1d(w, { padding: 1 }, [0, 31]), x.convolve1d(w, { padding: 1 }, [31, 72])];
  return {
    ...results,
    ...withGradients(t, 'normalised', normal.relu(), { x, w, scale }),
    ...withGradients(t, 'two tiles', tiles[0]!.clip(-2, 2).add(tiles[1]!.clip(-2, 2)), { x, w }),
    'large, with noise after': t
      .normals([4, 1100, 24])
      .convolve1d(t.normals([3, 24, 64], 0.1), { padding: 1 })
      .add(t.key('noise').derive('signals').normal([4, 1100, 64]).multiply(0.1)),
  };
}

type Spread = {
  readonly images: readonly [n: number, h: number, w: number, c: number];
  readonly kernel: readonly [number, number];
  readonly outputs: number;
} & TransposedGeometry;

/** Strides above, at and below the kernel, what they leave open, dilations, groups; by minimal filtering. */
const SPREAD: readonly Spread[] = [
  { images: [2, 3, 4, 5], kernel: [4, 4], outputs: 7, stride: [2, 2], padding: [1, 1] },
  {
    images: [3, 4, 5, 16],
    kernel: [3, 3],
    outputs: 28,
    stride: [2, 2],
    padding: [1, 1],
    outputPadding: [1, 1],
  },
  { images: [2, 3, 3, 20], kernel: [2, 2], outputs: 19, stride: [2, 2], padding: [0, 0] },
  {
    images: [1, 4, 3, 6],
    kernel: [2, 3],
    outputs: 5,
    stride: [3, 4],
    padding: [0, 0],
    outputPadding: [2, 3],
  },
  {
    images: [2, 5, 6, 3],
    kernel: [3, 2],
    outputs: 16,
    stride: [1, 2],
    padding: [
      [0, 2],
      [1, 0],
    ],
  },
  {
    images: [2, 5, 4, 4],
    kernel: [3, 3],
    outputs: 6,
    stride: [2, 1],
    padding: [1, 2],
    dilation: [1, 3],
    outputPadding: [0, 2],
  },
  { images: [1, 4, 4, 3], kernel: [2, 2], outputs: 4, stride: [2, 3], padding: [0, 1], dilation: [4, 2] },
  { images: [1, 1, 1, 40], kernel: [4, 4], outputs: 33, stride: [1, 1], padding: [0, 0] },
  { images: [2, 6, 8, 24], kernel: [3, 3], outputs: 20, stride: [1, 1], padding: [1, 1] },
  {
    images: [2, 6, 8, 12],
    kernel: [3, 3],
    outputs: 17,
    stride: [1, 1],
    padding: [
      [2, 0],
      [0, 1],
    ],
  },
  { images: [2, 4, 5, 6], kernel: [3, 3], outputs: 6, stride: [2, 2], padding: [1, 1], groups: 6 },
  { images: [2, 4, 5, 12], kernel: [3, 4], outputs: 40, stride: [2, 2], padding: [1, 1], groups: 2 },
  {
    images: [1, 4, 5, 12],
    kernel: [3, 3],
    outputs: 9,
    stride: [1, 2],
    padding: [0, 1],
    groups: 3,
    outputPadding: [0, 1],
  },
];

function spreadConvolutions(t: SampleTrace): Results {
  const results: Results = {};
  for (const each of SPREAD) {
    const { images, kernel, outputs, groups = 1, outputPadding = [0, 0] } = each;
    const [x, w] = [t.normals(images), t.normals([...kernel, images[3] / groups, outputs])];
    const name = `${nameOf(each)}, ${outputPadding} more`;
    Object.assign(results, withGradients(t, name, x.convolveTransposed(w, each), { images: x, filter: w }));
  }
  return results;
}

/** Tiles of transposed convolutions, which end between kernel positions and within one, and what stands around them. */
function spreadShares(t: SampleTrace): Results {
  const results: Results = {};
  const cases: readonly (readonly [TransposedGeometry, number])[] = [
    [{ stride: [2, 2], padding: [1, 1] }, 12],
    [{ stride: [1, 1], padding: [1, 1] }, 12],
    [{ stride: [2, 1], padding: [0, 1], groups: 3 }, 4],
  ];
  for (const [geometry, channels] of cases) {
    const [x, w] = [t.normals([2, 5, 6, 12]), t.normals([3, 3, channels, 18], 0.3)];
    const rows = 9 * channels;
    const tile = (from: number, to: number): Tensor => x.convolveTransposed(w, geometry, [from, to]);
    const name = `stride ${geometry.stride}, ${channels} channels of a group`;
    const cut = 5 * channels + 1;
    const tiles = tile(0, cut).clip(-2, 2).add(tile(cut, rows).clip(-2, 2));
    const mean = tiles.mean([0, 1, 2]);
    const normal = tiles.subtract(mean).divide(tiles.subtract(mean).square().mean([0, 1, 2]).add(1).sqrt());
    Object.assign(results, withGradients(t, `two tiles, normalised, ${name}`, normal.relu(), { x, w }));
    results[`without the first row, ${name}`] = tile(1, rows);
    results[`without the last row, ${name}`] = tile(0, rows - 1);
    results[`all but a kernel row, ${name}`] = tile(3 * channels, rows);
    results[`one row, ${name}`] = tile(cut, cut + 1);
    results[`within a position, ${name}`] = tile(4 * channels + 1, 5 * channels - 1);
    results[`from one into the next, ${name}`] = tile(4 * channels - 1, 4 * channels + 2);
  }
  return results;
}

const batches: Readonly<Record<string, (t: SampleTrace) => Results>> = {
  'dilated convolutions': convolutions(DILATED),
  'convolutions with uneven margins': convolutions(UNEVEN),
  'convolutions in groups': convolutions(GROUPED),
  'work around convolutions in groups': surroundedGroups,
  concatenations,
  'convolutions of signals': signals,
  'transposed convolutions': spreadConvolutions,
  'shares of transposed convolutions': spreadShares,
  'rows of tables': tables,
  'stacks of matrices': stackedMatrices,
  'many values for few rows': manyValues,
};

const engines = new Map<string, Engine>();
/** With one thread, and with three. */
const numbered = new Map<string, readonly Engine[]>();
before(async () => {
  for (const { name, start } of backends) {
    engines.set(name, engineOn(await start(2)));
    numbered.set(name, [engineOn(await start(1)), engineOn(await start(3))]);
  }
});
after(async () => {
  for (const engine of [...engines.values(), ...[...numbered.values()].flat()]) await engine.close();
});

for (const [what, define] of Object.entries(batches)) {
  const given: { sample?: Sample } = {};
  for (const { name } of backends) {
    test(`${name} agrees with the interpreter: ${what}`, async () => {
      given.sample ??= sample((t) => ({ outputs: define(t) }));
      await assertAgrees(engines.get(name)!, given.sample);
    });
    test(`${name} gives the same bits with one thread and with three: ${what}`, async () => {
      given.sample ??= sample((t) => ({ outputs: define(t) }));
      const results = await Promise.all(
        numbered.get(name)!.map((engine) => runSample(engine, given.sample!)),
      );
      assert.deepEqual(results[0], results[1]);
    });
  }
}
