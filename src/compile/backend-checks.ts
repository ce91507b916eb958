// Checks that all backends share, so that misuse gets the same message from each.

import { throwFaults, UsageError } from '../base/errors.ts';
import type { Backend, DeviceBuffer, PlanOutline } from './backend.ts';

/** More threads than any one machine runs at once; a mistyped number would exhaust the system. */
export const MOST_THREADS = 1024;

/** @throws UsageError unless `threads` is a whole number from 1 to 1024 */
export function checkThreads(what: string, threads: number): void {
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS)
    throw new UsageError(`${what}: threads must be a whole number from 1 to ${MOST_THREADS}, got ${threads}`);
}

/**
 * A buffer that checks its use, over memory that does not. `places` has the places of the buffers that are not freed.
 *
 * @throws UsageError from its methods, if values do not fill it or it was freed
 */
export function guardedBuffer<P>(
  places: WeakMap<DeviceBuffer, P>,
  place: P,
  { elements, write, read, free }: DeviceBuffer,
): DeviceBuffer {
  const checkAlive = (what: 'write' | 'read' | 'free'): void => {
    if (!places.has(buffer))
      throw new UsageError(`DeviceBuffer.${what}: the buffer of ${elements} elements was freed`);
  };
  const buffer: DeviceBuffer = {
    elements,
    write: async (values) => {
      if (values.length !== elements)
        throw new UsageError(`DeviceBuffer.write: expected ${elements} values, got ${values.length}`);
      checkAlive('write');
      await write(values);
    },
    read: async () => {
      checkAlive('read');
      return read();
    },
    free: () => {
      checkAlive('free');
      places.delete(buffer);
      free();
    },
  };
  places.set(buffer, place);
  return buffer;
}

/** The error for a program that is used after it was freed. */
export function freedProgram(what: 'run' | 'free'): UsageError {
  return new UsageError(`Program.${what}: the program was freed`);
}

/** The error for a backend that is used after it was closed. */
export function closedBackend(name: Backend['name']): UsageError {
  return new UsageError(`${name} backend: used after close; create a new one`);
}

/**
 * Checks the arguments of a run.
 *
 * @param isOwn whether a buffer is one of this backend's, and not freed
 * @throws UsageError with all faults
 */
export function checkRun(
  plan: PlanOutline,
  buffers: readonly DeviceBuffer[],
  scalars: Uint32Array,
  isOwn: (buffer: DeviceBuffer) => boolean,
): void {
  const faults: string[] = [];
  if (scalars.length !== plan.scalars.length)
    faults.push(`expected ${plan.scalars.length} scalars, got ${scalars.length}`);
  if (buffers.length !== plan.bindings.length)
    faults.push(`expected ${plan.bindings.length} buffers, got ${buffers.length}`);
  for (const [position, { name, elements }] of plan.bindings.entries()) {
    const buffer = buffers[position];
    if (buffer === undefined) continue;
    if (!isOwn(buffer)) faults.push(`buffer "${name}" was freed or belongs to another backend`);
    else if (buffer.elements < elements)
      faults.push(`buffer "${name}" needs ${elements} elements, got ${buffer.elements}`);
  }
  throwFaults('Program.run', faults);
}
