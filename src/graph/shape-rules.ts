// One interpretation of the primitives: the shape and element type of the result, with the checks of the operands.

import { UsageError } from '../base/errors.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../base/shape.ts';
import { recurrenceParts } from './loops.ts';
import {
  type Attributes,
  type ConvolutionGeometry,
  type DType,
  type FullGeometry,
  fullGeometry,
  type Node,
  type OpName,
  type RowRange,
  type TransposedGeometry,
} from './node.ts';

type Typed = { readonly shape: Shape; readonly dtype: DType };
type ShapeRule<K extends OpName> = (inputs: readonly Node[], attributes: Attributes[K]) => Typed;

const unary =
  (op: string) =>
  ([x]: readonly Node[]): Typed => {
    requireDtype(op, x!, 'f32');
    return { shape: x!.shape, dtype: 'f32' };
  };

const arithmetic =
  (op: string, result?: DType) =>
  ([a, b]: readonly Node[]): Typed => {
    requireSame(op, a!, b!);
    if (a!.dtype === 'bool' && op !== 'equal')
      throw new UsageError(`${op}: expected numbers, got bool; cast it`);
    return { shape: a!.shape, dtype: result ?? a!.dtype };
  };

/** The value of a source, whose shape nothing else decides. */
const source =
  (op: string, dtype: DType) =>
  (_: readonly Node[], { shape }: { readonly shape: Shape }): Typed => {
    requireSizes(op, shape);
    return { shape, dtype };
  };

/** Draws of one stream, numbered by a word: recurrences take parts of more than would fit into memory. */
const draws =
  (op: string) =>
  (inputs: readonly Node[], { shape }: { readonly shape: Shape }): Typed => {
    if (elementCount(shape) > 2 ** 32) {
      throw new UsageError(
        `${op}: a stream has 2^32 draws, ${formatShape(shape)} has more; take several streams, of keys with other names`,
      );
    }
    return source(op, 'f32')(inputs, { shape });
  };

function requireSame(op: string, a: Node, b: Node): void {
  if (!sameShape(a.shape, b.shape)) {
    throw new UsageError(`${op}: shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} differ`);
  }
  if (a.dtype !== b.dtype) {
    throw new UsageError(`${op}: element types ${a.dtype} and ${b.dtype} differ; cast one of them`);
  }
}

function requireDtype(op: string, x: Node, dtype: DType): void {
  if (x.dtype !== dtype) {
    throw new UsageError(`${op}: expected ${dtype}, got ${x.dtype}; cast it`);
  }
}

function requireIndices(op: string, indices: Node): void {
  if (indices.dtype === 'bool')
    throw new UsageError(`${op}: expected indices of i32 or f32, got bool; cast them`);
}

function requireSizes(op: string, shape: Shape): void {
  if (!shape.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new UsageError(`${op}: sizes must be whole numbers from 1, got ${formatShape(shape)}`);
  }
}

function requireGeometry(op: string, { stride, padding, dilation, groups }: FullGeometry): void {
  const isWhole = (least: number) => (size: number) => Number.isInteger(size) && size >= least;
  if (!stride.every(isWhole(1)) || !padding.flat().every(isWhole(0))) {
    const margins = padding.map(([before, after]) => (before === after ? before : `${before}+${after}`));
    throw new UsageError(
      `${op}: expected whole strides from 1 and paddings from 0, got strides ${formatShape(stride)}, paddings (${margins.join(', ')})`,
    );
  }
  if (!dilation.every(isWhole(1)) || !isWhole(1)(groups)) {
    throw new UsageError(
      `${op}: expected whole dilations and groups from 1, got dilations ${formatShape(dilation)}, ${groups} groups`,
    );
  }
}

/** An operand of a product. */
function requireOperand(op: string, what: string, x: Node, rank: number, mayHaveMore = false): void {
  requireDtype(op, x, 'f32');
  if (mayHaveMore ? x.shape.length < rank : x.shape.length !== rank) {
    const axes = mayHaveMore ? `at least ${rank}` : rank;
    throw new UsageError(`${op}: ${what} must have ${axes} axes, got ${formatShape(x.shape)}`);
  }
}

