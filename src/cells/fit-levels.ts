// Devices of one target taken together: how far programming spreads, how drift exponents lie, how reads scatter; each
// spread with the share of read noise taken out. The second step of fit.ts. Left out: laws over the levels (fit-law.ts).

import { chiSquareTail } from '../base/chi-square.ts';
import { meanOf, standardDeviationOf } from '../base/statistics.ts';
import type { Microsiemens, Seconds } from '../base/units.ts';
import { type DeviceFit, growthOf } from './fit-device.ts';

/** An estimated variance. Unlike the variance itself it may be negative: a noise was subtracted that is known by chance too. */
export type SpreadEstimate = {
  readonly variance: number;
  /** What was subtracted for read noise. */
  readonly noise: number;
  /** Degrees of freedom of the sample variance, and of the subtracted one; 0 there if read noise is not known. */
  readonly freedom: number;
  readonly noiseFreedom: number;
};

/**
 * Variance of an estimate, if the true variance is `expected`: sample variances of Gaussian draws vary by √(2 / freedom) of
 * themselves, and so does what was subtracted.
 */
export function spreadVarianceAt({ noise, freedom, noiseFreedom }: SpreadEstimate, expected: number): number {
  const known = noiseFreedom === 0 ? 0 : (2 * noise ** 2) / noiseFreedom;
  return (2 * (Math.max(expected, 0) + noise) ** 2) / freedom + known;
}

/** Devices of one target, or of neighbouring ones. */
export type Level = {
  /** Mean target, µS. */
  readonly target: Microsiemens;
  readonly devices: number;
  /** Share of devices that read 0 at least once. */
  readonly zeroShare: number;
  /** Conductance at t₀: mean over devices, its standard error, spread; without read noise where that is known. */
  readonly programmed: {
    readonly mean: Microsiemens;
    readonly standardError: Microsiemens;
    readonly spread: SpreadEstimate;
    /** Some devices are at 0, where programming cuts their Gaussian. */
    readonly isCut: boolean;
  };
  /** Exponents before folding; absent without devices read at two times, and where reads of 0 are common. */
  readonly drift?: { readonly devices: number; readonly mean: number; readonly spread: SpreadEstimate };
};

/** Read noise of devices of like programmed conductance: Q² and its degrees of freedom. */
export type ReadBin = {
  readonly g: Microsiemens;
  readonly devices: number;
  readonly squaredStrength: number;
  readonly freedom: number;
  /** Standard deviation of a last read, relative to its mean. */
  readonly scatter: number;
};

/** A level in which more devices than this share read 0 says nothing of drift and read noise: the limit at 0 bends both. */
export const MOST_ZEROS = 0.01;

/** Distinct targets up to which each is a level of its own. */
const MOST_LEVELS = 64;

/** Devices in levels, by target: each target is one, or, if there are too many of them, neighbours are joined. */
export function levelsOf(devices: readonly DeviceFit[]): readonly (readonly DeviceFit[])[] {
  const ordered = devices.toSorted((a, b) => a.target - b.target);
  const byTarget = Map.groupBy(ordered, ({ target }) => target);
  if (byTarget.size <= MOST_LEVELS && devices.length >= 4 * byTarget.size) return [...byTarget.values()];
  const size = Math.max(20, Math.ceil(devices.length / 24));
  const levels: DeviceFit[][] = [[]];
  for (const same of byTarget.values()) {
    if (levels.at(-1)!.length >= size) levels.push([]);
    levels.at(-1)!.push(...same);
  }
  // What is left over at the end would be a level of a few devices.
  const last = levels.length > 1 && levels.at(-1)!.length < size / 2 ? levels.pop()! : [];
  levels.at(-1)!.push(...last);
  return levels;
}

/**
 * The statistics of levels, by rising target.
 *
 * @param t0          where programmed conductances are taken, s since the last pulse
 * @param readSeconds duration of a read, s
 */
