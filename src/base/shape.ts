// Shapes of tensors and the rules by which they broadcast. Pure arithmetic on arrays of integers.

import { UsageError } from './errors.ts';

/** Sizes of a tensor's axes, outermost first; a scalar has the shape (). */
export type Shape = readonly number[];

/** Number of elements: the product of the axes. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  }
  return strides;
}

/** True if both shapes have the same axes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** A shape as people write it: `(3, 4)`. */
export function formatShape(shape: Shape): string {
  return `(${shape.join(', ')})`;
}

/**
 * The shape two operands share after broadcasting: axes are aligned at the end, a size of 1 stretches.
 *
 * @throws UsageError if an axis differs and neither size is 1
 */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const sizeA = a[axis - rank + a.length] ?? 1;
    const sizeB = b[axis - rank + b.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new UsageError(`${where}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
    }
    shape.push(sizeA === 1 ? sizeB : sizeA);
  }
  return shape;
}

/** Turns axes that may count from the end into sorted, checked, unique axes. */
export function normalizeAxes(where: string, rank: number, axes: readonly number[]): number[] {
  const normalized = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  for (const [position, axis] of normalized.entries()) {
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank) {
      throw new UsageError(`${where}: axis ${axes[position]} is outside a tensor of ${rank} axes`);
    }
  }
  if (new Set(normalized).size !== normalized.length) {
    throw new UsageError(`${where}: axes [${axes.join(', ')}] name an axis twice`);
  }
  return normalized.sort((left, right) => left - right);
}
