// Pulse responses as numbers: the range of each device, the mean steps as curves through nodes, gains of devices, and the
// scatter around both. Part of fit-pulse-device.ts, which makes a device of them.

import { meanOf, standardDeviationOf } from '../base/statistics.ts';
import { solve } from './least-squares.ts';
import type { PulsedDevice } from './pulse-measurements.ts';

/** Rounds of curves and gains of devices in turn; both change by less than a percent in the last. */
const ROUNDS = 4;
/** Weight of the square of a bend, against that of a step: only nodes without steps feel it. */
const SMOOTHING = 1e-3;
/** Standard errors from which on an effect is taken for real. */
const CLEARLY = 4;

/** One pulse: from a value to the next, of a device with its range. */
export type StepTaken = {
  readonly device: number;
  readonly isUp: boolean;
  /** Place of the value before the pulse in the range of the device, 0 to 1. */
  readonly place: number;
  /** Change of the value, counted in the direction of the pulse. */
  readonly change: number;
  /** The pulse before is in the file too. */
  readonly followsOther: boolean;
};

/** Smallest and largest value of a device. */
export type Range = { readonly low: number; readonly high: number };

/** The range that the values of a device span. */
export function rangeOf({ readings }: PulsedDevice): Range {
  const values = readings.map(({ value }) => value);
  return {
    low: values.reduce((least, value) => Math.min(least, value)),
    high: values.reduce((most, value) => Math.max(most, value)),
  };
}

/** Changes between readings of successive pulses. */
export function stepsOf(
  { readings }: PulsedDevice,
  device: number,
  { low, high }: Range,
): readonly StepTaken[] {
  if (!(high > low)) return [];
  return readings.slice(1).flatMap(({ pulse, isUp, value }, k): readonly StepTaken[] => {
    const before = readings[k]!;
    if (pulse !== before.pulse + 1) return [];
    const change = isUp ? value - before.value : before.value - value;
    const followsOther = k > 0 && before.pulse === readings[k - 1]!.pulse + 1;
    return [{ device, isUp, place: (before.value - low) / (high - low), change, followsOther }];
  });
}

/** Gain of each device, up and down, and the variances of both as estimates. */
export type Gain = {
  readonly up: number;
  readonly down: number;
  readonly upVariance: number;
  readonly downVariance: number;
};

/**
 * Mean steps up and down at `count` nodes from 0 to 1 of the range, and the gains of the devices, fitted in turn. Without
 * down steps both are those of up steps.
 */
export function fitCurves(
  up: readonly StepTaken[],
  down: readonly StepTaken[],
  { count, devices }: { readonly count: number; readonly devices: number },
): { readonly upCurve: number[]; readonly downCurve: number[]; readonly gains: readonly Gain[] } {
  let gains: readonly Gain[] = Array.from({ length: devices }, () => ({
    up: 1,
    down: 1,
    upVariance: 0,
    downVariance: 0,
  }));
  let upCurve: number[] = [];
  let downCurve: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    upCurve = curveThrough(up, count, (d) => gains[d]!.up);
    downCurve = down.length === 0 ? upCurve : curveThrough(down, count, (d) => gains[d]!.down);
    const ups = gainsOf(up, upCurve, devices);
    const downs = down.length === 0 ? ups : gainsOf(down, downCurve, devices);
    gains = ups.map((own, d) => ({
      up: own.gain,
      upVariance: own.variance,
      down: downs[d]!.gain,
      downVariance: downs[d]!.variance,
    }));
  }
  return { upCurve, downCurve, gains };
}

/** Node values nⱼ ≥ 0 of the least Σ (change − gain Σⱼ nⱼ hⱼ(place))², hⱼ the hat functions of the nodes. */
function curveThrough(
  steps: readonly StepTaken[],
  count: number,
  gainOf: (device: number) => number,
): number[] {
  const matrix = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const right = new Array<number>(count).fill(0);
  for (const { device, place, change } of steps) {
    const gain = gainOf(device);
    const { node, share } = stretchOf(place, count);
    const hats = [gain * (1 - share), gain * share];
    for (const [a, hat] of hats.entries()) {
      right[node + a]! += hat * change;
      for (const [b, other] of hats.entries()) matrix[node + a]![node + b]! += hat * other;
    }
  }
  const weight = (SMOOTHING * steps.length) / count;
  for (let k = 1; k + 1 < count; k++) {
    for (const [a, bend] of [1, -2, 1].entries())
      for (const [b, other] of [1, -2, 1].entries()) matrix[k - 1 + a]![k - 1 + b]! += weight * bend * other;
  }
  // Two nodes have no bend: each is held by its own steps.
  for (let k = 0; k < count; k++) matrix[k]![k]! += 1e-9 * steps.length;
  const solved = solve(
    matrix,
    right.map((value) => [value]),
  );
  return (solved ?? right.map(() => [0])).map(([value]) => Math.max(0, value!));
}

function stretchOf(place: number, count: number): { readonly node: number; readonly share: number } {
  const at = place * (count - 1);
  const node = Math.max(0, Math.min(count - 2, Math.floor(at)));
  return { node, share: at - node };
}