export function levelsFrom(
  groups: readonly (readonly DeviceFit[])[],
  t0: Seconds,
  readSeconds: Seconds | undefined,
): readonly Level[] {
  const shares = groups.map((devices) => devices.filter(({ zeros }) => zeros > 0).length / devices.length);
  const drifts = groups.map((devices, k) => (shares[k]! > MOST_ZEROS ? undefined : driftOf(devices)));
  // Levels that say nothing of drift lie below the others; the nearest of those stands in for them.
  const lowest = drifts.find((drift) => drift !== undefined)?.mean ?? 0;
  return groups.map((devices, k) => {
    const drift = drifts[k];
    const exponent = drift?.mean ?? lowest;
    const isCut = devices.some(({ first }) => first === 0);
    return {
      target: meanOf(devices.map(({ target }) => target)),
      devices: devices.length,
      zeroShare: shares[k]!,
      programmed: isCut
        ? cutProgramming(devices, { t0, exponent })
        : wholeProgramming(devices, { t0, exponent, readSeconds }),
      ...(drift === undefined ? {} : { drift }),
    };
  });
}

type Moved = {
  readonly t0: Seconds;
  /** Mean drift exponent of the level: takes reads to t₀. */
  readonly exponent: number;
};

/** Mean and sample variance of the first reads, less the share of read noise that the scatter of each device tells. */
function wholeProgramming(
  devices: readonly DeviceFit[],
  { t0, exponent, readSeconds }: Moved & { readonly readSeconds: Seconds | undefined },
): Level['programmed'] {
  const values = devices.map(({ first, firstTime }) => first * (firstTime / t0) ** exponent);
  const known = devices.flatMap(({ firstTime, firstReads, squares, freedom }, d) =>
    freedom === 0
      ? []
      : [(values[d]! ** 2 * growthOf(firstTime, readSeconds) * squares) / (firstReads * freedom)],
  );
  const measured = known.length === 0 ? 0 : meanOf(known);
  // The squared values hold read noise themselves.
  const noise = measured / (1 + measured / meanOf(values.map((g) => g * g)));
  const deviation = standardDeviationOf(values);
  return {
    mean: meanOf(values),
    standardError: deviation / Math.sqrt(values.length),
    isCut: false,
    spread: {
      variance: deviation ** 2 - noise,
      noise,
      freedom: values.length - 1,
      noiseFreedom: devices.reduce((sum, { freedom }) => sum + freedom, 0),
    },
  };
}

/**
 * Near RESET programming cuts the Gaussian at 0, and the scatter of a device's reads is cut too. Two reads y, y′ of one
 * device have independent read noise, so D = (y − T)(y′ − T), y′ taken to the time of y by the mean drift, has on average
 * only what programming left:
 *
 *     D = s² (Φ(α) − α φ(α)) + T² Φ(−α),   α = T/s,   dD/ds² = Φ(α) − α φ(α)
 *
 * Devices read once have D = (y − T)², read noise included.
 *
 * Not modelled: the limit of a read at 0, which adds a percent or two to s of cells at RESET.
 */
function cutProgramming(devices: readonly DeviceFit[], { t0, exponent }: Moved): Level['programmed'] {
  const pairs = devices.map(({ target, earliest: [first, second] }) => {
    const toStart = ({ time, g }: DeviceFit['earliest'][number]): number => g * (time / t0) ** exponent;
    const y = toStart(first!);
    return { y, product: (y - target) * ((second === undefined ? y : toStart(second)) - target) };
  });
  const target = meanOf(devices.map((device) => device.target));
  const products = pairs.map(({ product }) => product);
  const product = meanOf(products);
  const share = (alpha: number): number => 1 - chiSquareTail(alpha * alpha, 1) / 2;
  const slopeOf = (s: number): number =>
    share(target / s) - ((target / s) * Math.exp(-((target / s) ** 2) / 2)) / Math.sqrt(2 * Math.PI);
  const productOf = (s: number): number => s * s * slopeOf(s) + target ** 2 * (1 - share(target / s));
  const values = pairs.map(({ y }) => y);
  const mean = meanOf(values);
  let [low, high] = [1e-9 * (1 + target), 100 * (1 + target + mean)];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (productOf(middle) < product) low = middle;
    else high = middle;
  }
  const error = standardDeviationOf(products) / Math.sqrt(products.length) / slopeOf(low);
  return {
    mean,
    standardError: standardDeviationOf(values) / Math.sqrt(values.length),
    isCut: true,
    spread: {
      variance: low * low,
      noise: 0,
      freedom: error > 0 ? (2 * low ** 4) / error ** 2 : 0,
      noiseFreedom: devices.filter(({ earliest }) => earliest.length > 1).length,
    },
  };
}

