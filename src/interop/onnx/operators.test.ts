// Every operator against ONNX Runtime, with several shapes and attributes each. Files are written by the test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WrittenAttribute } from './encode.ts';
import type { HostValues, NumberKind } from './model.ts';
import { operatorNames } from './operators.ts';
import {
  BATCH,
  compareSketch,
  drawsOf,
  floats,
  needsOracle,
  type Sketch,
  wholes,
} from './oracle.test-data.ts';

type Case = {
  /** Sizes of the computed inputs, the batch first. */
  readonly inputs: readonly (readonly (number | string)[])[];
  readonly constants?: readonly HostValues[];
  /** The order of inputs: x0, x1 … are computed, c0, c1 … known, '' is absent. */
  readonly order?: readonly string[];
  readonly attributes?: Readonly<Record<string, WrittenAttribute>>;
  readonly opset?: number;
  readonly outputs?: number;
  readonly kinds?: readonly NumberKind[];
  /** Nodes before, from input x0 to x: to keep values in the domain of the operator. */
  readonly before?: 'positive';
  /** The result is no float. */
  readonly isCast?: boolean;
};

const draw = drawsOf(7);
const f = (...dims: number[]): HostValues => floats(draw, dims);
const one = (value: number): HostValues => ({ kind: 'float', dims: [], values: Float32Array.of(value) });
const list = (...values: number[]): HostValues => ({
  kind: 'float',
  dims: [values.length],
  values: Float32Array.from(values),
});

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
const windows: readonly Case[] = [
  { inputs: [['n', 3, 7, 8]], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  { inputs: [['n', 2, 7, 9]], attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 2, 1] } },
  { inputs: [['n', 2, 9]], attributes: { kernel_shape: [3], strides: [2], pads: [1, 1] } },
  { inputs: [['n', 2, 8, 8]], attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } },
  { inputs: [['n', 2, 7, 6]], attributes: { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' } },
  { inputs: [['n', 2, 7, 6]], attributes: { kernel_shape: [2, 3], strides: [1, 2], auto_pad: 'SAME_LOWER' } },
];
const pooled = (more: Case['attributes']): readonly Case[] =>
  windows.map((one_) => ({ ...one_, attributes: { ...one_.attributes, ...more } }));

const recurrent = (gates: number, more: readonly Case[] = []): readonly Case[] => [
  {
    inputs: [[4, 'n', 3]],
    constants: [f(1, gates * 2, 3), f(1, gates * 2, 2)],
    attributes: { hidden_size: 2 },
    outputs: 2,
  },
  {
    inputs: [[3, 'n', 3]],
    constants: [f(1, gates * 2, 3), f(1, gates * 2, 2), f(1, 2 * gates * 2)],
    attributes: { hidden_size: 2, direction: 'reverse' },
    outputs: 2,
  },
  {
    inputs: [[3, 'n', 3]],
    constants: [f(2, gates * 2, 3), f(2, gates * 2, 2), f(2, 2 * gates * 2)],
    attributes: { hidden_size: 2, direction: 'bidirectional' },
    outputs: 2,
  },
  {
    inputs: [
      [3, 'n', 3],
      [1, 'n', 2],
    ],
    constants: [f(1, gates * 2, 3), f(1, gates * 2, 2), f(1, 2 * gates * 2)],
    order: ['x0', 'c0', 'c1', 'c2', '', 'x1'],
    attributes: { hidden_size: 2 },
    outputs: 2,
  },
  ...more,
];

const cases: Readonly<Record<string, readonly Case[]>> = {
  Conv: [
    { inputs: [['n', 3, 6, 7]], constants: [f(4, 3, 3, 3), f(4)], attributes: { pads: [1, 1, 1, 1] } },
    {
      inputs: [['n', 4, 6, 7]],
      constants: [f(6, 2, 3, 2)],
      attributes: { group: 2, strides: [2, 1], pads: [0, 1, 2, 0] },
    },
    {
      inputs: [['n', 4, 8, 8]],
      constants: [f(4, 1, 3, 3), f(4)],
      attributes: { group: 4, dilations: [2, 2] },
    },
    { inputs: [['n', 3, 9]], constants: [f(5, 3, 3), f(5)], attributes: { strides: [2], pads: [1, 0] } },
    {
      inputs: [['n', 4, 9]],
      constants: [f(4, 1, 3)],
      attributes: { group: 4, auto_pad: 'SAME_LOWER' },
    },
    {
      inputs: [['n', 2, 7, 7]],
      constants: [f(3, 2, 3, 3)],
      attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
    },
    { inputs: [['n', 2, 5, 5]], constants: [f(3, 2, 1, 1)], attributes: { auto_pad: 'VALID' } },
  ],
  ConvTranspose: [
    {
      inputs: [['n', 3, 4, 5]],
      constants: [f(3, 2, 3, 3), f(2)],
      attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
    },
    {
      inputs: [['n', 4, 4, 4]],
      constants: [f(4, 2, 2, 3)],
      attributes: { group: 2, strides: [2, 2], output_padding: [1, 0] },
    },
    { inputs: [['n', 2, 5]], constants: [f(2, 3, 4)], attributes: { strides: [2], pads: [1, 0] } },
    { inputs: [['n', 2, 3, 3]], constants: [f(2, 2, 3, 3)], attributes: { dilations: [2, 1] } },
    {
      inputs: [['n', 2, 3, 3]],
      constants: [f(2, 2, 3, 3)],
      attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
    },
    {
      inputs: [['n', 2, 3, 3]],
      constants: [f(2, 2, 3, 3)],
      attributes: { strides: [2, 2], output_shape: [6, 6] },
    },
  ],
  Gemm: [
    { inputs: [['n', 5]], constants: [f(3, 5), f(3)], attributes: { transB: 1 } },
    { inputs: [['n', 5]], constants: [f(5, 3), f(1, 3)], attributes: { alpha: 0.5, beta: { float: 2 } } },
    { inputs: [['n', 5]], constants: [f(5, 3)] },
    { inputs: [[5, 'n']], constants: [f(5, 3)], attributes: { transA: 1 } },
    { inputs: [[4, 'n']], constants: [f(3, 4)], order: ['c0', 'x0'] },
    { inputs: [[4, 'n']], constants: [f(4, 3)], order: ['c0', 'x0'], attributes: { transA: 1 } },
  ],
  MatMul: [
    { inputs: [['n', 5]], constants: [f(5, 3)] },
    { inputs: [['n', 4, 5]], constants: [f(5, 3)] },
    { inputs: [['n', 2, 4, 5]], constants: [f(1, 5, 3)] },
    { inputs: [['n', 5]], constants: [f(5)] },
    { inputs: [['n', 4, 5]], constants: [f(3, 4)], order: ['c0', 'x0'] },
    { inputs: [['n', 4, 5]], constants: [f(4)], order: ['c0', 'x0'] },
    { inputs: [['n', 3, 4, 5]], constants: [f(3, 5, 2)] },
    {
      inputs: [
        ['n', 3, 4, 5],
        ['n', 3, 5, 2],
      ],
    },
    { inputs: [['n', 4, 5]], constants: [f(1, 2, 4)], order: ['c0', 'x0'] },
  ],
  LSTM: recurrent(4, [
    {
      inputs: [
        [3, 'n', 3],
        [1, 'n', 2],
        [1, 'n', 2],
      ],
      constants: [f(1, 8, 3), f(1, 8, 2), f(1, 16)],
      order: ['x0', 'c0', 'c1', 'c2', '', 'x1', 'x2'],
      attributes: { hidden_size: 2 },
      outputs: 3,
    },
  ]),
  GRU: recurrent(3, [
    {
      inputs: [[3, 'n', 3]],
      constants: [f(1, 6, 3), f(1, 6, 2), f(1, 12)],
      attributes: { hidden_size: 2, linear_before_reset: 1 },
      outputs: 2,
    },
    {
      inputs: [
        [3, 'n', 3],
        [1, 'n', 2],
      ],
      constants: [f(1, 6, 3), f(1, 6, 2), f(1, 12)],
      order: ['x0', 'c0', 'c1', 'c2', '', 'x1'],
      attributes: { hidden_size: 2, linear_before_reset: 1 },
      outputs: 2,
    },
  ]),
  RNN: recurrent(1),
  BatchNormalization: [
    { inputs: [['n', 3, 4, 5]], constants: [f(3), f(3), f(3), list(0.5, 1, 2)] },
    { inputs: [['n', 3]], constants: [f(3), f(3), f(3), list(0.5, 1, 2)], attributes: { epsilon: 0.01 } },
    { inputs: [['n', 3, 4]], constants: [f(3), f(3), f(3), list(0.5, 1, 2)], opset: 13 },
  ],
  LayerNormalization: [
    { inputs: [['n', 3, 4]], constants: [f(4), f(4)] },
    { inputs: [['n', 3, 4]], constants: [f(3, 4)], attributes: { axis: 1, epsilon: 0.1 } },
  ],
  RMSNormalization: [{ inputs: [['n', 3, 4]], constants: [f(4)], opset: 23 }],
  InstanceNormalization: [
    { inputs: [['n', 3, 4, 5]], constants: [f(3), f(3)] },
    { inputs: [['n', 3, 6]], constants: [f(3), f(3)], attributes: { epsilon: 0.1 } },
  ],
  GroupNormalization: [
    { inputs: [['n', 4, 3, 3]], constants: [f(4), f(4)], attributes: { num_groups: 2 }, opset: 21 },
    {
      inputs: [['n', 6, 5]],
      constants: [f(6), f(6)],
      attributes: { num_groups: 3, epsilon: 0.1 },
      opset: 21,
    },
  ],
  LpNormalization: [{ inputs: [['n', 3, 4]] }, { inputs: [['n', 3, 4]], attributes: { axis: 1, p: 1 } }],
  MaxPool: [
    ...windows,
    { inputs: [['n', 2, 9, 9]], attributes: { kernel_shape: [2, 3], dilations: [2, 2], pads: [1, 1, 1, 1] } },
  ],
  AveragePool: [...windows, ...pooled({ count_include_pad: 1 })],
  GlobalAveragePool: [{ inputs: [['n', 3, 4, 5]] }, { inputs: [['n', 3, 4]] }],
  GlobalMaxPool: [{ inputs: [['n', 3, 4, 5]] }, { inputs: [['n', 3, 4]] }],
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
  ],
  Upsample: [{ inputs: [['n', 2, 3, 3]], constants: [list(1, 1, 2, 2)], opset: 9 }],
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

/** Operators that only shape others; the tests below have them in chains. */
const inChains = [
  'And',
  'Or',
  'Xor',
  'Not',
  'Shape',
  'Size',
  'ConstantOfShape',
  'Range',
  'NonZero',
  'If',
  'Constant',
];

function sketchOf(op: string, given: Case): Sketch {
  const {
    inputs,
    constants = [],
    attributes = {},
    opset = 17,
    outputs = 1,
    kinds = [],
    before,
    isCast = false,
  } = given;
  const own = inputs.map((_, k) => `x${k}`);
  const order = given.order ?? [...own, ...constants.map((_, k) => `c${k}`)];
  const isLifted = before === 'positive';
  const renamed = order.map((name) => (isLifted && name.startsWith('x') ? `${name}.positive` : name));
  const results = Array.from({ length: outputs }, (_, k) => `y${k}`);
  const made = results.map((name) => (isCast ? `${name}.raw` : name));
  const lifts = isLifted
    ? own.flatMap((name) => [
        { op: 'Abs', inputs: [name], outputs: [`${name}.size`] },
        { op: 'Add', inputs: [`${name}.size`, 'tenth'], outputs: [`${name}.positive`] },
      ])
    : [];
  return {
    opset,
    inputs: Object.fromEntries(own.map((name, k) => [name, inputs[k]!])),
    kinds: Object.fromEntries(own.map((name, k) => [name, kinds[k] ?? 'float'])),
    constants: {
      ...Object.fromEntries(constants.map((values, k) => [`c${k}`, values])),
      ...(isLifted && { tenth: one(0.1) }),
    },
    nodes: [
      ...lifts,
      { op, name: 'tested', inputs: renamed, outputs: made, attributes },
      ...(isCast
        ? results.map((name) => ({
            op: 'Cast',
            inputs: [`${name}.raw`],
            outputs: [name],
            attributes: { to: 1 },
          }))
        : []),
    ],
    outputs: results,
  };
}

test('every operator is tested', () => {
  const tested = [...Object.keys(cases), ...inChains].sort();
  assert.deepEqual(tested, [...operatorNames]);
});

for (const [op, all] of Object.entries(cases)) {
  test(`${op} computes what ONNX Runtime does`, needsOracle, async () => {
    for (const [k, one_] of all.entries()) {
      try {
        await compareSketch(sketchOf(op, one_), { seed: k + 1 });
      } catch (thrown) {
        throw new Error(`case ${k}: ${(thrown as Error).message}`, { cause: thrown });
      }
    }
  });
}
