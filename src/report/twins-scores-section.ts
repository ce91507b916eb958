// Scores of twins: by seed and in the mean, beside the publication, and pictures of what they generate.

import type { Estimate } from '../base/statistics.ts';
import type { TwinFigure, TwinRecord } from '../experiment/twin-record.ts';
import { markup, nothing } from './markup.ts';
import { numberHeads, type Section, table } from './page-parts.ts';
import {
  differenceCell,
  estimateCell,
  type ScoreKind,
  scoreCell,
  scoreNumber,
  scoreTitle,
} from './twin-scores.ts';

/** Section on the scores of all seeds. */
export function twinScoresSection({ score, pairs, inCells, inFloat, difference }: TwinRecord): Section {
  const rows = pairs.map((pair) => {
    const [cells, float] = [pair.inCells.score, pair.inFloat.score];
    return markup`<tr><th scope="row">seed ${pair.seed}</th><td>${scoreCell(score, cells)}</td><td>${scoreCell(score, float)}</td><td>${differenceCell(score, { mean: cells - float })}</td></tr>`;
  });
  const mean =
    pairs.length < 2
      ? nothing
      : markup`<tr><th scope="row">mean</th><td>${estimateCell(score, inCells)}</td><td>${estimateCell(score, inFloat)}</td><td>${differenceCell(score, difference)}</td></tr>`;
  const spread =
    pairs.length < 2
      ? 'With a single seed there is no interval.'
      : 'Means are given ± half the width of their 95 % confidence interval (Student’s t over seeds); that of the difference is of the differences within each seed.';
  const body = markup`<p>Twins of one seed have the same start, the same order of examples and the same augmentation; one keeps its weights in cells and passes through their hardware, the other has floating point. Scores are those on the test examples after the last epoch; ${score.isBetter} is better. ${spread}</p>
${table({
  caption: `${capital(scoreTitle(score))}${score.isShare ? '; differences in percentage points' : ''}`,
  head: markup`<tr><th scope="col">training</th>${numberHeads(['in cells', 'in floating point', 'difference'])}</tr>`,
  body: rows,
  foot: mean,
})}`;
  return { id: 'scores', title: 'Scores', body };
}

/** Names of what published figures are compared with. */
const OURS: { readonly [O in TwinFigure['of']]: string } = {
  cells: 'in cells',
  float: 'in floating point',
  difference: 'difference of the two',
};

/** Section on the published figures; none if the record has none. */
export function twinPublishedSection(record: TwinRecord): Section | undefined {
  const { published, score, inCells, inFloat, difference } = record;
  if (published === undefined) return undefined;
  const ours: { readonly [O in TwinFigure['of']]: Estimate } = { cells: inCells, float: inFloat, difference };
  const rows = published.figures.map(({ what, score: theirs, of, locator, secondHand }) => {
    const own = ours[of];
    return markup`<tr><th scope="row">${what}</th><td>${publishedCell(score, theirs)}</td><td>${estimateCell(score, own)}</td><td>${differenceCell(score, { mean: own.mean - theirs })}</td><td class="text">${locator}${secondHand ? ' *' : ''}</td><td class="text">${OURS[of]}</td></tr>`;
  });
  const note = published.figures.some(({ secondHand }) => secondHand)
    ? markup`<p class="note">* Known from notes on the publication, not read in it.</p>`
    : nothing;
  const body = markup`<p>${published.source}. Ours are means over seeds; the difference is ours less the published one.</p>
${table({
  caption: `Published figures and ours: ${scoreTitle(score)}`,
  head: markup`<tr><th scope="col">figure</th>${numberHeads(['published', 'ours', `difference${score.isShare ? ' (points)' : ''}`])}<th scope="col">where</th><th scope="col">our result</th></tr>`,
  body: rows,
})}
${note}`;
  return { id: 'published', title: 'Beside the publication', body };
}

/** With as many digits as the publication gives. */
function publishedCell(score: ScoreKind, value: number): string {
  return String(Number(scoreNumber(score, value).toPrecision(6))).replace('-', '−');
}

/** Section on the generated images; none if there are no pictures. */
export function picturesSection({ pictures = [] }: TwinRecord): Section | undefined {
  if (pictures.length === 0) return undefined;
  const figures = pictures.map(
    ({ label, file }) =>
      markup`<figure><img src="${file}" alt="Generated images: ${label}"><figcaption>${label}</figcaption></figure>`,
  );
  const body = markup`<p>Images as they come, none chosen; twins of one seed make theirs from the same noise.</p>
<div class="panels pictures">${figures}</div>`;
  return { id: 'pictures', title: 'Generated images', body };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
