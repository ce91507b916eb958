// Pairs kernel calls that load the same large values image by image, as the two gradients of a layer do. A thread runs
// a chunk of the first, then the chunks of the second for the same images, whose values are still in its L2 cache.

import type { Launch } from '../backend.ts';
import type { DraftLaunch, Memory } from '../draft.ts';
import { wholeOf } from '../parts.ts';
import { tuning } from '../tuning.ts';

/** Launches of all `calls`: pairs of calls that are alike, and single calls. Dependent calls keep their order. */
export function pairLaunches(calls: readonly DraftLaunch[]): Launch<DraftLaunch>[] {
  const order: Launch<DraftLaunch>[] = [];
  const single = (call: DraftLaunch): Launch<DraftLaunch> => ({ kind: 'single', call });
  let rest = [...calls];
  while (rest.length > 0) {
    const [first, ...others] = rest as [DraftLaunch, ...DraftLaunch[]];
    const at = others.slice(0, tuning.pairReach).findIndex((other) => areAlike(first, other));
    const waiting = at < 0 ? undefined : followersOf(first, others.slice(0, at));
    if (waiting === undefined || waiting.some((other) => isBound(other, others[at]!))) {
      order.push(single(first));
      rest = others;
      continue;
    }
    const second = others[at]!;
    // Calls between the two that depend on the first come after the pair, the others before it.
    order.push(
      ...others
        .slice(0, at)
        .filter((other) => !waiting.includes(other))
        .map(single),
    );
    order.push({ kind: 'pair', first, second, ratio: first.images! / second.images! });
    rest = [...waiting, ...others.slice(at + 1)];
  }
  return order;
}

/** True if both go through the same images and load enough of the same values, and neither depends on the other. */
function areAlike(first: DraftLaunch, second: DraftLaunch): boolean {
  const [few, many] = [first.images, second.images];
  if (few === undefined || many === undefined || few % many !== 0) return false;
  if (first.kernel.chunks * few !== second.kernel.chunks * many) return false;
  const isShared = (memory: Memory): boolean =>
    memory.elements >= tuning.largeElements && second.memories.includes(memory);
  return first.memories.filter(isShared).length >= tuning.sharedValues && !isBound(first, second);
}

/** Those of `launches` that depend on `first`, directly or through others, in their order. */
function followersOf(first: DraftLaunch, launches: readonly DraftLaunch[]): DraftLaunch[] {
  const bound = [first];
  for (const launch of launches) if (bound.some((earlier) => isBound(earlier, launch))) bound.push(launch);
  return bound.slice(1);
}

/** True if one depends on the other: one writes what the other touches. */
function isBound(a: DraftLaunch, b: DraftLaunch): boolean {
  const writesFor = (x: DraftLaunch, y: DraftLaunch): boolean =>
    [...x.writes].some((memory) => y.memories.some((other) => wholeOf(other) === wholeOf(memory)));
  return writesFor(a, b) || writesFor(b, a);
}
