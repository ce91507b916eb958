// Convolutions and transposed convolutions, of images and of signals. Filters that the file holds are the weights of a
// layer, in ohmic's order (kernel rows, kernel columns, input channels of a group, output channels); a signal is an image
// of one row.

import type { TransposedGeometry } from '../../graph/node.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { ParameterRole } from '../../nn/network.ts';
import { NORMALIZATION_EPSILON } from '../../nn/normalization.ts';
import { normalized } from './normalizations.ts';
import type { NodeBuilder, Operators, Step } from './step.ts';
import { type Host, permuted, type Symbolic, withChannelsLast } from './value.ts';

/** Sizes along the spatial axes of a window that moves over images. */
export type WindowAxis = {
  /** Size of the image. */
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
};

/** The windows of a node over each spatial axis, with the paddings that `auto_pad` asks for. */
export function windowAxes(step: Step, spatial: readonly number[], kernel: readonly number[]): WindowAxis[] {
  const rank = spatial.length;
  if (kernel.length !== rank) throw step.fault(`a kernel of ${kernel.length} axes over images of ${rank}`);
  const strides = lengthOf(step, 'strides', rank, 1);
  const dilations = lengthOf(step, 'dilations', rank, 1);
  const pads = lengthOf(step, 'pads', 2 * rank, 0);
  const mode = step.textOf('auto_pad', 'NOTSET');
  return spatial.map((size, k) => {
    const window = { size, kernel: kernel[k]!, stride: strides[k]!, dilation: dilations[k]! };
    if (![window.kernel, window.stride, window.dilation].every((one) => Number.isInteger(one) && one >= 1))
      throw step.fault(`kernels, strides and dilations must be whole numbers from 1`);
    return { ...window, ...margins(step, mode, window, [pads[k]!, pads[k + rank]!]) };
  });
}

function lengthOf(step: Step, name: string, length: number, otherwise: number): readonly number[] {
  const given = step.numbersOf(name) ?? new Array<number>(length).fill(otherwise);
  if (given.length === length && given.every((one) => Number.isInteger(one) && one >= 0)) return given;
  throw step.fault(`expected ${length} ${name}, whole numbers from 0, got ${given.join(', ')}`);
}

function margins(
  step: Step,
  mode: string,
  { size, kernel, stride, dilation }: Omit<WindowAxis, 'before' | 'after'>,
  [before, after]: readonly [number, number],
): { readonly before: number; readonly after: number } {
  switch (mode) {
    case 'NOTSET':
      return { before, after };
    case 'VALID':
      return { before: 0, after: 0 };
    case 'SAME_UPPER':
    case 'SAME_LOWER': {
      const outputs = Math.ceil(size / stride);
      const total = Math.max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size);
      const small = Math.floor(total / 2);
      return mode === 'SAME_UPPER'
        ? { before: small, after: total - small }
        : { before: total - small, after: small };
    }
    default:
      throw step.fault(`auto_pad "${mode}", expected NOTSET, VALID, SAME_UPPER or SAME_LOWER`);
  }
}

/** Spatial sizes of input k, (n, channels, …), of one or two axes. */
export function spatialSizes(step: Step, k = 0): number[] {
  const dims = step.dims(k);
  if (dims.length === 3 || dims.length === 4) return dims.slice(2);
  throw step.fault(
    `expected images (n, channels, height, width) or signals (n, channels, length), got (${dims.join(', ')})`,
  );
}

/** Images (n, h, w, c) of input k; a signal has one row. */
export function imagesOf(step: Step, k = 0): Tensor {
  const x = step.channelsLast(k);
  if (x.shape.length === 4) return x;
  const [n, length, channels] = x.shape as readonly [number, number, number];
  return x.reshape([n, 1, length, channels]);
}

/** The value of images; of one row where the input was a signal. */
export function fromImages(step: Step, y: Tensor): Symbolic {
  if (step.dims(0).length === 4) return withChannelsLast(y);
  const [n, , length, channels] = y.shape as readonly [number, number, number, number];
  return withChannelsLast(y.reshape([n, length, channels]));
}

