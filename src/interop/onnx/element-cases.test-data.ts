// Cases of operators element by element, of reductions, shapes and parts, for operators.test.ts.

import { type Case, f, list, one } from './layer-cases.test-data.ts';
import { BATCH, wholes } from './oracle.test-data.ts';

const plain: readonly Case[] = [{ inputs: [['n', 5]] }, { inputs: [['n', 3, 4, 2]] }];
const positive: readonly Case[] = plain.map((one_) => ({ ...one_, before: 'positive' }));
const broadcasting: readonly Case[] = [
  {
    inputs: [
      ['n', 5],
      ['n', 5],
    ],
  },
  { inputs: [['n', 3, 4, 2]], constants: [f(3, 1, 1)] },
  { inputs: [['n', 3, 4]], constants: [f(2, 1, 3, 4)], order: ['c0', 'x0'] },
  {
    inputs: [
      ['n', 1, 4],
      ['n', 3, 1],
    ],
  },
  { inputs: [['n', 4]], constants: [one(0.7)] },
];
const reductions: readonly Case[] = [
  { inputs: [['n', 3, 4]], attributes: { axes: [1], keepdims: 0 } },
  { inputs: [['n', 3, 4, 2]], attributes: { axes: [-1, 1] } },
  { inputs: [['n', 3, 4, 2]], constants: [wholes([2, 3])], opset: 18, attributes: { keepdims: 1 } },
];

