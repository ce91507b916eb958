// What came, in an error: values as people know them, never longer than a line.

/** Longer values are cut where they are echoed. */
export const LONGEST_ECHO = 200;

/** A text of at most `length` characters; what is cut off leaves an ellipsis. */
export function shortened(text: string, length: number = LONGEST_ECHO): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** A value as JSON, cut; numbers that are none by their names, which JSON lacks. */
export function echo(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return shortened(text);
}
