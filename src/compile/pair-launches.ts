// Brings together launches that load the same large values image by image, as the two gradients of a layer do: one
// launch does a few images of the one, then the same images of the other, whose values still lie in a near cache.

import type { DraftLaunch, Memory } from './draft.ts';
import { joinKernels } from './join-kernels.ts';
import type { Kernel } from './loop.ts';

/** Elements from which on a value does not stay in a near cache by itself: 1 MB. */
const LARGE_ELEMENTS = 2 ** 18;
/** Large values that two launches must share to be worth joining. */
const SHARED_VALUES = 2;
/** Launches that are looked through for a partner. */
const REACH = 8;

/** The same launches, some of them joined. */
export function pairLaunches(launches: readonly DraftLaunch[]): DraftLaunch[] {
  const order: DraftLaunch[] = [];
  const joints: Joint[] = [];
  let rest = [...launches];
  while (rest.length > 0) {
    const [first, ...others] = rest as [DraftLaunch, ...DraftLaunch[]];
    const at = others.slice(0, REACH).findIndex((other) => areAlike(first, other));
    const waiting = at < 0 ? undefined : followersOf(first, others.slice(0, at));
    if (waiting === undefined || waiting.some((other) => isBound(other, others[at]!))) {
      order.push(first);
      rest = others;
      continue;
    }
    // What does not wait for the first comes before the pair, what does comes after it.
    const between = others.slice(0, at);
    order.push(...between.filter((other) => !waiting.includes(other)));
    rest = [join(first, others[at]!, joints), ...waiting, ...others.slice(at + 1)];
    order.push(rest.shift()!);
  }
  return order;
}

/** True if both go through the same images and load enough of the same values, and neither needs the other. */
function areAlike(first: DraftLaunch, second: DraftLaunch): boolean {
  const [few, many] = [first.images, second.images];
  if (few === undefined || many === undefined || few % many !== 0) return false;
  if (first.kernel.chunks * few !== second.kernel.chunks * many) return false;
  const isShared = (memory: Memory): boolean =>
    memory.elements >= LARGE_ELEMENTS && second.memories.includes(memory);
  return first.memories.filter(isShared).length >= SHARED_VALUES && !isBound(first, second);
}

/** Those of `launches` that must come after `first`, in their order. */
function followersOf(first: DraftLaunch, launches: readonly DraftLaunch[]): DraftLaunch[] {
  const bound = [first];
  for (const launch of launches) if (bound.some((earlier) => isBound(earlier, launch))) bound.push(launch);
  return bound.slice(1);
}

/** True if the order of the two matters: one writes what the other touches. */
function isBound(a: DraftLaunch, b: DraftLaunch): boolean {
  const writesFor = (x: DraftLaunch, y: DraftLaunch): boolean =>
    [...x.writes].some((memory) => y.memories.includes(memory));
  return writesFor(a, b) || writesFor(b, a);
}

/** A kernel made of two, and the slots of the second's buffers. */
type Joint = {
  readonly first: Kernel;
  readonly second: Kernel;
  readonly slots: string;
  readonly kernel: Kernel;
};

/** One launch for both. Equal pairs share a kernel, which is added to `joints`. */
function join(first: DraftLaunch, second: DraftLaunch, joints: Joint[]): DraftLaunch {
  const memories = [...new Set([...first.memories, ...second.memories])];
  const slots = second.memories.map((memory) => memories.indexOf(memory));
  const known = joints.find(
    (joint) => joint.first === first.kernel && joint.second === second.kernel && joint.slots === slots.join(),
  );
  const repeats = first.images! / second.images!;
  const kernel = known?.kernel ?? joinKernels(first.kernel, { kernel: second.kernel, slots, repeats });
  if (known === undefined)
    joints.push({ first: first.kernel, second: second.kernel, slots: slots.join(), kernel });
  return {
    kernel,
    memories,
    words: [...first.words, ...second.words],
    writes: new Set([...first.writes, ...second.writes]),
    images: first.images!,
  };
}
