// A sweep as one HTML page, in the form of html.ts: lines, heat maps and Pareto fronts as SVG, their numbers as tables, what
// failed and why, the file, how to repeat it.

import type { Json } from '../base/schema.ts';
import type { Seconds } from '../base/units.ts';
import type { CompensationMethod } from '../experiment/record.ts';
import type { ReplicatedMean } from '../sweep/replicates.ts';
import { replicateAxes, type SweepGroup, type SweepSummary } from '../sweep/summary.ts';
import { canonicalText } from '../sweep/works.ts';
import { jsonText } from './json.ts';
import { type Markup, markup } from './markup.ts';
import { pageText } from './page.ts';
import { accuracyCell, figureGrid, networkKey, numberHeads, type Section, table } from './page-parts.ts';
import { costChart, distinct, heatMap, lineChart, type SweepLine } from './sweep-charts.ts';
import { axisText, groupText, hasNetworks, replicatesText, shownMean } from './sweep-table.ts';
import { formatAccuracy, formatCount, formatPercentCell, listed, METHOD_NAMES, timeText } from './wording.ts';

/** A time and a method: what a chart shows. */
type Moment = { readonly timeSeconds: Seconds; readonly method: CompensationMethod };

/** More curves than anybody tells apart; more charts than anybody looks at. */
const MOST_LINES = 6;
const MOST_PAIRS = 6;
const MOST_MOMENTS = 8;

/** The summary of a sweep as a complete HTML document. Text from the summary is escaped; the page loads nothing. */
export function sweepPage(summary: SweepSummary): string {
  const { name, ohmic, points, donePoints, failed, backends } = summary;
  return pageText({
    title: name,
    kicker: 'ohmic sweep',
    summary: sweepVerdict(summary),
    facts: [
      [
        'points',
        `${formatCount(donePoints)} of ${formatCount(points)} done${failed.length === 0 ? '' : `, ${formatCount(failed.length)} failed`}`,
      ],
      ['axes', listed(summary.file.axes.map((axis) => axis.name)) || 'none'],
      ['replicates', replicatesText(summary.groups, replicateAxes(summary.file))],
      [
        'made with',
        `ohmic ${ohmic}, ${backends.length === 1 ? backends[0] : `${backends.length} kinds of machines, so last bits may differ from a repetition: ${backends.join('; ')}`}`,
      ],
    ],
    sections: sectionsOf(summary),
  });
}

/** The outcome in a sentence or two: the best setting at the last time, and what varies. */
export function sweepVerdict(summary: SweepSummary): string {
  const { groups } = summary;
  const moments = momentsOf(groups);
  const last = Math.max(...moments.map(({ timeSeconds }) => timeSeconds));
  const all = groups.flatMap((group) =>
    group.results.filter((one) => one.timeSeconds === last).map((result) => ({ group, result })),
  );
  if (all.length === 0) return 'No results yet.';
  const best = all.reduce((a, b) => (b.result.mean > a.result.mean ? b : a));
  const { betweenSeeds, betweenChips } = best.result;
  const spread =
    betweenSeeds === undefined || betweenChips === undefined
      ? ''
      : ` There, accuracy varies by ${formatPercentCell(betweenSeeds)} percentage points from seed to seed and by ${formatPercentCell(betweenChips)} from chip to chip (standard deviations).`;
  return `Best after ${timeText(last)}: ${formatAccuracy(shownMean(best.result))} with ${groupText(best.group, hasNetworks(summary))}, ${METHOD_NAMES[best.result.method]}.${spread}`;
}

function sectionsOf(summary: SweepSummary): Section[] {
  const { groups, file, failed } = summary;
  if (groups.length === 0) return [...failedSection(failed), settingsSection(summary)];
  const replicates = replicateAxes(file);
  const axes = file.axes
    .map(({ name }) => name)
    .filter(
      (name) => !replicates.includes(name) && distinct(groups.map(({ values }) => values[name]!)).length > 1,
    );
  return [
    ...axes.map((axis, k) => lineSection(summary, axis, k)),
    ...heatSection(summary, axes),
    ...costSection(summary),
    meansSection(summary),
    ...failedSection(failed),
    settingsSection(summary),
  ];
}

