// Errors, in two kinds: what a caller can fix, and what only ohmic can fix.
// Used by every folder. Text: "where: expected, came; what to do".

/** An error that the caller can fix: wrong argument, missing file, impossible setting. Shown without a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A broken promise inside ohmic: a bug. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
}

/** Throws an `InternalError` unless `condition` holds. */
export function invariant(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) {
    throw new InternalError(`internal: ${typeof message === 'string' ? message : message()}`);
  }
}

/** Closes a switch over a union: the compiler refuses a missing case, the run refuses an impossible one. */
export function assertNever(value: never): never {
  throw new InternalError(`internal: impossible case ${JSON.stringify(value)}`);
}

/** More faults than anybody reads are counted, not listed. */
const MOST_FAULTS = 100;

/** Throws one `UsageError` that lists all `faults`, if there are any. */
export function throwFaults(where: string, faults: readonly string[]): void {
  if (faults.length === 1) {
    throw new UsageError(`${where}: ${faults[0]}`);
  }
  if (faults.length > 1) {
    const shown = faults.slice(0, MOST_FAULTS).map((fault) => `  - ${fault}`);
    const rest = faults.length - shown.length;
    if (rest > 0) shown.push(`  and ${rest} more`);
    throw new UsageError(`${where}: ${faults.length} faults\n${shown.join('\n')}`);
  }
}

/** The message of anything that was thrown, and that of its cause: "fetch failed" alone says nothing. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // Several attempts that failed have no message together.
  const own = thrown.message || (thrown as { readonly code?: string }).code || thrown.name;
  return thrown.cause instanceof Error ? `${own}: ${messageOf(thrown.cause)}` : own;
}
