// Settings files of the command. node/files.ts reads and writes other files; its functions are exported here too.

import { closeSync, openSync, readSync } from 'node:fs';
import { echo } from '../base/echo.ts';
import { messageOf, UsageError } from '../base/errors.ts';
import { isTree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { parseYaml } from './parse-yaml.ts';

export { readBytes, removeTemporaries, writeWhole } from '../node/files.ts';

/**
 * The fields that a JSON or YAML file holds.
 *
 * @throws UsageError if the file can't be read or parsed, or holds anything else
 */
export function readSettingsFile(path: string): Json {
  let text: string;
  try {
    text = beginningOf(path, MOST_BYTES);
  } catch (thrown) {
    throw new UsageError(`${path}: can't be read (${messageOf(thrown)}); check the path`);
  }
  let value: Json;
  try {
    value = parseYaml(text);
  } catch (thrown) {
    throw new UsageError(`${path}: ${messageOf(thrown)}`);
  }
  if (isTree(value)) return value;
  const came = Array.isArray(value) ? 'a list' : value === null ? 'nothing' : echo(value);
  throw new UsageError(`${path}: expected fields with values, \`name: value\`, got ${came}`);
}

/** Bytes of a settings file that are read: more than settings can have, and an end for files that have none. */
const MOST_BYTES = 1 << 22;

/** A text of at most so many bytes. */
function beginningOf(path: string, bytes: number): string {
  const [memory, file] = [Buffer.alloc(bytes), openSync(path, 'r')];
  try {
    let at = 0;
    for (let read = -1; read !== 0 && at < bytes; at += read)
      read = readSync(file, memory, at, bytes - at, null);
    return memory.toString('utf8', 0, at);
  } finally {
    closeSync(file);
  }
}
