// Pieces that several sections of the page share.

import type { ExperimentRecord } from '../record.ts';
import { type Markup, markup } from './markup.ts';

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
