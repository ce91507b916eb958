// Results of a sweep, summed up: one mean for each setting of the axes that are no replicates, network, time and method.
// What reports are made from; the rows themselves stay in the table.

import { UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import type { Seconds } from '../base/units.ts';
import type { CompensationMethod } from '../experiment/compensation-method.ts';
import { evaluateExpression } from './expression.ts';
import { type ReplicatedMean, replicatedMean } from './replicates.ts';
import type { SweepFile } from './sweep-file.ts';
import { canonicalText } from './works.ts';

/** One accuracy with everything that it belongs to: a row of the table. */
export type SweepRow = {
  /** Number of the point, from 1. */
  readonly point: number;
  /** Values of all axes. */
  readonly values: Readonly<Record<string, Json>>;
  /** Label of the network. */
  readonly network: string;
  readonly digitalAccuracy: number | undefined;
  /** Number of the chip, from 1. */
  readonly chip: number;
  readonly timeSeconds: Seconds;
  readonly method: CompensationMethod;
  readonly accuracy: number;
};

/** One setting of the axes, over all its replicates. */
export type SweepGroup = {
  /** Values of the axes that are no replicates. */
  readonly values: Readonly<Record<string, Json>>;
  readonly network: string;
  /** Over seeds. */
  readonly digital?: ReplicatedMean;
  /** What a point costs; absent if the file does not say. */
  readonly cost?: number;
  readonly results: readonly (ReplicatedMean & {
    readonly timeSeconds: Seconds;
    readonly method: CompensationMethod;
  })[];
};

/** A point that failed. */
export type FailedPoint = {
  readonly point: number;
  readonly values: Readonly<Record<string, Json>>;
  readonly reason: string;
};

/** What a report on a sweep says. */
export type SweepSummary = {
  readonly name: string;
  readonly ohmic: string;
  readonly command: string;
  readonly file: SweepFile;
  readonly points: number;
  /** Points whose results are complete. */
  readonly donePoints: number;
  readonly failed: readonly FailedPoint[];
  /** Descriptions of the backends at work; several: last bits may differ. */
  readonly backends: readonly string[];
  readonly groups: readonly SweepGroup[];
};

/** The axes that are replicates. */
export function replicateAxes({ axes }: Pick<SweepFile, 'axes'>): string[] {
  return axes.filter(({ values }) => values.kind === 'seeds').map(({ name }) => name);
}

type Collected = {
  readonly values: Readonly<Record<string, Json>>;
  readonly network: string;
  /** By point: its digital accuracy. */
  readonly digital: Map<number, number>;
  /** By time and method, then by point. */
  readonly results: Map<
    string,
    { timeSeconds: Seconds; method: CompensationMethod; points: Map<number, number[]> }
  >;
};

/** Sums rows up; groups are in the order of their first rows. Holds the accuracies, nothing else of the rows. */
export function summarizeRows(
  file: Pick<SweepFile, 'axes' | 'cost'>,
  rows: Iterable<SweepRow>,
): SweepGroup[] {
  const replicates = replicateAxes(file);
  const groups = new Map<string, Collected>();
  for (const row of rows) {
    const values = Object.fromEntries(
      Object.entries(row.values).filter(([name]) => !replicates.includes(name)),
    );
    const key = canonicalText([values, row.network]);
    let group = groups.get(key);
    if (group === undefined) {
      group = { values, network: row.network, digital: new Map(), results: new Map() };
      groups.set(key, group);
    }
    if (row.digitalAccuracy !== undefined) group.digital.set(row.point, row.digitalAccuracy);
    const { timeSeconds, method, point } = row;
    const at = `${timeSeconds} ${method}`;
    let result = group.results.get(at);
    if (result === undefined) {
      result = { timeSeconds, method, points: new Map() };
      group.results.set(at, result);
    }
    const known = result.points.get(point);
    if (known === undefined) result.points.set(point, [row.accuracy]);
    else known.push(row.accuracy);
  }
  return [...groups.values()].map(({ values, network, digital, results }) => ({
    values,
    network,
    ...(digital.size > 0 && { digital: replicatedMean([...digital.values()].map((accuracy) => [accuracy])) }),
    ...costOf(file, values),
    results: [...results.values()].map(({ timeSeconds, method, points }) => ({
      timeSeconds,
      method,
      ...replicatedMean([...points.values()]),
    })),
  }));
}

function costOf({ cost }: Pick<SweepFile, 'cost'>, values: SweepGroup['values']): { readonly cost?: number } {
  if (cost === undefined) return {};
  return { cost: pointCost(cost, values) };
}

/**
 * What a point costs.
 *
 * @throws UsageError if that is no finite number
 */
export function pointCost(cost: string, values: SweepGroup['values']): number {
  const value = evaluateExpression(cost, values);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new UsageError(`cost: expected a finite number, got ${value} from "${cost}"`);
}
