// The outcome of twins in a few sentences, which claim only what intervals support: the difference is paired by seed, and
// if its interval includes 0 the sentences do not rank the two trainings.

import type { TwinRecord } from '../experiment/twin-record.ts';
import { estimateCell, estimateText, scoreCell } from './twin-scores.ts';
import { isToldApart } from './wording.ts';

/** Both scores with their intervals, and the difference as far as the seeds tell it. */
export function twinsVerdict(record: TwinRecord): string {
  const { network, score, pairs, inCells, inFloat, difference } = record;
  const seeds = pairs.length === 1 ? 'one seed' : `${pairs.length} seeds`;
  const both = `Trained in the cells, ${network.name} reaches ${named(record, estimateText(score, inCells))}, in floating point ${estimateText(score, inFloat)}`;
  const size = estimateCell(score, { ...difference, mean: Math.abs(difference.mean) });
  const amount = `${size}${score.isShare ? ' percentage points' : ''}`;
  if (Number(scoreCell(score, Math.abs(difference.mean))) === 0 && difference.interval95 === undefined)
    return `${both}: the same, with one seed.`;
  const isLess = difference.mean < 0;
  // Where less is better, "below" would read as a loss.
  const verdict = (score.isBetter === 'lower') === isLess ? ', which is better' : ', which is worse';
  const place = `${amount} ${isLess ? 'below' : 'above'}${score.isBetter === 'lower' ? verdict : ''}`;
  if (difference.interval95 === undefined)
    return `${both}: ${place}, with one seed, so there is no interval.`;
  if (!isToldApart(difference))
    return `${both}. The two are not told apart by ${seeds}: the difference is ${estimateCell(score, difference)}${score.isShare ? ' percentage points' : ''}, paired by seed.`;
  return `${both}: ${place}, paired by ${seeds}.`;
}

function named({ score: { name, isShare } }: TwinRecord, text: string): string {
  if (isShare) return `${text} ${name}`;
  return name.includes(' per ') ? `${text} ${name}` : `a ${name} of ${text}`;
}
