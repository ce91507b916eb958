// Text of plain data for structural keys (equal nodes, equal kernels). JSON alone would merge numbers that differ.

/** JSON of `value` in which infinities, NaN and −0 stay apart, so that equal texts mean equal values. */
export function exactText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'number' || (Number.isFinite(part) && !Object.is(part, -0))) return part;
    return Object.is(part, -0) ? '−0' : String(part);
  });
}
