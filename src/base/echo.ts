// What came, in an error: values as people know them, never longer than a line.

/** Longer values are cut where they are echoed. */
export const LONGEST_ECHO = 200;

/** A text of at most `length` characters; what is cut off leaves an ellipsis. */
export function shortened(text: string, length: number = LONGEST_ECHO): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/**
 * A value as JSON, cut; what JSON lacks by its name: numbers that are none, functions, typed arrays. Never throws,
 * whatever came.
 */
export function echo(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'bigint':
      return shortened(`${value}n`);
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    case 'string':
      return shortened(JSON.stringify(value.slice(0, LONGEST_ECHO + 1)));
    case 'object':
      return shortened(textOf(value));
    default:
      return String(value);
  }
}

/** Values inside a value after which its text is longer than anybody sees. */
const MOST_VALUES = 2000;

/** A record or list as JSON; by the names of its fields if it is large, or JSON can't say it. */
function textOf(value: object | null): string {
  if (ArrayBuffer.isView(value)) return nameOf(value);
  let left = MOST_VALUES;
  try {
    const text = JSON.stringify(value, (_, inner: unknown) => {
      if (left-- === 0) throw new RangeError('too large');
      return ArrayBuffer.isView(inner) ? nameOf(inner) : inner;
    });
    return text ?? 'an object';
  } catch {
    if (Array.isArray(value)) return `a list of ${value.length}`;
    return `an object with ${Object.keys(value ?? {}).join(', ')}`;
  }
}

function nameOf(view: ArrayBufferView): string {
  return `${view.constructor.name} of ${view.byteLength} bytes`;
}
