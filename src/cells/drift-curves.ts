// Mean conductance over time, measured and by the fitted cell: what a reader compares first. For reports of a fit (fit.ts).

import { meanOf, standardDeviationOf } from '../base/statistics.ts';
import type { Microsiemens, Seconds } from '../base/units.ts';
import type { CellSpec } from './cell.ts';
import { lawValue } from './law.ts';
import type { MeasuredDevice } from './measurements.ts';

/** The devices of one target over time. */
export type DriftCurve = {
  readonly target: Microsiemens;
  /** Mean over devices at each time, and its standard error; `model` is absent without a drift law. */
  readonly points: readonly {
    readonly time: Seconds;
    readonly mean: Microsiemens;
    readonly standardError: Microsiemens;
    readonly model?: Microsiemens;
  }[];
};

/** Curves that a chart can hold. */
const MOST_CURVES = 8;
/** Times up to which each is a point of its own; beyond, eight points a decade. */
const MOST_TIMES = 40;

/**
 * Curves of targets that many devices share, spread evenly over the targets. The model's mean over devices of
 * (t/t₀)^−ν, ν = N(μ, σ²), is exp(−μ L + σ² L² / 2) with L = ln(t/t₀), starting at the measured mean at t₀.
 *
 * @param levels number of levels of the fit; with more targets than that, targets are too many to be shown one by one
 */
export function driftCurvesOf(
  devices: readonly MeasuredDevice[],
  { cell, levels }: { readonly cell: CellSpec; readonly levels: number },
): readonly DriftCurve[] {
  const byTarget = [...Map.groupBy(devices, ({ target }) => target)]
    .filter(([target]) => target > 0)
    .sort(([a], [b]) => a - b);
  if (byTarget.length === 0 || byTarget.length > levels) return [];
  const count = Math.min(MOST_CURVES, byTarget.length);
  const chosen = Array.from(
    { length: count },
    (_, k) => byTarget[count === 1 ? 0 : Math.round((k * (byTarget.length - 1)) / (count - 1))]!,
  );
  return chosen.map(([target, same]) => curveOf(target, same, cell));
}

function curveOf(target: Microsiemens, devices: readonly MeasuredDevice[], cell: CellSpec): DriftCurve {
  const { drift, driftReferenceSeconds: t0, gMaxMicrosiemens: gMax } = cell;
  const reads = devices.flatMap(({ times, conductances }) =>
    times.map((time, j) => ({ time, g: conductances[j]! })),
  );
  const isMany = new Set(reads.map(({ time }) => time)).size > MOST_TIMES;
  const groups = Map.groupBy(reads, ({ time }) => (isMany ? Math.round(8 * Math.log10(time)) : time));
  const measured = [...groups.values()]
    .map((group) => {
      const values = group.map(({ g }) => g);
      return {
        time: Math.exp(meanOf(group.map(({ time }) => Math.log(time)))),
        mean: meanOf(values),
        standardError: standardDeviationOf(values) / Math.sqrt(values.length),
      };
    })
    .sort((a, b) => a.time - b.time);
  if (drift.kind === 'none') return { target, points: measured };
  const [mu, sigma] = [drift.exponentMean, drift.exponentSpread].map((law) =>
    lawValue(law, target / gMax),
  ) as [number, number];
  const factor = (time: Seconds): number => {
    const age = Math.log(time / t0);
    return Math.exp(-mu * age + (sigma * age) ** 2 / 2);
  };
  const [first] = measured;
  const start = first!.mean / factor(first!.time);
  return { target, points: measured.map((point) => ({ ...point, model: start * factor(point.time) })) };
}
