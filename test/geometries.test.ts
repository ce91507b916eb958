// Convolutions of every geometry on every backend: dilated, with uneven margins, in groups, of signals, transposed. Those
// that have none of it stand in products.test.ts.

import type { ConvolutionGeometry, SignalGeometry, TransposedGeometry } from '../src/graph/node.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import type { SampleTrace } from './compare.ts';
import { type Results, testEverywhere, withGradients } from './everywhere.ts';

type Case = {
  readonly images: readonly [n: number, h: number, w: number, c: number];
  readonly kernel: readonly [number, number];
  readonly outputs: number;
} & ConvolutionGeometry;

const nameOf = ({ images, kernel, outputs, stride, padding, dilation = [1, 1], groups = 1 }: Case): string =>
  `(${images}) by ${kernel.join('x')} to ${outputs}, stride ${stride}, padding ${JSON.stringify(padding)}, dilation ${dilation}, ${groups} groups`;

function convolutions(t: SampleTrace, cases: readonly Case[]): Results {
  const results: Results = {};
  for (const each of cases) {
    const { images, kernel, outputs, groups = 1 } = each;
    const [x, w] = [t.normals(images), t.normals([...kernel, images[3] / groups, outputs])];
    Object.assign(results, withGradients(t, nameOf(each), x.convolve(w, each), { images: x, filter: w }));
  }
  return results;
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
  // Three taps along the width, with dilated rows: not by Winograd's algorithm.
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
  // By Winograd's algorithm, with more zeros behind than the kernel reaches.
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

/** Signals: causal, strided, with gaps, depthwise, by Winograd's algorithm; their statistics, and shares of the rows. */
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

/** Strides above, at and below the kernel, what they leave open, dilations, groups; by Winograd's algorithm. */
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

testEverywhere({
  'dilated convolutions': (t) => ({ outputs: convolutions(t, DILATED) }),
  'convolutions with uneven margins': (t) => ({ outputs: convolutions(t, UNEVEN) }),
  'convolutions in groups': (t) => ({ outputs: convolutions(t, GROUPED) }),
  'work around convolutions in groups': (t) => ({ outputs: surroundedGroups(t) }),
  'convolutions of signals': (t) => ({ outputs: signals(t) }),
  'transposed convolutions': (t) => ({ outputs: spreadConvolutions(t) }),
  'shares of transposed convolutions': (t) => ({ outputs: spreadShares(t) }),
});