function requireRows(op: string, [start, end]: RowRange, rows: number): void {
  if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= rows)) {
    throw new UsageError(`${op}: rows ${start} to ${end} are outside a matrix of ${rows} rows`);
  }
}

const reduced = (x: Node, axes: readonly number[]): Shape =>
  x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));

/** Pixels that a kernel of so many rows, or columns, reaches over: d (k − 1) + 1. */
export function reachOf(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

/** Output height and width of a convolution over (h, w) with a (kh, kw) filter: ⌊(h + padding − reach) / stride⌋ + 1. */
export function convolvedSize(
  image: readonly [number, number],
  filter: readonly [number, number],
  geometry: ConvolutionGeometry,
): [number, number] {
  const { stride, padding, dilation } = fullGeometry(geometry);
  const along = (k: 0 | 1): number =>
    Math.floor((image[k] + padding[k][0] + padding[k][1] - reachOf(filter[k], dilation[k])) / stride[k]) + 1;
  return [along(0), along(1)];
}

/** Sizes (n, h, w, c) of images; a signal (n, l, c) is an image of one row. */
export function imageSizes(shape: Shape): readonly [n: number, h: number, w: number, c: number] {
  const [n, ...rest] = shape as readonly number[];
  return [n, ...(shape.length === 3 ? [1] : []), ...rest] as unknown as [number, number, number, number];
}

/** Sizes (kh, kw, c / groups, m) of a filter; one of signals, (k, c / groups, m), has one row. */
export function filterSizes(shape: Shape): readonly [kh: number, kw: number, c: number, m: number] {
  return (shape.length === 3 ? [1, ...shape] : shape) as unknown as [number, number, number, number];
}

/**
 * Output height and width of a transposed convolution over (h, w) with a (kh, kw) filter:
 * (h − 1) · stride − padding + reach + output padding.
 */
export function transposedSize(
  image: readonly [number, number],
  filter: readonly [number, number],
  { outputPadding = [0, 0], ...geometry }: TransposedGeometry,
): [number, number] {
  const { stride, padding, dilation } = fullGeometry(geometry);
  const along = (k: 0 | 1): number =>
    (image[k] - 1) * stride[k] -
    padding[k][0] -
    padding[k][1] +
    reachOf(filter[k], dilation[k]) +
    outputPadding[k];
  return [along(0), along(1)];
}

function requireGroups(op: string, image: Shape, filter: Shape, groups: number): void {
  const [[, , , c], [, , channels, m]] = [imageSizes(image), filterSizes(filter)];
  if (groups === 1 && channels !== c) {
    throw new UsageError(
      `${op}: images ${formatShape(image)} have ${c} channels, filter ${formatShape(filter)} expects ${channels}`,
    );
  }
  if (channels * groups !== c || m % groups !== 0) {
    throw new UsageError(
      `${op}: ${groups} groups need channels and outputs in multiples of ${groups}, and a filter of 1/${groups} of the channels; got images ${formatShape(image)}, filter ${formatShape(filter)}`,
    );
  }
}

function convolutionShape(image: Shape, filter: Shape, geometry: FullGeometry): Shape {
  requireGeometry('convolution', geometry);
  const [n, h, w] = imageSizes(image);
  const [kh, kw, , m] = filterSizes(filter);
  requireGroups('convolution', image, filter, geometry.groups);
  const [oh, ow] = convolvedSize([h, w], [kh, kw], geometry);
  if (oh < 1 || ow < 1) {
    throw new UsageError(
      `convolution: filter ${formatShape(filter)} does not fit into images ${formatShape(image)}; add padding`,
    );
  }
  if (image.length === 4) return [n, oh, ow, m];
  if (oh !== 1) {
    throw new UsageError(`convolution: signals ${formatShape(image)} have one row, which must not be padded`);
  }
  return [n, ow, m];
}

function recurrenceType(inputs: readonly Node[], attributes: Attributes['recurrence']): Typed {
  requireSizes('recurrence', [attributes.count]);
  const { precondition, condition, initial, next } = recurrenceParts({ inputs, attributes });
  const { shape } = initial[0]!;
  for (const held of [precondition, condition])
    if (held !== undefined) requireDtype('recurrence', held, 'bool');
  const parts = [...initial, ...next, ...[precondition, condition].filter((held) => held !== undefined)];
  const odd = parts.find((part) => !sameShape(part.shape, shape));
  if (odd !== undefined) {
    throw new UsageError(
      `recurrence: all states and conditions must have the shape ${formatShape(shape)}, got ${formatShape(odd.shape)}`,
    );
  }
  for (const [k, value] of next.entries()) requireSame('recurrence', initial[k]!, value);
  return { shape, dtype: initial[attributes.result]!.dtype };
}

/** Shape and element type of each primitive's result. Throws `UsageError` where operands do not fit. */
export const shapeRules: { readonly [K in OpName]: ShapeRule<K> } = {
  input: (_, { name, shape, dtype }) => {
    requireSizes(`input "${name}"`, shape);
    return { shape, dtype };
  },
  constant: (_, { value, dtype }) => {
    if (dtype !== 'f32' && value !== (value | 0)) {
      throw new UsageError(
        `constant: expected a whole number of 32 bits beside ${dtype}, got ${value}; cast the tensor to f32`,
      );
    }
    return { shape: [], dtype };
  },
  iota: (inputs, { shape, axis }) => {
    if (!(Number.isInteger(axis) && axis >= 0 && axis < shape.length)) {
      throw new UsageError(`iota: axis ${axis} is outside a tensor of ${shape.length} axes`);
    }
    return source('iota', 'i32')(inputs, { shape });
  },
  uniform: draws('uniform'),
  normal: draws('normal'),
  negate: unary('negate'),
  abs: unary('abs'),
  exp: unary('exp'),
  log: unary('log'),
  sqrt: unary('sqrt'),
  tanh: unary('tanh'),
  cos: unary('cos'),
  floor: unary('floor'),
  round: unary('round'),
  cast: ([x], { dtype }) => ({ shape: x!.shape, dtype }),
  add: arithmetic('add'),
  subtract: arithmetic('subtract'),
  multiply: arithmetic('multiply'),
  divide: (inputs) => {
    requireDtype('divide', inputs[0]!, 'f32');
    return arithmetic('divide')(inputs);
  },
  maximum: arithmetic('maximum'),
  minimum: arithmetic('minimum'),
  less: arithmetic('less', 'bool'),
  lessEqual: arithmetic('lessEqual', 'bool'),
  equal: arithmetic('equal', 'bool'),
  bitAnd: ([a, b]) => {
    requireDtype('bitAnd', a!, 'i32');
    requireSame('bitAnd', a!, b!);
    return { shape: a!.shape, dtype: 'i32' };
  },
  bitCount: ([x]) => {
    requireDtype('bitCount', x!, 'i32');
    return { shape: x!.shape, dtype: 'i32' };
  },
  select: ([condition, a, b]) => {
    requireDtype('select', condition!, 'bool');
    requireSame('select', a!, b!);
    if (!sameShape(condition!.shape, a!.shape)) {
      throw new UsageError(
        `select: condition ${formatShape(condition!.shape)} and values ${formatShape(a!.shape)} differ`,
      );
    }
    return { shape: a!.shape, dtype: a!.dtype };
  },
  reshape: ([x], { shape }) => {
    requireSizes('reshape', shape);
    if (elementCount(shape) !== elementCount(x!.shape)) {
      throw new UsageError(
        `reshape: ${formatShape(x!.shape)} does not have as many elements as ${formatShape(shape)}`,
      );
    }
    return { shape, dtype: x!.dtype };
  },
  transpose: ([x], { permutation }) => {
    const isPermutation = [...permutation].sort((a, b) => a - b).every((axis, k) => axis === k);
    if (permutation.length !== x!.shape.length || !isPermutation) {
      throw new UsageError(
        `transpose: [${permutation.join(', ')}] does not order the axes of ${formatShape(x!.shape)}`,
      );
    }
    return { shape: permutation.map((axis) => x!.shape[axis]!), dtype: x!.dtype };
  },
  broadcast: ([x], { shape }) => {
    requireSizes('broadcast', shape);
    const fits =
      x!.shape.length === shape.length && x!.shape.every((size, axis) => size === 1 || size === shape[axis]);
    if (!fits) {
      throw new UsageError(`broadcast: ${formatShape(x!.shape)} does not stretch to ${formatShape(shape)}`);
    }
    return { shape, dtype: x!.dtype };
  },
  slice: ([x], { start, end }) => {
    const inside =
      start.length === x!.shape.length &&
      end.length === x!.shape.length &&
      [...start, ...end].every(Number.isInteger) &&
      x!.shape.every((size, axis) => 0 <= start[axis]! && start[axis]! < end[axis]! && end[axis]! <= size);
    if (!inside) {
      throw new UsageError(
        `slice: [${start.join(', ')}] to [${end.join(', ')}] is outside ${formatShape(x!.shape)}`,
      );
    }
    return { shape: start.map((from, axis) => end[axis]! - from), dtype: x!.dtype };
  },
  pad: ([x], { before, after }) => {
    const fits = before.length === x!.shape.length && after.length === x!.shape.length;
    if (!fits || ![...before, ...after].every((count) => Number.isInteger(count) && count >= 0)) {
      throw new UsageError(
        `pad: [${before.join(', ')}] and [${after.join(', ')}] do not fit ${formatShape(x!.shape)}`,
      );
    }
    return { shape: x!.shape.map((size, axis) => before[axis]! + size + after[axis]!), dtype: x!.dtype };
  },
  concat: (parts, { axis }) => {
    const [first] = parts as [Node];
    const others = (shape: Shape): Shape => shape.filter((_, k) => k !== axis);
    const fits = ({ shape, dtype }: Node): boolean =>
      shape.length === first.shape.length &&
      sameShape(others(shape), others(first.shape)) &&
      dtype === first.dtype;
    if (!(axis in first.shape) || !parts.every(fits)) {
      const got = parts.map(({ shape, dtype }) => `${dtype} ${formatShape(shape)}`).join(', ');
      throw new UsageError(
        `concat: expected tensors of one element type that differ in axis ${axis} only, got ${got}`,
      );
    }
    const size = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    return { shape: first.shape.map((own, k) => (k === axis ? size : own)), dtype: first.dtype };
  },
  gather: ([table, indices]) => {
    if (table!.shape.length === 0) throw new UsageError('gather: the table must have rows, got a scalar ()');
    requireIndices('gather', indices!);
    return { shape: [...indices!.shape, ...table!.shape.slice(1)], dtype: table!.dtype };
  },
  scatterAdd: ([indices, values], { rows }) => {
    requireIndices('scatterAdd', indices!);
    requireDtype('scatterAdd', values!, 'f32');
    requireSizes('scatterAdd', [rows]);
    const rank = indices!.shape.length;
    if (!sameShape(values!.shape.slice(0, rank), indices!.shape)) {
      throw new UsageError(
        `scatterAdd: values ${formatShape(values!.shape)} must have a row for each of the indices ${formatShape(indices!.shape)}`,
      );
    }
    return { shape: [rows, ...values!.shape.slice(rank)], dtype: 'f32' };
  },
  sum: ([x], { axes }) => {
    requireDtype('sum', x!, 'f32');
    return { shape: reduced(x!, axes), dtype: 'f32' };
  },
  reduceMax: ([x], { axes }) => {
    requireDtype('reduceMax', x!, 'f32');
    return { shape: reduced(x!, axes), dtype: 'f32' };
  },
  matmul: ([a, b], { rows }) => {
    requireOperand('matmul', 'the left matrix', a!, 2, true);
    requireOperand('matmul', 'the right matrix', b!, 2, true);
    const [leading, others] = [a!.shape.slice(0, -2), b!.shape.slice(0, -2)];
    const [m, k] = a!.shape.slice(-2) as [number, number];
    const [rowCount, n] = b!.shape.slice(-2) as [number, number];
    if (k !== rowCount || !sameShape(leading, others)) {
      throw new UsageError(`matmul: ${formatShape(a!.shape)} and ${formatShape(b!.shape)} do not chain`);
    }
    requireRows('matmul', rows, rowCount);
    return { shape: [...leading, m, n], dtype: 'f32' };
  },
  convolution: ([x, filter], attributes) => {
    const rank = x!.shape.length === 3 && filter!.shape.length === 3 ? 3 : 4;
    requireOperand('convolution', 'images', x!, rank);
    requireOperand('convolution', 'the filter', filter!, rank);
    const [kh, kw, c] = filterSizes(filter!.shape);
    requireRows('convolution', attributes.rows, kh * kw * c);
    return { shape: convolutionShape(x!.shape, filter!.shape, attributes), dtype: 'f32' };
  },
  convolutionInputGradient: ([gradient, filter], attributes) => {
    const expected = convolutionShape(attributes.imageShape, filter!.shape, attributes);
    if (!sameShape(gradient!.shape, expected)) {
      throw new UsageError(
        `convolutionInputGradient: gradient ${formatShape(gradient!.shape)} is not ${formatShape(expected)}`,
      );
    }
    return { shape: attributes.imageShape, dtype: 'f32' };
  },
  convolutionWeightGradient: ([x, gradient], attributes) => {
    const expected = convolutionShape(x!.shape, attributes.filterShape, attributes);
    if (!sameShape(gradient!.shape, expected)) {
      throw new UsageError(
        `convolutionWeightGradient: gradient ${formatShape(gradient!.shape)} is not ${formatShape(expected)}`,
      );
    }
    return { shape: attributes.filterShape, dtype: 'f32' };
  },
  transposedConvolution: ([x, filter], { rows, outputPadding, ...geometry }) => {
    const op = 'transposedConvolution';
    requireOperand(op, 'images', x!, 4);
    requireOperand(op, 'the filter', filter!, 4);
    requireGeometry(op, geometry);
    requireGroups(op, x!.shape, filter!.shape, geometry.groups);
    const [kh, kw, c, m] = filter!.shape as [number, number, number, number];
    requireRows(op, rows, kh * kw * c);
    const [n, h, w] = x!.shape as [number, number, number];
    const { stride, dilation } = geometry;
    const isOpen = (extra: number, k: number): boolean =>
      Number.isInteger(extra) && extra >= 0 && extra < Math.max(stride[k]!, dilation[k]!);
    if (!outputPadding.every(isOpen)) {
      throw new UsageError(
        `${op}: expected whole output paddings from 0, smaller than the stride or the dilation, got ${formatShape(outputPadding)}`,
      );
    }
    const [oh, ow] = transposedSize([h, w], [kh, kw], { ...geometry, outputPadding });
    if (oh < 1 || ow < 1) {
      throw new UsageError(
        `${op}: of images ${formatShape(x!.shape)} and filter ${formatShape(filter!.shape)} the padding leaves nothing, ${formatShape([oh, ow])}; use less`,
      );
    }
    return { shape: [n, oh, ow, m], dtype: 'f32' };
  },
  carried: (_, { shape, dtype }) => ({ shape, dtype }),
  item: ([x]) => {
    if (x!.shape.length === 0)
      throw new UsageError('item: expected a tensor (count, …) with an axis of iterations, got a scalar ()');
    return { shape: x!.shape.slice(1), dtype: x!.dtype };
  },
  recurrence: (inputs, attributes) => recurrenceType(inputs, attributes),
  detach: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  custom: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
};
