// The shapes of laws that fits try (fit-law.ts): polynomials, lines in ln g between limits, powers with a limit; for each
// where a fit may start. Which levels lie at a limit is tried out, because least squares alone do not find that.

import { type Law, lawValue } from './law.ts';
import { linearFit, type Observation } from './least-squares.ts';

const HIGHEST_DEGREE = 3;

/** A shape with the parameters that levels determine; the others follow from them. */
export type Shape = {
  readonly start: readonly number[];
  readonly names: readonly string[];
  readonly lawOf: (parameters: readonly number[]) => Law;
};

const powersOf =
  (count: number) =>
  (g: number): number[] =>
    Array.from({ length: count }, (_, k) => g ** k);

/** Polynomials of the given degree, or of every degree that leaves something to test. */
export function polynomialShapes(
  rough: readonly Observation[],
  degree: number | undefined,
): readonly Shape[] {
  const degrees = degree === undefined ? [0, 1, 2, HIGHEST_DEGREE] : [degree];
  const most = new Set(rough.map(({ at }) => at)).size - 1;
  // As many parameters as levels leave nothing to test; with one or two levels there is no other way.
  const tested = degrees.filter(
    (d) => d <= (degree === undefined ? Math.max(most - 1, Math.min(most, 1)) : most),
  );
  return (tested.length > 0 ? tested : [Math.max(0, most)]).flatMap((d) => {
    const start = linearFit(rough, powersOf(d + 1))?.parameters;
    return start === undefined
      ? []
      : [
          {
            start,
            names: start.map((_, k) => `coefficients.${k}`),
            lawOf: (coefficients: readonly number[]): Law => ({ kind: 'polynomial', coefficients }),
          },
        ];
  });
}

/** A weighted mean. */
const meanValue = (some: readonly Observation[]): number =>
  some.reduce((sum, { value, variance }) => sum + value / variance, 0) /
  some.reduce((sum, { variance }) => sum + 1 / variance, 0);

/** Starts that are tried in full, of all divisions of the levels. */
const BEST_STARTS = 6;

/** Lines in ln g with the first levels at one limit, the last at the other; three levels at least lie between. */
export function logarithmShapes(rough: readonly Observation[]): readonly Shape[] {
  const positive = rough.filter(({ at }) => at > 0);
  const starts: { readonly shape: Shape; readonly misfit: number }[] = [];
  for (let first = 0; first + 3 <= positive.length; first++) {
    for (let last = first + 3; last <= positive.length; last++) {
      const line = linearFit(positive.slice(first, last), (g) => [Math.log(g), 1]);
      if (line === undefined || line.parameters[0] === 0) continue;
      const falls = line.parameters[0]! < 0;
      const [left, right] = [positive.slice(0, first), positive.slice(last)];
      const limits = {
        ...(left.length === 0 ? {} : { [falls ? 'high' : 'low']: meanValue(left) }),
        ...(right.length === 0 ? {} : { [falls ? 'low' : 'high']: meanValue(right) }),
      };
      const shape = logarithmShape(line.parameters as [number, number], limits);
      starts.push({ shape, misfit: misfitOf(shape, positive) });
    }
  }
  return bestOf(starts);
}

function logarithmShape(
  [slope, offset]: readonly [number, number],
  limits: { readonly low?: number; readonly high?: number },
): Shape {
  const given = Object.entries(limits);
  return {
    start: [slope, offset, ...given.map(([, value]) => value)],
    names: ['slope', 'offset', ...given.map(([name]) => name)],
    lawOf: ([slope, offset, ...rest]) => ({
      kind: 'clipped-logarithm',
      slope: slope!,
      offset: offset!,
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
      ...Object.fromEntries(given.map(([name], k) => [name, rest[k]!])),
    }),
  };
}

/** Powers of g, limited at one end. */
export function powerShapes(rough: readonly Observation[]): readonly Shape[] {
  const positive = rough.filter(({ at, value }) => at > 0 && value > 0);
  const logarithms = positive.map(({ at, value, variance }) => ({
    at,
    value: Math.log(value),
    variance: variance / value ** 2,
  }));
  const starts: { readonly shape: Shape; readonly misfit: number }[] = [];
  for (let limited = 0; limited + 3 <= positive.length; limited++) {
    for (const atLeft of limited === 0 ? [true] : [true, false]) {
      const [from, to] = atLeft ? [limited, positive.length] : [0, positive.length - limited];
      const line = linearFit(logarithms.slice(from, to), (g) => [1, Math.log(g)]);
      if (line === undefined) continue;
      const [factor, exponent] = line.parameters as [number, number];
      // A falling power is limited on the left, a rising one on the right.
      if (limited > 0 && exponent < 0 !== atLeft) continue;
      const rest = atLeft ? positive.slice(0, limited) : positive.slice(to);
      const start = [Math.exp(factor), exponent, ...(limited === 0 ? [] : [meanValue(rest)])];
      const shape: Shape = {
        start,
        names: ['factor', 'exponent', 'high'].slice(0, start.length),
        lawOf: ([f, e, high = Number.POSITIVE_INFINITY]) => ({
          kind: 'limited-power',
          factor: f!,
          exponent: e!,
          high,
        }),
      };
      starts.push({ shape, misfit: misfitOf(shape, positive) });
    }
  }
  return bestOf(starts);
}

function misfitOf({ start, lawOf }: Shape, rough: readonly Observation[]): number {
  const law = lawOf(start);
  return rough.reduce((sum, { at, value, variance }) => sum + (value - lawValue(law, at)) ** 2 / variance, 0);
}

/** The best starts for every number of parameters. */
function bestOf(starts: readonly { readonly shape: Shape; readonly misfit: number }[]): readonly Shape[] {
  const byCount = Map.groupBy(starts, ({ shape }) => shape.names.join());
  return [...byCount.values()].flatMap((alike) =>
    alike
      .toSorted((a, b) => a.misfit - b.misfit)
      .slice(0, BEST_STARTS)
      .map(({ shape }) => shape),
  );
}
