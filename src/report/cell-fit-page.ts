// A fitted cell as one self-contained page: measurements against laws, parameters with their errors, goodness of
// fit, warnings. Left out: the measurements themselves.

import type { CellSpec } from '../cells/cell.ts';
import type { CellFit } from '../cells/fit.ts';
import { type SpreadEstimate, spreadVarianceAt } from '../cells/fit-levels.ts';
import type { FittedParameter } from '../cells/fit-summary.ts';
import { lawValue, polynomialValue, tableValue } from '../cells/law.ts';
import { driftChart, lawChart, type MeasuredPoint } from './cell-fit-chart.ts';
import { formulasOf } from './law-text.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { figureGrid, foldedTable, numberHeads, table } from './page-parts.ts';
import { STYLE } from './style.ts';
import { formatCount, formatFixed } from './wording.ts';

/**
 * The page of a fit as a complete HTML document, without script; a content security policy forbids anything from
 * outside.
 */
export function cellFitPage(fit: CellFit): string {
  const { cell } = fit;
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${cell.name}</title>
<style>${{ source: STYLE }}</style>
</head>
<body>
<main>
${head(fit)}
${warningSection(cell.fit.warnings)}
${chartSection(fit)}
${lawSection(cell)}
${parameterSection(cell.fit)}
${levelSection(fit)}
</main>
</body>
</html>
`;
  return page.source;
}

function head({ cell }: CellFit): Markup {
  const { devices, reads, levels } = cell.fit;
  const facts: readonly (readonly [string, string])[] = [
    ['devices', formatCount(devices)],
    ['reads', formatCount(reads)],
    ['levels', formatCount(levels)],
    ['Gmax', `${rounded(cell.gMaxMicrosiemens)} µS`],
    ['t₀, from the last pulse to the first read', `${rounded(cell.driftReferenceSeconds)} s`],
    ['source', cell.source],
  ];
  return markup`<header>
<p class="kicker">ohmic measured cell</p>
<h1>${cell.name}</h1>
<p class="summary">Programming noise ${stateOf(cell.programmingNoise)}, drift ${stateOf(cell.drift)}, read noise ${stateOf(cell.readNoise)}.</p>
<dl>${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>`;
}

function stateOf(part: CellSpec['programmingNoise'] | CellSpec['drift'] | CellSpec['readNoise']): string {
  return part.kind === 'none' ? 'not known' : 'fitted';
}

function warningSection(warnings: readonly string[]): Markup {
  return warnings.length === 0
    ? nothing
    : markup`<section>
<h2>What these measurements do not tell</h2>
<ul>${warnings.map((warning) => markup`<li>${warning}</li>`)}</ul>
</section>`;
}

/** A spread from its square, with the range of one standard error; a square below 0 counts as 0. */
function spreadPoint(at: number, spread: SpreadEstimate): MeasuredPoint {
  const { variance } = spread;
  const error = Math.sqrt(spreadVarianceAt(spread, variance));
  const root = (square: number): number => Math.sqrt(Math.max(0, square));
  return { at, value: root(variance), low: root(variance - error), high: root(variance + error) };
}

function chartSection(fit: CellFit): Markup {
  const { curves } = fit;
  const figures = [
    programmingFigure(fit),
    ...(curves.some(({ points }) => points.length > 1)
      ? [{ label: `Drift of targets ${targetsOf(fit)} µS`, chart: driftChart('drift', curves) }]
      : []),
    ...driftFigures(fit),
    ...readFigure(fit),
  ];
  return markup`<section>
<h2>Measurements and laws</h2>
<p>Points are levels, devices of one target or of neighbouring ones, with error bars of one standard error; read noise is taken out of the spreads where repeated reads tell it. Lines are the fitted laws.</p>
${figureGrid(figures)}
</section>`;
}

function targetsOf({ curves }: CellFit): string {
  return curves.map(({ target }) => rounded(target)).join(', ');
}

type Figure = { readonly label: string; readonly chart: Markup };

function programmingFigure({ cell, levels }: CellFit): Figure {
  const { programmingNoise, gMaxMicrosiemens: gMax } = cell;
  const law = (g: number): number => {
    switch (programmingNoise.kind) {
      case 'none':
        return 0;
      case 'polynomial':
        return Math.max(0, polynomialValue(programmingNoise.coefficientsMicrosiemens, g / gMax));
      case 'table':
        return tableValue(programmingNoise.pointsMicrosiemens, g);
    }
  };
  return {
    label: 'Programming noise',
    chart: lawChart({
      id: 'programming-noise',
      title: 'Programming noise by target',
      horizontal: 'target conductance (µS)',
      vertical: 'standard deviation (µS)',
      end: gMax,
      points: levels
        .filter(({ programmed }) => programmed.spread.freedom > 0)
        .map(({ target, programmed }) => spreadPoint(target, programmed.spread)),
      law: programmingNoise.kind === 'none' ? undefined : law,
    }),
  };
}

function driftFigures({ cell, levels }: CellFit): readonly Figure[] {
  const { drift: law, gMaxMicrosiemens: gMax } = cell;
  const known = levels.flatMap(({ target, drift }) => (drift === undefined ? [] : [{ target, ...drift }]));
  if (known.length === 0) return [];
  const common = { horizontal: 'target conductance (µS)', end: gMax };
  const means = known.map(({ target, mean, spread, devices }): MeasuredPoint => {
    const error = Math.sqrt((Math.max(0, spread.variance) + spread.noise) / devices);
    return { at: target, value: mean, low: mean - error, high: mean + error };
  });
  return [
    {
      label: 'Drift exponent, mean',
      chart: lawChart({
        ...common,
        id: 'exponent-mean',
        title: 'Mean drift exponent by target',
        vertical: 'ν, mean',
        points: means,
        law: law.kind === 'none' ? undefined : (g) => lawValue(law.exponentMean, g / gMax),
      }),
    },
    {
      label: 'Drift exponent, spread',
      chart: lawChart({
        ...common,
        id: 'exponent-spread',
        title: 'Spread of drift exponents by target',
        vertical: 'ν, standard deviation',
        points: known
          .filter(({ spread }) => spread.freedom > 0)
          .map(({ target, spread }) => spreadPoint(target, spread)),
        law: law.kind === 'none' ? undefined : (g) => Math.abs(lawValue(law.exponentSpread, g / gMax)),
      }),
    },
  ];
}

function readFigure({ cell, readBins }: CellFit): readonly Figure[] {
  const { readNoise, gMaxMicrosiemens: gMax } = cell;
  if (readBins.length === 0) return [];
  return [
    {
      label: 'Read noise',
      chart: lawChart({
        id: 'read-noise',
        title: 'Read noise by programmed conductance',
        horizontal: 'programmed conductance (µS)',
        vertical: readNoise.kind !== 'one-over-f' ? 'relative scatter' : 'strength Qs',
        end: Math.max(gMax, ...readBins.map(({ g }) => g)),
        points: readBins.map(({ g, squaredStrength, freedom }) =>
          spreadPoint(g, { variance: squaredStrength, noise: 0, freedom, noiseFreedom: 0 }),
        ),
        law:
          readNoise.kind !== 'one-over-f'
            ? undefined
            : (g) => Math.abs(lawValue(readNoise.strength, g / gMax)),
      }),
    },
  ];
}

function lawSection(cell: CellSpec): Markup {
  return markup`<section>
<h2>Laws</h2>
<p>g = G / Gmax is the relative conductance, of the target for programming and drift, as programmed for read noise.</p>
${table({
  caption: 'The fitted cell',
  head: markup`<tr><th scope="col">quantity</th><th scope="col">law</th></tr>`,
  body: formulasOf(cell).map(
    ({ quantity, formula }) =>
      markup`<tr><th scope="row">${quantity}</th><td class="text formula">${formula}</td></tr>`,
  ),
})}
</section>`;
}

function parameterSection({ parameters, goodness }: CellFit['cell']['fit']): Markup {
  const rows = parameters.map(
    (parameter) =>
      markup`<tr><th scope="row">${parameter.name}</th><td>${withError(parameter)}</td><td>${parameter.unit === '1' ? '' : parameter.unit}</td></tr>`,
  );
  const tests = goodness
    .filter(({ probability }) => probability !== null)
    .map(
      ({ name, chiSquare, degreesOfFreedom, probability }) =>
        markup`<tr><th scope="row">${name}</th><td>${formatFixed(chiSquare, 1)}</td><td>${degreesOfFreedom}</td><td>${Number(probability!.toPrecision(2))}</td></tr>`,
    );
  return markup`<section>
<h2>Parameters</h2>
<p>Places are those in the cell file. Errors are standard errors for the chosen shape; parameters of one law are correlated. A limit that no level reaches has none.</p>
${table({
  caption: 'Fitted values ± standard error',
  head: markup`<tr><th scope="col">parameter</th>${numberHeads(['value', 'unit'])}</tr>`,
  body: rows,
})}
${
  tests.length === 0
    ? nothing
    : table({
        caption: 'Goodness of fit: levels against laws',
        head: markup`<tr><th scope="col">law</th>${numberHeads(['χ²', 'degrees of freedom', 'probability'])}</tr>`,
        body: tests,
      })
}
</section>`;
}

/** `0.0088 ± 0.0002`: two digits of the error, and as many of the value. */
export function withError({
  value,
  standardError,
}: Pick<FittedParameter, 'value' | 'standardError'>): string {
  if (standardError === null) return `${rounded(value)} (not determined)`;
  if (!(standardError > 0)) return rounded(value);
  const digits = Math.min(15, Math.max(0, 1 - Math.floor(Math.log10(standardError))));
  return `${formatFixed(value, digits)} ± ${formatFixed(standardError, digits)}`;
}

const LEVEL_COLUMNS = [
  'target (µS)',
  'devices',
  'read 0',
  'mean at t₀ (µS)',
  'spread at t₀ (µS)',
  'ν, mean',
  'ν, spread',
] as const;

function levelSection({ levels, readBins }: CellFit): Markup {
  const rows = levels.map(({ target, devices, zeroShare, programmed, drift }) => {
    const cells = [
      formatCount(devices),
      `${formatFixed(100 * zeroShare, 1)} %`,
      withError({ value: programmed.mean, standardError: programmed.standardError }),
      spreadText(programmed.spread),
      drift === undefined
        ? '–'
        : withError({
            value: drift.mean,
            standardError: Math.sqrt(
              (Math.max(0, drift.spread.variance) + drift.spread.noise) / drift.devices,
            ),
          }),
      drift === undefined ? '–' : spreadText(drift.spread),
    ];
    return markup`<tr><th scope="row" class="number">${rounded(target)}</th>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>`;
  });
  const bins = readBins.map(
    ({ g, devices, squaredStrength, freedom }) =>
      markup`<tr><th scope="row" class="number">${rounded(g)}</th><td>${formatCount(devices)}</td><td>${withError({ value: Math.sqrt(squaredStrength), standardError: Math.sqrt(squaredStrength / (2 * freedom)) })}</td></tr>`,
  );
  return markup`<section>
<h2>Levels</h2>
${foldedTable(
  'By target',
  table({
    caption: 'Devices by target ± one standard error; spreads without read noise where it is known',
    head: markup`<tr>${numberHeads(LEVEL_COLUMNS)}</tr>`,
    body: rows,
  }),
)}
${foldedTable(
  'Read noise by programmed conductance',
  table({
    caption: 'Scatter of reads around the curves of their devices ± one standard error',
    head: markup`<tr>${numberHeads(['conductance (µS)', 'devices', 'Qs'])}</tr>`,
    body: bins,
  }),
)}
</section>`;
}

/** A spread with its error; for a spread below its error only an upper bound. */
function spreadText(spread: SpreadEstimate): string {
  if (!(spread.freedom > 0)) return '–';
  const { value, high } = spreadPoint(0, spread);
  const error = Math.sqrt(spreadVarianceAt(spread, spread.variance));
  return spread.variance > error
    ? withError({ value, standardError: error / (2 * value) })
    : `below ${rounded(high)}`;
}

/** Four digits, with a real minus sign. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(4))).replace('-', '−');
}
