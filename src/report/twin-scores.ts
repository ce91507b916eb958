// Scores of twins as text: per cent where they are shares, else amounts in the unit that their name says. Common to
// table and page.

import type { Estimate } from '../base/statistics.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';
import { formatFixed } from './wording.ts';

/** What is scored; only shares are read in per cent. */
export type ScoreKind = { readonly name: string; readonly isShare?: boolean };

/** Most decimals of per cents, and of amounts: a percent of a percent is one image of 10,000. */
const DECIMALS = { share: 2, amount: 4 } as const;

/** The name of a score with its unit: `accuracy (%)`. */
export function scoreTitle({ name, isShare = false }: ScoreKind): string {
  return isShare ? `${name} (%)` : name;
}

/** What the epochs of a record score. */
export function historyScoreOf({ score, historyScore }: TwinRecord): ScoreKind {
  return historyScore ?? score;
}

/** A score as a number to draw or print: per cents of a share. */
export function scoreNumber({ isShare = false }: ScoreKind, value: number): number {
  return isShare ? 100 * value : value;
}

/** A score without unit: `97.68`, `1.4321`. */
export function scoreCell(score: ScoreKind, value: number): string {
  return formatFixed(scoreNumber(score, value), mostDecimals(score));
}

/** A mean with the half width of its 95 % interval, which keeps two digits: `97.68 ± 0.06`; without one, only the mean. */
export function estimateCell(score: ScoreKind, { mean, interval95 }: Estimate): string {
  if (interval95 === undefined) return scoreCell(score, mean);
  const half = scoreNumber(score, (interval95[1] - interval95[0]) / 2);
  const most = mostDecimals(score);
  const decimals =
    half > 0 ? Math.min(most, Math.max(0, 1 - Math.floor(Math.log10(Number(half.toPrecision(2)))))) : most;
  return `${formatFixed(scoreNumber(score, mean), decimals)} ± ${formatFixed(half, decimals)}`;
}

/** The same in a sentence: `97.68 ± 0.06 %`. */
export function estimateText(score: ScoreKind, estimate: Estimate): string {
  return `${estimateCell(score, estimate)}${score.isShare === true ? ' %' : ''}`;
}

/** A difference with its sign: `+0.52 ± 0.11`; of shares in percentage points. */
export function differenceCell(score: ScoreKind, difference: Estimate): string {
  const text = estimateCell(score, difference);
  return /^[0.]*[1-9]/.test(text) ? `+${text}` : text;
}

function mostDecimals({ isShare = false }: ScoreKind): number {
  return isShare ? DECIMALS.share : DECIMALS.amount;
}