function driftOf(devices: readonly DeviceFit[]): Level['drift'] {
  const curves = devices.flatMap(({ curve, squares, freedom }) =>
    curve === undefined ? [] : [{ curve, squares, freedom }],
  );
  if (curves.length === 0) return undefined;
  const exponents = curves.map(({ curve }) => curve.nu);
  const known = curves.filter(({ freedom }) => freedom > 0);
  const noise =
    known.length === 0
      ? 0
      : meanOf(known.map(({ curve, squares, freedom }) => curve.nuVariance * (squares / freedom)));
  const mean = meanOf(exponents);
  const unfolded = unfold(mean, standardDeviationOf(exponents) ** 2 - noise);
  return {
    devices: curves.length,
    mean: unfolded.mean,
    spread: {
      variance: unfolded.variance,
      noise,
      freedom: curves.length - 1,
      noiseFreedom: known.reduce((sum, { freedom }) => sum + freedom, 0),
    },
  };
}

/** From so many standard deviations above 0 on, folding moves a mean by less than 1e-7 of them. */
const FAR_FROM_ZERO = 5;

/**
 * Mean and variance of a Gaussian from those of its magnitude |N(μ, σ²)|: magnitudes keep the mean square, and their mean
 * is σ √(2/π) e^(−μ²/2σ²) + μ (1 − 2 Φ(−μ/σ)). A variance of 0 or less is kept as it is.
 */
export function unfold(mean: number, variance: number): { readonly mean: number; readonly variance: number } {
  if (variance <= 0 || mean > FAR_FROM_ZERO * Math.sqrt(variance)) return { mean, variance };
  const square = mean ** 2 + variance;
  const magnitude = (s: number): number => {
    const mu = Math.sqrt(Math.max(0, square - s * s));
    const z = mu / s;
    return s * Math.sqrt(2 / Math.PI) * Math.exp((-z * z) / 2) + mu * (1 - chiSquareTail(z * z, 1));
  };
  // The mean magnitude falls as σ rises at a given mean square.
  let [low, high] = [Math.sqrt(variance), Math.sqrt(square)];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (magnitude(middle) > mean) low = middle;
    else high = middle;
  }
  return { mean: Math.sqrt(Math.max(0, square - low * low)), variance: low * low };
}

/**
 * Q² in bins of programmed conductance: Q depends on what was programmed, which within a level differs from device to
 * device. Levels in which reads of 0 are common are left out.
 */
export function readBinsOf(levels: readonly (readonly DeviceFit[])[]): readonly ReadBin[] {
  const usable = levels.filter(
    (devices) => devices.filter(({ zeros }) => zeros > 0).length <= MOST_ZEROS * devices.length,
  );
  const devices = usable
    .flat()
    .filter(({ freedom }) => freedom > 0)
    .map(({ curve, first, ...rest }) => ({ g: curve?.g0 ?? first, ...rest }))
    .sort((a, b) => a.g - b.g);
  const n = devices.length;
  const bins = Math.min(40, Math.max(1, Math.floor(n / 25), Math.min(usable.length, Math.floor(n / 5))));
  return Array.from({ length: n === 0 ? 0 : bins }, (_, bin) => {
    const members = devices.slice(Math.floor((bin * n) / bins), Math.floor(((bin + 1) * n) / bins));
    const freedom = members.reduce((sum, member) => sum + member.freedom, 0);
    const squaredStrength = members.reduce((sum, { squares }) => sum + squares, 0) / freedom;
    return {
      g: members.reduce((sum, member) => sum + member.g * member.freedom, 0) / freedom,
      devices: members.length,
      squaredStrength,
      freedom,
      scatter: Math.sqrt(squaredStrength * meanOf(members.map(({ growth }) => growth))),
    };
  });
}
