// Text that is safe inside a page: a template tag that escapes the values put into it.

import { printable } from '../base/printable.ts';

/** HTML or SVG source; text from outside is escaped in it. */
export type Markup = { readonly source: string };

type Content = Markup | string | number | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Markup from a template: strings and numbers put into it are escaped and lose their controls, markup is kept, lists
 * are joined.
 */
export function markup(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  const parts = strings.map(
    (text, place) => text + (place < contents.length ? sourceOf(contents[place]!) : ''),
  );
  return { source: parts.join('') };
}

/** Nothing. */
export const nothing: Markup = { source: '' };

function sourceOf(content: Content): string {
  if (typeof content === 'string')
    return printable(content, '\n').replace(/[&<>"']/g, (character) => ENTITIES[character]!);
  // Pixels, for the most part: ten digits hide the last bits.
  if (typeof content === 'number')
    return String(Number.isInteger(content) ? content : Number(content.toPrecision(10)));
  return 'source' in content ? content.source : content.map(sourceOf).join('');
}
