// Brings together launches that load the same large values image by image, as the two gradients of a layer do: one
// launch does a few images of the one, then the same images of the other, whose values still lie in a near cache.

import { type DraftLaunch, LARGE_ELEMENTS, type Memory } from '../draft.ts';

/** Large values that two launches must share to be worth pairing. */
const SHARED_VALUES = 2;
/** Launches that are looked through for a partner. */
const REACH = 8;

/** The same launches, some of them in pairs: one, with `nextChunks`, and right after it the other. */
export function pairLaunches(launches: readonly DraftLaunch[]): DraftLaunch[] {
  const order: DraftLaunch[] = [];
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
    const second = others[at]!;
    // What does not wait for the first comes before the pair, what does comes after it.
    order.push(...others.slice(0, at).filter((other) => !waiting.includes(other)));
    order.push({ ...first, nextChunks: first.images! / second.images! }, second);
    rest = [...waiting, ...others.slice(at + 1)];
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
