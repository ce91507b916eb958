// Layouts: how the axes of a weight stand in a file, and how they stand here. Every conversion is a permutation of axes,
// written as one; nothing is scaled or rounded.

import { assertNever } from '../base/errors.ts';
import { elementCount, type Shape, stridesOf } from '../base/shape.ts';

/** Whose order of axes a file has: PyTorch's, or ohmic's own. */
export type Layout = 'torch' | 'ohmic';

/** What a layer with weights does with them. The order of their axes depends on it. */
export type WeightsKind = 'dense' | 'convolution' | 'transposed-convolution' | 'embedding';

/** All kinds of layers with weights. */
export const weightsKinds: readonly WeightsKind[] = [
  'dense',
  'convolution',
  'transposed-convolution',
  'embedding',
];

/** Size of an image before it is flattened: (height, width, channels). */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Axes of a file's tensor: their sizes, and the order in which they stand here. */
type Permutation = { readonly sizes: Shape; readonly order: readonly number[] };

/**
 * The shape that a file's weights have here; undefined if weights of this kind cannot have that many axes.
 *
 * | kind                   | PyTorch                         | here             |
 * | ---------------------- | ------------------------------- | ---------------- |
 * | dense                  | (out, in)                       | (in, out)        |
 * | convolution            | (out, in, kh, kw), (out, in, k) | (kh, kw, in, out), with kh = 1 |
 * | transposed convolution | (in, out, kh, kw), (in, out, k) | (kh, kw, in, out), with kh = 1 |
 * | embedding              | (rows, dimension)               | (rows, dimension) |
 */
export function weightsShapeHere(kind: WeightsKind, layout: Layout, shape: Shape): Shape | undefined {
  const permutation = permutationOf(kind, layout, shape);
  return permutation?.order.map((axis) => permutation.sizes[axis]!);
}

/**
 * A file's weights in the order of ohmic.
 *
 * @param shape     of the file's tensor; one for which `weightsShapeHere` is defined
 * @param flattened of a dense layer that follows the flattening of an image: PyTorch flattens (channels, height, width),
 *        ohmic (height, width, channels), so the rows of the matrix change places; h · w · c must be its inputs
 */
export function weightsHere({
  kind,
  layout,
  shape,
  values,
  flattened,
}: {
  readonly kind: WeightsKind;
  readonly layout: Layout;
  readonly shape: Shape;
  readonly values: Float32Array;
  readonly flattened?: ImageShape | undefined;
}): Float32Array {
  if (kind === 'dense' && layout === 'torch' && flattened !== undefined) {
    const [height, width, channels] = flattened;
    return permuted(values, { sizes: [shape[0]!, channels, height, width], order: [2, 3, 1, 0] });
  }
  return permuted(values, permutationOf(kind, layout, shape)!);
}

function permutationOf(kind: WeightsKind, layout: Layout, shape: Shape): Permutation | undefined {
  const isMatrix = kind === 'dense' || kind === 'embedding';
  const asIs = { sizes: shape, order: shape.map((_, axis) => axis) };
  if (layout === 'ohmic') return shape.length === (isMatrix ? 2 : 4) ? asIs : undefined;
  if (isMatrix && shape.length !== 2) return undefined;
  if (!isMatrix && shape.length !== 3 && shape.length !== 4) return undefined;
  const [a, b, ...kernel] = shape;
  const filter = [a!, b!, ...(kernel.length === 1 ? [1] : []), ...kernel];
  switch (kind) {
    case 'dense':
      return { sizes: shape, order: [1, 0] };
    case 'embedding':
      return asIs;
    case 'convolution':
      return { sizes: filter, order: [2, 3, 1, 0] };
    case 'transposed-convolution':
      return { sizes: filter, order: [2, 3, 0, 1] };
    default:
      return assertNever(kind);
  }
}

/** Values of a row-major tensor after its axes have changed places: axis k of the result is axis `order[k]`. */
function permuted(values: Float32Array, { sizes, order }: Permutation): Float32Array {
  const strides = stridesOf(sizes);
  const [outer, step] = [order.map((axis) => sizes[axis]!), order.map((axis) => strides[axis]!)];
  const result = new Float32Array(elementCount(sizes));
  const index = new Array<number>(outer.length).fill(0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      from += step[axis]!;
      if (++index[axis]! < outer[axis]!) break;
      from -= step[axis]! * outer[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
