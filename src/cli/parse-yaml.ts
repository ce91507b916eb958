// YAML as settings have it. A text that would take minutes or all memory, whether by mistake or on purpose, is refused in
// less than a second: too long, too many values, too deep, aliases that unfold without end.

import { isScalar, parseDocument, visit } from 'yaml';
import { messageOf } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';

const MOST_CHARACTERS = 1_000_000;
const MOST_VALUES = 10_000;
const MOST_LEVELS = 64;

/**
 * The value that a YAML text holds; JSON is YAML.
 *
 * @throws Error that says what is wrong, without its place
 */
export function parseYaml(text: string): Json {
  if (text.length > MOST_CHARACTERS)
    throw new Error(
      `expected settings, got ${text.length} characters; more than ${MOST_CHARACTERS} are none`,
    );
  let value: Json;
  try {
    // The library compares each name with all others; here each is looked up.
    const document = parseDocument(text, { uniqueKeys: false });
    const [error] = document.errors;
    if (error !== undefined) throw error;
    visit(document, { Map: (_, map) => refuseNames(map.items) });
    value = document.toJS() as Json;
  } catch (thrown) {
    throw new Error(`neither JSON nor YAML: ${messageOf(thrown)}`);
  }
  countValues(value, 0, 0);
  return value;
}

/** Names of fields are texts or numbers, each once. */
function refuseNames(items: readonly { readonly key: unknown }[]): void {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    // Bytes, !!binary, are an object.
    if (!isScalar(key) || (typeof key.value === 'object' && key.value !== null))
      throw new Error('expected a name before each colon, got fields, a list, bytes or an alias');
    if (seen.has(key.value)) throw new Error(`"${String(key.value)}" stands there twice`);
    seen.add(key.value);
  }
}

/** How many values there are, `before` among them; an alias counts as often as it is used. */
function countValues(value: Json | undefined, level: number, before: number): number {
  if (level > MOST_LEVELS)
    throw new Error(
      `expected at most ${MOST_LEVELS} levels of fields; an alias (*) may stand inside its own anchor (&)`,
    );
  const inner = typeof value === 'object' && value !== null ? Object.values(value) : [];
  const count = inner.reduce<number>((sum, each) => countValues(each, level + 1, sum), before + 1);
  if (count > MOST_VALUES) throw new Error(`expected at most ${MOST_VALUES} values, got more`);
  return count;
}