function valueOn(curve: readonly number[], place: number): number {
  const { node, share } = stretchOf(place, curve.length);
  return curve[node]! * (1 - share) + curve[node + 1]! * share;
}

/**
 * Σ change · curve / Σ curve² of each device, with a mean of 1; 1 for devices without steps. The variance of a gain,
 * Σ curve² residual² / (Σ curve²)², holds for scatter of any size at any step (White's estimate).
 */
function gainsOf(
  steps: readonly StepTaken[],
  curve: readonly number[],
  devices: number,
): readonly { readonly gain: number; readonly variance: number }[] {
  const byDevice = Array.from({ length: devices }, (): { fitted: number; change: number }[] => []);
  for (const { device, place, change } of steps)
    byDevice[device]!.push({ fitted: valueOn(curve, place), change });
  const raw = byDevice.map((own) => {
    const square = own.reduce((sum, { fitted }) => sum + fitted ** 2, 0);
    if (!(square > 0)) return { gain: 1, variance: 0 };
    const gain = own.reduce((sum, { fitted, change }) => sum + fitted * change, 0) / square;
    const scatter = own.reduce(
      (sum, { fitted, change }) => sum + (fitted * (change - gain * fitted)) ** 2,
      0,
    );
    return { gain, variance: scatter / square ** 2 };
  });
  const mean = meanOf(raw.map(({ gain }) => gain)) || 1;
  return raw.map(({ gain, variance }) => ({ gain: gain / mean, variance: variance / mean ** 2 }));
}

/** Relative spreads over devices, less that of the estimates: of the common gain, of half the difference up to down. */
export function gainSpreads(
  gains: readonly Gain[],
  isOneSided: boolean,
): { readonly common: number; readonly difference: number } {
  const spread = (values: readonly number[], errors: readonly number[]): number =>
    Math.sqrt(Math.max(0, standardDeviationOf(values) ** 2 - meanOf(errors)));
  if (gains.length < 2) return { common: 0, difference: 0 };
  if (isOneSided) {
    const errors = gains.map(({ upVariance }) => upVariance);
    return {
      common: spread(
        gains.map(({ up }) => up),
        errors,
      ),
      difference: 0,
    };
  }
  const errors = gains.map(({ upVariance, downVariance }) => (upVariance + downVariance) / 4);
  return {
    common: spread(
      gains.map(({ up, down }) => (up + down) / 2),
      errors,
    ),
    difference: spread(
      gains.map(({ up, down }) => (up - down) / 2),
      errors,
    ),
  };
}

/** Steps below this share of the largest, which a bound cuts off, are left out of the scatter. */
const CUT_OFF = 0.1;

/** The scatter around curves and gains, taken apart. */
export type Scatter = {
  /** Standard deviation that a reading adds and the next takes away. */
  readonly readSpread: number;
  /** Relative to the step. */
  readonly cycleSpread: number;
  /** The same of the smaller and of the larger half of the steps; equal if the scatter is relative. */
  readonly halves: readonly [small: number, large: number];
};

/**
 * The scatter of changes around the curves: the covariance of successive changes is −(read spread)², the rest of the
 * variance is (cycle spread · step)².
 */
export function scatterOf(
  steps: readonly StepTaken[],
  fit: {
    readonly upCurve: readonly number[];
    readonly downCurve: readonly number[];
    readonly gains: readonly Gain[];
    readonly count: number;
  },
): Scatter {
  const { upCurve, downCurve, gains, count } = fit;
  const fitted = steps.map(({ device, isUp, place }) =>
    isUp ? gains[device]!.up * valueOn(upCurve, place) : gains[device]!.down * valueOn(downCurve, place),
  );
  // Upward, whatever the pulse: a reading that is too high raises one change and lowers the next.
  const residuals = steps.map(({ isUp, change }, k) => (isUp ? 1 : -1) * (change - fitted[k]!));
  const products = steps.flatMap(({ followsOther }, k) =>
    followsOther ? [residuals[k]! * residuals[k - 1]!] : [],
  );
  const covariance = products.length > 1 ? meanOf(products) : 0;
  const error = standardDeviationOf(products) / Math.sqrt(products.length || 1);
  const readVariance = -covariance > CLEARLY * error ? -covariance : 0;
  const freedom = Math.max(1, steps.length - 2 * count - gains.length);
  const relative = (of: readonly number[]): number => {
    const left = of.reduce((sum, k) => sum + residuals[k]! ** 2 - 2 * readVariance, 0);
    const scale = of.reduce((sum, k) => sum + fitted[k]! ** 2, 0);
    return scale > 0 ? Math.sqrt(Math.max(0, left * (steps.length / freedom)) / scale) : 0;
  };
  const large = fitted.reduce((most, step) => Math.max(most, step), 0);
  const order = [...steps.keys()]
    .filter((k) => fitted[k]! > CUT_OFF * large)
    .sort((a, b) => fitted[a]! - fitted[b]!);
  const middle = Math.floor(order.length / 2);
  return {
    readSpread: Math.sqrt(readVariance),
    cycleSpread: relative(order),
    halves: [relative(order.slice(0, middle)), relative(order.slice(middle))],
  };
}
