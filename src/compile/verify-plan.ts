// The verifier of whole plans: it checks every kernel (kernel/verify.ts), then what launches do to their memories. It
// works on intervals of elements, so it does not prove a plan correct. It finds accesses out of bounds, values that are
// overwritten before their last use, and pairs of launches that depend on each other.

import {
  type Interval,
  intersection,
  isCovered,
  isEmpty,
  joined,
  moved,
  without,
} from '../kernel/interval.ts';
import type { Kernel, Statement } from '../kernel/kernel.ts';
import { verifyKernel } from '../kernel/verify.ts';
import { type Footprint, footprintsOf } from '../kernel/verify-memory.ts';
import {
  callsOf,
  type KernelCall,
  type Launch,
  PADDING_ELEMENTS,
  type Placement,
  type Plan,
} from './backend.ts';

/**
 * Every fault of a plan, each with its place: the kernel and its line, or the number of the launch; none for a sound
 * plan.
 *
 * - Kernels keep the rules of `verifyKernel`, and use scalars that the plan has, with their type.
 * - A call names a kernel of the plan and gives as many buffers and push constants as it takes. Buffers are bindings of
 *   the plan or places in its arena; addresses are within them or the padding after them.
 * - No call writes an input; every output is written completely.
 * - Buffers of one call overlap only where the call reads all of them.
 * - Elements that are read from the arena or from an output were stored through the same place, or parts of it, by
 *   earlier launches, and not overwritten through another place since.
 * - The numbers of chunks of a pair have its ratio, and neither call writes what the other touches.
 */
export function verifyPlan(plan: Plan): string[] {
  return [
    ...plan.kernels.flatMap((kernel) => [...verifyKernel(kernel), ...scalarFaults(plan, kernel)]),
    ...launchFaults(plan),
  ];
}

function scalarFaults({ scalars }: Plan, { name, body }: Kernel): string[] {
  const visit = (statements: readonly Statement[]): string[] =>
    statements.flatMap((s) => {
      if ('body' in s) return visit(s.body);
      if (s.kind !== 'scalar') return [];
      const scalar = scalars[s.slot];
      if (scalar === undefined) return [`${name}: the plan has no scalar ${s.slot}`];
      const type = scalar.dtype === 'f32' ? 'f32' : 'i32';
      return s.type === type ? [] : [`${name}: scalar ${s.slot} is ${type}, not ${s.type}`];
    });
  return visit(body);
}

function launchFaults(plan: Plan): string[] {
  const faults: string[] = [];
  const footprints = plan.kernels.map(footprintsOf);
  const memory = new StoredValues(plan);
  for (const [number, launch] of plan.launches.entries()) {
    const effects = callsOf(launch).map((call) => {
      const name = `launch ${number}, ${plan.kernels[call.kernel]?.name ?? 'unknown'}`;
      const report = (found: readonly string[]): number =>
        faults.push(...found.map((fault) => `${name}: ${fault}`));
      const misfits = shapeFaults(plan, call);
      report(misfits);
      const slots = misfits.length > 0 ? [] : effectsOf(call, footprints[call.kernel]!);
      report(slots.flatMap((slot) => boundFaults(plan, slot)));
      report(overlapFaults(slots));
      report(slots.flatMap((slot) => memory.read(slot)));
      return slots;
    });
    for (const slot of effects.flat()) memory.write(slot);
    if (launch.kind === 'pair')
      faults.push(...pairFaults(plan, launch, effects).map((fault) => `launch ${number}: ${fault}`));
  }
  return [...faults, ...memory.missingOutputs()];
}

/** Faults between a call and its kernel, other than addresses. */
function shapeFaults({ kernels, bindings, arenaElements }: Plan, call: KernelCall): string[] {
  const kernel = kernels[call.kernel];
  if (kernel === undefined) return [`the plan has ${kernels.length} kernels, not number ${call.kernel}`];
  const faults: string[] = [];
  if (call.buffers.length !== kernel.buffers)
    faults.push(`the kernel takes ${kernel.buffers} buffers, not ${call.buffers.length}`);
  if (call.pushConstants.length !== kernel.pushConstants)
    faults.push(`the kernel takes ${kernel.pushConstants} push constants, not ${call.pushConstants.length}`);
  for (const [slot, place] of call.buffers.entries()) {
    if (place.space === 'binding' && bindings[place.binding] === undefined)
      faults.push(`b${slot}: the plan has ${bindings.length} bindings, not number ${place.binding}`);
    if (place.space === 'arena' && !(place.offset >= 0 && place.offset <= arenaElements))
      faults.push(`b${slot}: offset ${place.offset} is not in the arena of ${arenaElements} elements`);
  }
  return faults;
}

/** What a call reads and writes through one of its buffers. Elements count from the beginning of the space. */
type SlotEffects = {
  readonly slot: number;
  readonly space: Space;
  /** First element of the buffer. */
  readonly origin: number;
  /** First element of the value that it is a part of; of the buffer, if it is none. */
  readonly home: number;
} & Footprint;

