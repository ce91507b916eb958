// The verifier of whole plans: every kernel by itself (kernel/verify.ts), then what launches do to the memories that
// they are given. Works on intervals of elements, so it proves no plan right, but finds what lies outside, what is
// overwritten before its last use, and launches that need one another and run together.

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
import { type Launch, PADDING_ELEMENTS, type Placement, type Plan } from './backend.ts';

/**
 * Every fault of a plan, each with its place: the kernel and its line, or the number of the launch; none for a sound plan.
 *
 * - Kernels keep the rules of `verifyKernel`, and ask for scalars that the plan has, in their type.
 * - A launch names a kernel of the plan and hands over as many buffers and words as it takes; buffers lie in bindings of
 *   the plan or in its arena, and addresses within them or the padding behind.
 * - No launch writes an input; every output is written as a whole.
 * - Buffers of one launch overlap only where all of them are read.
 * - What is read from the arena, or from an output, has been stored in that place by earlier launches and not been
 *   overwritten by way of another place.
 * - Launches of a pair have chunks in their ratio, and neither writes what the other touches.
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
      if (s.kind === 'for' || s.kind === 'if') return visit(s.body);
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
  let before: readonly SlotEffects[] | undefined;
  for (const [number, launch] of plan.launches.entries()) {
    const name = `launch ${number}, ${plan.kernels[launch.kernel]?.name ?? 'unknown'}`;
    const report = (found: readonly string[]): number =>
      faults.push(...found.map((fault) => `${name}: ${fault}`));
    const misfits = shapeFaults(plan, launch);
    report(misfits);
    const slots = misfits.length > 0 ? [] : effectsOf(launch, footprints[launch.kernel]!);
    report(slots.flatMap((slot) => boundFaults(plan, slot)));
    report(overlapFaults(slots));
    report(slots.flatMap((slot) => memory.read(slot)));
    if (before !== undefined) report(dependenceFaults(before, slots));
    for (const slot of slots) memory.write(slot);
    before = launch.nextChunks === undefined ? undefined : slots;
    if (launch.nextChunks !== undefined)
      report(pairFaults(plan, launch, plan.launches[number + 1], launch.nextChunks));
  }
  return [...faults, ...memory.missingOutputs()];
}

/** What does not fit between a launch and the kernel it names; addresses aside. */
function shapeFaults({ kernels, bindings, arenaElements }: Plan, launch: Launch): string[] {
  const kernel = kernels[launch.kernel];
  if (kernel === undefined) return [`the plan has ${kernels.length} kernels, not number ${launch.kernel}`];
  const faults: string[] = [];
  if (launch.buffers.length !== kernel.buffers)
    faults.push(`the kernel takes ${kernel.buffers} buffers, not ${launch.buffers.length}`);
  if (launch.words.length !== kernel.words)
    faults.push(`the kernel takes ${kernel.words} words, not ${launch.words.length}`);
  for (const [slot, place] of launch.buffers.entries()) {
    if (place.space === 'binding' && bindings[place.binding] === undefined)
      faults.push(`b${slot}: the plan has ${bindings.length} bindings, not number ${place.binding}`);
    if (place.space === 'arena' && !(place.offset >= 0 && place.offset <= arenaElements))
      faults.push(`b${slot}: offset ${place.offset} is not in the arena of ${arenaElements} elements`);
  }
  return faults;
}

/** What a launch does through one of its buffers. Elements count from the beginning of the space. */
type SlotEffects = {
  readonly slot: number;
  readonly space: Space;
  /** Where the buffer begins. */
  readonly origin: number;
} & Footprint;

/** The arena, or the number of a binding. */
type Space = 'arena' | number;

function effectsOf(launch: Launch, footprints: readonly Footprint[]): SlotEffects[] {
  return launch.buffers.map((place: Placement, slot): SlotEffects => {
    const origin = place.space === 'arena' ? place.offset : 0;
    const placed = (set: readonly Interval[]): Interval[] => set.map((interval) => moved(interval, origin));
    const { reads, touches, writes } = footprints[slot]!;
    const space = place.space === 'arena' ? 'arena' : place.binding;
    return { slot, space, origin, reads: placed(reads), touches: placed(touches), writes: placed(writes) };
  });
}

/** Accesses behind the end of a buffer and its padding, and stores to inputs. */
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

/** Slots of one launch that lie over one another: a kernel takes its buffers for different memories. */
function overlapFaults(slots: readonly SlotEffects[]): string[] {
  return slots.flatMap((own, k) =>
    slots
      .slice(k + 1)
      .filter((other) => areDependent(own, other))
      .map((other) => `b${own.slot} and b${other.slot} overlap, and one of them is stored to`),
  );
}

/** Slots of the second launch of a pair that need the first, or disturb it. */
function dependenceFaults(first: readonly SlotEffects[], second: readonly SlotEffects[]): string[] {
  return second
    .filter((slot) => first.some((other) => areDependent(slot, other)))
    .map(
      ({ slot }) =>
        `b${slot}: its partner in the pair stores to what this launch touches, or the other way round`,
    );
}

function pairFaults({ kernels }: Plan, first: Launch, second: Launch | undefined, ratio: number): string[] {
  if (second === undefined) return ['the pair has no second launch'];
  const [own, other] = [kernels[first.kernel]?.chunks ?? 0, kernels[second.kernel]?.chunks ?? 0];
  return own * ratio === other ? [] : [`${own} chunks with ${ratio} each do not make ${other}`];
}

/** Rows of a packed filter may end in vectors that nobody uses: stretches so many elements apart count as one. */
const GAP = 64;

/** Which elements of the arena and of outputs hold a value, and by way of which place it came there. */
class StoredValues {
  private readonly plan: Plan;
  private readonly values = new Map<Space, Map<number, readonly Interval[]>>();

  constructor(plan: Plan) {
    this.plan = plan;
  }

  /** Faults of what is loaded: inputs and states are there from the beginning, everything else has to be stored first. */
  read({ slot, space, origin, reads }: SlotEffects): string[] {
    if (space !== 'arena' && this.plan.bindings[space]!.role !== 'output') return [];
    const held = this.values.get(space)?.get(origin) ?? [];
    return reads
      .filter((interval) => !isCovered(held, interval))
      .map(
        ([low, high]) =>
          `b${slot}: elements ${low - origin} … ${high - origin} are loaded, but not stored before, or overwritten since`,
      );
  }

  /** Stores to a place: what came by way of others and lies there is gone. */
  write({ space, origin, writes }: SlotEffects): void {
    const places = this.values.get(space) ?? new Map<number, readonly Interval[]>();
    this.values.set(space, places);
    for (const interval of writes) {
      for (const [other, held] of places) if (other !== origin) places.set(other, without(held, interval));
      places.set(origin, joined(places.get(origin) ?? [], interval, GAP));
    }
  }

  /** Outputs that are not written from their first to their last element. */
  missingOutputs(): string[] {
    return this.plan.bindings.flatMap(({ role, name, elements }, k) => {
      const held = this.values.get(k)?.get(0) ?? [];
      const isWhole = elements === 0 || isCovered(held, [0, elements - 1]);
      return role !== 'output' || isWhole ? [] : [`the output "${name}" is not stored as a whole`];
    });
  }
}
