// Energy of a training in cells, with the pulses that it recorded, and of the network that it leaves.

import type { Part } from '../cost/energy.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';
import { evidenceSentence, formatEnergy, formatRange, intervalSentence, PART_NAMES } from './cost-wording.ts';
import { markup } from './markup.ts';
import { numberHeads, type Section, table } from './page-parts.ts';

/** Section on energy; none if the hardware of the training has no cost. */
export function twinCostSection({ cost }: TwinRecord): Section | undefined {
  if (cost === undefined) return undefined;
  const { inference, training } = cost;
  const saved = training.digitalPicojoules / training.picojoules;
  const row = (name: string, picojoules: number | null, evidence: string) =>
    markup`<tr><th scope="row">${name}</th><td>${picojoules === null ? 'unknown' : formatEnergy(picojoules)}</td><td class="text">${picojoules === null ? '' : evidence}</td></tr>`;
  const head = (what: string) =>
    markup`<tr><th scope="col">${what}</th>${numberHeads(['energy'])}<th scope="col">evidence</th></tr>`;
  const gaps = [...new Set([...training.gaps, ...inference.gaps])];
  const body = markup`<p>On the tiles and converters of this training, for one example; constants of the cost <code>${inference.cost}</code>. Training takes ${formatRange(training)}, the finished network ${formatRange(inference.energy.chip)} on the chip. The same training in 32-bit arithmetic at 14 nm takes ${formatEnergy(training.digitalPicojoules)} by an estimate of ours, ${Number(saved.toPrecision(2))} times the lower end. ${intervalSentence(inference)} ${evidenceSentence(inference)}</p>
${table({
  caption: `Training, batches of ${training.batchSize}`,
  head: head('step'),
  body: training.terms.map(({ step, picojoules, evidence }) => row(step, picojoules, evidence)),
})}
${table({
  caption: 'The finished network',
  head: head('part'),
  body: inference.breakdown.map(({ part, picojoules, evidence }) =>
    row(PART_NAMES[part satisfies Part], picojoules, evidence),
  ),
})}
<p>Not in these sums: ${gaps.join('; ')}.</p>`;
  return { id: 'cost', title: 'Energy', body };
}
