// Where accuracy is lost: a panel for each time and compensation with the losses by every source and every group of
// layers, alone and left out. Tables have all numbers.

import type { Attribution } from '../experiment/attribution.ts';
import type { ExperimentRecord } from '../experiment/record.ts';
import { type Area, type Axis, drawing, horizontalAxis, linearAxis, pixels } from './chart.ts';
import {
  exactLoss,
  formatLoss,
  type Loss,
  type LossRow,
  lossRows,
  lossSentences,
  pointName,
  subjectName,
  wholeLoss,
} from './losses.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { accuracyCell, aligned, figureGrid, legendKey, type Section, table, unbroken } from './page-parts.ts';
import { formatChips, formatCount, formatPercent, formatTick } from './wording.ts';

const ROW_HEIGHT = 26;
const NAME_LENGTH = 24;

/** Section on where accuracy is lost; none if the record has no attribution. */
export function attributionSection({ attribution, dataset }: ExperimentRecord): Section | undefined {
  if (attribution === undefined) return undefined;
  const rows = lossRows(attribution);
  const parts = [
    { id: 'sources', title: 'By source', rows: rows.filter(({ kind }) => kind === 'source') },
    { id: 'layers-lost', title: 'By layer', rows: rows.filter(({ kind }) => kind === 'layers') },
  ].filter((part) => part.rows.length > 0);
  const { network, chips, testImages = dataset.testImages, digitalAccuracy } = attribution;
  const body = markup`<p>Of ${network}, which has ${formatPercent(digitalAccuracy)} in floating point, on ${formatChips(chips)} and ${formatCount(testImages)} test images. A source or a group of layers is put onto an otherwise exact network (<em>alone</em>: what accuracy is lost), and taken away from the whole chip (<em>left out</em>: what accuracy comes back). Differences are paired: a chip keeps all other draws. Losses need not add up; where both ways agree, they do.</p>
<ul>${lossSentences(attribution).map((sentence) => markup`<li>${unbroken(sentence)}</li>`)}</ul>
<ul class="legend">${legendKey(mark('alone', 14, 7), 'lost when alone')}${legendKey(mark('left-out', 14, 7), 'regained when left out')}${legendKey(markup`<path class="reference" d="M1,7H27"/>`, 'the whole chip')}</ul>
${parts.map(
  (part) => markup`<h3>${part.title}</h3>
${figureGrid(
  attribution.points.map((point, index) => ({
    label: pointName(point),
    chart: panel(attribution, { id: `${part.id}-${index}`, point: index, rows: part.rows }),
  })),
)}
${lossTable(attribution, part.rows, part.title)}`,
)}`;
  return { id: 'attribution', title: 'Where accuracy is lost', body };
}

type Panel = { readonly id: string; readonly point: number; readonly rows: readonly LossRow[] };

function panel(attribution: Attribution, { id, point, rows }: Panel): Markup {
  const width = attribution.points.length === 1 ? 1000 : 480;
  const names = rows.map((row) => shortened(subjectName(row)));
  const plot: Area = {
    left: Math.max(...names.map(({ length }) => length)) * 6.4 + 16,
    right: width - 16,
    top: 26,
    bottom: 26 + rows.length * ROW_HEIGHT,
  };
  const whole = wholeLoss(attribution)[point]!;
  // One scale for all points.
  const losses = [
    ...rows.flatMap(({ alone = [], leftOut = [] }) => [...alone, ...leftOut]),
    ...wholeLoss(attribution),
  ];
  const x = linearAxis({
    values: [0, ...losses.flatMap(endsOf)],
    range: [plot.left, plot.right],
    ticks: width > 600 ? 8 : 4,
    format: formatTick,
  });
  const upright = (at: number, kind: string): Markup =>
    markup`<line class="${kind}" x1="${pixels(x.place(at))}" x2="${pixels(x.place(at))}" y1="${plot.top}" y2="${plot.bottom}"/>`;
  const drawn = rows.map((row, index) => {
    const y = plot.top + (index + 0.5) * ROW_HEIGHT;
    const name = markup`<text class="tick" x="${pixels(plot.left - 10)}" y="${y}" dy="0.35em" text-anchor="end">${names[index]!}<title>${subjectName(row)}</title></text>`;
    const apart = row.alone === undefined || row.leftOut === undefined ? 0 : 4.5;
    const line = markup`<line class="grid" x1="${pixels(plot.left)}" x2="${plot.right}" y1="${y + ROW_HEIGHT / 2}" y2="${y + ROW_HEIGHT / 2}"/>`;
    return markup`${line}${name}${marks('alone', row, { point, x, y: y - apart })}${marks('left-out', row, { point, x, y: y + apart })}`;
  });
  const title = `Accuracy lost: ${pointName(attribution.points[point]!)}`;
  return drawing(
    { id, title, description: description(rows, point, whole), width, height: plot.bottom + 46 },
    [
      upright(0, 'rule'),
      upright(100 * whole.loss.mean, 'reference'),
      markup`<text class="note" x="${pixels(x.place(100 * whole.loss.mean))}" y="${plot.top - 8}" text-anchor="end">whole chip ${formatLoss(whole.loss)}</text>`,
      ...drawn,
      horizontalAxis(x, plot, 'accuracy lost (percentage points)'),
    ],
  );
}

