// A cell from measurements: programming noise, drift and read noise of the equations in cell.ts, with standard errors,
// goodness of fit, and warnings where the measurements can't tell. Devices (fit-device.ts), levels (fit-levels.ts), laws
// (fit-law.ts) in turn; docs/measured-cells.md has the method. Left out: what cell.ts does not model.

import { throwFaults } from '../base/errors.ts';
import { meanOf, standardDeviationOf } from '../base/statistics.ts';
import type { Microsiemens, Seconds } from '../base/units.ts';
import type { CellSpec, Drift, ProgrammingNoise, ReadNoise } from './cell.ts';
import { type DriftCurve, driftCurvesOf } from './drift-curves.ts';
import { type DeviceFit, fitDevice } from './fit-device.ts';
import { DOUBT, type FittedLaw, fitLaw, type LawChoice, type LawPoint } from './fit-law.ts';
import {
  type Level,
  levelsFrom,
  levelsOf,
  type ReadBin,
  readBinsOf,
  type SpreadEstimate,
  spreadVarianceAt,
} from './fit-levels.ts';
import type { FitSummary, FittedParameter, Goodness } from './fit-summary.ts';
import { type FitFindings, warningsOf } from './fit-warnings.ts';
import type { Point } from './law.ts';
import type { MeasuredDevice, Measurements } from './measurements.ts';

/** How to fit. */
export type FitOptions = {
  /** Name and source of the cell. */
  readonly name: string;
  readonly source: string;
  /** Absent: the largest target. */
  readonly gMaxMicrosiemens?: Microsiemens | undefined;
  /** Duration of a read. Without it the strength of read noise can't be told, because the model's spectrum begins there. */
  readonly readSeconds?: Seconds | undefined;
  /** Shapes of laws; absent: `auto`. Programming noise is a polynomial unless a table is asked for. */
  readonly law?: LawChoice | undefined;
  /** Degree of the polynomial of programming noise, 0 to 6; absent: chosen, at most 3. */
  readonly degree?: number | undefined;
};

/** A fitted cell with what it was fitted to, for reports. */
export type CellFit = {
  readonly cell: CellSpec & { readonly fit: FitSummary };
  readonly levels: readonly Level[];
  readonly readBins: readonly ReadBin[];
  readonly curves: readonly DriftCurve[];
};

/** Degrees of freedom below which a spread is not fitted: its standard error would exceed 22 %. */
export const LEAST_FREEDOM = 10;

/** A spread, an exponent or a strength of read noise up to this is rounding, not physics; relative to Gmax, if in µS. */
const NEGLIGIBLE = 1e-9;

/**
 * Fits a cell.
 *
 * @throws UsageError that lists all impossible options, and if no device lies within Gmax
 */
export function fitCell({ devices, unusedColumns }: Measurements, options: FitOptions): CellFit {
  const { name, source, law = 'auto', degree, readSeconds } = options;
  const gMax = options.gMaxMicrosiemens ?? devices.reduce((most, { target }) => Math.max(most, target), 0);
  const used = devices.filter(({ target }) => target <= gMax);
  throwFaults('fitting a cell', optionFaults({ gMax, devices, readSeconds, degree }));
  const firsts = used.map(({ times }) => times[0]!).sort((a, b) => a - b);
  const t0 = firsts[Math.floor(firsts.length / 2)]!;
  const fitted = used.map((device) => fitDevice(device, t0, readSeconds));
  const groups = levelsOf(fitted);
  const levels = levelsFrom(groups, t0, readSeconds);
  const readBins = readBinsOf(groups);
  const how = { gMax, law, degree, source };
  const programming = fitProgramming(levels, how);
  const drift = fitDrift(levels, fitted, how);
  const read = fitRead(readBins, readSeconds, how);
  const laws = [...programming.laws, ...drift.laws, ...read.laws];
  const findings: FitFindings = {
    levels,
    readBins,
    doubts: laws.flatMap(({ doubts }) => doubts),
    firstTimes: [firsts[0]!, firsts.at(-1)!],
    gMax,
    left: devices.length - used.length,
    unusedColumns,
    unknown: [programming.part, drift.part, read.part].flatMap((part) =>
      part.kind === 'none' && part.unknown !== undefined ? [part.unknown] : [],
    ),
    curvature: curvatureOf(groups, levels),
  };
  const fit: FitSummary = {
    devices: used.length,
    reads: used.reduce((sum, { times }) => sum + times.length, 0),
    levels: levels.length,
    parameters: laws.flatMap(({ parameters }) => parameters),
    goodness: laws.map(({ goodness }) => goodness),
    warnings: warningsOf(findings),
  };
  const cell = {
    name,
    source,
    gMaxMicrosiemens: gMax,
    driftReferenceSeconds: t0,
    programmingNoise: programming.part,
    drift: drift.part,
    readNoise: read.part,
    fit,
  };
  return { cell, levels, readBins, curves: driftCurvesOf(used, { cell, levels: groups.length }) };
}

