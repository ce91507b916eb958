// How the networks were trained: loss and accuracy by epoch.

import { line } from 'd3-shape';
import type { ExperimentRecord, NetworkResult } from '../experiment/record.ts';
import type { EpochRecord } from '../train/training-state.ts';
import { type Area, type Axis, drawing, horizontalAxis, linearAxis, pixels, verticalAxis } from './chart.ts';
import { type Markup, markup, nothing } from './markup.ts';
import {
  figureGrid,
  foldedTable,
  legendKey,
  numberHeads,
  panelWidth,
  type Section,
  table,
} from './page-parts.ts';
import { formatFixed, formatPercent, formatTick } from './wording.ts';

/** Section on the training runs. */
export function trainingSection(record: ExperimentRecord): Section {
  const section = { id: 'training', title: 'Training' };
  const epochs = record.networks.flatMap(({ training }) => training.history);
  if (epochs.length === 0) return { ...section, body: markup`<p>No epoch was recorded.</p>` };
  const figures = record.networks.map((network, index) => ({
    label: network.label,
    chart: chart(record, { id: `training-${index}`, network, epochs }),
  }));
  const body = markup`<p>Mean loss and accuracy of each epoch, on training images as the run saw them (augmented, with training noise and while weights change) and on the test images in floating point without noise.</p>
<ul class="legend">${legendKey(markup`<path class="curve train" d="M1,7H27"/>`, 'training images')}${legendKey(markup`<path class="curve test" d="M1,7H27"/>`, 'test images')}</ul>
${figureGrid(figures)}
${record.networks.map(dataTable)}`;
  return { ...section, body };
}

type ChartOf = {
  readonly id: string;
  readonly network: NetworkResult;
  readonly epochs: readonly EpochRecord[];
};

/** Scales are those of all networks' epochs together. */
function chart(record: ExperimentRecord, { id, network, epochs }: ChartOf): Markup {
  const width = panelWidth(record);
  const lossPlot: Area = { left: 44, right: width - 16, top: 34, bottom: 154 };
  const accuracyPlot: Area = { ...lossPlot, top: 206, bottom: 346 };
  const { history } = network.training;
  const across = linearAxis({
    values: [0, ...epochs.map(({ epoch }) => epoch)],
    range: [lossPlot.left, lossPlot.right],
    format: formatTick,
  });
  const x: Axis = { ...across, ticks: across.ticks.filter(({ label }) => !label.includes('.')) };
  const loss = linearAxis({
    values: [0, ...epochs.map(({ trainLoss }) => trainLoss)],
    range: [lossPlot.bottom, lossPlot.top],
    ticks: 4,
    format: formatTick,
  });
  const shares = epochs.flatMap(({ trainAccuracy, testAccuracy = trainAccuracy }) => [
    100 * trainAccuracy,
    100 * testAccuracy,
  ]);
  const accuracy = linearAxis({
    values: shares,
    range: [accuracyPlot.bottom, accuracyPlot.top],
    format: formatTick,
  });
  const last = history.at(-1);
  const end =
    last === undefined
      ? 'No epoch was recorded.'
      : `After ${last.epoch} epochs the loss is ${formatFixed(last.trainLoss, 4)}, the training accuracy ${formatPercent(last.trainAccuracy)}.`;
  return drawing(
    {
      id,
      title: `Training: ${network.label}`,
      description: `${end} The table below has every epoch.`,
      width,
      height: accuracyPlot.bottom + 46,
    },
    [
      verticalAxis(loss, lossPlot, 'loss'),
      markup`<line class="rule" x1="${lossPlot.left}" x2="${lossPlot.right}" y1="${lossPlot.bottom}" y2="${lossPlot.bottom}"/>`,
      verticalAxis(accuracy, accuracyPlot, 'accuracy (%)'),
      horizontalAxis(x, accuracyPlot, 'epoch'),
      curve(
        'train',
        history.map(({ epoch, trainLoss }) => [x.place(epoch), loss.place(trainLoss)]),
      ),
      curve(
        'train',
        history.map(({ epoch, trainAccuracy }) => [x.place(epoch), accuracy.place(100 * trainAccuracy)]),
      ),
      curve(
        'test',
        history.flatMap(({ epoch, testAccuracy }) =>
          testAccuracy === undefined ? [] : [[x.place(epoch), accuracy.place(100 * testAccuracy)] as const],
        ),
      ),
    ],
  );
}

function curve(kind: 'train' | 'test', points: readonly (readonly [number, number])[]): Markup {
  const last = points.at(-1);
  if (last === undefined) return nothing;
  const path = line().digits(2)(points.map(([x, y]) => [x, y])) ?? '';
  return markup`<path class="curve ${kind}" d="${path}"/><circle class="end ${kind}" cx="${pixels(last[0])}" cy="${pixels(last[1])}" r="3"/>`;
}

function dataTable({ label, training }: NetworkResult): Markup {
  const rows = training.history.map(
    ({ epoch, trainLoss, trainAccuracy, testAccuracy }) =>
      markup`<tr><th scope="row" class="number">${epoch}</th><td>${formatFixed(trainLoss, 4)}</td><td>${formatPercent(trainAccuracy)}</td><td>${testAccuracy === undefined ? '–' : formatPercent(testAccuracy)}</td></tr>`,
  );
  return foldedTable(
    `Epochs: ${label}`,
    table({
      caption: `Training of ${label}`,
      head: markup`<tr>${numberHeads(['epoch', 'training loss', 'training accuracy', 'test accuracy'])}</tr>`,
      body: rows,
    }),
  );
}
