// The page of a fitted cell: complete without anything else, every number of the fit in it, what is not known named.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CellFit, fitCell } from '../cells/fit.ts';
import { pcmNandakumar2019 } from '../cells/published-cells.ts';
import { type Campaign, simulateMeasurements } from '../cells/simulate-measurements.test-data.ts';
import { cellFitPage, withError } from './cell-fit-page.ts';

const campaign: Campaign = {
  targets: [0, 2.5, 5, 10, 15, 20, 25],
  devicesEach: 60,
  times: [20, 60, 200, 1000, 5000, 40_000],
  seed: 1,
};
const fitOf = (change: Partial<Campaign>, readSeconds?: number): CellFit =>
  fitCell(simulateMeasurements(pcmNandakumar2019, { ...campaign, ...change }), {
    name: 'cell <1> & "co"',
    source: "a lab's <b>bench</b>",
    readSeconds,
  });
const whole = fitOf({}, 250e-9);
const page = cellFitPage(whole);

test('the page loads nothing, runs nothing, and escapes what is foreign', () => {
  assert.match(page, /^<!doctype html>\n<html lang="en">/);
  assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.ok(!/<script|<link|<img|\ssrc=|https?:/i.test(page));
  assert.match(page, /<h1>cell &lt;1&gt; &amp; &quot;co&quot;<\/h1>/);
  assert.ok(page.includes('a lab&#39;s &lt;b&gt;bench&lt;/b&gt;'));
  assert.ok(!/NaN|undefined|Infinity|\[object/.test(page));
});

test('tags are balanced and names in it unique', () => {
  for (const tag of [
    'section',
    'table',
    'svg',
    'g',
    'figure',
    'details',
    'div',
    'tr',
    'td',
    'ul',
    'li',
    'main',
  ]) {
    const count = (pattern: string): number => page.match(new RegExp(pattern, 'g'))?.length ?? 0;
    assert.equal(count(`<${tag}[ >]`), count(`</${tag}>`), tag);
  }
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
});

test('every parameter, every tested law and every warning is on the page', () => {
  const { parameters, goodness, warnings } = whole.cell.fit;
  for (const parameter of parameters)
    assert.ok(
      page.includes(`<th scope="row">${parameter.name}</th><td>${withError(parameter)}</td>`),
      parameter.name,
    );
  for (const { name, degreesOfFreedom } of goodness)
    assert.match(page, new RegExp(`${name}</th><td>[\\d.]+</td><td>${degreesOfFreedom}</td>`));
  assert.ok(warnings.length > 0 && warnings.every((warning) => page.includes(`<li>${warning}</li>`)));
});

test('five charts: programming, drift, mean and spread of exponents, read noise; points and law in each', () => {
  const charts = page.match(/<svg viewBox[\s\S]*?<\/svg>/g)!;
  assert.equal(charts.length, 5);
  const counts = charts.map((chart) => [
    chart.match(/<circle/g)!.length,
    chart.match(/<path class="curve"/g)!.length,
  ]);
  // RESET has no drift, and no target above 0 to draw.
  assert.deepEqual(counts, [
    [7, 1],
    [36, 6],
    [6, 1],
    [6, 1],
    [whole.readBins.length, 1],
  ]);
  assert.ok(charts.every((chart) => /<title id=/.test(chart) && /<desc id=/.test(chart)));
});

test('what is not known has points without a law, or nothing, and is named', () => {
  const silent = cellFitPage(fitOf({ times: [20] }));
  assert.match(silent, /Programming noise fitted, drift not known, read noise not known\./);
  assert.equal(silent.match(/<svg viewBox/g)!.length, 1);
  const unread = cellFitPage(fitOf({}));
  const charts = unread.match(/<svg viewBox[\s\S]*?<\/svg>/g)!;
  assert.match(charts.at(-1)!, /relative scatter/);
  assert.ok(!charts.at(-1)!.includes('class="curve"'));
});

test('an error has two digits, and its value as many', () => {
  assert.equal(withError({ value: 0.0088179796, standardError: 0.000074 }), '0.008818 ± 0.000074');
  assert.equal(withError({ value: -1.17889, standardError: 0.217 }), '−1.18 ± 0.22');
  assert.equal(withError({ value: 12345.678, standardError: 120 }), '12346 ± 120');
  assert.equal(withError({ value: 0.047812345, standardError: null }), '0.04781 (not determined)');
  assert.equal(withError({ value: 0, standardError: 0 }), '0');
});
