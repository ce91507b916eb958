// Words and numbers as every report says them: names of methods, accuracies with their interval, the verdict.
// Left out: statistics; a record comes with its means and intervals.

import { formatTime, type Seconds } from '../base/units.ts';
import {
  type AccuracyAtTime,
  COMPENSATION_METHODS,
  type CompensationMethod,
  type ExperimentRecord,
  type NetworkResult,
  type NoiseSweepPoint,
} from '../experiment/record.ts';

/** What people call a method. */
export const METHOD_NAMES: { readonly [M in CompensationMethod]: string } = {
  none: 'no compensation',
  global: 'global',
  'per-column': 'per column',
  adabs: 'AdaBS',
};

/** A share as `91.23 %`. */
export function formatPercent(share: number, digits = 2): string {
  return `${formatPercentCell(share, digits)} %`;
}

/** The same for a table in percent, without the sign. */
export function formatPercentCell(share: number, digits = 2): string {
  return formatFixed(100 * share, digits);
}

/** Mean accuracy with the half width of its 95 % interval: `91.23 ± 0.12 %`; without one, only the mean. */
export function formatAccuracy(accuracy: AccuracyAtTime): string {
  return `${formatAccuracyCell(accuracy)} %`;
}

/** The same for a table in percent, without the sign. */
export function formatAccuracyCell({ mean, interval95 }: AccuracyAtTime): string {
  const percent = formatPercentCell(mean);
  if (interval95 === undefined) return percent;
  return `${percent} ± ${formatPercentCell((interval95[1] - interval95[0]) / 2)}`;
}

/** A number with `digits` decimals and a real minus sign; never −0. */
export function formatFixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** A number at an axis, without the noise of its last bits. */
export function formatTick(value: number): string {
  return String(Number(value.toPrecision(6)));
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

/**
 * The outcome at the last time in one sentence: the highest mean accuracy, how far it is below the digital one, what it
 * is without compensation, and what each other network reaches at best. A comparison of means, not a test of significance.
 */
export function verdict(record: ExperimentRecord): string {
  const last = timesOf(record).at(-1);
  if (last === undefined) return 'No network was deployed.';
  const bests = record.networks.flatMap((network) => bestAt(network, last));
  const best = bests.reduce((a, b) => (b.result.mean > a.result.mean ? b : a));
  const { network, result } = best;
  const results = bests.flatMap(({ network: { deployed } }) =>
    deployed.filter(({ timeSeconds }) => timeSeconds === last),
  );
  if (results.length > 1 && results.every(({ mean }) => mean === result.mean)) {
    return `At ${formatTime(last)}, all networks and methods have the same mean accuracy, ${formatPercent(result.mean)}.`;
  }
  const plain = results.find((one) => network.deployed.includes(one) && one.method === 'none');
  const remarks = [
    `At ${formatTime(last)}, the ${results.length > 1 ? 'highest ' : ''}mean accuracy is ${formatAccuracy(result)} (${network.label}, ${METHOD_NAMES[result.method]}), ` +
      `${distance(network.digitalAccuracy - result.mean)} the digital ${formatPercent(network.digitalAccuracy)}`,
    ...(plain === undefined || plain === result
      ? []
      : [`without compensation it is ${formatAccuracy(plain)}`]),
    ...bests
      .filter((other) => other !== best)
      .map(
        (other) =>
          `${other.network.label} reaches at best ${formatAccuracy(other.result)} (${METHOD_NAMES[other.result.method]})`,
      ),
  ];
  return `${remarks.join('; ')}.`;
}

type Best = { readonly network: NetworkResult; readonly result: AccuracyAtTime };

function bestAt(network: NetworkResult, time: Seconds): Best[] {
  const results = network.deployed.filter(({ timeSeconds }) => timeSeconds === time);
  if (results.length === 0) return [];
  return [{ network, result: results.reduce((a, b) => (b.mean > a.mean ? b : a)) }];
}

function distance(loss: number): string {
  const points = formatFixed(Math.abs(100 * loss), 2);
  if (Number(points) === 0) return 'equal to';
  return `${points} percentage points ${loss > 0 ? 'below' : 'above'}`;
}