function momentsOf(groups: readonly SweepGroup[]): Moment[] {
  const all = groups.flatMap(({ results }) =>
    results.map(({ timeSeconds, method }) => ({ timeSeconds, method })),
  );
  return [...new Map(all.map((moment) => [canonicalText(moment as unknown as Json), moment])).values()];
}

function resultAt({ results }: SweepGroup, { timeSeconds, method }: Moment): ReplicatedMean | undefined {
  return results.find((one) => one.timeSeconds === timeSeconds && one.method === method);
}

function momentText({ timeSeconds, method }: Moment): string {
  return `${timeText(timeSeconds)} after programming, ${METHOD_NAMES[method]}`;
}

/** Moments that have a chart: all, or those of the last time. */
function chartMoments(groups: readonly SweepGroup[]): Moment[] {
  const moments = momentsOf(groups);
  if (moments.length <= MOST_MOMENTS) return moments;
  const last = Math.max(...moments.map(({ timeSeconds }) => timeSeconds));
  return moments.filter(({ timeSeconds }) => timeSeconds === last).slice(0, MOST_MOMENTS);
}

function lineSection(summary: SweepSummary, axis: string, number: number): Section {
  const { groups } = summary;
  const several = hasNetworks(summary);
  const byRest = new Map<string, SweepGroup[]>();
  for (const group of groups) {
    const { [axis]: _, ...rest } = group.values;
    const key = groupText({ values: rest, network: group.network }, several);
    byRest.set(key, [...(byRest.get(key) ?? []), group]);
  }
  // Those with the best ends, if there are too many.
  const named = [...byRest]
    .map(([name, members]) => ({
      name,
      members,
      best: Math.max(...members.flatMap(({ results }) => results.map(({ mean }) => mean))),
    }))
    .sort((a, b) => b.best - a.best)
    .slice(0, MOST_LINES);
  const figures = chartMoments(groups).map((moment, k) => ({
    label: momentText(moment),
    chart: lineChart(
      named.map(
        ({ name, members }, index): SweepLine => ({
          name,
          method: moment.method,
          colour: `network-${index}`,
          pattern: index,
          points: members.flatMap((group) => {
            const result = resultAt(group, moment);
            return result === undefined ? [] : [{ at: group.values[axis]!, ...shownMean(result) }];
          }),
        }),
      ),
      axis,
      { id: `line-${number}-${k}`, title: `Accuracy over ${axis}, ${momentText(moment)}` },
    ),
  }));
  const rest = byRest.size - named.length;
  const keys = named.map(({ name }, index) => networkKey(name, index, `network-${index}`));
  const body = markup`${named.length > 1 ? markup`<ul class="legend">${keys}</ul>` : []}
${rest > 0 ? markup`<p class="note">The ${named.length} best of ${byRest.size} combinations of the other axes; the table below has all.</p>` : []}
${figureGrid(figures)}`;
  return { id: `axis-${number}`, title: `Over ${axis}`, body };
}

/** A map for each pair of axes, at the last time; means over the other axes would hide what they do, so the best are shown. */
function heatSection({ groups }: SweepSummary, axes: readonly string[]): Section[] {
  const pairs = axes
    .flatMap((up, k) => axes.slice(k + 1).map((across) => ({ up, across })))
    .slice(0, MOST_PAIRS);
  const moments = momentsOf(groups);
  const last = Math.max(...moments.map(({ timeSeconds }) => timeSeconds));
  const shown = moments.filter(({ timeSeconds }) => timeSeconds === last);
  if (pairs.length === 0) return [];
  const figures = pairs.flatMap(({ up, across }, k) =>
    shown.map((moment, m) => {
      const best = new Map<string, SweepGroup>();
      for (const group of groups) {
        const key = canonicalText([group.values[up]!, group.values[across]!]);
        const known = best.get(key);
        const mean = resultAt(group, moment)?.mean ?? Number.NEGATIVE_INFINITY;
        if (known === undefined || mean > (resultAt(known, moment)?.mean ?? Number.NEGATIVE_INFINITY))
          best.set(key, group);
      }
      const cells = [...best.values()].flatMap((group) => {
        const result = resultAt(group, moment);
        return result === undefined
          ? []
          : [{ at: group.values[up]!, across: group.values[across]!, ...shownMean(result) }];
      });
      const title = `Accuracy over ${across} and ${up}, ${momentText(moment)}`;
      return {
        label: momentText(moment),
        chart: heatMap(cells, { across, up }, { id: `heat-${k}-${m}`, title }),
      };
    }),
  );
  const note =
    axes.length > 2 ? markup`<p>Each cell has the best of what the other axes and networks offer.</p>` : [];
  return [{ id: 'maps', title: 'Two axes at a time', body: markup`${note}${figureGrid(figures)}` }];
}

