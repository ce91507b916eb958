// Figures of a publication, compared with the results of the experiment that repeats it.

import type { ExperimentRecord } from '../experiment/record.ts';
import { comparisons } from './comparison.ts';
import { markup, nothing } from './markup.ts';
import { type Section, table } from './page-parts.ts';

/** Section on the published figures; none if the record has none. */
export function publishedSection(record: ExperimentRecord): Section | undefined {
  const { published } = record;
  if (published === undefined) return undefined;
  const rows = comparisons(record).map(
    ({ figure, result, published: theirs, ours, difference }) =>
      markup`<tr><th scope="row">${figure.what}</th><td>${theirs}</td><td>${ours}</td><td>${difference}</td><td class="text">${figure.locator}${figure.secondHand ? ' *' : ''}</td><td class="text">${result}</td></tr>`,
  );
  const note = published.figures.some(({ secondHand }) => secondHand)
    ? markup`<p class="note">* Known from notes on the publication, not read in it.</p>`
    : nothing;
  const body = markup`<p>${published.source}. Ours are means over chips ± half the width of their 95 % confidence interval, and accuracies in floating point; the difference is ours less the published one. Intervals cover chips and reads, not the training, of which there is one.</p>
${table({
  caption: 'Published accuracies and ours',
  head: markup`<tr><th scope="col">figure</th><th scope="col" class="number">published</th><th scope="col" class="number">ours</th><th scope="col" class="number">difference (points)</th><th scope="col">where</th><th scope="col">our result</th></tr>`,
  body: rows,
})}
${note}`;
  return { id: 'published', title: 'Beside the publication', body };
}
