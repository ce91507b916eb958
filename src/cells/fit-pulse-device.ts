// A device that learns from its measured pulse responses: mean steps up and down as straight lines between nodes, the
// spreads from pulse to pulse and from device to device, with warnings where the measurements can't tell.
// docs/pulse-devices.md has the method. Left out: other laws, drift, leak, read noise apart from write noise.

import { throwFaults } from '../base/errors.ts';
import { meanOf, standardDeviationOf } from '../base/statistics.ts';
import {
  fitCurves,
  gainSpreads,
  type Range,
  rangeOf,
  type Scatter,
  type StepTaken,
  scatterOf,
  stepsOf,
} from './fit-pulse-curves.ts';
import { tableValue } from './law.ts';
import type { PulsedDevice, PulseMeasurements } from './pulse-measurements.ts';
import { checkPulseDevice } from './pulse-schema.ts';
import type { StepDeviceSpec } from './pulse-spec.ts';
import { middleStep } from './step-laws.ts';

/** How to fit. */
export type PulseFitOptions = {
  /** Name and source of the device. */
  readonly name: string;
  readonly source: string;
  /** Nodes of each curve, 2 to 33; absent: 9, or fewer where steps are few. */
  readonly nodes?: number | undefined;
};

/** Measured and fitted mean steps at the nodes, and how many steps lie around each. */
export type StepCurve = {
  readonly isUp: boolean;
  readonly points: readonly {
    /** Value of a mean device. */
    readonly value: number;
    /** Fitted mean size of a step there. */
    readonly step: number;
    /** Steps that begin in the stretch around the node. */
    readonly count: number;
  }[];
};

/** A fitted device, and what it was fitted to. */
export type PulseDeviceFit = {
  /** Its law is piecewise. */
  readonly device: StepDeviceSpec;
  readonly curves: readonly StepCurve[];
  readonly devices: number;
  readonly steps: number;
  readonly warnings: readonly string[];
};

const MOST_NODES = 33;
const USUAL_NODES = 9;
/** Steps a node needs, if their number is to decide it. */
const STEPS_A_NODE = 40;
/** Devices below which a warning says that spreads over devices are rough: their standard error exceeds 22 %. */
const FEW_DEVICES = 10;
/**
 * Fits a device with piecewise steps.
 *
 * Every device's range is from its smallest to its largest value. Changes are regressed on hat functions of the place in
 * that range, the same for all devices but for a gain of each. Scatter is taken apart by the correlation of successive
 * changes: what a reading adds it takes from the next (write noise), what a pulse adds stays (spread from pulse to
 * pulse). From the spread of gains and of bounds that of their own errors is subtracted where it is known.
 *
 * @throws UsageError for impossible options, if there are no up steps, or if no device moves
 */
export function fitPulseDevice(
  { devices, unusedColumns }: PulseMeasurements,
  { name, source, nodes }: PulseFitOptions,
): PulseDeviceFit {
  const ranges = devices.map(rangeOf);
  const steps = devices.flatMap((device, k) => stepsOf(device, k, ranges[k]!));
  const up = steps.filter(({ isUp }) => isUp);
  const down = steps.filter(({ isUp }) => !isUp);
  throwFaults('fitting pulse responses', faultsOf(up, steps, nodes));
  const isOneSided = down.length === 0;
  const fewest = isOneSided ? up.length : Math.min(up.length, down.length);
  const count = nodes ?? Math.max(2, Math.min(USUAL_NODES, 1 + 2 * Math.floor(fewest / STEPS_A_NODE / 2)));
  const { upCurve, downCurve, gains } = fitCurves(up, down, { count, devices: devices.length });
  const scatter = scatterOf(steps, { upCurve, downCurve, gains, count });
  const bounds = boundsOf(ranges);
  const rising = liftedInTheMiddle(upCurve);
  const mean = middleStep(rising);
  const spreads = gainSpreads(gains, isOneSided);
  const firsts = devices.map(({ readings }) => readings[0]!.value);
  const device: StepDeviceSpec = {
    kind: 'steps',
    name,
    source,
    law: {
      kind: 'piecewise',
      up: rising.map((step) => step / mean),
      down: (isOneSided ? upCurve : downCurve).map((step) => step / mean),
    },
    step: {
      mean,
      deviceSpread: spreads.common,
      distribution: 'normal',
      cycleSpread: scatter.cycleSpread,
    },
    upDown: { mean: 0, deviceSpread: spreads.difference },
    bounds,
    isConsistent: true,
    writeNoise: scatter.readSpread / mean,
    corrupt: { kind: 'none', unknown: 'devices that do not react are not looked for' },
    reset: {
      mean: Math.max(bounds.low, Math.min(meanOf(firsts), bounds.high - 1e-3 * (bounds.high - bounds.low))),
      deviceSpread: standardDeviationOf(firsts),
      cycleSpread: 0,
    },
    isOneSided,
    leak: { kind: 'none', unknown: 'pulse responses do not tell' },
    drift: { kind: 'none', unknown: 'pulse responses do not tell' },
  };
  const curves = [
    curveOf(true, upCurve, up, bounds),
    ...(isOneSided ? [] : [curveOf(false, downCurve, down, bounds)]),
  ];
  return {
    device: checkPulseDevice('the fitted device', device) as StepDeviceSpec,
    curves,
    devices: devices.length,
    steps: steps.length,
    warnings: warningsOf({ devices, curves, mean, scatter, bounds, unusedColumns, isOneSided }),
  };
}

