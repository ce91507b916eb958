// Pieces that several sections of the page share.

import type { Estimate } from '../base/statistics.ts';
import type { CompensationMethod, ExperimentRecord } from '../experiment/record.ts';
import { methodMark } from './chart.ts';
import { dashes } from './curves.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { formatAccuracyCell, METHOD_NAMES } from './wording.ts';

/** A section of the page; the contents list names it, its anchor is `id`. */
export type Section = { readonly id: string; readonly title: string; readonly body: Markup };

/** A table with its caption, in a container in which it scrolls on narrow pages, also by keyboard. */
export function table({
  caption,
  head,
  body,
  foot = nothing,
  kind,
}: {
  readonly caption: string;
  /** Rows of the head. */
  readonly head: Markup;
  /** Rows, or several bodies of rows. */
  readonly body: readonly Markup[];
  readonly foot?: Markup;
  /** On paper: over the whole width; in small type; in small type with broken cells, for more columns than fit. */
  readonly kind?: 'wide' | 'settings' | 'crowded';
}): Markup {
  const bodies = body.some(({ source }) => source.startsWith('<tbody'))
    ? body
    : [markup`<tbody>${body}</tbody>`];
  const end = foot === nothing ? nothing : markup`<tfoot>${foot}</tfoot>`;
  return markup`<div class="scroll" role="group" aria-label="${caption}" tabindex="0"><table${kind === undefined ? nothing : markup` class="${kind}"`}>
<caption>${caption}</caption>
<thead>${head}</thead>
${bodies}${end}</table></div>`;
}

/** A table that opens on demand; paper leaves it out. */
export function foldedTable(summary: string, content: Markup): Markup {
  return markup`<details><summary>${summary}</summary>${content}</details>`;
}

/** Head cells of columns of numbers. */
export function numberHeads(names: readonly string[]): readonly Markup[] {
  return names.map((name) => markup`<th scope="col" class="number">${name}</th>`);
}

/** Caption of a table of `accuracyCell`s. */
export const ACCURACY_CAPTION = 'Mean accuracy (%) over chips ± half width of its 95 % confidence interval';

/** An accuracy in a table in percent; a dash where nothing was measured. */
export function accuracyCell(result: Estimate | undefined): Markup {
  return markup`<td>${result === undefined ? '–' : aligned(formatAccuracyCell(result))}</td>`;
}

/** A number padded to two decimals with blanks as wide as digits, so that decimal points are aligned. */
export function aligned(number: string): string {
  const decimals = /\.(\d+)$/.exec(number)?.[1]?.length;
  const digits = '\u2007'.repeat(2 - Math.min(2, decimals ?? 0));
  return `${number}${decimals === undefined ? '\u2008' : ''}${digits}`;
}

/** A sentence in which no line breaks between a number and its interval or percent sign. */
export function unbroken(sentence: string): string {
  return sentence.replaceAll(/ (?=[±%])|(?<=±) /g, '\u00a0');
}

/** An entry of a legend: a drawing and its meaning. */
export function legendKey(content: Markup, text: string, colour?: string): Markup {
  return markup`<li><svg class="key${colour === undefined ? '' : ` ${colour}`}" viewBox="0 0 28 14" aria-hidden="true">${content}</svg>${text}</li>`;
}

/** The legend's entry of a method. */
export function methodKey(method: CompensationMethod): Markup {
  return legendKey(
    markup`<path class="mean" d="M1,7H27"/>${methodMark(method, { x: 14, y: 7 })}`,
    METHOD_NAMES[method],
    method,
  );
}

/** The legend's entry of a network, with its pattern. */
export function networkKey(label: string, pattern: number, colour: string): Markup {
  const mark = methodMark('adabs', { x: 14, y: 7, isHollow: pattern % 2 === 1 });
  return legendKey(markup`<path class="mean" d="M0,7H28"${dashes(pattern)}/>${mark}`, label, colour);
}

/** Width of a chart in its own pixels: one network has the whole page, several stand side by side. */
export function panelWidth({ networks }: Pick<ExperimentRecord, 'networks'>): number {
  return networks.length === 1 ? 1000 : 480;
}

/** Charts side by side, each with its name; narrow pages stack them. */
export function figureGrid(figures: readonly { readonly label: string; readonly chart: Markup }[]): Markup {
  const items = figures.map(
    ({ label, chart }) => markup`<figure>${chart}<figcaption>${label}</figcaption></figure>`,
  );
  return markup`<div class="panels${figures.length === 1 ? ' single' : ''}">${items}</div>`;
}
