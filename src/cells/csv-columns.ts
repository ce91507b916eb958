// The header of a file of measurements: where its columns stand, which are missing, which nothing is made of. For the
// doors of measured cells (measurements.ts) and of pulse responses (pulse-measurements.ts).

import { throwFaults } from '../base/errors.ts';

/** Where the columns stand; −1 for an optional one that is not there. */
export type Places<Name extends string> = {
  readonly count: number;
  readonly at: ReadonlyMap<Name, number>;
  readonly unused: readonly string[];
};

/** So many faults of lines are shown one by one. */
const SHOWN_FAULTS = 20;

/**
 * The places of columns in a header. Nothing can be read without them, so faults here are thrown at once.
 *
 * @param where what holds the text, for errors
 * @throws UsageError if a required column is missing, or a column is there twice
 */
export function placesOf<Name extends string>(
  where: string,
  header: readonly string[],
  { required, optional = [] }: { readonly required: readonly Name[]; readonly optional?: readonly Name[] },
): Places<Name> {
  const names = header.map((name) => name.trim());
  const columns: readonly Name[] = [...required, ...optional];
  const missing = required.filter((name) => !names.includes(name));
  const twice = columns.filter((name) => names.indexOf(name) !== names.lastIndexOf(name));
  const got = names.length === 0 ? 'nothing' : names.map((name) => JSON.stringify(name)).join(', ');
  const hint =
    names.length === 1 && /[;\t]/.test(names[0]!)
      ? '; separate columns by commas, and write decimals with a point'
      : '';
  throwFaults(where, [
    ...(missing.length === 0
      ? []
      : [
          `line 1: expected the columns ${required.join(', ')}; ${missing.join(', ')} missing, got ${got}${hint}`,
        ]),
    ...twice.map((name) => `line 1: the column ${name} is there twice`),
  ]);
  const known = new Set<string>(columns);
  return {
    count: names.length,
    at: new Map(columns.map((name) => [name, names.indexOf(name)] as const)),
    unused: names.filter((name) => !known.has(name)),
  };
}

/** Throws the faults of lines, if there are any: the first 20, and how many more there are. */
export function throwLineFaults(where: string, faults: readonly string[]): void {
  const rest = faults.length - SHOWN_FAULTS;
  throwFaults(where, rest > 0 ? [...faults.slice(0, SHOWN_FAULTS), `and ${rest} more lines`] : faults);
}
