// What a fit can't tell or should not be trusted with, in words. Part of fit.ts. Left out: faults of the file, which are
// errors (measurements.ts).

import { formatTime, type Microsiemens, type Seconds } from '../base/units.ts';
import { type Level, MOST_ZEROS, type ReadBin } from './fit-levels.ts';

/** What was found on the way. */
export type FitFindings = {
  readonly levels: readonly Level[];
  readonly readBins: readonly ReadBin[];
  /** What there is to say against laws. */
  readonly doubts: readonly string[];
  /** Earliest and latest first read of a device. */
  readonly firstTimes: readonly [Seconds, Seconds];
  readonly gMax: Microsiemens;
  /** Devices left out because their target lies above Gmax. */
  readonly left: number;
  readonly unusedColumns: readonly string[];
  /** Why parts are unknown. */
  readonly unknown: readonly string[];
  readonly curvature: { readonly mean: number; readonly standardError: number } | undefined;
};

/** Devices of a level below which a warning says so: the standard error of a spread exceeds 24 %. */
const FEW_DEVICES = 10;
/** Relative conductance above which the lowest level leaves RESET, where half of all cells are, to extrapolation. */
const LOW_LEVEL = 0.02;
/** Ratio of first times up to which moving devices to one t₀ is a small correction. */
const FIRST_TIMES_RATIO = 1.5;
/** Standard errors from which on a mean is not 0. */
const CLEARLY = 5;
/** Scatter of reads above which the regression of a device is biased by more than about 5 %. */
const LARGE_SCATTER = 0.25;

/** Every warning, most serious first. */
export function warningsOf(findings: FitFindings): readonly string[] {
  return [
    ...findings.unknown.map((reason) => `not known: ${reason}`),
    ...aboutRange(findings),
    ...aboutZeros(findings),
    ...aboutReadNoise(findings),
    ...aboutModel(findings),
    ...aboutInput(findings),
  ];
}

function aboutRange({ levels, gMax }: FitFindings): string[] {
  const few = levels.filter(({ devices }) => devices < FEW_DEVICES).length;
  const lowest = levels[0]!.target;
  const highest = levels.at(-1)!.target;
  return [
    ...(few === 0 ? [] : [`${few} of ${levels.length} levels have fewer than ${FEW_DEVICES} devices`]),
    ...(levels.length === 1
      ? [`there is one level, ${short(lowest)} µS; how anything depends on the target is not known`]
      : []),
    ...(lowest > LOW_LEVEL * gMax
      ? [
          `no level lies below ${short(lowest)} µS; what the laws say of cells at RESET, half of all cells, is extrapolated`,
        ]
      : []),
    ...(highest < 0.9 * gMax
      ? [`no level lies above ${short(highest)} µS; the laws are extrapolated up to Gmax, ${short(gMax)} µS`]
      : []),
  ];
}

function aboutZeros({ levels }: FitFindings): string[] {
  const atZero = levels.filter(({ zeroShare }) => zeroShare > MOST_ZEROS);
  if (atZero.length === 0) return [];
  const names = atZero.map(({ target }) => short(target)).join(', ');
  return [
    `at ${names} µS more than ${100 * MOST_ZEROS} % of the devices read 0; drift and read noise are not fitted there, the laws are extrapolated`,
  ];
}

function aboutReadNoise({ levels, readBins }: FitFindings): string[] {
  const mixed = levels.filter(({ programmed }) => programmed.spread.noiseFreedom === 0);
  const targets =
    mixed.length === levels.length
      ? 'at all levels'
      : `at ${mixed.map(({ target }) => short(target)).join(', ')} µS`;
  const scattered = readBins.filter(({ scatter }) => scatter > LARGE_SCATTER);
  return [
    ...(mixed.length === 0
      ? []
      : [`${targets} nothing tells read noise from programming noise and drift; their spreads include it`]),
    ...(scattered.length === 0
      ? []
      : [
          `below ${short(scattered.at(-1)!.g)} µS single reads scatter by more than ${100 * LARGE_SCATTER} %; values there are biased by some percent`,
        ]),
  ];
}

function aboutModel({ doubts, levels, curvature, gMax }: FitFindings): string[] {
  const offsets = levels.filter(({ target, programmed: { mean, standardError, spread, isCut } }) => {
    const offset = Math.abs(mean - target);
    return !isCut && offset > CLEARLY * standardError && offset ** 2 > 0.01 * Math.max(0, spread.variance);
  });
  return [
    ...doubts,
    ...(offsets.length === 0
      ? []
      : [
          `programming misses its target on average, by up to ${short(
            Math.max(...offsets.map(({ target, programmed }) => Math.abs(programmed.mean - target))),
          )} µS of Gmax ${short(gMax)} µS; the cell model has no such offset`,
        ]),
    ...(curvature !== undefined && Math.abs(curvature.mean) > CLEARLY * curvature.standardError
      ? [
          `drift is no power law: ln G has a term ${short(curvature.mean)} ± ${short(curvature.standardError)} times ln² t; extrapolation to later times is doubtful`,
        ]
      : []),
  ];
}

function aboutInput({ firstTimes: [earliest, latest], left, unusedColumns, gMax }: FitFindings): string[] {
  return [
    ...(latest > FIRST_TIMES_RATIO * earliest
      ? [
          `first reads lie between ${formatTime(earliest)} and ${formatTime(latest)} after the pulse; devices were taken to one time by the mean drift`,
        ]
      : []),
    ...(left === 0 ? [] : [`${left} devices with targets above Gmax, ${short(gMax)} µS, are left out`]),
    ...(unusedColumns.length === 0 ? [] : [`columns not used: ${unusedColumns.join(', ')}`]),
  ];
}

/** Three digits. */
function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
