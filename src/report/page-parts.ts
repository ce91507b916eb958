// Pieces that several sections of the page share.

import type { AccuracyAtTime, CompensationMethod, ExperimentRecord } from '../experiment/record.ts';
import { methodMark } from './chart.ts';
import { type Markup, markup } from './markup.ts';
import { formatAccuracyCell, METHOD_NAMES } from './wording.ts';

/** Opens what a wide table scrolls in, by keyboard too; `</div>` ends it. */
export const SCROLLING: Markup = markup`<div class="scroll" role="group" aria-label="table" tabindex="0">`;

/** Above a table of `accuracyCell`s. */
export const ACCURACY_CAPTION: Markup = markup`<caption>Mean accuracy (%) over chips ± half width of its 95 % confidence interval</caption>`;

/** An accuracy in a table in percent; a dash where nothing was measured. */
export function accuracyCell(result: AccuracyAtTime | undefined): Markup {
  return markup`<td>${result === undefined ? '–' : formatAccuracyCell(result)}</td>`;
}

/** An entry of a legend: what is drawn, and what it means. */
export function legendKey(content: Markup, text: string, method?: CompensationMethod): Markup {
  return markup`<li><svg class="key${method === undefined ? '' : ` ${method}`}" viewBox="0 0 28 14" aria-hidden="true">${content}</svg>${text}</li>`;
}

/** The legend's entry of a method. */
export function methodKey(method: CompensationMethod): Markup {
  return legendKey(
    markup`<path class="mean" d="M1,7H27"/>${methodMark(method, 14, 7)}`,
    METHOD_NAMES[method],
    method,
  );
}

/** Width of a chart in its own pixels: one network has the whole page, several stand side by side. */
export function panelWidth({ networks }: ExperimentRecord): number {
  return networks.length === 1 ? 1000 : 480;
}

/** Charts side by side, each below the name of its network; narrow pages stack them. */
export function figureGrid(figures: readonly { readonly label: string; readonly chart: Markup }[]): Markup {
  const items = figures.map(
    ({ label, chart }) => markup`<figure><figcaption>${label}</figcaption>${chart}</figure>`,
  );
  return markup`<div class="panels${figures.length === 1 ? ' single' : ''}">${items}</div>`;
}
