// Laws through levels: the shapes that published cells have, fitted by weighted least squares, and tables. The third step
// of fit.ts. Left out: piecewise laws, which published cells have too; a table takes their place.

import { chiSquareTail } from '../base/chi-square.ts';
import { logarithmShapes, polynomialShapes, powerShapes, type Shape } from './fit-shapes.ts';
import { type Law, lawValue, type Point, STEEPEST_EXPONENT } from './law.ts';
import { curveFit, type LeastSquares, type Observation } from './least-squares.ts';

/** What was found at one level. */
export type LawPoint = {
  /** Relative conductance. */
  readonly at: number;
  /** The quantity itself, or the square of it: variances are what samples estimate without bias. */
  readonly value: number;
  /** Variance of `value` if the quantity (or its square) is truly `expected`. */
  readonly varianceAt: (expected: number) => number;
};

/** Which laws are tried. */
export type LawChoice =
  /** The shapes of published cells; the data decide. Where none describes the levels, a table. */
  | 'auto'
  | 'polynomial'
  /** No law, the levels themselves with straight lines between them. */
  | 'table';

/** How a law is to be fitted. */
export type LawOptions = {
  /** Points hold the quantity, or its square. */
  readonly points: 'values' | 'squares';
  readonly choice: LawChoice;
  /** Values up to this are rounding: if all points are such, the law is 0. */
  readonly negligible: number;
  /** Of the shapes of published cells only polynomials. */
  readonly onlyPolynomials?: boolean;
  /** Degree of a polynomial; absent: chosen. */
  readonly degree?: number | undefined;
};

/** A law and how well it is known. */
export type FittedLaw = {
  readonly law: Law;
  /** Parameters by their place in the law, `coefficients.0`; null where the levels do not determine one. */
  readonly parameters: readonly {
    readonly name: string;
    readonly value: number;
    readonly standardError: number | null;
  }[];
  readonly chiSquare: number;
  readonly degreesOfFreedom: number;
  readonly probability: number | null;
  /** Set if this is a table because no shape described the levels: how badly the best of them did. */
  readonly insteadOf?: { readonly chiSquare: number; readonly degreesOfFreedom: number };
};

/** A law whose χ² comes by chance less often than this does not describe its levels. */
export const DOUBT = 1e-3;

/** What one more parameter must take off −2 ln L to be worth it: chance alone does so once in a hundred fits. */
const PRICE_OF_A_PARAMETER = 6.63;

/** The law that agrees best with the points, each parameter paid for. At least one point. */
export function fitLaw(points: readonly LawPoint[], options: LawOptions): FittedLaw {
  const ordered = points.toSorted((a, b) => a.at - b.at);
  if (ordered.every(({ value }) => Math.abs(value) <= options.negligible)) return constantLaw(0, 0);
  if (options.choice === 'table' && ordered.length > 1) return tableOf(ordered, options);
  const candidates = shapesOf(ordered, options)
    .flatMap((shape) => fitShape(shape, ordered, options) ?? [])
    .filter(
      ({ fitted: { law } }) => law.kind !== 'limited-power' || Math.abs(law.exponent) <= STEEPEST_EXPONENT,
    );
  const sensible = candidates.filter(({ fitted }) => isNowhereNegative(fitted.law));
  const [best] = (sensible.length > 0 ? sensible : candidates).sort((a, b) => a.cost - b.cost);
  if (best === undefined) return meanLaw(ordered, options);
  const { chiSquare, degreesOfFreedom, probability } = best.fitted;
  const isDoubtful = probability !== null && probability < DOUBT;
  if (!isDoubtful || options.choice !== 'auto' || options.degree !== undefined) return best.fitted;
  return { ...tableOf(ordered, options), insteadOf: { chiSquare, degreesOfFreedom } };
}

function constantLaw(value: number, standardError: number): FittedLaw {
  return {
    law: { kind: 'polynomial', coefficients: [value] },
    parameters: [{ name: 'coefficients.0', value, standardError }],
    chiSquare: 0,
    degreesOfFreedom: 0,
    probability: null,
  };
}

/** One number for all points: where nothing else can be fitted, as when noise that was subtracted is all there is. */
function meanLaw(points: readonly LawPoint[], { points: of }: LawOptions): FittedLaw {
  const { value, error } = rootOf(joined(points), of);
  return constantLaw(value, error);
}

