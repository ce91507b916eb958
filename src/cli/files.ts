// Settings files of the command. node/files.ts reads and writes other files; its functions are exported here too.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { messageOf, UsageError } from '../base/errors.ts';
import { isTree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';

export { readBytes, removeTemporaries, writeWhole } from '../node/files.ts';

/**
 * The fields that a JSON or YAML file holds.
 *
 * @throws UsageError if the file can't be read or parsed, or holds anything else
 */
export function readSettingsFile(path: string): Json {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new UsageError(`${path}: can't be read (${messageOf(thrown)}); check the path`);
  }
  let value: Json;
  try {
    // JSON is YAML.
    value = parse(text) as Json;
  } catch (thrown) {
    throw new UsageError(`${path}: neither JSON nor YAML: ${messageOf(thrown)}`);
  }
  if (isTree(value)) return value;
  const came = Array.isArray(value) ? 'a list' : value === null ? 'nothing' : JSON.stringify(value);
  throw new UsageError(`${path}: expected fields with values, \`name: value\`, got ${came}`);
}
