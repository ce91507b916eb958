// The younger primitives on every backend against the float64 interpreter: convolutions with groups, dilation and
// uneven margins, and what else products.test.ts and backends.test.ts do not hold.

import { after, before, test } from 'node:test';
import { type Engine, engineOn } from '../src/engine.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { ConvolutionGeometry } from '../src/graph/node.ts';
import { concat, type Tensor } from '../src/graph/tensor.ts';
import { assertAgrees, backends, type Sample, type SampleTrace, sample } from './compare.ts';

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

const batches: Readonly<Record<string, (t: SampleTrace) => Results>> = {
  'dilated convolutions': convolutions(DILATED),
  'convolutions with uneven margins': convolutions(UNEVEN),
  'convolutions in groups': convolutions(GROUPED),
  'work around convolutions in groups': surroundedGroups,
  concatenations,
};

const engines = new Map<string, Engine>();
before(async () => {
  for (const { name, start } of backends) engines.set(name, engineOn(await start(2)));
});
after(async () => {
  for (const engine of engines.values()) await engine.close();
});

for (const [what, define] of Object.entries(batches)) {
  const given: { sample?: Sample } = {};
  for (const { name } of backends) {
    test(`${name} agrees with the interpreter: ${what}`, async () => {
      given.sample ??= sample((t) => ({ outputs: define(t) }));
      await assertAgrees(engines.get(name)!, given.sample);
    });
  }
}