/** Several points as one: their mean, weighted by how well each is known at their plain mean. */
function joined(points: readonly LawPoint[]): LawPoint {
  const plain = points.reduce((sum, { value }) => sum + value, 0) / points.length;
  const weights = points.map(({ varianceAt }) => 1 / varianceAt(Math.max(0, plain)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (of: (point: LawPoint) => number): number =>
    points.reduce((sum, point, k) => sum + (weights[k]! / total) * of(point), 0);
  return { at: mean(({ at }) => at), value: mean(({ value }) => value), varianceAt: () => 1 / total };
}

/** The quantity at a point with its standard error, from its square if the point holds that. */
function rootOf(
  { value, varianceAt }: LawPoint,
  of: LawOptions['points'],
): { readonly value: number; readonly error: number } {
  const error = Math.sqrt(varianceAt(Math.max(0, value)));
  if (of === 'values') return { value: Math.max(0, value), error };
  const root = Math.sqrt(Math.max(0, value));
  // A square within its error of 0 bounds the quantity, no more.
  return { value: root, error: value > error ? error / (2 * root) : Math.sqrt(error) };
}

/** Points of a table at most: a graph computes every stretch of it for every cell. */
const MOST_POINTS = 16;

/** The levels themselves; neighbours are joined if there are very many. */
function tableOf(points: readonly LawPoint[], { points: of }: LawOptions): FittedLaw {
  const size = Math.ceil(points.length / MOST_POINTS);
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, k) =>
    points.slice(k * size, (k + 1) * size),
  );
  const known = groups
    .map((group) => (group.length === 1 ? group[0]! : joined(group)))
    .map((point) => ({ at: point.at, ...rootOf(point, of) }));
  return {
    law: { kind: 'table', points: known.map(({ at, value }): Point => [at, value]) },
    parameters: known.map(({ value, error }, k) => ({
      name: `points.${k}.1`,
      value,
      standardError: error,
    })),
    chiSquare: 0,
    degreesOfFreedom: 0,
    probability: null,
  };
}

const REWEIGHTINGS = 8;

/** Fits one shape; the variances of the points are those of the law itself, found in turns. */
function fitShape(
  shape: Shape,
  points: readonly LawPoint[],
  { points: of }: LawOptions,
): { readonly fitted: FittedLaw; readonly cost: number } | undefined {
  const model = (parameters: readonly number[], at: number): number => {
    const value = lawValue(shape.lawOf(parameters), at);
    return of === 'values' ? value : value * value;
  };
  const weighted = (parameters: readonly number[]): Observation[] =>
    points.map(({ at, value, varianceAt }) => ({ at, value, variance: varianceAt(model(parameters, at)) }));
  let found: LeastSquares | undefined;
  let parameters = shape.start;
  for (let turn = 0; turn < REWEIGHTINGS; turn++) {
    found = curveFit(weighted(parameters), model, parameters);
    if (found === undefined) return undefined;
    parameters = found.parameters;
  }
  if (found === undefined || !parameters.every(Number.isFinite)) return undefined;
  const { chiSquare, covariance } = found;
  const degreesOfFreedom = points.length - parameters.length;
  const law = closed(shape.lawOf(parameters), points);
  const errors = new Map(shape.names.map((name, k) => [name, Math.sqrt(covariance[k]![k]!)]));
  const logarithms = weighted(parameters).reduce((sum, { variance }) => sum + Math.log(variance), 0);
  return {
    cost: chiSquare + logarithms + PRICE_OF_A_PARAMETER * parameters.length,
    fitted: {
      law,
      parameters: numbersOf(law).map(([name, value]) => ({
        name,
        value,
        standardError: errors.get(name) ?? null,
      })),
      chiSquare,
      degreesOfFreedom,
      probability: degreesOfFreedom > 0 ? chiSquareTail(chiSquare, degreesOfFreedom) : null,
    },
  };
}

/** Every number of a law with its place. */
function numbersOf(law: Law): readonly (readonly [string, number])[] {
  if (law.kind === 'polynomial') return law.coefficients.map((c, k) => [`coefficients.${k}`, c] as const);
  return Object.entries(law).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : []));
}

/** Limits that no level has reached stand at the outermost levels: beyond what was measured, a law stays where it is. */
function closed(law: Law, points: readonly LawPoint[]): Law {
  if (law.kind !== 'clipped-logarithm' && law.kind !== 'limited-power') return law;
  const ends = [points[0]!.at, points.at(-1)!.at].map((at) => lawValue(law, at));
  const high = Number.isFinite(law.high) ? law.high : Math.max(...ends);
  if (law.kind === 'limited-power') return { ...law, high };
  return { ...law, high, low: Number.isFinite(law.low) ? law.low : Math.min(...ends) };
}

function isNowhereNegative(law: Law): boolean {
  return Array.from({ length: 101 }, (_, i) => i / 100).every((g) => lawValue(law, g) >= 0);
}

function shapesOf(
  points: readonly LawPoint[],
  { points: of, choice, degree, onlyPolynomials = false }: LawOptions,
): readonly Shape[] {
  const rough = roughValues(points, of);
  const polynomials = polynomialShapes(rough, degree);
  if (choice !== 'auto' || onlyPolynomials || degree !== undefined) return polynomials;
  return [...polynomials, ...logarithmShapes(rough), ...powerShapes(rough)];
}

/** The quantity at each point, with the variance of its estimate: good enough for starts. */
function roughValues(points: readonly LawPoint[], of: LawOptions['points']): readonly Observation[] {
  const typical = points.reduce((sum, { value }) => sum + Math.abs(value), 0) / points.length;
  return points.map(({ at, value, varianceAt }) => {
    const floor = Math.max(value, typical * 1e-3, Number.MIN_VALUE);
    if (of === 'values') return { at, value, variance: varianceAt(value) };
    return { at, value: Math.sqrt(floor), variance: varianceAt(floor) / (4 * floor) };
  });
}
