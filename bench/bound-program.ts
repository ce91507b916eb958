// A program with its buffers handed in once: what it takes to run the launches alone, without copying inputs and
// outputs, and to time them one by one.

import { invariant } from '../src/base/errors.ts';
import type { Engine, Executable, Store } from '../src/engine.ts';
import type { NativeProgram } from '../src/native/backend.ts';

/** An executable whose arguments stay. Free it after use; the store it was given stays. */
export type BoundProgram = {
  readonly run: () => Promise<void>;
  /** Runs once; milliseconds of each launch. Native programs only. */
  readonly profile: () => Promise<Float64Array>;
  readonly free: () => void;
};

/** Arguments of every run. Words of a key are the scalars `name.0` and `name.1`. */
export type Arguments = {
  readonly inputs?: Readonly<Record<string, Float32Array>>;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly state?: Store;
};

/** Hands arguments to an executable once and for all. */
export function bind(
  { backend }: Engine,
  { plan, program }: Executable,
  { inputs = {}, scalars = {}, state }: Arguments,
): BoundProgram {
  const own = plan.bindings.map(({ role, elements }) =>
    role === 'state' ? undefined : backend.allocate(elements),
  );
  const buffers = plan.bindings.map(({ name }, k) => {
    const buffer = own[k] ?? state?.buffer(name);
    invariant(buffer, () => `bench: no state "${name}"`);
    return buffer;
  });
  for (const [k, { name, role }] of plan.bindings.entries())
    if (role === 'input') buffers[k]!.write(inputs[name]!);
  const bits = new Uint32Array(plan.scalars.length);
  const floats = new Float32Array(bits.buffer);
  for (const [slot, { name, dtype }] of plan.scalars.entries())
    (dtype === 'f32' ? floats : bits)[slot] = scalars[name]!;
  return {
    run: () => program.run(buffers, bits),
    profile: () => (program as NativeProgram).profile(buffers, bits),
    free: () => {
      for (const buffer of own) buffer?.free();
    },
  };
}
