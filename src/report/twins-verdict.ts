// The outcome of twins in a few sentences, which claim only what intervals support: the difference is paired by seed, and
// if its interval includes 0 the sentences do not rank the two trainings.

import type { TwinRecord } from '../experiment/twin-record.ts';
import { estimateCell, estimateText, scoreCell } from './twin-scores.ts';
import { isToldApart } from './wording.ts';

/** Both scores with their intervals, and the difference as far as the seeds tell it. */
export function twinsVerdict(record: TwinRecord): string {
  const { network, score, pairs, inFloat, difference } = record;
  const start = `Trained in the cells, ${network.name} reaches ${named(record)}`;
  const twin = `its twin in floating point (${estimateText(score, inFloat)})`;
  const points = score.isShare ? ' percentage points' : '';
  const { mean, interval95 } = difference;
  if (interval95 === undefined && Number(scoreCell(score, mean).replace('−', '-')) === 0)
    return `${start}, as ${twin}; with one seed there is no interval.`;
  if (interval95 !== undefined && !isToldApart(difference))
    return `${start}; it is not told apart from ${twin} by ${pairs.length} seeds: the difference is ${estimateCell(score, difference)}${points}, paired by seed.`;
  const size = `${estimateCell(score, { ...difference, mean: Math.abs(mean) })}${points}`;
  // Where less is better, "below" would read as a loss.
  const meaning = score.isBetter === 'higher' ? '' : mean < 0 ? ' (better)' : ' (worse)';
  const distance = `${start}, ${size} ${mean < 0 ? 'below' : 'above'}${meaning} ${twin}`;
  return interval95 === undefined
    ? `${distance}; with one seed there is no interval.`
    : `${distance}, paired by ${pairs.length} seeds.`;
}

function named({ score, inCells }: TwinRecord): string {
  const text = estimateText(score, inCells);
  return score.isShare || score.name.includes(' per ')
    ? `${text} ${score.name}`
    : `a ${score.name} of ${text}`;
}
