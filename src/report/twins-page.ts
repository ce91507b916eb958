// Twins as one HTML page, in the form of html.ts: charts as SVG, their numbers as tables, every setting, how to repeat it.

import { deviceOfRule } from '../experiment/trained-device.ts';
import { type TwinRecord, twinSettings } from '../experiment/twin-record.ts';
import type { UpdateRuleSettings } from '../insitu/settings.ts';
import { markup } from './markup.ts';
import { type Page, pageText } from './page.ts';
import type { Section } from './page-parts.ts';
import { settingsTable } from './settings-section.ts';
import { afterwardsSection } from './twins-afterwards-section.ts';
import { twinCellsSection, twinLayersSection } from './twins-cells-section.ts';
import { twinCostSection } from './twins-cost-section.ts';
import { twinCurvesSection, twinPulsesSection } from './twins-epochs-section.ts';
import { picturesSection, twinPublishedSection, twinScoresSection } from './twins-scores-section.ts';
import { twinsVerdict } from './twins-verdict.ts';
import { formatCount, formatEpochs } from './wording.ts';

/** Sections in the order of the page; those for which a record has no content are left out. */
const SECTIONS: readonly ((record: TwinRecord) => Section | undefined)[] = [
  twinScoresSection,
  twinPublishedSection,
  picturesSection,
  twinCurvesSection,
  twinPulsesSection,
  twinCellsSection,
  twinLayersSection,
  afterwardsSection,
  twinCostSection,
  twinSettingsSection,
  twinRepeatSection,
];

/**
 * A record of twins as a complete HTML document. Text from the record is escaped. The page loads nothing but the
 * pictures that the record names, from its own folder.
 */
export function twinsPage(record: TwinRecord): string {
  return pageText({
    title: record.title,
    kicker: 'ohmic twins',
    summary: twinsVerdict(record),
    facts: factsOf(record),
    sections: SECTIONS.flatMap((sectionOf) => sectionOf(record) ?? []),
    hasPictures: (record.pictures ?? []).length > 0,
  });
}

/** Names of update rules for people. */
const RULES: { readonly [K in UpdateRuleSettings['kind']]: string } = {
  sgd: 'stochastic gradient descent',
  adam: 'Adam',
  adamw: 'AdamW',
  'mixed-precision': 'mixed precision',
  pulsed: 'in-memory descent',
  'tiki-taka': 'Tiki-Taka',
};

function factsOf({ dataset, network, settings, pairs, ohmic, machine }: TwinRecord): Page['facts'] {
  const { rule, hardware, epochs } = settings;
  const device = 'device' in rule ? rule.device.name : undefined;
  return [
    ['data', dataset],
    [
      'network',
      `${network.name}, ${formatCount(network.weights)} parameters, ${formatCount(network.analogWeights)} on crossbars`,
    ],
    ['rule', `${RULES[rule.kind]}${device === undefined ? '' : ` on ${device}`}`],
    ['hardware', hardware?.name ?? 'ideal periphery'],
    [
      'training',
      `${formatEpochs(epochs)}, ${pairs.length === 1 ? 'seed' : 'seeds'} ${pairs.map(({ seed }) => seed).join(', ')}`,
    ],
    ['made with', `ohmic ${ohmic}, ${machine.backend}`],
  ];
}

function twinSettingsSection({ settings, afterwards }: TwinRecord): Section {
  const { hardware, ...training } = settings;
  const { rule } = settings;
  const columns = [training, twinSettings(settings)].map((value, index) => ({
    label: index === 0 ? 'in cells' : 'in floating point',
    value:
      'device' in value.rule ? { ...value, rule: { ...value.rule, device: value.rule.device.name } } : value,
  }));
  const device = deviceOfRule(rule) ?? ('device' in rule ? rule.device : undefined);
  const evaluation = afterwards?.[0]?.evaluation;
  const body = markup`<h3>Training and rule</h3>
${settingsTable('Bold values differ between the twins.', columns)}
${device === undefined ? [] : markup`<h3>Device</h3>${settingsTable(device.name, [{ label: 'value', value: device }])}`}
${hardware === undefined ? [] : markup`<h3>Hardware of the training in cells</h3>${settingsTable(hardware.name, [{ label: 'value', value: hardware }])}`}
${evaluation === undefined ? [] : markup`<h3>Afterwards</h3>${settingsTable('How the trained cells were measured.', [{ label: 'value', value: evaluation }])}`}`;
  return { id: 'settings', title: 'Settings', body };
}

function twinRepeatSection({ command, ohmic, format, machine, dataset, pairs }: TwinRecord): Section {
  const about = { ohmic, format, seeds: pairs.map(({ seed }) => seed), machine, dataset };
  const body = markup`<pre><code>${command}</code></pre>
${settingsTable('The same seeds and version on the same backend give the same numbers.', [{ label: 'value', value: about }])}`;
  return { id: 'repeat', title: 'Repeat it', body };
}
