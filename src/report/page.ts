// The frame of every page of results: head, contents, sections with anchors. No script, no font, no network.

import { type Markup, markup } from './markup.ts';
import { type Section, unbroken } from './page-parts.ts';
import { STYLE } from './style.ts';

/** What a page says. */
export type Page = {
  readonly title: string;
  /** Above the title: what kind of result it is. */
  readonly kicker: string;
  /** The outcome in a few sentences. */
  readonly summary: string;
  /** Below the summary, by name. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly sections: readonly Section[];
  /** The page shows pictures that lie beside it; absent: it loads nothing at all. */
  readonly hasPictures?: boolean;
};

/**
 * A page as a complete HTML document. Text is escaped; a content security policy forbids scripts and anything from
 * outside, but for pictures of the page's own place if it has some.
 */
export function pageText({ title, kicker, summary, facts, sections, hasPictures = false }: Page): string {
  const pictures = hasPictures ? "; img-src 'self' file:" : '';
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'${{ source: pictures }}">
<title>${title}</title>
<style>${{ source: STYLE }}</style>
</head>
<body>
<main>
<header>
<p class="kicker">${kicker}</p>
<h1>${title}</h1>
<p class="summary">${unbroken(summary)}</p>
<dl>${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>
${contents(sections)}
${sections.map(({ id, title: name, body }) => markup`<section id="${id}" aria-labelledby="${id}-heading">\n<h2 id="${id}-heading">${name}</h2>\n${body}\n</section>\n`)}
</main>
</body>
</html>
`;
  return page.source;
}

function contents(sections: readonly Section[]): Markup {
  const items = sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`);
  return markup`<nav aria-labelledby="contents-heading"><h2 id="contents-heading">Contents</h2><ol>${items}</ol></nav>`;
}