/** By operator. */
export const elementCases: Readonly<Record<string, readonly Case[]>> = {
  Add: broadcasting,
  Sub: broadcasting,
  Mul: broadcasting,
  Div: broadcasting,
  Min: [
    ...broadcasting,
    {
      inputs: [
        ['n', 3],
        ['n', 3],
        ['n', 3],
      ],
    },
  ],
  Max: [...broadcasting, { inputs: [['n', 3]] }],
  Sum: [
    {
      inputs: [
        ['n', 3],
        ['n', 3],
        ['n', 1],
      ],
    },
    { inputs: [['n', 3]] },
  ],
  Mean: [
    {
      inputs: [
        ['n', 3],
        ['n', 3],
        ['n', 1],
      ],
    },
    { inputs: [['n', 3]] },
  ],
  Mod: [
    { inputs: [['n', 6]], constants: [one(0.3)], attributes: { fmod: 1 } },
    {
      inputs: [
        ['n', 6],
        ['n', 1],
      ],
      attributes: { fmod: 1 },
    },
  ],
  Pow: [
    ...[2, 0.5, 3, -1, 1.7, 0].map(
      (value): Case => ({ inputs: [['n', 4]], constants: [one(value)], before: 'positive' }),
    ),
    {
      inputs: [
        ['n', 4],
        ['n', 4],
      ],
      before: 'positive',
    },
    { inputs: [['n', 4]], constants: [list(2, 3, 1, 0)] },
  ],
  Equal: [
    {
      inputs: [
        ['n', 4],
        ['n', 4],
      ],
      kinds: ['int', 'int'],
      isCast: true,
    },
  ],
  Less: [
    {
      inputs: [
        ['n', 4],
        ['n', 4],
      ],
      isCast: true,
    },
  ],
  LessOrEqual: [
    {
      inputs: [
        ['n', 4],
        ['n', 4],
      ],
      kinds: ['int', 'int'],
      isCast: true,
    },
  ],
  Greater: [
    {
      inputs: [
        ['n', 4],
        ['n', 1],
      ],
      isCast: true,
    },
  ],
  GreaterOrEqual: [
    {
      inputs: [
        ['n', 4],
        ['n', 4],
      ],
      kinds: ['int', 'int'],
      isCast: true,
    },
  ],
  Neg: plain,
  Abs: plain,
  Exp: plain,
  Log: positive,
  Sqrt: positive,
  Reciprocal: positive,
  Floor: plain,
  Ceil: plain,
  Round: plain,
  Sign: plain,
  Sin: plain,
  Cos: plain,
  Tanh: plain,
  Erf: plain,
  Sigmoid: plain,
  Relu: plain,
  LeakyRelu: [...plain, { inputs: [['n', 5]], attributes: { alpha: 0.2 } }],
  PRelu: [
    { inputs: [['n', 3, 4, 2]], constants: [f(3, 1, 1)] },
    { inputs: [['n', 4]], constants: [f(4)] },
  ],
  Elu: [...plain, { inputs: [['n', 5]], attributes: { alpha: 0.5 } }],
  Celu: [...plain, { inputs: [['n', 5]], attributes: { alpha: 0.5 } }],
  Selu: plain,
  ThresholdedRelu: [{ inputs: [['n', 5]], attributes: { alpha: 0.5 } }],
  Clip: [
    { inputs: [['n', 5]], constants: [one(-0.5), one(0.2)] },
    { inputs: [['n', 5]], constants: [one(0.2)], order: ['x0', '', 'c0'] },
    { inputs: [['n', 5]], attributes: { min: -0.3, max: 0.3 }, opset: 10 },
    { inputs: [['n', 5]] },
  ],
  HardSigmoid: [...plain, { inputs: [['n', 5]], attributes: { alpha: 0.7, beta: 0.1 } }],
  HardSwish: plain,
  Gelu: plain.flatMap((one_): Case[] => [
    { ...one_, opset: 20 },
    { ...one_, opset: 20, attributes: { approximate: 'tanh' } },
  ]),
  Softplus: plain,
  Softsign: plain,
  Mish: plain.map((one_) => ({ ...one_, opset: 18 })),
  Softmax: [
    ...plain,
    { inputs: [['n', 3, 4]], attributes: { axis: 1 } },
    { inputs: [['n', 3, 4]], attributes: { axis: 1 }, opset: 11 },
    { inputs: [['n', 3, 4]], opset: 12 },
  ],
  LogSoftmax: [...plain, { inputs: [['n', 3, 4]], attributes: { axis: 1 } }],
  Where: [
    {
      inputs: [
        ['n', 4],
        ['n', 4],
      ],
      constants: [{ kind: 'bool', dims: [4], values: Float64Array.of(1, 0, 0, 1) }],
      order: ['c0', 'x0', 'x1'],
    },
    {
      inputs: [['n', 4]],
      constants: [{ kind: 'bool', dims: [1, 4], values: Float64Array.of(1, 0, 0, 1) }, one(-2)],
      order: ['c0', 'x0', 'c1'],
    },
  ],
  ReduceSum: [
    { inputs: [['n', 3, 4]], constants: [wholes([1])], attributes: { keepdims: 0 } },
    { inputs: [['n', 3, 4]], attributes: { axes: [2] }, opset: 11 },
    { inputs: [['n', 3, 4, 2]], constants: [wholes([-1, 1])] },
  ],
  ReduceMean: reductions,
  ReduceMax: reductions,
  ReduceMin: reductions,
  ReduceProd: reductions,
  ReduceL1: reductions,
  ReduceL2: reductions,
  ReduceSumSquare: reductions,
  ReduceLogSum: reductions.map((one_) => ({ ...one_, before: 'positive' })),
  ReduceLogSumExp: reductions,
  ArgMax: [
    { inputs: [['n', 5]], attributes: { axis: 1 }, isCast: true },
    { inputs: [['n', 5, 3]], attributes: { axis: 1, keepdims: 0 }, isCast: true },
  ],
  ArgMin: [{ inputs: [['n', 5]], attributes: { axis: -1 }, isCast: true }],
  CumSum: [
    { inputs: [['n', 5]], constants: [{ ...wholes([1]), dims: [] }] },
    {
      inputs: [['n', 4, 3]],
      constants: [{ ...wholes([1]), dims: [] }],
      attributes: { reverse: 1, exclusive: 1 },
    },
  ],
  Reshape: [
    { inputs: [['n', 3, 4]], constants: [wholes([0, -1])] },
    { inputs: [['n', 3, 4]], constants: [wholes([-1, 2, 6])] },
    { inputs: [['n', 6]], constants: [wholes([0, 3, 2])] },
  ],
  Flatten: [{ inputs: [['n', 3, 4]] }, { inputs: [['n', 3, 4]], attributes: { axis: -2 } }],
  Transpose: [
    { inputs: [['n', 3, 4]], attributes: { perm: [2, 0, 1] } },
    { inputs: [['n', 3]] },
    { inputs: [['n', 2, 3, 4]], attributes: { perm: [0, 2, 3, 1] } },
  ],
  Squeeze: [
    { inputs: [['n', 1, 3, 1]], constants: [wholes([1])] },
    { inputs: [['n', 1, 3, 1]] },
    { inputs: [['n', 1, 3]], attributes: { axes: [1] }, opset: 11 },
  ],
  Unsqueeze: [
    { inputs: [['n', 3]], constants: [wholes([1, -1])] },
    { inputs: [['n', 3]], attributes: { axes: [0] }, opset: 11 },
  ],
  Expand: [
    { inputs: [['n', 1, 3]], constants: [wholes([1, 4, 3])] },
    { inputs: [['n', 1]], constants: [wholes([3, 1, 2])] },
  ],
  Tile: [{ inputs: [['n', 2, 3]], constants: [wholes([1, 2, 3])] }],
  DepthToSpace: [
    { inputs: [['n', 8, 2, 3]], attributes: { blocksize: 2 } },
    { inputs: [['n', 8, 2, 3]], attributes: { blocksize: 2, mode: 'CRD' } },
  ],
  SpaceToDepth: [{ inputs: [['n', 2, 4, 6]], attributes: { blocksize: 2 } }],
  Identity: plain,
  Dropout: plain,
  Slice: [
    { inputs: [['n', 6, 5]], constants: [wholes([1, 0]), wholes([5, 4]), wholes([1, 2]), wholes([2, 1])] },
    { inputs: [['n', 6]], constants: [wholes([-1]), wholes([-7]), wholes([1]), wholes([-2])] },
    { inputs: [['n', 6]], constants: [wholes([2]), wholes([2 ** 63]), wholes([-1])] },
    { inputs: [['n', 6]], attributes: { starts: [1], ends: [-1], axes: [1] }, opset: 9 },
  ],
  Gather: [
    { inputs: [['n', 5, 3]], constants: [wholes([0, 2, -1])], attributes: { axis: 1 } },
    { inputs: [['n', 5, 3]], constants: [{ ...wholes([1]), dims: [] }], attributes: { axis: 2 } },
    { inputs: [['n', 5]], constants: [wholes([0, 4, 1, 1], [2, 2])], attributes: { axis: 1 } },
    { inputs: [['n', 3]], constants: [f(4, 6)], order: ['c0', 'x0'], kinds: ['int'] },
    {
      inputs: [['n', 3]],
      constants: [f(2, 4, 3)],
      order: ['c0', 'x0'],
      kinds: ['int'],
      attributes: { axis: 1 },
    },
  ],
  Concat: [
    {
      inputs: [
        ['n', 2, 3],
        ['n', 4, 3],
      ],
      attributes: { axis: 1 },
    },
    {
      inputs: [
        ['n', 2],
        ['n', 3],
        ['n', 1],
      ],
      attributes: { axis: -1 },
    },
  ],
  Split: [
    { inputs: [['n', 6]], attributes: { axis: 1 }, outputs: 3 },
    { inputs: [['n', 6, 2]], constants: [wholes([1, 3, 2])], attributes: { axis: 1 }, outputs: 3 },
    { inputs: [['n', 6]], attributes: { axis: 1, split: [2, 4] }, outputs: 2, opset: 11 },
    { inputs: [['n', 7]], attributes: { axis: 1, num_outputs: 3 }, outputs: 3, opset: 18 },
  ],
  Pad: [
    { inputs: [['n', 3, 4]], constants: [wholes([0, 1, 2, 0, 0, 1])] },
    { inputs: [['n', 3, 4]], constants: [wholes([0, 1, 2, 0, 0, 1]), one(0.5)] },
    { inputs: [['n', 3, 4]], constants: [wholes([0, 0, 2, 0, 0, 3])], attributes: { mode: 'reflect' } },
    { inputs: [['n', 3, 4]], constants: [wholes([0, 2, 1, 0, 1, 2])], attributes: { mode: 'edge' } },
    {
      inputs: [['n', 3, 4]],
      constants: [wholes([0, 2, 1, 0, 1, 2])],
      attributes: { mode: 'wrap' },
      opset: 19,
    },
    { inputs: [['n', 5]], constants: [wholes([0, -1, 0, -2])] },
    { inputs: [['n', 3, 4]], constants: [wholes([1, 2]), one(0), wholes([2])], opset: 18 },
    { inputs: [['n', 3]], attributes: { pads: [0, 1, 0, 2], value: { float: 1.5 } }, opset: 9 },
  ],
  OneHot: [
    { inputs: [['n', 3]], kinds: ['int'], constants: [{ ...wholes([4]), dims: [] }, list(0, 1)] },
    {
      inputs: [['n', 3]],
      kinds: ['int'],
      constants: [{ ...wholes([5]), dims: [] }, list(-1, 2)],
      attributes: { axis: 1 },
    },
  ],
  Resize: [
    ...(['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'] as const).flatMap(
      (mode): Case[] => [
        {
          inputs: [['n', 2, 4, 5]],
          constants: [list(1, 1, 2, 2)],
          order: ['x0', '', 'c0'],
          attributes: { mode: 'linear', coordinate_transformation_mode: mode },
        },
        {
          inputs: [['n', 2, 4, 5]],
          constants: [wholes([BATCH, 2, 6, 3])],
          order: ['x0', '', '', 'c0'],
          attributes: { mode: 'linear', coordinate_transformation_mode: mode },
        },
      ],
    ),
    ...(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const).map(
      (nearest_mode): Case => ({
        inputs: [['n', 2, 4, 5]],
        constants: [list(1, 1, 2, 1.5)],
        order: ['x0', '', 'c0'],
        attributes: { mode: 'nearest', nearest_mode, coordinate_transformation_mode: 'asymmetric' },
      }),
    ),
    { inputs: [['n', 2, 3, 3]], constants: [list(1, 1, 2, 2)], order: ['x0', '', 'c0'] },
    {
      inputs: [['n', 2, 5]],
      constants: [list(1, 1, 0.6)],
      order: ['x0', '', 'c0'],
      attributes: { mode: 'nearest', nearest_mode: 'floor' },
    },
    // 10 · 0.7 and 20 · 0.7 are whole in float32 only.
    { inputs: [['n', 2, 10, 20]], constants: [list(1, 1, 0.7, 0.7)], order: ['x0', '', 'c0'] },
    ...[0.3, 0.7, 2.3].map(
      (scale): Case => ({ inputs: [['n', 2, 10]], constants: [list(1, 1, scale)], opset: 10 }),
    ),
  ],
  Upsample: [
    { inputs: [['n', 2, 3, 3]], constants: [list(1, 1, 2, 2)], opset: 9 },
    { inputs: [['n', 2, 10, 20]], constants: [list(1, 1, 2.3, 3.1)], opset: 9 },
  ],
  Cast: [
    { inputs: [['n', 4]], kinds: ['int'], attributes: { to: 1 } },
    { inputs: [['n', 4]], attributes: { to: 7 }, isCast: true },
    { inputs: [['n', 4]], kinds: ['int'], attributes: { to: 9 }, isCast: true },
  ],
  CastLike: [{ inputs: [['n', 4]], kinds: ['int'], constants: [one(1)] }],
  Swish: [
    { inputs: [['n', 4]], opset: 24 },
    { inputs: [['n', 4]], opset: 24, attributes: { alpha: 0.5 } },
  ],
};