/** Two axes of a window: a signal has a row that nothing moves over. */
export function twoAxes(axes: readonly WindowAxis[]): readonly [WindowAxis, WindowAxis] {
  const still: WindowAxis = { size: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
  return (axes.length === 1 ? [still, axes[0]!] : axes) as [WindowAxis, WindowAxis];
}

function geometryOf([rows, columns]: readonly [WindowAxis, WindowAxis], groups: number): TransposedGeometry {
  return {
    stride: [rows.stride, columns.stride],
    padding: [
      [rows.before, rows.after],
      [columns.before, columns.after],
    ],
    dilation: [rows.dilation, columns.dilation],
    groups,
  };
}

const convolution: NodeBuilder = (step) => {
  const spatial = spatialSizes(step);
  const dims = step.dims(1);
  const groups = step.numberOf('group', 1);
  const axes = twoAxes(windowAxes(step, spatial, dims.slice(2)));
  const [m, c] = dims as readonly [number, number];
  const x = imagesOf(step);
  if (!Number.isInteger(groups) || groups < 1 || c * groups !== x.shape[3] || m % groups !== 0)
    throw step.fault(`filters (${dims.join(', ')}) in ${groups} groups do not fit ${x.shape[3]} channels`);
  const [kh, kw] = [axes[0].kernel, axes[1].kernel];
  const geometry = geometryOf(axes, groups);
  const weights = step.value(1);
  if (weights.where === 'graph') {
    const filter = step.tensor(1).reshape([m, c, kh, kw]).transpose([2, 3, 1, 0]);
    return biased(step, x.convolve(filter, geometry), undefined);
  }
  const layer = step.world.layer(
    {
      host: weights,
      kind: 'convolution',
      shape: [kh, kw, c, m],
      groups,
      arrange: (values) => permuted(values, [m, c, kh, kw], [2, 3, 1, 0]),
    },
    step.node,
  );
  return biased(step, step.world.multiply(x, layer, geometry), layer.name);
};

/** The output of images with the bias of input 2. */
function biased(step: Step, y: Tensor, base: string | undefined): Symbolic {
  if (!step.has(2)) return fromImages(step, y);
  const bias = step.value(2);
  if (bias.where === 'host' && base !== undefined && step.world.isRestored(base))
    return fromImages(step, restored(step, y, bias, base));
  const added =
    bias.where === 'graph'
      ? step.tensor(2)
      : step.world.parameter(
          { host: bias, role: 'bias', shape: bias.dims, ...(base !== undefined && { base }) },
          step.node,
        );
  return fromImages(step, y.add(added));
}

/**
 * The bias as the shift of a batch normalisation that leaves everything as it is: mean 0, variance 1, scale √(1 + ε). Its
 * statistics can then be estimated, see experiment/restore-normalization.ts.
 */
function restored({ world, node }: Step, y: Tensor, bias: Host, base: string): Tensor {
  const made = (role: ParameterRole, value: number): Tensor =>
    world.parameter(
      {
        host: bias,
        role,
        base,
        shape: bias.dims,
        arrange: (values) => new Float32Array(values.length).fill(value),
      },
      node,
    );
  const scale = made('scale', Math.sqrt(1 + NORMALIZATION_EPSILON));
  const shift = world.parameter({ host: bias, role: 'shift', base, shape: bias.dims }, node);
  const moments = { mean: made('runningMean', 0), variance: made('runningVariance', 1) };
  return normalized(world, base, { x: y, scaleAndShift: { scale, shift }, moments });
}

const transposedConvolution: NodeBuilder = (step) => {
  const spatial = spatialSizes(step);
  const dims = step.dims(1);
  const groups = step.numberOf('group', 1);
  const [c, m] = dims as readonly [number, number];
  const x = imagesOf(step);
  if (!Number.isInteger(groups) || groups < 1 || c !== x.shape[3] || c % groups !== 0)
    throw step.fault(`filters (${dims.join(', ')}) in ${groups} groups do not fit ${x.shape[3]} channels`);
  const windows = transposedAxes(step, spatial, dims.slice(2));
  const axes = twoAxes(windows);
  const extra = windows.map(({ outputPadding }) => outputPadding);
  const geometry: TransposedGeometry = {
    ...geometryOf(axes, groups),
    outputPadding: [extra.length === 2 ? extra[0]! : 0, extra.at(-1)!],
  };
  const [kh, kw] = [axes[0].kernel, axes[1].kernel];
  const [perGroup, outputs] = [c / groups, m * groups];
  // (groups, c / groups, m / groups, kh, kw) → (kh, kw, c / groups, (groups, m / groups))
  const [from, order] = [
    [groups, perGroup, m, kh, kw],
    [3, 4, 1, 0, 2],
  ];
  const shape = [kh, kw, perGroup, outputs];
  const weights = step.value(1);
  if (weights.where === 'graph') {
    const filter = step.tensor(1).reshape(from).transpose(order).reshape(shape);
    return biased(step, x.convolveTransposed(filter, geometry), undefined);
  }
  const layer = step.world.layer(
    {
      host: weights,
      kind: 'transposed-convolution',
      shape,
      groups,
      arrange: (values) => permuted(values, from, order),
    },
    step.node,
  );
  return biased(step, step.world.multiply(x, layer, geometry), layer.name);
};

type TransposedAxis = WindowAxis & { readonly outputPadding: number };

/** Paddings of a transposed convolution: those that are given, or those that lead to an output size. */
function transposedAxes(step: Step, spatial: readonly number[], kernel: readonly number[]): TransposedAxis[] {
  const rank = spatial.length;
  const mode = step.textOf('auto_pad', 'NOTSET');
  const extra = lengthOf(step, 'output_padding', rank, 0);
  const wanted = step.numbersOf('output_shape');
  const strides = lengthOf(step, 'strides', rank, 1);
  const dilations = lengthOf(step, 'dilations', rank, 1);
  const pads = lengthOf(step, 'pads', 2 * rank, 0);
  return spatial.map((size, k) => {
    const window = { size, kernel: kernel[k]!, stride: strides[k]!, dilation: dilations[k]! };
    const reach = window.dilation * (window.kernel - 1) + 1;
    const whole = (size - 1) * window.stride + extra[k]! + reach;
    const isSame = mode === 'SAME_UPPER' || mode === 'SAME_LOWER';
    const target = wanted?.[k] ?? (isSame ? size * window.stride : undefined);
    if (target === undefined) {
      const [before, after] = mode === 'VALID' ? [0, 0] : [pads[k]!, pads[k + rank]!];
      return { ...window, before, after, outputPadding: extra[k]! };
    }
    const total = whole - target;
    if (total < 0) {
      // Larger than the products reach: zeros at the end.
      return { ...window, before: 0, after: 0, outputPadding: extra[k]! - total };
    }
    const small = Math.floor(total / 2);
    const [before, after] = mode === 'SAME_UPPER' ? [small, total - small] : [total - small, small];
    return { ...window, before, after, outputPadding: extra[k]! };
  });
}

/** The operators. */
export const convolutions: Operators = { Conv: convolution, ConvTranspose: transposedConvolution };