function costSection(summary: SweepSummary): Section[] {
  const { groups, file } = summary;
  const costed = groups.filter(({ cost }) => cost !== undefined);
  if (file.cost === undefined || costed.length === 0) return [];
  const several = hasNetworks(summary);
  const figures = chartMoments(groups).map((moment, k) => ({
    label: momentText(moment),
    chart: costChart(
      costed.flatMap((group) => {
        const result = resultAt(group, moment);
        return result === undefined
          ? []
          : [{ name: groupText(group, several), cost: group.cost!, ...shownMean(result) }];
      }),
      moment.method,
      `cost: ${file.cost}`,
      { id: `cost-${k}`, title: `Accuracy over cost, ${momentText(moment)}` },
    ),
  }));
  const body = markup`<p>Full marks on the line are the Pareto front: nothing that costs as little has a higher mean. Neighbours whose intervals overlap may change places in another sample.</p>${figureGrid(figures)}`;
  return [{ id: 'cost', title: 'What accuracy costs', body }];
}

function meansSection(summary: SweepSummary): Section {
  const { groups, file } = summary;
  const replicates = replicateAxes(file);
  const axes = file.axes.map(({ name }) => name).filter((name) => !replicates.includes(name));
  const several = hasNetworks(summary);
  const rows = groups.flatMap((group) =>
    group.results.map((result) => {
      const lead = [...axes.map((name) => axisText(group.values[name])), ...(several ? [group.network] : [])];
      const spread = (value: number | undefined): Markup =>
        markup`<td>${value === undefined ? '–' : formatPercentCell(value)}</td>`;
      const { seedInterval95, chipInterval95, mean } = result;
      return markup`<tr>${lead.map((text) => markup`<td class="text">${text}</td>`)}<td>${timeText(result.timeSeconds)}</td><td class="text">${METHOD_NAMES[result.method]}</td>${accuracyCell({ mean, ...(seedInterval95 && { interval95: seedInterval95 }) })}${accuracyCell({ mean, ...(chipInterval95 && { interval95: chipInterval95 }) })}${spread(result.betweenSeeds)}${spread(result.betweenChips)}<td>${result.seeds}</td><td>${result.chips}</td></tr>`;
    }),
  );
  const heads = [
    'time',
    'method',
    'mean, over seeds',
    'mean, over chips',
    'between seeds',
    'between chips',
    'seeds',
    'chips',
  ];
  const body = markup`<p>Two intervals, because they answer two questions. Over seeds: what another training with other chips would give, from the means of the seeds. Over chips: what other chips of these very trainings would give. Between seeds and between chips are standard deviations in percentage points; that between seeds has the part of the chips taken out.</p>
${table({
  caption: 'Mean accuracy (%) ± half width of its 95 % confidence interval',
  head: markup`<tr>${[...axes, ...(several ? ['network'] : [])].map((name) => markup`<th scope="col">${name}</th>`)}${numberHeads(heads)}</tr>`,
  body: rows,
  kind: 'crowded',
})}`;
  return { id: 'means', title: 'All means', body };
}

function failedSection(failed: SweepSummary['failed']): Section[] {
  if (failed.length === 0) return [];
  const rows = failed.map(
    ({ point, values, reason }) =>
      markup`<tr><td>${point}</td><td class="text">${groupText({ values, network: '' }, false)}</td><td class="text">${reason}</td></tr>`,
  );
  const head = markup`<tr><th scope="col" class="number">point</th><th scope="col">values</th><th scope="col">reason</th></tr>`;
  return [
    {
      id: 'failed',
      title: 'What failed',
      body: table({
        caption: 'Points without results; --retry-failed tries them again',
        head,
        body: rows,
        kind: 'settings',
      }),
    },
  ];
}

function settingsSection({ file, command }: SweepSummary): Section {
  const body = markup`<pre><code>${command}</code></pre><pre><code>${jsonText(file)}</code></pre>`;
  return { id: 'repeat', title: 'The file, and how to repeat it', body };
}
