// Cases of operators that multiply by weights, normalise or pool, for operators.test.ts; and how a case is written.

import type { WrittenAttribute } from './encode.ts';
import type { HostValues, NumberKind } from './model.ts';
import { drawsOf, floats } from './oracle.test-data.ts';

/** A node to test, with its inputs. */
export type Case = {
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
/** Floats. */
export const f = (...dims: number[]): HostValues => floats(draw, dims);
/** One float, (). */
export const one = (value: number): HostValues => ({
  kind: 'float',
  dims: [],
  values: Float32Array.of(value),
});
/** Floats that are given. */
export const list = (...values: number[]): HostValues => ({
  kind: 'float',
  dims: [values.length],
  values: Float32Array.from(values),
});

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

/** By operator. */
export const layerCases: Readonly<Record<string, readonly Case[]>> = {
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
};
