// Text of plain data for structural keys (equal nodes, equal kernels). JSON alone would merge numbers that differ.

/** JSON of `value` in which infinities, NaN and −0 stay apart, so that equal texts mean equal values. */
export function exactText(value: unknown): string {
  // A replacer makes JSON several times slower, and is seldom needed.
  return isExactInJson(value) ? JSON.stringify(value) : JSON.stringify(value, exactPart);
}

function isExactInJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isExactInJson);
}

function exactPart(_key: string, part: unknown): unknown {
  if (typeof part !== 'number' || isExactInJson(part)) return part;
  return Object.is(part, -0) ? '−0' : String(part);
}
