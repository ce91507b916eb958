// Names that a JSON text gives twice. JSON.parse keeps the last of them without a word, so of two tensors of one name, or
// two lines about one module, the first would be lost.

/**
 * Names, in quotes, that an object at the first two levels of a JSON text has more than once.
 *
 * @param json valid JSON whose first two levels hold no lists
 */
export function repeatedNames(json: string): string[] {
  const open: Set<string>[] = [];
  const repeated: string[] = [];
  let depth = 0;
  let previous = '';
  for (let at = 0; at < json.length; at++) {
    const character = json[at]!;
    if (character === '"') {
      const start = at;
      for (at++; json[at] !== '"'; at++) if (json[at] === '\\') at++;
      // A string behind `{` or `,` is a name, since no list is open at these levels.
      const names = depth <= 2 && (previous === '{' || previous === ',') ? open[depth - 1] : undefined;
      const text = json.slice(start, at + 1);
      const name = names === undefined ? '' : (JSON.parse(text) as string);
      if (names?.has(name)) repeated.push(text);
      names?.add(name);
    } else if (character === '{' || character === '[') {
      depth++;
      if (depth <= 2) open[depth - 1] = new Set();
    } else if (character === '}' || character === ']') {
      depth--;
    }
    if (!' \n\r\t'.includes(character)) previous = character;
  }
  return repeated;
}
