// What tasks share in making batches: copying rows of numbers, test examples in batches of one size, and batches that are
// made while earlier ones are computed.

import { elementCount } from '../base/shape.ts';
import type { Batch, Goal, TestBatch } from './task.ts';

/** Copies rows of a set, by index, to the first places of a batch of `places`. */
export function copyRowsInto(
  to: Float32Array,
  from: Float32Array,
  indices: ArrayLike<number>,
  places: number,
): void {
  const size = to.length / places;
  for (let place = 0; place < indices.length; place++) {
    const start = indices[place]! * size;
    to.set(from.subarray(start, start + size), place * size);
  }
}

/**
 * All of `count` test examples in order, in batches of `size`.
 *
 * @param fill gets a batch of zeros and the numbers of the examples for its first places
 */
export function testBatchesOf(
  count: number,
  size: number,
  shapes: Goal['batch'],
  fill: (batch: Batch, indices: readonly number[]) => void,
): TestBatch[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, batch) => {
    const held = Math.min(size, count - batch * size);
    const tensors = Object.entries(shapes).map(([name, shape]): [string, Float32Array] => [
      name,
      new Float32Array(size * elementCount(shape)),
    ]);
    const values: Batch = Object.fromEntries(tensors);
    fill(
      values,
      Array.from({ length: held }, (_, place) => batch * size + place),
    );
    return { values, count: held };
  });
}

/**
 * Values 0 … count − 1, one after another, each made while the one before is used. A consumer that stops early loses one
 * that was begun. Throws what `make` throws when its value is asked for.
 */
export async function* madeAhead<T>(
  count: number,
  make: (number: number) => T | Promise<T>,
): AsyncGenerator<T, void> {
  const begin = (number: number): Promise<T> => {
    const made = (async () => make(number))();
    // A failure is that of whoever asks for the value; nobody may.
    made.catch(() => undefined);
    return made;
  };
  let next = count > 0 ? begin(0) : undefined;
  for (let number = 0; next !== undefined; number++) {
    const value: T = await next;
    next = number + 1 < count ? begin(number + 1) : undefined;
    yield value;
  }
}
