// Words and numbers in the form of all reports: names of methods, times, accuracies with as many digits as their
// interval supports. Left out: statistics; a record comes with its means and intervals.

import type { Estimate } from '../base/statistics.ts';
import { DAY, formatTime, HOUR, MINUTE, MONTH, type Seconds, YEAR } from '../base/units.ts';
import {
  type AccuracyAtTime,
  COMPENSATION_METHODS,
  type CompensationMethod,
  type NetworkResult,
  type NoiseSweepPoint,
} from '../experiment/record.ts';

/** Name of a method for people. */
export const METHOD_NAMES: { readonly [M in CompensationMethod]: string } = {
  none: 'no compensation',
  global: 'global',
  'per-column': 'per column',
  adabs: 'AdaBS',
  lora: 'LoRA',
};

/** A share as `91.23 %`. */
export function formatPercent(share: number, digits = 2): string {
  return `${formatPercentCell(share, digits)} %`;
}

/** The same for a table in percent, without the sign. */
export function formatPercentCell(share: number, digits = 2): string {
  return formatFixed(100 * share, digits);
}

/**
 * Mean with the half width of its 95 % interval: `91.23 ± 0.12 %`, `63.0 ± 5.0 %`; without one, only the mean. The half
 * width keeps two digits, the mean as many decimals, at most two: a percent of a percent is one image of 10,000.
 */
export function formatAccuracy(accuracy: Estimate): string {
  return `${formatAccuracyCell(accuracy)} %`;
}

/** The same for a table in percent, without the sign. */
export function formatAccuracyCell({ mean, interval95 }: Estimate): string {
  if (interval95 === undefined) return formatPercentCell(mean);
  const half = (interval95[1] - interval95[0]) / 2;
  const digits = decimalsFor(100 * half);
  return `${formatPercentCell(mean, digits)} ± ${formatPercentCell(half, digits)}`;
}

/** A difference of accuracies in percentage points with its sign: `+0.52 ± 0.11`, `−1.30`. */
export function formatPoints(difference: Estimate): string {
  const text = formatAccuracyCell(difference);
  const isPositive = Number(text.split(' ')[0]!.replace('−', '-')) > 0;
  return isPositive ? `+${text}` : text;
}

/** True if the interval of a difference does not include 0; false without an interval. */
export function isToldApart({ interval95 }: Estimate): boolean {
  return interval95 !== undefined && (interval95[0] > 0 || interval95[1] < 0);
}

/** Decimals at which a half width shows two digits, 0 to 2. */
function decimalsFor(half: number): number {
  if (!(half > 0)) return 2;
  const magnitude = Math.floor(Math.log10(Number(half.toPrecision(2))));
  return Math.min(2, Math.max(0, 1 - magnitude));
}

/** A time in reports: as `formatTime`, but in seconds if that would round: `1000 s`, not `16.7 min`. */
export function timeText(seconds: Seconds): string {
  const isRound = [MINUTE, HOUR, DAY, MONTH, YEAR].every(
    (unit) => seconds < unit || Number((seconds / unit).toPrecision(3)) === seconds / unit,
  );
  return isRound || seconds >= 10_000 || !Number.isInteger(seconds) ? formatTime(seconds) : `${seconds} s`;
}

/** `one chip`, `25 chips`. */
export function formatChips(chips: number): string {
  return chips === 1 ? 'one chip' : `${formatCount(chips)} chips`;
}

/** Names in a row: `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** A number with `digits` decimals and a real minus sign; never −0. */
export function formatFixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** A number at an axis, rounded to hide its last bits. */
export function formatTick(value: number): string {
  return String(Number(value.toPrecision(6))).replace('-', '−');
}

/** A count with its thousands set apart by narrow spaces. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** `1 epoch`, `30 epochs`. */
export function formatEpochs(epochs: number): string {
  return `${formatCount(epochs)} ${epochs === 1 ? 'epoch' : 'epochs'}`;
}

/** An amount of training noise: `η = 3.8 %`. */
export function formatEta({ relativeToMax }: Pick<NoiseSweepPoint, 'relativeToMax'>): string {
  return `η = ${Number((100 * relativeToMax).toPrecision(6))} %`;
}

/** Networks with what was measured on their chips. */
type Deployed = { readonly networks: readonly Pick<NetworkResult, 'deployed'>[] };

/** All times at which a network was evaluated, in order. */
export function timesOf({ networks }: Deployed): readonly Seconds[] {
  const times = networks.flatMap(({ deployed }) => deployed.map(({ timeSeconds }) => timeSeconds));
  return [...new Set(times)].sort((a, b) => a - b);
}

/** All methods that were evaluated, in the order of reports. */
export function methodsOf({ networks }: Deployed): readonly CompensationMethod[] {
  return COMPENSATION_METHODS.filter((method) =>
    networks.some(({ deployed }) => deployed.some((result) => result.method === method)),
  );
}

/** Results of one network under one method, in the order of time. */
export function resultsOf(
  { deployed }: NetworkResult,
  method: CompensationMethod,
): readonly AccuracyAtTime[] {
  return deployed.filter((result) => result.method === method).sort((a, b) => a.timeSeconds - b.timeSeconds);
}

/** The result of one network under one method at one time; undefined where there is none. */
export function resultAt(
  { deployed }: Pick<NetworkResult, 'deployed'>,
  method: CompensationMethod,
  time: Seconds,
): AccuracyAtTime | undefined {
  return deployed.find((result) => result.method === method && result.timeSeconds === time);
}
