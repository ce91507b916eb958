// What a publication reports, beside what the experiment that repeats it found.

import type { ExperimentRecord } from '../experiment/record.ts';
import { comparisons } from './comparison.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { SCROLLING } from './page-parts.ts';

/** Section on the published figures; nothing if the record has none. */
export function publishedSection(record: ExperimentRecord): Markup {
  const { published } = record;
  if (published === undefined) return nothing;
  const rows = comparisons(record).map(
    ({ figure, result, published: theirs, ours, difference }) =>
      markup`<tr><th scope="row">${figure.what}</th><td>${theirs}</td><td>${ours}</td><td>${difference}</td><td class="text">${figure.locator}${figure.secondHand ? ' *' : ''}</td><td class="text">${result}</td></tr>`,
  );
  const note = published.figures.some(({ secondHand }) => secondHand)
    ? markup`<p>* Known from notes on the publication, not read in it.</p>`
    : nothing;
  return markup`<section>
<h2>Beside the publication</h2>
<p>${published.source}. Ours are means over chips ± half the width of their 95 % confidence interval, and accuracies in floating point; the difference is ours less the published one. Intervals cover chips and reads, not the training, of which there is one.</p>
${SCROLLING}<table>
<caption>Published accuracies and ours</caption>
<thead><tr><th scope="col">figure</th><th scope="col" class="number">published</th><th scope="col" class="number">ours</th><th scope="col" class="number">difference (points)</th><th scope="col">where</th><th scope="col">our result</th></tr></thead>
<tbody>${rows}</tbody></table></div>
${note}
</section>`;
}
