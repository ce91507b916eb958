// Accuracy over time: networks and methods in one plot, a closer view of the compensated methods, each network with its
// single chips, and the numbers. The plots themselves are in accuracy-plots.ts.

import type { CompensationMethod, EvaluationSettings, ExperimentRecord } from '../experiment/record.ts';
import { chanceOf, legend, networkPlots, overviewPlots, SHARED_BY, valuesOf } from './accuracy-plots.ts';
import { type Markup, markup, nothing } from './markup.ts';
import {
  ACCURACY_CAPTION,
  accuracyCell,
  foldedTable,
  numberHeads,
  type Section,
  table,
} from './page-parts.ts';
import {
  formatChips,
  formatCount,
  formatPercent,
  formatPercentCell,
  METHOD_NAMES,
  methodsOf,
  resultAt,
  timesOf,
  timeText,
} from './wording.ts';

/** The closer view is drawn if all accuracies span at least this many times the range of the compensated ones. */
const CLOSER_VIEW_FROM = 2.5;

/** Section on the accuracy over time. */
export function accuracySection(record: ExperimentRecord): Section {
  const section = { id: 'accuracy', title: 'Accuracy over time' };
  const methods = methodsOf(record);
  if (methods.length === 0) return { ...section, body: markup`<p>No network was deployed.</p>` };
  const close = compensatedAlone(record, methods);
  const isCompared = record.networks.length > 1;
  const body = markup`<p>${introduction(record)}</p>
${legend(record, methods)}
${overviewPlots(record, { id: 'accuracy', methods })}
${close.length === 0 ? nothing : markup`<h3>Closer: with compensation</h3>${overviewPlots(record, { id: 'closer', methods: close })}`}
${isCompared ? markup`<h3>Each network, chip by chip</h3>${networkPlots(record, { id: 'chips', methods: close.length === 0 ? methods : close })}` : nothing}
${meansTable(record)}
${chipsTable(record)}`;
  return { ...section, body };
}

function introduction({ dataset, evaluation, networks }: ExperimentRecord): string {
  const imagesOf = ({ testImages = dataset.testImages }: EvaluationSettings): number => testImages;
  const images = imagesOf(evaluation);
  const others = networks.flatMap(({ label, evaluation: own = evaluation }) => {
    const on = imagesOf(own) === images ? '' : ` on ${formatCount(imagesOf(own))} images`;
    return own.chips === evaluation.chips && on === '' ? [] : [`${label}: ${own.chips}${on}`];
  });
  const except = others.length === 0 ? '' : ` (${others.join(', ')})`;
  const chips =
    evaluation.chips === 1
      ? `one programmed chip${except}; with a single chip there is no interval`
      : `${evaluation.chips} programmed chips${except}: lines are means, bands their 95 % confidence intervals, faint lines single chips`;
  return `Share of ${formatCount(images)} test images classified correctly, on ${chips}. Intervals cover chips and their reads, not another training or other test images. Chance is ${formatPercent(chanceOf({ dataset }), 1)}.`;
}

/** The compensated methods, if they need a closer view; none if every method has a plot of its own already. */
function compensatedAlone(
  record: ExperimentRecord,
  methods: readonly CompensationMethod[],
): readonly CompensationMethod[] {
  const compensated = methods.filter((method) => method !== 'none');
  if (compensated.length === 0 || compensated.length === methods.length) return [];
  if (record.networks.length > SHARED_BY) return [];
  const span = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
  const isWide = span(valuesOf(record, methods)) >= CLOSER_VIEW_FROM * span(valuesOf(record, compensated));
  return isWide ? compensated : [];
}

function meansTable(record: ExperimentRecord): Markup {
  const times = timesOf(record);
  const bodies = record.networks.map((network) => {
    const methods = methodsOf({ networks: [network] });
    const { chips } = network.evaluation ?? record.evaluation;
    const rows = methods.map((method, index) => {
      const cells = times.map((time) => accuracyCell(resultAt(network, method, time)));
      const lead =
        index > 0
          ? nothing
          : markup`<th scope="rowgroup" rowspan="${methods.length}">${network.label}<br><span class="note">${formatChips(chips)}</span></th><td rowspan="${methods.length}">${formatPercentCell(network.digitalAccuracy)}</td>`;
      return markup`<tr>${lead}<th scope="row">${METHOD_NAMES[method]}</th>${cells}</tr>`;
    });
    return markup`<tbody>${rows}</tbody>`;
  });
  return table({
    caption: ACCURACY_CAPTION,
    head: markup`<tr><th scope="col">network</th><th scope="col" class="number">digital</th><th scope="col">compensation</th>${numberHeads(times.map(timeText))}</tr>`,
    body: bodies,
    kind: times.length > 7 ? 'crowded' : 'wide',
  });
}

function chipsTable({ networks }: ExperimentRecord): Markup {
  const rows = networks.flatMap((network) =>
    network.deployed.map(
      ({ method, timeSeconds, accuracies }) =>
        markup`<tr><th scope="row">${network.label}</th><td class="text">${METHOD_NAMES[method]}</td><td>${timeText(timeSeconds)}</td><td class="text">${accuracies.map((value) => formatPercentCell(value)).join(', ')}</td></tr>`,
    ),
  );
  return foldedTable(
    'Every chip',
    table({
      caption: 'Accuracy of each chip (%)',
      head: markup`<tr><th scope="col">network</th><th scope="col">compensation</th><th scope="col" class="number">time</th><th scope="col">chips 1, 2, …</th></tr>`,
      body: rows,
    }),
  );
}
