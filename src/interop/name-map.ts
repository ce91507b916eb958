// What a person says about names, where the structure of a file does not say enough: `map.json`. It names modules or
// tensors of the file and what they are here, and the images that dense layers get flattened.

import { z } from 'zod';
import { invariant, messageOf, throwFaults, UsageError } from '../base/errors.ts';
import { valueAt } from '../base/value-at.ts';
import type { ImageShape } from './layout.ts';
import { repeatedNames } from './repeated-names.ts';

/** What is said about a file. */
export type NameMap = {
  /**
   * From names in the file to names here. A tensor's name → a parameter's (`"fc.weight": "dense.weights"`). A module's
   * name → a layer's (`"fc": "dense"`). The beginning of modules' names → the beginning of layers' (`"layer1": "stage1"`):
   * what is below the one is matched with what is below the other, and with nothing else. `null` leaves out a tensor, or
   * all below a name. Of several names that fit, the longest holds.
   */
  readonly names: Readonly<Record<string, string | null>>;
  /**
   * Dense layers whose input is an image that was flattened, and its size as (height, width, channels). PyTorch flattens
   * channels first. See `matchStateDict`.
   */
  readonly flattened: Readonly<Record<string, ImageShape>>;
};

/** Nothing said. */
export const emptyNameMap: NameMap = { names: {}, flattened: {} };

const size = z.int().min(1);
const name = z.string().min(1);

const schema: z.ZodType<NameMap> = z.strictObject({
  names: z.record(name, z.union([name, z.null()])).default({}),
  flattened: z.record(name, z.tuple([size, size, size])).default({}),
});

/**
 * Reads `map.json`:
 *
 *     { "names": { "layer1": "stage1", "fc.weight": "dense.weights", "aux": null }, "flattened": { "dense1": [5, 5, 16] } }
 *
 * Both fields may be left out.
 *
 * @param file its name, for errors
 * @throws UsageError that lists every fault
 */
export function parseNameMap(file: string, text: string): NameMap {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new UsageError(`${file}: it is not JSON (${messageOf(thrown)}); correct it`);
  }
  const checked = schema.safeParse(value);
  const faults = checked.success
    ? repeatedNames(text).map((repeated) => `${repeated} stands twice`)
    : checked.error.issues.map((issue) => faultOf(issue, value));
  throwFaults(`${file}: expected {"names": {"in the file": "here"}, "flattened": {"layer": [h, w, c]}}`, [
    ...new Set(faults),
  ]);
  invariant(checked.success, 'what is wrong is thrown');
  return checked.data;
}

function faultOf(issue: z.core.$ZodIssue, value: unknown): string {
  const [field, name] = issue.path;
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => `"${key}"`).join(', ');
    return field === undefined ? `unknown field ${keys}; names stand below "names"` : `unknown field ${keys}`;
  }
  const path = issue.path.slice(0, 2);
  const at = path.length === 0 ? '' : `at ${path.map((part) => JSON.stringify(part)).join(' → ')}: `;
  const got = `got ${JSON.stringify(valueAt(value, path))}`;
  if (name === undefined) return `${at}expected an object, ${got}`;
  return field === 'names'
    ? `${at}expected a name for a name, or null to leave it out, ${got}`
    : `${at}expected [height, width, channels], whole numbers of at least 1, ${got}`;
}
