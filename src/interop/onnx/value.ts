// Values between nodes: numbers that are known while the graph is built, or tensors of the graph. Images and signals
// are (n, channels, …) in ONNX; here a tensor may lie with its channels last, as convolutions take it. The order of axes that
// a node sees is ONNX's; what changes is where a tensor's axes lie.

import { elementCount, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { NumberKind, Numbers } from './model.ts';

/** Known numbers. */
export type Host = {
  readonly where: 'host';
  /** The name of the value in the graph. */
  readonly name: string;
  /** The name of the tensor of the file that it was made of. */
  readonly label: string;
  readonly kind: NumberKind;
  readonly dims: Shape;
  /** The numbers; asking for them keeps them in the description of the network. */
  readonly values: () => Numbers;
  /** Floating-point numbers of the file, or what was computed of them alone: trained, and not looked at. */
  readonly isStored: boolean;
  /** Depends on sizes that depend on the batch. */
  readonly isSized: boolean;
};

/** A tensor of the graph. A bool is bool there, everything else f32. */
export type Symbolic = {
  readonly where: 'graph';
  readonly kind: NumberKind;
  readonly tensor: Tensor;
  /** Axis 1 of the value is the last axis of the tensor. */
  readonly channelsLast: boolean;
};

/** A value between nodes. */
export type Value = Host | Symbolic;

/** Sizes of a value, in the order of ONNX. */
export function dimsOf(value: Value): Shape {
  if (value.where === 'host') return value.dims;
  const { shape } = value.tensor;
  return value.channelsLast ? [shape[0]!, shape.at(-1)!, ...shape.slice(1, -1)] : shape;
}

/** A tensor whose axes lie as in ONNX. */
export function symbolic(tensor: Tensor, kind: NumberKind = 'float'): Symbolic {
  return { where: 'graph', kind, tensor, channelsLast: false };
}

/** A tensor (n, …, channels) that stands for (n, channels, …). */
export function withChannelsLast(tensor: Tensor, kind: NumberKind = 'float'): Symbolic {
  return { where: 'graph', kind, tensor, channelsLast: tensor.shape.length > 2 };
}

/** Known numbers that a node computed. */
export function hostValue(
  values: Numbers,
  dims: Shape,
  options: Partial<Pick<Host, 'name' | 'kind' | 'isStored' | 'isSized'>> = {},
): Host {
  const { name = '', kind = 'int', isStored = false, isSized = false } = options;
  return { where: 'host', name, label: name, kind, dims, values: () => values, isStored, isSized };
}

/** The tensor with the axes of ONNX. */
export function inOrder({ tensor, channelsLast }: Symbolic): Tensor {
  if (!channelsLast) return tensor;
  const last = tensor.shape.length - 1;
  const spatial = tensor.shape.map((_, axis) => axis).slice(1, -1);
  return tensor.transpose([0, last, ...spatial]);
}

/** The tensor with axis 1 last. */
export function lastChannels({ tensor, channelsLast }: Symbolic): Tensor {
  const rank = tensor.shape.length;
  if (channelsLast || rank < 3) return tensor;
  return tensor.transpose([0, ...tensor.shape.map((_, axis) => axis).slice(2), 1]);
}

/** Where an axis of ONNX lies in the tensor. */
export function placeOf({ tensor, channelsLast }: Symbolic, axis: number): number {
  if (!channelsLast || axis === 0) return axis;
  return axis === 1 ? tensor.shape.length - 1 : axis - 1;
}

/** Numbers, moved as a transpose moves them. */
export function permuted(values: Numbers, dims: Shape, permutation: readonly number[]): Float32Array {
  const result = new Float32Array(elementCount(dims));
  const strides = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * dims[axis + 1]!;
  const sizes = permutation.map((axis) => dims[axis]!);
  const steps = permutation.map((axis) => strides[axis]!);
  const index = new Array<number>(sizes.length).fill(0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
