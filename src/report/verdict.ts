// The outcome of an experiment in a few sentences, which claim only what intervals support: two results are compared
// chip by chip, and if the interval of their difference includes 0 the sentences do not rank them. Left out: the spread
// over trainings and over the choice of test images; a record has one of each.

import { type Estimate, pairedDifference } from '../base/statistics.ts';
import type { AccuracyAtTime, ExperimentRecord, NetworkResult } from '../experiment/record.ts';
import {
  formatAccuracy,
  formatAccuracyCell,
  formatChips,
  formatPercent,
  isToldApart,
  listed,
  METHOD_NAMES,
  resultAt,
  timesOf,
  timeText,
} from './wording.ts';

/** Most other networks that have a sentence of their own. */
const MOST_OTHERS = 3;

/** A network with one of its results. */
type Found = { readonly network: NetworkResult; readonly result: AccuracyAtTime };

/**
 * The outcome at the last time: the accuracy of the best network and its distance from the digital accuracy, the
 * methods that do not differ from its best one, and the comparison with the other networks.
 *
 * Networks are compared on the chips that both have: chip k of every network is made with the same draws, so
 * differences are paired.
 */
export function verdict(record: ExperimentRecord): string {
  const last = timesOf(record).at(-1);
  if (last === undefined) return 'No network was deployed.';
  const bests = record.networks.flatMap((network) => bestAt(network, last));
  const best = bests.reduce((a, b) => (b.result.mean > a.result.mean ? b : a));
  const results = bests.flatMap(({ network }) => resultsAt(network, last));
  const when = `At ${timeText(last)}`;
  const { accuracies } = best.result;
  if (
    results.length > 1 &&
    results.every((one) => one.accuracies.every((value) => value === accuracies[0]))
  ) {
    return `${when}, all networks and methods have the same accuracy on every chip, ${formatPercent(best.result.mean)}.`;
  }
  return [
    `${when}, ${ofBest(best, last)}.`,
    ...ofMethods(best, last),
    ...ofOthers(
      bests.filter((other) => other !== best),
      best,
    ),
  ].join(' ');
}

function ofBest({ network, result }: Found, last: number): string {
  const plain = resultAt(network, 'none', last);
  const remark =
    plain === undefined || plain === result ? '' : `; without compensation it has ${formatAccuracy(plain)}`;
  return `${network.label} has ${formatAccuracy(result)} ${withMethod(result)}, ${fromDigital(network, result)}${remark}`;
}

function withMethod({ method }: AccuracyAtTime): string {
  return method === 'none'
    ? 'without compensation'
    : `with ${METHOD_NAMES[method]}${method === 'adabs' || method === 'lora' ? '' : ' compensation'}`;
}

function fromDigital({ digitalAccuracy }: NetworkResult, { accuracies }: AccuracyAtTime): string {
  const digital = `its digital ${formatPercent(digitalAccuracy)}`;
  const loss = pairedDifference(
    accuracies,
    accuracies.map(() => digitalAccuracy),
  );
  if (Number(formatAccuracyCell({ mean: Math.abs(loss.mean) })) === 0) return `equal to ${digital}`;
  if (loss.interval95 !== undefined && !isToldApart(loss))
    return `not told apart from ${digital} by ${formatChips(accuracies.length)}`;
  const note = loss.interval95 === undefined ? ' (one chip, so no interval)' : '';
  return `${formatAccuracyCell(sizeOf(loss))} percentage points ${loss.mean > 0 ? 'above' : 'below'} ${digital}${note}`;
}

/** The other methods of a network that do not differ from its best one within intervals. */
function ofMethods({ network, result }: Found, last: number): string[] {
  const others = resultsAt(network, last)
    .filter(
      (other) => other !== result && !isToldApart(pairedDifference(result.accuracies, other.accuracies)),
    )
    .map(({ method }) => METHOD_NAMES[method]);
  if (others.length === 0) return [];
  const chips = formatChips(result.accuracies.length);
  return [`${METHOD_NAMES[result.method]} is not told apart from ${listed(others)} by ${chips}.`];
}

/** One by one; many in one sentence. */
function ofOthers(others: readonly Found[], best: Found): string[] {
  if (others.length <= MOST_OTHERS) return others.map((other) => ofOther(other, best));
  const next = others.reduce((a, b) => (b.result.mean > a.result.mean ? b : a));
  const close = others.filter(
    ({ result }) => !isToldApart(pairedDifference(best.result.accuracies, result.accuracies)),
  );
  const names = listed(close.map(({ network }) => network.label));
  return [
    close.length === 0
      ? `All ${others.length} other networks have less.`
      : `Of ${others.length} other networks, ${names} ${close.length === 1 ? 'is' : 'are'} not told apart from it.`,
    `The next, ${ofOther(next, best)}`,
  ];
}

function ofOther({ network, result }: Found, best: Found): string {
  const reach = `${network.label} has at best ${formatAccuracy(result)} (${METHOD_NAMES[result.method]})`;
  const chips = Math.min(result.accuracies.length, best.result.accuracies.length);
  const difference = pairedDifference(best.result.accuracies, result.accuracies);
  if (difference.interval95 === undefined) return `${reach}; one chip does not tell the two apart.`;
  const paired = `paired over ${formatChips(chips)}`;
  if (!isToldApart(difference))
    return `${reach}; the two are not told apart by ${formatChips(chips)} (difference ${formatAccuracyCell(difference)} points, ${paired}).`;
  return `${reach}, ${formatAccuracyCell(sizeOf(difference))} points ${difference.mean > 0 ? 'less' : 'more'} (${paired}).`;
}

/** A difference without its sign. */
function sizeOf({ mean, interval95 }: Estimate): Estimate {
  return { mean: Math.abs(mean), ...(interval95 && { interval95 }) };
}

function resultsAt({ deployed }: NetworkResult, time: number): readonly AccuracyAtTime[] {
  return deployed.filter(({ timeSeconds }) => timeSeconds === time);
}

function bestAt(network: NetworkResult, time: number): Found[] {
  const results = resultsAt(network, time);
  if (results.length === 0) return [];
  return [{ network, result: results.reduce((a, b) => (b.mean > a.mean ? b : a)) }];
}