/** A step in the middle below this share of the largest counts as this: it is the unit of the others. */
const LEAST_SHARE = 1e-3;

/** The curve, in whose middle there is a step. */
function liftedInTheMiddle(curve: readonly number[]): readonly number[] {
  const least = LEAST_SHARE * Math.max(...curve);
  if (middleStep(curve) >= least) return curve;
  const middle = (curve.length - 1) / 2;
  return curve.map((step, k) => (Math.abs(k - middle) < 1 ? least : step));
}

function faultsOf(
  up: readonly StepTaken[],
  steps: readonly StepTaken[],
  nodes: number | undefined,
): readonly string[] {
  return [
    ...(nodes === undefined || (Number.isInteger(nodes) && nodes >= 2 && nodes <= MOST_NODES)
      ? []
      : [`nodes: expected a whole number from 2 to ${MOST_NODES}, got ${nodes}`]),
    ...(up.length > 1
      ? []
      : [
          `expected values of one device before and after up pulses (numbers without a gap), got ${up.length} such steps of ${steps.length}`,
        ]),
    ...(up.length > 1 && !(up.reduce((sum, { change }) => sum + change, 0) > 0)
      ? ['expected that up pulses raise values on average, they lower them; is `direction` the other way?']
      : []),
  ];
}

function boundsOf(ranges: readonly Range[]): StepDeviceSpec['bounds'] {
  const moving = ranges.filter(({ low, high }) => high > low);
  const [lows, highs] = [moving.map(({ low }) => low), moving.map(({ high }) => high)];
  const [low, high] = [meanOf(lows), meanOf(highs)];
  const relative = (spread: number, bound: number): number =>
    Math.abs(bound) < LEAST_SHARE * (high - low) * 1e-3 ? 0 : spread / Math.abs(bound);
  return {
    low,
    lowSpread: relative(standardDeviationOf(lows), low),
    high,
    highSpread: relative(standardDeviationOf(highs), high),
  };
}

function curveOf(
  isUp: boolean,
  curve: readonly number[],
  steps: readonly StepTaken[],
  { low, high }: StepDeviceSpec['bounds'],
): StepCurve {
  const counts = new Array<number>(curve.length).fill(0);
  for (const { place } of steps) counts[Math.round(place * (curve.length - 1))]! += 1;
  const points = curve.map((step, k) => ({
    value: low + ((high - low) * k) / (curve.length - 1),
    step,
    count: counts[k]!,
  }));
  return { isUp, points };
}

/** The fitted mean size of a step of a mean device at `value`. */
export function fittedStep({ points }: StepCurve, value: number): number {
  return tableValue(
    points.map((point) => [point.value, point.step] as const),
    value,
  );
}

/** Steps around a node below which a warning says so. */
const FEW_STEPS = 10;
/** Share of the largest step that is left at a bound which values stopped short of. */
const UNSATURATED = 0.25;
/** Write noise beyond this share of the range widens the range that is seen, and bends curves at its ends. */
const LARGE_READ_SPREAD = 0.005;

function warningsOf(found: {
  readonly devices: readonly PulsedDevice[];
  readonly curves: readonly StepCurve[];
  readonly mean: number;
  readonly scatter: Scatter;
  readonly bounds: StepDeviceSpec['bounds'];
  readonly unusedColumns: readonly string[];
  readonly isOneSided: boolean;
}): readonly string[] {
  const { devices, curves, scatter, bounds, unusedColumns, isOneSided } = found;
  const digits = (x: number): string => String(Number(x.toPrecision(3)));
  const [small, large] = scatter.halves;
  const width = bounds.high - bounds.low;
  return [
    ...(devices.length === 1
      ? ['spreads over devices are not known: there is one device; they count as 0']
      : devices.length < FEW_DEVICES
        ? [`spreads over devices are rough: there are ${devices.length} devices`]
        : []),
    ...(isOneSided ? ['no down pulses: the device is taken as one-sided, lowered by RESET only'] : []),
    ...(isOneSided || (bounds.low < 0 && bounds.high > 0)
      ? []
      : [
          `values from ${digits(bounds.low)} to ${digits(bounds.high)} can't be weights of both signs: subtract the value that stands for 0`,
        ]),
    ...curves.flatMap(({ isUp, points }) => {
      const thin = points.filter(({ count }) => count < FEW_STEPS);
      return thin.length === 0
        ? []
        : [
            `${isUp ? 'up' : 'down'}: fewer than ${FEW_STEPS} steps around ${thin.map(({ value }) => digits(value)).join(', ')}`,
          ];
    }),
    ...curves.flatMap(({ isUp, points }) => {
      const [last, largest] = [points.at(isUp ? -1 : 0)!.step, Math.max(...points.map(({ step }) => step))];
      return last > UNSATURATED * largest
        ? [
            `${isUp ? 'up' : 'down'}: steps at the ${isUp ? 'upper' : 'lower'} end are ${digits((100 * last) / largest)} % of the largest: the bound may lie further out than the values do`,
          ]
        : [];
    }),
    ...(scatter.readSpread > LARGE_READ_SPREAD * width
      ? [
          `readings scatter by ${digits(scatter.readSpread)}: the range is seen too wide, and the spread from pulse to pulse too large`,
        ]
      : []),
    ...(small > 2 * large
      ? [
          `the scatter of small steps is ${digits(small)} times the step, of large ones ${digits(large)}: the model has one relative spread`,
        ]
      : []),
    ...(unusedColumns.length === 0 ? [] : [`columns that are not used: ${unusedColumns.join(', ')}`]),
  ];
}
