// Last pass: places all temporaries in one arena. Temporaries whose lifetimes do not overlap share memory.

import { callsOf, type Launch } from '../backend.ts';
import type { DraftLaunch, Memory } from '../draft.ts';
import { wholeOf } from '../parts.ts';

/** Places are multiples of a cache line, with a free line after each, because vectors may overrun the end. */
const LINE_ELEMENTS = 16;

/** The offset of each memory in the arena, and the size of the arena, in elements. */
export type Arena = { readonly offsets: ReadonlyMap<Memory, number>; readonly elements: number };

type Interval = {
  readonly memory: Memory;
  readonly first: number;
  readonly last: number;
  readonly size: number;
};

/** Places all memories of `launches` that are neither `external` nor parts of others, the largest first, each at the lowest free offset. */
export function placeMemory(launches: readonly Launch<DraftLaunch>[], external: ReadonlySet<Memory>): Arena {
  const intervals = lifetimes(launches, external).sort((a, b) => b.size - a.size || a.first - b.first);
  /** By offset. */
  const placed: { readonly interval: Interval; readonly offset: number }[] = [];
  const offsets = new Map<Memory, number>();
  let elements = 0;
  for (const interval of intervals) {
    const { memory, first, last, size } = interval;
    let offset = 0;
    for (const rival of placed) {
      if (rival.interval.first > last || first > rival.interval.last) continue;
      if (offset + size <= rival.offset) break;
      offset = Math.max(offset, rival.offset + rival.interval.size);
    }
    const after = placed.findIndex((other) => other.offset > offset);
    placed.splice(after < 0 ? placed.length : after, 0, { interval, offset });
    offsets.set(memory, offset);
    elements = Math.max(elements, offset + size);
  }
  return { offsets, elements };
}

/** The lifetime of each memory: from the first to the last launch that touches it. */
function lifetimes(launches: readonly Launch<DraftLaunch>[], external: ReadonlySet<Memory>): Interval[] {
  const intervals = new Map<Memory, { first: number; last: number }>();
  for (const [position, launch] of launches.entries()) {
    for (const memory of callsOf(launch).flatMap(({ memories }) => memories.map(wholeOf))) {
      if (external.has(memory)) continue;
      const known = intervals.get(memory);
      if (known === undefined) intervals.set(memory, { first: position, last: position });
      else known.last = position;
    }
  }
  return [...intervals].map(([memory, { first, last }]) => ({
    memory,
    first,
    last,
    size: Math.ceil(memory.elements / LINE_ELEMENTS) * LINE_ELEMENTS + LINE_ELEMENTS,
  }));
}
