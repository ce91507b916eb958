// Named parameter trees, flattened: "stage1.block0.conv1.weights" → values with a shape. One representation
// from initialisation to files; the names are the tree.

import { UsageError } from './errors.ts';
import { elementCount, formatShape, type Shape } from './shape.ts';

/** Values of one named parameter on the host, row-major. */
export type HostTensor = { readonly shape: Shape; readonly data: Float32Array };

/** A tensor's name and shape: what a store keeps a place for. */
export type TensorSpec = { readonly name: string; readonly shape: Shape };

/** Parameters by dotted name, in definition order. */
export type Parameters = Readonly<Record<string, HostTensor>>;

/** A host tensor; checks that the values fill the shape. */
export function hostTensor(shape: Shape, data: Float32Array): HostTensor {
  if (data.length !== elementCount(shape)) {
    throw new UsageError(
      `hostTensor: shape ${formatShape(shape)} needs ${elementCount(shape)} values, got ${data.length}`,
    );
  }
  return { shape, data };
}

/** A host tensor of zeros. */
export function zeros(shape: Shape): HostTensor {
  return { shape, data: new Float32Array(elementCount(shape)) };
}

/** Number of values in all parameters. */
export function countParameters(parameters: Parameters): number {
  return Object.values(parameters).reduce((sum, tensor) => sum + tensor.data.length, 0);
}
