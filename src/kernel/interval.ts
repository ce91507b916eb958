// Intervals of whole numbers, both ends included, and sets of numbers as lists of intervals that lie apart: what the
// verifier knows of addresses.

/** The least and the greatest of some numbers; none if the first is greater. */
export type Interval = readonly [low: number, high: number];

/** Numbers in both. */
export function intersection([a, b]: Interval, [c, d]: Interval): Interval {
  return [Math.max(a, c), Math.min(b, d)];
}

/** True if there are none. */
export function isEmpty([low, high]: Interval): boolean {
  return low > high;
}

/** All numbers of an interval, greater by `offset`. */
export function moved([low, high]: Interval, offset: number): Interval {
  return [low + offset, high + offset];
}

/** A set with the numbers of one more interval; neighbours become one, as do intervals with at most `gap` numbers between. */
export function joined(set: readonly Interval[], [low, high]: Interval, gap = 0): Interval[] {
  const isNear = ([from, to]: Interval): boolean => to >= low - 1 - gap && from <= high + 1 + gap;
  const near = set.filter(isNear);
  const from = Math.min(low, ...near.map(([start]) => start));
  const to = Math.max(high, ...near.map(([, end]) => end));
  return [...set.filter((other) => !isNear(other)), [from, to]];
}

/** A set without the numbers of an interval. */
export function without(set: readonly Interval[], [low, high]: Interval): Interval[] {
  return set.flatMap(([from, to]): Interval[] => {
    if (to < low || from > high) return [[from, to]];
    const sides: Interval[] = [
      [from, low - 1],
      [high + 1, to],
    ];
    return sides.filter((side) => !isEmpty(side));
  });
}

/** True if every number of the interval is in the set. */
export function isCovered(set: readonly Interval[], [low, high]: Interval): boolean {
  return set.some(([from, to]) => from <= low && high <= to);
}
