// How twins learned: test score and training loss by epoch, and what the cells went through meanwhile.

import type { TwinPair, TwinRecord } from '../experiment/twin-record.ts';
import { type Markup, markup } from './markup.ts';
import { figureGrid, foldedTable, numberHeads, type Section, table } from './page-parts.ts';
import { epochChart, TWINS, twinsLegend } from './twin-curves.ts';
import { historyScoreOf, scoreCell, scoreNumber, scoreTitle } from './twin-scores.ts';
import { formatCount, formatFixed } from './wording.ts';

/** Section on the learning curves of both trainings. */
export function twinCurvesSection(record: TwinRecord): Section {
  const section = { id: 'training', title: 'Learning curves' };
  const score = historyScoreOf(record);
  const test = epochChart(record, {
    id: 'training-score',
    title: `Test examples: ${score.name} by epoch`,
    name: scoreTitle(score),
    value: ({ testAccuracy }) => (testAccuracy === undefined ? undefined : scoreNumber(score, testAccuracy)),
    fromZero: false,
  });
  const loss = epochChart(record, {
    id: 'training-loss',
    title: 'Training loss by epoch',
    name: 'training loss',
    value: ({ trainLoss }) => trainLoss,
    fromZero: true,
  });
  if (loss === undefined) return { ...section, body: markup`<p>No epoch was recorded.</p>` };
  const figures = [
    ...(test === undefined ? [] : [{ label: `Test examples: ${score.name} after each epoch.`, chart: test }]),
    { label: 'Mean training loss of each epoch, on training examples as the run saw them.', chart: loss },
  ];
  const body = markup`<p>After each epoch the trained network is scored on the test examples; the training loss is the mean over the epoch, while weights change. In cells, the loss contains what hardware and reads do to the forward pass.</p>
${twinsLegend(record)}
${figureGrid(figures)}
${record.pairs.map((pair) => epochTable(record, pair))}`;
  return { ...section, body };
}

function epochTable(record: TwinRecord, { seed, inCells, inFloat }: TwinPair): Markup {
  const score = historyScoreOf(record);
  const hasPulses = inCells.history.some(({ pulses }) => pulses !== undefined);
  const counted = (value: number | undefined): string => (value === undefined ? '–' : formatCount(value));
  const scored = (value: number | undefined): string => (value === undefined ? '–' : scoreCell(score, value));
  const epochs = Math.max(inCells.history.length, inFloat.history.length);
  const rows = Array.from({ length: epochs }, (_, k) => {
    const [cells, float] = [inCells.history[k], inFloat.history[k]];
    const both = [cells, float].map(
      (one) =>
        markup`<td>${one === undefined ? '–' : formatFixed(one.trainLoss, 4)}</td><td>${scored(one?.trainAccuracy)}</td><td>${scored(one?.testAccuracy)}</td>`,
    );
    const given = hasPulses
      ? [cells?.pulses, cells?.refreshes].map((n) => markup`<td>${counted(n)}</td>`)
      : [];
    return markup`<tr><th scope="row" class="number">${(cells ?? float)!.epoch}</th>${both}${given}</tr>`;
  });
  const columns = ['training loss', `training: ${scoreTitle(score)}`, `test: ${scoreTitle(score)}`];
  const groups = TWINS.map(
    ({ name }) => markup`<th scope="colgroup" colspan="${columns.length}">${name}</th>`,
  );
  return foldedTable(
    `Epochs: seed ${seed}`,
    table({
      caption: `Epochs of seed ${seed}`,
      head: markup`<tr><th scope="col" rowspan="2" class="number">epoch</th>${groups}${hasPulses ? markup`<th scope="colgroup" colspan="2">on the cells</th>` : []}</tr><tr>${numberHeads([...columns, ...columns, ...(hasPulses ? ['pulses', 'refreshes'] : [])])}</tr>`,
      body: rows,
    }),
  );
}

/** Section on pulses and refreshes by epoch; none if nothing was counted. */
export function twinPulsesSection(record: TwinRecord): Section | undefined {
  const { pairs, network } = record;
  const inCells = TWINS.filter(({ of }) => of === 'inCells');
  const most = Math.max(
    0,
    ...pairs.flatMap(({ inCells: { history } }) => history.map(({ pulses = 0 }) => pulses)),
  );
  const { name, by } = unitOf(most);
  const pulses = epochChart(record, {
    id: 'pulses-given',
    title: 'Pulses by epoch',
    name: `pulses${name}`,
    value: (epoch) => (epoch.pulses === undefined ? undefined : epoch.pulses / by),
    trainings: inCells,
    fromZero: true,
  });
  if (pulses === undefined) return undefined;
  const refreshes = epochChart(record, {
    id: 'pulses-refreshes',
    title: 'Refreshed pairs by epoch',
    name: 'refreshed pairs',
    value: (epoch) => epoch.refreshes,
    trainings: inCells,
    fromZero: true,
  });
  const figures = [
    { label: 'Pulses on all cells in each epoch.', chart: pulses },
    ...(refreshes === undefined
      ? []
      : [{ label: 'Pairs that were refreshed in each epoch.', chart: refreshes }]),
  ];
  const total = pairs[0]!.inCells.history.reduce((sum, { pulses: given = 0 }) => sum + given, 0);
  const perWeight =
    network.analogWeights > 0
      ? `, ${Number((total / network.analogWeights).toPrecision(3))} for each weight in cells`
      : '';
  const body = markup`<p>Pulses move the weights; each wears its device a little.${refreshes === undefined ? '' : ' A refresh resets a pair whose devices are both nearly full and writes the difference anew.'} Over the whole training of seed ${pairs[0]!.seed} there were ${formatCount(total)} pulses${perWeight}.</p>
${pairs.length > 1 ? twinsLegend(record, inCells) : []}
${figureGrid(figures)}`;
  return { id: 'pulses', title: refreshes === undefined ? 'Pulses' : 'Pulses and refreshes', body };
}

/** Thousands or millions, so that ticks stay short. */
function unitOf(most: number): { readonly name: string; readonly by: number } {
  if (most >= 1e7) return { name: ' (millions)', by: 1e6 };
  return most >= 1e4 ? { name: ' (thousands)', by: 1e3 } : { name: '', by: 1 };
}
