// Foreign text on its way to a terminal, a page or a table: what would be obeyed instead of shown is taken out. Used by
// every report; what a format escapes itself, as HTML its angle brackets, it escapes afterwards.

/**
 * Controls (C0, DEL, C1: among them the escape that begins every terminal command), separators of lines, and marks that
 * turn the direction of text around, with which a text can look like another one.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it finds
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu;

/** A text without characters that are obeyed: a blank for each tab and line break, � for any other; `kept` stay. */
export function printable(text: string, kept = ''): string {
  return text.replace(OBEYED, (character) => {
    if (kept.includes(character)) return character;
    return /[\t\n\r\u2028\u2029]/.test(character) ? ' ' : '\ufffd';
  });
}
