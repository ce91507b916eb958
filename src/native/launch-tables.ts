// A plan as the tables that the runtime walks: launches, places of buffers, push constants. runtime.c has the same fields in
// the same order.

import type { KernelCall, PlanOutline } from '../compile/backend.ts';

/** Tables of a program. */
export type LaunchTables = {
  /** The fields of each launch: two calls (kernel, chunks, first place, first push constant), and their ratio. */
  readonly launches: Int32Array;
  /** A binding's number and, above its bits, the offset in it; or −1 − offset in the arena. */
  readonly places: BigInt64Array;
  readonly pushConstants: Uint32Array;
  readonly arenaElements: number;
  /** Elements of scratch memory that the plan's kernels need, per thread. */
  readonly scratchElements: number;
};

/** The fields of the second call of a launch that has only one. */
const NO_CALL: readonly number[] = [0, 0, 0, 0];

/** Bits of a place that hold the number of a binding; those above hold the offset in it. */
const BINDING_BITS = 24n;

/** The tables of a plan. */
export function launchTables({ kernels, launches, arenaElements }: PlanOutline): LaunchTables {
  const places: bigint[] = [];
  const pushConstants: number[] = [];
  const fieldsOf = (call: KernelCall): readonly number[] => {
    const fields = [call.kernel, kernels[call.kernel]!.chunks, places.length, pushConstants.length];
    pushConstants.push(...call.pushConstants);
    for (const place of call.buffers) {
      places.push(
        place.space === 'binding'
          ? BigInt(place.binding) + (BigInt(place.offset ?? 0) << BINDING_BITS)
          : BigInt(-1 - place.offset),
      );
    }
    return fields;
  };
  const fields = launches.flatMap((launch) =>
    launch.kind === 'single'
      ? [...fieldsOf(launch.call), ...NO_CALL, 0]
      : [...fieldsOf(launch.first), ...fieldsOf(launch.second), launch.ratio],
  );
  return {
    launches: Int32Array.from(fields),
    places: BigInt64Array.from(places),
    pushConstants: Uint32Array.from(pushConstants),
    arenaElements,
    scratchElements: Math.max(0, ...kernels.map(({ scratch }) => scratch)),
  };
}
