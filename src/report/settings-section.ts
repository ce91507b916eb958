// Layers, all settings, and how to repeat the experiment, as tables.

import type { ExperimentRecord, LayerSummary } from '../experiment/record.ts';
import { formulasOf } from './law-text.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { numberHeads, type Section, table } from './page-parts.ts';
import { formatCount, formatEta, formatPercent } from './wording.ts';

/** Section on the layers; networks of the same layout share a table. */
export function layerSection({ networks }: ExperimentRecord): Section {
  const layouts = new Map<string, { readonly labels: string[]; readonly layers: readonly LayerSummary[] }>();
  for (const { label, layers } of networks) {
    const layout = JSON.stringify(
      layers.map(({ name, rows, columns, tiles, utilisation }) => [name, rows, columns, tiles, utilisation]),
    );
    const same = layouts.get(layout);
    if (same === undefined) layouts.set(layout, { labels: [label], layers });
    else same.labels.push(label);
  }
  const body = markup`<p>Sizes of the weight matrices and the tiles that hold them. A crosspoint holds one weight, in one pair of cells or, if the hardware says so, in several. Utilisation is the share of the tiles' crosspoints in use.</p>
${[...layouts.values()].map(({ labels, layers }) => layerTable(labels.join(', '), layers))}`;
  return { id: 'layers', title: 'Layers on the chip', body };
}

function layerTable(labels: string, layers: readonly LayerSummary[]): Markup {
  const rows = layers.map(
    ({ name, rows, columns, tiles, utilisation }) =>
      markup`<tr><th scope="row">${name}</th><td>${formatCount(rows)}</td><td>${formatCount(columns)}</td><td>${formatCount(rows * columns)}</td><td>${formatCount(tiles)}</td><td>${formatPercent(utilisation, 1)}</td></tr>`,
  );
  const weights = layers.reduce((sum, layer) => sum + layer.rows * layer.columns, 0);
  const tiles = layers.reduce((sum, layer) => sum + layer.tiles, 0);
  return table({
    caption: `Layers: ${labels}`,
    head: markup`<tr><th scope="col">layer</th>${numberHeads(['rows', 'columns', 'weights', 'tiles', 'utilisation'])}</tr>`,
    body: rows,
    foot: markup`<tr><th scope="row">all</th><td></td><td></td><td>${formatCount(weights)}</td><td>${formatCount(tiles)}</td><td></td></tr>`,
  });
}

/** Section with every setting. */
export function settingsSection({ hardware, evaluation, networks, noiseSweep }: ExperimentRecord): Section {
  const formulas = formulasOf(hardware.cell);
  const equations =
    formulas.length === 0
      ? nothing
      : markup`<h3>Equations of the cell</h3>
<p>g = G / Gmax is the relative conductance; Gmax = ${hardware.cell.gMaxMicrosiemens} µS; t₀ = ${hardware.cell.driftReferenceSeconds} s.</p>
${table({
  caption: 'Laws with their sources',
  head: markup`<tr><th scope="col">quantity</th><th scope="col">law</th><th scope="col">source</th></tr>`,
  body: formulas.map(
    ({ quantity, formula, source }) =>
      markup`<tr><th scope="row">${quantity}</th><td class="text formula">${formula}</td><td class="text">${source}</td></tr>`,
  ),
})}`;
  const runs = networks.map(({ label, training: { history: _, ...run } }) => ({ label, value: run }));
  const sweep = (noiseSweep?.points ?? []).map((point) => {
    const { history: _, ...run } = point.training;
    return { label: formatEta(point), value: run };
  });
  const evaluations = networks.some((network) => network.evaluation !== undefined)
    ? networks.map((network) => ({ label: network.label, value: network.evaluation ?? evaluation }))
    : [{ label: noiseSweep === undefined ? 'value' : 'networks', value: evaluation }];
  const sweepEvaluation =
    noiseSweep === undefined ? [] : [{ label: 'amounts of training noise', value: noiseSweep.evaluation }];
  const body = markup`${equations}
<h3>Training</h3>
${settingsTable('Bold values differ between networks.', runs)}
${sweep.length === 0 ? nothing : settingsTable('Amounts of training noise: bold values differ.', sweep)}
<h3>Evaluation</h3>
${settingsTable('How the networks were deployed.', [...evaluations, ...sweepEvaluation])}
<h3>Hardware</h3>
${settingsTable(hardware.name, [{ label: 'value', value: hardware }])}`;
  return { id: 'settings', title: 'Settings', body };
}

/** Section on the program and machine that made the record, and how to repeat it. */
export function repeatSection({ command, ohmic, machine, seed, dataset, format }: ExperimentRecord): Section {
  const body = markup`<pre><code>${command}</code></pre>
${settingsTable('The same seed and version on the same backend give the same numbers.', [{ label: 'value', value: { ohmic, format, seed, machine, dataset } }])}`;
  return { id: 'repeat', title: 'Repeat it', body };
}

/** Settings under their name. */
export type SettingsColumn = { readonly label: string; readonly value: unknown };

/** Every scalar of settings with its path, side by side; those that differ are bold. */
export function settingsTable(caption: string, columns: readonly SettingsColumn[]): Markup {
  const settings = columns.map(({ value }) => new Map(leavesOf(value)));
  const paths = [...new Set(settings.flatMap((one) => [...one.keys()]))];
  const rows = paths.map((path) => {
    const values = settings.map((one) => one.get(path) ?? '–');
    const differs = values.some((value) => value !== values[0]);
    return markup`<tr><th scope="row"><code>${path}</code></th>${values.map((value) => markup`<td class="text${differs ? ' differs' : ''}">${value}</td>`)}</tr>`;
  });
  return table({
    caption,
    head: markup`<tr><th scope="col">setting</th>${columns.map(({ label }) => markup`<th scope="col">${label}</th>`)}</tr>`,
    body: rows,
    kind: 'settings',
  });
}

/** The scalars of a value with their paths; a list of scalars is one leaf. */
function leavesOf(value: unknown, path = ''): readonly (readonly [path: string, value: string])[] {
  if (typeof value !== 'object' || value === null) return [[path, leafText(value)]];
  const entries = Object.entries(value);
  if (Array.isArray(value) && entries.every(([, item]) => typeof item !== 'object'))
    return [[path, value.map(leafText).join(', ')]];
  return entries.flatMap(([name, item]) => leavesOf(item, path === '' ? name : `${path}.${name}`));
}

/** Whole numbers, such as seeds, are exact; others are rounded to hide their last bits. */
function leafText(value: unknown): string {
  return typeof value === 'number' && !Number.isInteger(value)
    ? String(Number(value.toPrecision(10)))
    : String(value);
}
