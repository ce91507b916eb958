// What a mistyped name was probably meant to be. Used wherever people write names: flags, settings files.

import { echo, LONGEST_ECHO } from './echo.ts';

/** Text for a name that is unknown: what is known, what came, and the nearest known name if one is near. */
export function unknownName(got: unknown, known: readonly string[]): string {
  const text = `expected one of ${known.join(', ')}, got ${echo(got)}`;
  const near = typeof got === 'string' ? nearestName(got, known) : undefined;
  return near === undefined ? text : `${text}; did you mean "${near}"?`;
}

/** The known name that `got` begins, else the one with the fewest edits; undefined if more than a third of it differs. */
export function nearestName(got: string, known: readonly string[]): string | undefined {
  // No name is so long, and to compare it takes its time.
  if (got.length > LONGEST_ECHO) return undefined;
  const begun = known.filter((name) => name.toLowerCase().startsWith(got.toLowerCase()));
  if (got.length >= 3 && begun.length > 0) return begun[0];
  const ranked = known
    .map((name) => ({ name, edits: editDistance(got.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= Math.max(1, Math.floor(best.name.length / 3))
    ? best.name
    : undefined;
}

/** Least number of insertions, deletions, replacements of a letter that turn `a` into `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
