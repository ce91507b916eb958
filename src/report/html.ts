// The result of an experiment as one self-contained page: no script, no font, no network. It is made for screens, light
// or dark, and for paper.

import type { ExperimentRecord } from '../experiment/record.ts';
import { accuracySection } from './accuracy-section.ts';
import { attributionSection } from './attribution-section.ts';
import { conductanceSection } from './conductance-section.ts';
import { costSection } from './cost-section.ts';
import { noiseSweepSection } from './noise-sweep-section.ts';
import { type Page, pageText } from './page.ts';
import type { Section } from './page-parts.ts';
import { publishedSection } from './published-section.ts';
import { layerSection, repeatSection, settingsSection } from './settings-section.ts';
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
  costSection,
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
  return pageText({
    title: record.title,
    kicker: 'ohmic experiment',
    summary: verdict(record),
    facts: factsOf(record),
    sections: SECTIONS.flatMap((sectionOf) => sectionOf(record) ?? []),
  });
}

function factsOf(record: ExperimentRecord): Page['facts'] {
  const { dataset, hardware, evaluation, seed, ohmic, machine, networks } = record;
  // Training data of the networks; older files do not have it.
  const counts = networks.map(({ training }) => training.trainImages ?? dataset.trainImages);
  const trainImages = counts.length === 0 ? [dataset.trainImages] : [...new Set(counts)];
  return [
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
}
