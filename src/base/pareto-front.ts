// The points that nothing beats, of a cost and a score.

/**
 * The points that no other beats, by rising cost: none costs at most as much and scores at least as high, with one of both
 * better. Of points that are equal in both all stay.
 *
 * @param costOf  lower is better
 * @param scoreOf higher is better
 */
export function undominated<T>(
  points: readonly T[],
  costOf: (point: T) => number,
  scoreOf: (point: T) => number,
): T[] {
  const beats = (a: T, b: T): boolean =>
    costOf(a) <= costOf(b) && scoreOf(a) >= scoreOf(b) && (costOf(a) < costOf(b) || scoreOf(a) > scoreOf(b));
  return points
    .filter((point) => !points.some((other) => beats(other, point)))
    .toSorted((a, b) => costOf(a) - costOf(b));
}
