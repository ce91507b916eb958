// The result of an experiment as one self-contained page: no script, no font, no network. It is made for screens, light
// or dark, and for paper.

import type { ExperimentRecord } from '../experiment/record.ts';
import { accuracySection } from './accuracy-section.ts';
import { attributionSection } from './attribution-section.ts';
import { conductanceSection } from './conductance-section.ts';
import { type Markup, markup } from './markup.ts';
import { noiseSweepSection } from './noise-sweep-section.ts';
import { type Section, unbroken } from './page-parts.ts';
import { publishedSection } from './published-section.ts';
import { layerSection, repeatSection, settingsSection } from './settings-section.ts';
import { STYLE } from './style.ts';
import { trainingSection } from './training-section.ts';
import { verdict } from './verdict.ts';
import { weightErrorSection } from './weight-error-section.ts';
import { formatCount } from './wording.ts';

/** Sections in the order of the page; those for which a record has no content are left out. */
const SECTIONS: readonly ((record: ExperimentRecord) => Section | undefined)[] = [
  accuracySection,
  publishedSection,
  attributionSection,
  noiseSweepSection,
  conductanceSection,
  weightErrorSection,
  trainingSection,
  layerSection,
  settingsSection,
  repeatSection,
];

/**
 * A record as a complete HTML document: charts as SVG, their numbers as tables, every setting, how to repeat it. Each
 * section has an anchor, which the contents list names.
 *
 * Text from the record is escaped; a content security policy forbids scripts and anything from outside.
 */
export function toHtml(record: ExperimentRecord): string {
  const sections = SECTIONS.flatMap((sectionOf) => sectionOf(record) ?? []);
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${record.title}</title>
<style>${{ source: STYLE }}</style>
</head>
<body>
<main>
${head(record)}
${contents(sections)}
${sections.map(({ id, title, body }) => markup`<section id="${id}" aria-labelledby="${id}-heading">\n<h2 id="${id}-heading">${title}</h2>\n${body}\n</section>\n`)}
</main>
</body>
</html>
`;
  return page.source;
}

function contents(sections: readonly Section[]): Markup {
  const items = sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`);
  return markup`<nav aria-labelledby="contents-heading"><h2 id="contents-heading">Contents</h2><ol>${items}</ol></nav>`;
}

function head(record: ExperimentRecord): Markup {
  const { dataset, hardware, evaluation, seed, ohmic, machine, networks } = record;
  // Training data of the networks; older files do not have it.
  const counts = networks.map(({ training }) => training.trainImages ?? dataset.trainImages);
  const trainImages = counts.length === 0 ? [dataset.trainImages] : [...new Set(counts)];
  const facts: readonly (readonly [string, string])[] = [
    ['data', `${dataset.name}, ${dataset.classes} classes`],
    [
      'images',
      `${trainImages.map(formatCount).join(' or ')} training, ${formatCount(evaluation.testImages ?? dataset.testImages)} test`,
    ],
    ['hardware', hardware.name],
    ['cell', `${hardware.cell.name}, Gmax ${hardware.cell.gMaxMicrosiemens} µS`],
    ['chips', `${evaluation.chips}, seed ${seed}`],
    ['made with', `ohmic ${ohmic}, ${machine.backend}`],
  ];
  return markup`<header>
<p class="kicker">ohmic experiment</p>
<h1>${record.title}</h1>
<p class="summary">${unbroken(verdict(record))}</p>
<dl>${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>`;
}
