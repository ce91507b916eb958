// One device of a measurement: its conductance just after programming, its drift exponent, the scatter of its reads.
// The first step of fit.ts. Left out: what devices of a level have in common (fit-levels.ts).

import type { Microsiemens, Seconds } from '../base/units.ts';
import type { MeasuredDevice } from './measurements.ts';

/** Drift of one device: G(t) = G₀ (t / t₀)^−ν, t since the last programming pulse. */
export type DeviceCurve = {
  readonly g0: Microsiemens;
  readonly nu: number;
  /** Variance of ν in units of the squared strength of read noise. */
  readonly nuVariance: number;
  /** Coefficient of a further term in ln² t beside G₀ and ν; undefined with fewer than three times. */
  readonly curvature?: number;
};

/** What the reads of one device tell. */
export type DeviceFit = {
  readonly target: Microsiemens;
  /** Mean of the reads at the first time. */
  readonly first: Microsiemens;
  readonly firstTime: Seconds;
  readonly firstReads: number;
  /** The two earliest reads with their times; one if there is no other. */
  readonly earliest: readonly { readonly time: Seconds; readonly g: Microsiemens }[];
  readonly times: number;
  /** Reads of exactly 0, which the limit of a read at 0 has touched. */
  readonly zeros: number;
  /** Growth of read noise at the last read: a read there scatters by strength · √growth. */
  readonly growth: number;
  /** Absent with one time, or without two times at which anything was read. */
  readonly curve?: DeviceCurve;
  /** Σ (read / curve − 1)² / growth², and its degrees of freedom; 0 where nothing is left over. */
  readonly squares: number;
  readonly freedom: number;
};

/**
 * Growth of the variance of read noise with age, ln((t + T_read) / (2 T_read)), for t since the last pulse; 1 if the
 * duration of a read is not known, so that the strength of read noise is then plain scatter.
 */
export function growthOf(t: Seconds, readSeconds: Seconds | undefined): number {
  return readSeconds === undefined ? 1 : Math.log((t + readSeconds) / (2 * readSeconds));
}

/**
 * Fits one device.
 *
 * The regression is that of ln G on ln t as a generalised linear model: mean G₀ (t/t₀)^−ν, variance mean² · Q² · growth,
 * solved for Σ (read/mean − 1) x / growth = 0, x = (1, ln t/t₀). A regression of the logarithms themselves would add Q²/2
 * to ν, because the mean of ln(1 + noise) falls as the noise grows with age; and it can't take a read of 0.
 *
 * @param t0          where G₀ is taken, s since the last pulse
 * @param readSeconds duration of a read, s
 * @source P. McCullagh and J. A. Nelder, Generalized Linear Models (1989), chapter 8 (constant coefficient of variation)
 */
export function fitDevice(
  { target, times, conductances }: MeasuredDevice,
  t0: Seconds,
  readSeconds: Seconds | undefined,
): DeviceFit {
  const firstTime = times[0]!;
  const firsts = conductances.filter((_, j) => times[j] === firstTime);
  const distinct = new Set(times).size;
  const common = {
    target,
    first: firsts.reduce((sum, g) => sum + g, 0) / firsts.length,
    firstTime,
    firstReads: firsts.length,
    earliest: times.slice(0, 2).map((time, j) => ({ time, g: conductances[j]! })),
    times: distinct,
    zeros: conductances.filter((g) => g === 0).length,
    growth: growthOf(times.at(-1)!, readSeconds),
  };
  const weights = times.map((t) => 1 / growthOf(t, readSeconds));
  const readable = new Set(times.filter((_, j) => conductances[j]! > 0)).size;
  if (distinct === 1 || readable < 2) {
    // Devices that read 0 now and then have no scatter that could be told from that limit.
    const squares =
      common.first > 0 && distinct === 1
        ? conductances.reduce((sum, g, j) => sum + weights[j]! * (g / common.first - 1) ** 2, 0)
        : 0;
    const freedom = common.first > 0 && distinct === 1 ? conductances.length - 1 : 0;
    return { ...common, squares, freedom };
  }
  const x = times.map((t) => Math.log(t / t0));
  const { intercept, slope, inverse } = regress(x, conductances, weights);
  const residuals = conductances.map((g, j) => g / Math.exp(intercept + slope * x[j]!) - 1);
  const curvature = distinct < 3 ? undefined : curvatureOf(x, residuals, weights);
  return {
    ...common,
    curve: {
      g0: Math.exp(intercept),
      nu: -slope,
      nuVariance: inverse[2],
      ...(curvature === undefined ? {} : { curvature }),
    },
    squares: residuals.reduce((sum, r, j) => sum + weights[j]! * r * r, 0),
    freedom: times.length - 2,
  };
}

type Line = {
  readonly intercept: number;
  readonly slope: number;
  /** (Xᵀ W X)⁻¹: intercept, both, slope. */
  readonly inverse: readonly [number, number, number];
};

/** Fisher scoring with the step halved until the (concave) likelihood −Σ w (y e^−η + η) rises. */
function regress(x: readonly number[], y: readonly number[], w: readonly number[]): Line {
  const sums = (v: (j: number) => number): number => x.reduce((sum, _, j) => sum + w[j]! * v(j), 0);
  const [s0, s1, s2] = [sums(() => 1), sums((j) => x[j]!), sums((j) => x[j]! ** 2)];
  const determinant = s0 * s2 - s1 * s1;
  const inverse = [s2 / determinant, -s1 / determinant, s0 / determinant] as const;
  const likelihood = (a: number, b: number): number =>
    -sums((j) => y[j]! * Math.exp(-a - b * x[j]!) + a + b * x[j]!);
  let intercept = Math.log(sums((j) => y[j]!) / s0);
  let slope = 0;
  let best = likelihood(intercept, slope);
  for (let step = 0; step < 100; step++) {
    const r = y.map((value, j) => value * Math.exp(-intercept - slope * x[j]!) - 1);
    const [u0, u1] = [sums((j) => r[j]!), sums((j) => r[j]! * x[j]!)];
    let change: readonly [number, number] = [
      inverse[0] * u0 + inverse[1] * u1,
      inverse[1] * u0 + inverse[2] * u1,
    ];
    let next = likelihood(intercept + change[0], slope + change[1]);
    while (!(next >= best) && Math.abs(change[0]) + Math.abs(change[1]) > 1e-12) {
      change = [change[0] / 2, change[1] / 2];
      next = likelihood(intercept + change[0], slope + change[1]);
    }
    intercept += change[0];
    slope += change[1];
    best = next;
    if (Math.abs(change[0]) + Math.abs(change[1]) < 1e-10) break;
  }
  return { intercept, slope, inverse };
}

/** The regression of what the line leaves over on ln² t, with the line taken out of it. */
function curvatureOf(
  x: readonly number[],
  residuals: readonly number[],
  w: readonly number[],
): number | undefined {
  const sum = (v: (j: number) => number): number => x.reduce((total, _, j) => total + w[j]! * v(j), 0);
  const [s0, s1, s2, s3] = [0, 1, 2, 3].map((power) => sum((j) => x[j]! ** power)) as [
    number,
    number,
    number,
    number,
  ];
  const determinant = s0 * s2 - s1 * s1;
  const constant = (s2 * s2 - s1 * s3) / determinant;
  const linear = (s0 * s3 - s1 * s2) / determinant;
  const rest = x.map((value) => value * value - constant - linear * value);
  const size = sum((j) => rest[j]! ** 2);
  return size > 0 ? sum((j) => rest[j]! * residuals[j]!) / size : undefined;
}
