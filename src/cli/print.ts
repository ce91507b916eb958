// Text for people on its way to the terminal: what it says of files and of their makers is shown, never obeyed.

import { shortened } from '../base/echo.ts';
import { printable } from '../base/printable.ts';

/** Longer lines of an error have echoed something that nobody reads. */
const LONGEST_LINE = 2000;

/** Prints a text on stdout. JSON and other text for programs does without: `jsonText` is safe itself. */
export function print(text: string): void {
  process.stdout.write(printable(text, '\n'));
}

/** A text for stderr, with lines of a length that can be read. */
export function readable(text: string): string {
  const lines = printable(text, '\n').split('\n');
  return lines.map((line) => shortened(line, LONGEST_LINE)).join('\n');
}