/** The arena, or the number of a binding. */
type Space = 'arena' | number;

function effectsOf(call: KernelCall, footprints: readonly Footprint[]): SlotEffects[] {
  return call.buffers.map((place: Placement, slot): SlotEffects => {
    const origin = place.offset ?? 0;
    const home = place.whole ?? origin;
    const placed = (set: readonly Interval[]): Interval[] => set.map((interval) => moved(interval, origin));
    const { reads, touches, writes, sureWrites } = footprints[slot]!;
    const space = place.space === 'arena' ? 'arena' : place.binding;
    return {
      slot,
      space,
      origin,
      home,
      reads: placed(reads),
      touches: placed(touches),
      writes: placed(writes),
      sureWrites: placed(sureWrites),
    };
  });
}

/** Accesses after the end of a buffer and its padding, and stores to inputs. */
function boundFaults(plan: Plan, { slot, space, writes, touches }: SlotEffects): string[] {
  const binding = space === 'arena' ? undefined : plan.bindings[space]!;
  const elements = binding === undefined ? plan.arenaElements : binding.elements;
  const faults: string[] = [];
  if (binding?.role === 'input' && writes.length > 0)
    faults.push(`b${slot}: the input "${binding.name}" is stored to`);
  const last = Math.max(-1, ...[...writes, ...touches].map(([, high]) => high));
  if (last >= elements + PADDING_ELEMENTS)
    faults.push(
      `b${slot}: element ${last} of ${binding === undefined ? 'the arena' : `"${binding.name}"`} is reached, which has ${elements}`,
    );
  return faults;
}

/** True if some elements are in both sets. */
function areMeeting(a: readonly Interval[], b: readonly Interval[]): boolean {
  return a.some((one) => b.some((other) => !isEmpty(intersection(one, other))));
}

/** True if one slot stores what the other loads or stores. */
function areDependent(a: SlotEffects, b: SlotEffects): boolean {
  if (a.space !== b.space) return false;
  return areMeeting(a.writes, [...b.reads, ...b.writes]) || areMeeting(b.writes, a.reads);
}

/** Buffers of one call that overlap: kernels assume that they are different memories. */
function overlapFaults(slots: readonly SlotEffects[]): string[] {
  return slots.flatMap((own, k) =>
    slots
      .slice(k + 1)
      .filter((other) => areDependent(own, other))
      .map((other) => `b${own.slot} and b${other.slot} overlap, and one of them is stored to`),
  );
}

/** Calls of a pair whose numbers of chunks do not have its ratio, or of which one stores what the other touches. */
function pairFaults(
  { kernels }: Plan,
  { first, second, ratio }: Extract<Launch, { kind: 'pair' }>,
  [own, other]: readonly (readonly SlotEffects[])[],
): string[] {
  const faults: string[] = [];
  const [few, many] = [kernels[first.kernel]?.chunks ?? 0, kernels[second.kernel]?.chunks ?? 0];
  if (few * ratio !== many) faults.push(`${few} chunks with ${ratio} each do not make ${many}`);
  for (const a of own!)
    for (const b of other!)
      if (areDependent(a, b))
        faults.push(
          `b${a.slot} of the first call and b${b.slot} of the second overlap, and one of them is stored to`,
        );
  return faults;
}

/** Rows of a packed filter may end in unused vectors: intervals with smaller gaps than this are joined. */
const GAP = 64;

/** Which elements of the arena and of outputs hold a value, and through which place it was stored. */
class StoredValues {
  private readonly plan: Plan;
  private readonly values = new Map<Space, Map<number, readonly Interval[]>>();

  constructor(plan: Plan) {
    this.plan = plan;
  }

  /** Faults of loads: everything but inputs and states has to be stored first. */
  read({ slot, space, origin, home, reads }: SlotEffects): string[] {
    if (space !== 'arena' && this.plan.bindings[space]!.role !== 'output') return [];
    const held = this.values.get(space)?.get(home) ?? [];
    return reads
      .filter((interval) => !isCovered(held, interval))
      .map(
        ([low, high]) =>
          `b${slot}: elements ${low - origin} … ${high - origin} are loaded, but not stored before, or overwritten since`,
      );
  }

  /** Records stores to a place; what was stored there through other places is overwritten. */
  write({ space, home, writes, sureWrites }: SlotEffects): void {
    const places = this.values.get(space) ?? new Map<number, readonly Interval[]>();
    this.values.set(space, places);
    for (const interval of writes)
      for (const [other, held] of places) if (other !== home) places.set(other, without(held, interval));
    for (const interval of sureWrites) places.set(home, joined(places.get(home) ?? [], interval, GAP));
  }

  /** Outputs that are not written completely. */
  missingOutputs(): string[] {
    return this.plan.bindings.flatMap(({ role, name, elements }, k) => {
      const held = this.values.get(k)?.get(0) ?? [];
      const isWhole = elements === 0 || isCovered(held, [0, elements - 1]);
      return role !== 'output' || isWhole ? [] : [`the output "${name}" is not stored as a whole`];
    });
  }
}