function endsOf({ loss: { mean, interval95 = [mean, mean] } }: Loss): readonly number[] {
  return [100 * interval95[0], 100 * interval95[1], 100 * mean];
}

type Role = 'alone' | 'left-out';

function marks(
  role: Role,
  row: LossRow,
  { point, x, y }: { readonly point: number; readonly x: Axis; readonly y: number },
): Markup {
  const one = (role === 'alone' ? row.alone : row.leftOut)?.[point];
  if (one === undefined) return nothing;
  const { mean, interval95 } = one.loss;
  const title = `${subjectName(row)}, ${role === 'alone' ? 'alone' : 'left out'}: ${formatLoss(one.loss)} points`;
  const bar =
    interval95 === undefined
      ? nothing
      : markup`<line class="whisker ${role}" x1="${pixels(x.place(100 * interval95[0]))}" x2="${pixels(x.place(100 * interval95[1]))}" y1="${y}" y2="${y}"/>`;
  return markup`${bar}${mark(role, x.place(100 * mean), y, title)}`;
}

/** A full circle for a subject alone, a hollow square for one left out. */
function mark(role: Role, x: number, y: number, title?: string): Markup {
  const hint = title === undefined ? nothing : markup`<title>${title}</title>`;
  return role === 'alone'
    ? markup`<circle class="loss alone" cx="${pixels(x)}" cy="${y}" r="4">${hint}</circle>`
    : markup`<rect class="loss left-out" x="${pixels(x - 3.5)}" y="${y - 3.5}" width="7" height="7">${hint}</rect>`;
}

function description(rows: readonly LossRow[], point: number, whole: Loss): string {
  const parts = rows.flatMap((row) => {
    const [alone, leftOut] = [row.alone?.[point], row.leftOut?.[point]];
    const said = [
      ...(alone === undefined ? [] : [`${formatLoss(alone.loss)} alone`]),
      ...(leftOut === undefined ? [] : [`${formatLoss(leftOut.loss)} regained when left out`]),
    ];
    return [`${subjectName(row)}: ${said.join(', ')}.`];
  });
  return `Percentage points lost by the whole chip: ${formatLoss(whole.loss)}. ${parts.join(' ')}`;
}

function shortened(name: string): string {
  return name.length <= NAME_LENGTH ? name : `…${name.slice(1 - NAME_LENGTH)}`;
}

function lossTable(attribution: Attribution, rows: readonly LossRow[], title: string): Markup {
  const { points } = attribution;
  const cells = (losses: readonly Loss[] | undefined): readonly Markup[] =>
    points.flatMap((_, point) => {
      const one = losses?.[point];
      if (one === undefined) return [markup`<td>–</td><td>–</td>`];
      return [markup`${accuracyCell(one.accuracy)}<td>${aligned(formatLoss(one.loss))}</td>`];
    });
  const lines = rows.flatMap((row) => {
    const roles = [
      { role: 'alone', losses: row.alone },
      { role: 'left out', losses: row.leftOut },
    ].filter(({ losses }) => losses !== undefined);
    return roles.map(
      ({ role, losses }, index) =>
        markup`<tr>${index === 0 ? markup`<th scope="row" rowspan="${roles.length}">${subjectName(row)}</th>` : nothing}<th scope="row">${role}</th>${cells(losses)}</tr>`,
    );
  });
  const exact = title === 'By source' ? exactLoss(attribution) : undefined;
  const exactRow =
    exact === undefined
      ? nothing
      : markup`<tr><th scope="row" colspan="2">no source at all</th>${cells(exact)}</tr>`;
  return table({
    caption: `${title}: accuracy (%), and what is lost alone or regained when left out (percentage points), means over ${formatChips(attribution.chips)} ± half width of the 95 % confidence interval of the paired differences`,
    head: markup`<tr><th scope="col" rowspan="2" colspan="2">${title === 'By source' ? 'source' : 'layers'}</th>${points.map((point) => markup`<th scope="colgroup" colspan="2" class="number">${pointName(point)}</th>`)}</tr>
<tr>${points.map(() => markup`<th scope="col" class="number">accuracy</th><th scope="col" class="number">lost</th>`)}</tr>`,
    body: lines,
    foot: markup`${exactRow}<tr><th scope="row" colspan="2">the whole chip</th>${cells(wholeLoss(attribution))}</tr>`,
    kind: points.length > 4 ? 'crowded' : 'wide',
  });
}