const HIGHEST_GIVEN_DEGREE = 6;

function optionFaults({
  gMax,
  devices,
  readSeconds,
  degree,
}: {
  readonly gMax: Microsiemens;
  readonly devices: readonly MeasuredDevice[];
  readonly readSeconds: Seconds | undefined;
  readonly degree: number | undefined;
}): string[] {
  const faults: string[] = [];
  const earliest = devices.reduce((least, { times }) => Math.min(least, times[0]!), Number.POSITIVE_INFINITY);
  if (!(gMax > 0 && Number.isFinite(gMax)))
    faults.push(
      `gMaxMicrosiemens: expected a conductance above 0 µS, got ${gMax}; give it, or measure a target above 0`,
    );
  else if (devices.every(({ target }) => target > gMax))
    faults.push(`gMaxMicrosiemens: expected targets of at most ${gMax} µS, got none; give a larger one`);
  if (readSeconds !== undefined && !(readSeconds > 0 && readSeconds < earliest))
    faults.push(
      `readSeconds: expected a time above 0 s and below that of the first read, ${earliest} s, got ${readSeconds}`,
    );
  if (degree !== undefined && !(Number.isInteger(degree) && degree >= 0 && degree <= HIGHEST_GIVEN_DEGREE))
    faults.push(`degree: expected a whole number from 0 to ${HIGHEST_GIVEN_DEGREE}, got ${degree}`);
  return faults;
}

type How = {
  readonly gMax: Microsiemens;
  readonly law: LawChoice;
  readonly degree: number | undefined;
  readonly source: string;
};

/** A law as the summary has it. */
type NamedLaw = {
  readonly parameters: readonly FittedParameter[];
  readonly goodness: Goodness;
  /** What there is to say against it. */
  readonly doubts: readonly string[];
};

/** A part of the cell with the laws in it; unknown parts have none. */
type Part<P> = { readonly part: P; readonly laws: readonly NamedLaw[] };

function named(fitted: FittedLaw, place: string, unit: string): NamedLaw {
  const { parameters, chiSquare, degreesOfFreedom, probability, insteadOf } = fitted;
  const misfit = (found: { readonly chiSquare: number; readonly degreesOfFreedom: number }): string =>
    `within their errors (χ² ${Number(found.chiSquare.toPrecision(3))}, ${found.degreesOfFreedom} degrees of freedom)`;
  return {
    parameters: parameters.map(({ name, ...known }) => ({ name: `${place}.${name}`, ...known, unit })),
    goodness: { name: place, chiSquare, degreesOfFreedom, probability },
    doubts: [
      ...(insteadOf === undefined
        ? []
        : [`${place}: a table, as no shape of a published cell describes the levels ${misfit(insteadOf)}`]),
      ...(probability !== null && probability < DOUBT
        ? [`${place}: the law does not describe the levels ${misfit(fitted)}; try a table`]
        : []),
    ],
  };
}

/** A point of the square of a spread. */
function spreadPoint(at: number, spread: SpreadEstimate): LawPoint {
  return { at, value: spread.variance, varianceAt: (square) => spreadVarianceAt(spread, square) };
}

function fitProgramming(
  levels: readonly Level[],
  { gMax, law, degree, source }: How,
): Part<ProgrammingNoise> {
  const usable = levels.filter(({ programmed }) => programmed.spread.freedom > 0);
  const freedom = usable.reduce((sum, { programmed }) => sum + programmed.spread.freedom, 0);
  if (freedom < LEAST_FREEDOM) {
    return unknown(
      `programming noise: too few devices share a target (${Math.floor(freedom)} degrees of freedom of ${LEAST_FREEDOM})`,
    );
  }
  const points = usable.map(({ target, programmed }) => spreadPoint(target / gMax, programmed.spread));
  const fitted = fitLaw(points, {
    points: 'squares',
    choice: law === 'table' && degree !== undefined ? 'polynomial' : law,
    negligible: (NEGLIGIBLE * gMax) ** 2,
    onlyPolynomials: true,
    degree,
  });
  const common = { fittedAtMicrosiemens: gMax, source };
  if (fitted.law.kind === 'table') {
    const pointsMicrosiemens = fitted.law.points.map(([g, s]): Point => [g * gMax, s]);
    return {
      part: { kind: 'table', pointsMicrosiemens, ...common },
      laws: [inMicrosiemens(fitted, 'points')],
    };
  }
  const coefficientsMicrosiemens = fitted.law.kind === 'polynomial' ? fitted.law.coefficients : [];
  return {
    part: { kind: 'polynomial', coefficientsMicrosiemens, ...common },
    laws: [inMicrosiemens(fitted, 'coefficients')],
  };
}

