// From a sweep's file to its points: the product of all axes, the sampled ones together as one, less what constraints
// leave out. Points come one by one, the last axis changing fastest, so that a million of them need no memory.

import { UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { readExpression } from './expression.ts';
import { samplePoints } from './samples.ts';
import type { Axis, AxisRange, SweepFile } from './sweep-file.ts';

/** The values of all axes at one point, by name, in the order of the axes. */
export type PointValues = Readonly<Record<string, Json>>;

/** Values of some axes that belong together. */
type Column = readonly PointValues[];

/** Points before constraints. */
export function gridSize(file: SweepFile): number {
  return columnsOf(file).reduce((product, column) => product * column.length, 1);
}

/**
 * The points of a sweep. A sweep without axes is its base.
 *
 * @throws UsageError if a constraint can't be evaluated
 */
export function* pointsOf(file: SweepFile): Generator<PointValues> {
  const columns = columnsOf(file);
  const names = file.axes.map(({ name }) => name);
  const conditions = file.where.map((text) => ({ text, holds: readExpression(text, names) }));
  const total = gridSize(file);
  for (let index = 0; index < total; index++) {
    let rest = index;
    const chosen: PointValues[] = [];
    for (let c = columns.length - 1; c >= 0; c--) {
      const column = columns[c]!;
      chosen[c] = column[rest % column.length]!;
      rest = Math.floor(rest / column.length);
    }
    const all: Record<string, Json> = Object.assign({}, ...chosen);
    const values = Object.fromEntries(names.map((name) => [name, all[name]!]));
    const isKept = conditions.every(({ text, holds }) => {
      const value = holds(values);
      if (typeof value !== 'boolean')
        throw new UsageError(`where "${text}": expected a condition, true or false, got ${value}`);
      return value;
    });
    if (isKept) yield values;
  }
}

/** The axes as columns of values; those that are sampled together are one, in the place of the first. */
function columnsOf({ axes, sample }: SweepFile): Column[] {
  const sampled = axes.filter(isSampled);
  return axes.flatMap((axis): Column[] => {
    if (!isSampled(axis)) return [valuesOf(axis).map((value) => ({ [axis.name]: value }))];
    if (axis !== sampled[0] || sample === undefined) return [];
    const points = samplePoints(sample, sampled.length);
    return [
      points.map((point) =>
        Object.fromEntries(
          sampled.map(({ name, values }, d) => [name, numberAt(values as AxisRange, point[d]!)]),
        ),
      ),
    ];
  });
}

function isSampled({ values }: Axis): boolean {
  return values.kind === 'range' && values.count === undefined;
}

/** The values of an axis that is not sampled. */
function valuesOf({ values }: Axis): readonly Json[] {
  switch (values.kind) {
    case 'list':
      return values.values;
    case 'seeds':
      return values.seeds;
    case 'range': {
      const count = values.count ?? 1;
      const all = Array.from({ length: count }, (_, k) =>
        numberAt(values, count === 1 ? 0 : k / (count - 1)),
      );
      // Rounded numbers may meet.
      return [...new Set(all)];
    }
  }
}

/** The number at a share of the way. Twelve digits, so that 0.1 + 0.2 is 0.3. */
function numberAt({ from, to, scale = 'linear', whole = false }: AxisRange, share: number): number {
  const value = scale === 'linear' ? from + (to - from) * share : from * (to / from) ** share;
  return whole ? Math.round(value) : Number(value.toPrecision(12));
}