/** Programming noise is no `Law`: its numbers stand in fields of another name, and in µS. */
function inMicrosiemens(fitted: FittedLaw, field: string): NamedLaw {
  const parameters = fitted.parameters.map((parameter) => ({
    ...parameter,
    name: parameter.name.replace(field, `${field}Microsiemens`),
  }));
  return named({ ...fitted, parameters }, 'programmingNoise', 'µS');
}

function fitDrift(
  levels: readonly Level[],
  devices: readonly DeviceFit[],
  { gMax, law, source }: How,
): Part<Drift> {
  if (devices.every(({ times }) => times === 1))
    return unknown('drift: every device was read at one time only');
  const usable = levels.flatMap(({ target, drift }) => (drift === undefined ? [] : [{ target, ...drift }]));
  const freedom = usable.reduce((sum, { spread }) => sum + spread.freedom, 0);
  if (freedom < LEAST_FREEDOM) {
    return unknown(
      `drift: too few devices of one target were read at two times (${freedom} degrees of freedom of ${LEAST_FREEDOM})`,
    );
  }
  const spread = fitLaw(
    usable
      .filter((level) => level.spread.freedom > 0)
      .map((level) => spreadPoint(level.target / gMax, level.spread)),
    { points: 'squares', choice: law, negligible: NEGLIGIBLE ** 2 },
  );
  // Means are as well known as the spread law says; a level's own spread is known by chance, and would weight by it.
  const pooled =
    usable.reduce((sum, level) => sum + level.spread.variance * level.spread.freedom, 0) / freedom;
  const mean = fitLaw(
    usable.map((level) => {
      const own = level.spread.freedom >= LEAST_FREEDOM ? level.spread.variance : pooled;
      const variance = (Math.max(own, 0) + level.spread.noise) / level.devices;
      return { at: level.target / gMax, value: level.mean, varianceAt: () => variance };
    }),
    { points: 'values', choice: law, negligible: NEGLIGIBLE },
  );
  return {
    part: { kind: 'power-law', exponentMean: mean.law, exponentSpread: spread.law, source },
    laws: [named(mean, 'drift.exponentMean', '1'), named(spread, 'drift.exponentSpread', '1')],
  };
}

function fitRead(
  bins: readonly ReadBin[],
  readSeconds: Seconds | undefined,
  { gMax, law, source }: How,
): Part<ReadNoise> {
  const freedom = bins.reduce((sum, bin) => sum + bin.freedom, 0);
  if (freedom < LEAST_FREEDOM) {
    return unknown(
      `read noise: too few repeated reads (${freedom} degrees of freedom of ${LEAST_FREEDOM}); read devices at three times or more, or more than once at a time`,
    );
  }
  if (readSeconds === undefined) {
    const scatter = Math.sqrt(
      bins.reduce((sum, bin) => sum + bin.squaredStrength * bin.freedom, 0) / freedom,
    );
    return unknown(
      `read noise: the duration of a read is not given; the reads scatter by ${(100 * scatter).toPrecision(2)} % around their curves`,
    );
  }
  const points = bins.map(
    ({ g, squaredStrength, freedom }): LawPoint => ({
      at: g / gMax,
      value: squaredStrength,
      varianceAt: (square) => (2 * square ** 2) / freedom,
    }),
  );
  const strength = fitLaw(points, { points: 'squares', choice: law, negligible: NEGLIGIBLE ** 2 });
  return {
    part: { kind: 'one-over-f', readSeconds, strength: strength.law, source },
    laws: [named(strength, 'readNoise.strength', '1')],
  };
}

function unknown(reason: string): {
  readonly part: { readonly kind: 'none'; readonly unknown: string };
  readonly laws: readonly NamedLaw[];
} {
  return { part: { kind: 'none', unknown: reason }, laws: [] };
}

/** Mean coefficient of ln² t that devices have beside their power law, and its standard error; levels at 0 left out. */
function curvatureOf(
  groups: readonly (readonly DeviceFit[])[],
  levels: readonly Level[],
): FitFindings['curvature'] {
  const values = groups.flatMap((group, k) =>
    levels[k]!.drift === undefined ? [] : group.flatMap(({ curve }) => curve?.curvature ?? []),
  );
  if (values.length < LEAST_FREEDOM) return undefined;
  return {
    mean: meanOf(values),
    standardError: standardDeviationOf(values) / Math.sqrt(values.length),
  };
}
