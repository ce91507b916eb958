// What is drawn once for each device that follows a step law: its steps, its bounds, what a law needs beside them. All
// draws are from a key by name, so that a device stays what it is whatever else is drawn.

import { assertNever } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import type { DeviceValues } from './pulse-model.ts';
import type { StepDeviceSpec } from './pulse-spec.ts';

/** Parameters of every step device; laws add theirs. */
const COMMON = ['high', 'low', 'stepUp', 'stepDown', 'resetValue'] as const;

/** Names of the parameters of the devices of `spec`. */
export function parameterNames({ law, leak }: StepDeviceSpec): readonly string[] {
  const own: Readonly<Record<StepDeviceSpec['law']['kind'], readonly string[]>> = {
    constant: [],
    linear: ['slopeUp', 'slopeDown'],
    'soft-bounds': [],
    'soft-bounds-reference': ['reference'],
    exponential: [],
    power: ['exponentUp', 'exponentDown'],
    piecewise: [],
  };
  return [...COMMON, ...own[law.kind], ...(leak.kind === 'none' ? [] : ['leakRate'])];
}

/**
 * The parameters of each device, ξ its own draws:
 *
 *   w⁺ = high (1 + spread ξ), w⁻ likewise; gain = 1 + spread ξ, or e^(spread ξ); r = spread ξ;
 *   s⁺ = mean (gain + min(u, 0) + r), s⁻ = mean (gain − max(u, 0) − r), u = upDown.mean
 *
 * Consistent devices have the sizes of s⁺ and s⁻, and bounds of the nominal signs in their order. Of others, one with
 * w⁺ < w⁻ is turned off: both are in the middle. A corrupt device has both bounds at one value within `largestValue`,
 * evenly distributed, and no steps.
 *
 * @source aihwkit (commit 4545f11b), src/rpucuda/rpu_pulsed_device.cpp, populate; laws: rpu_linearstep_device.cpp,
 *         rpu_softbounds_reference_device.cpp, rpu_powstep_device.cpp, populate. There the bounds contain 0.
 */
export function fabricateParameters(spec: StepDeviceSpec, shape: Shape, key: GraphKey): DeviceValues {
  const normal = (name: string): Tensor => key.derive(name).normal(shape);
  const around = (mean: number, spread: number, name: string): Tensor =>
    spread === 0
      ? constant({ builder: key.words[0].builder }, mean).broadcastTo(shape)
      : normal(name).multiply(spread).add(mean);
  const { bounds, step, reset, leak } = spec;
  const drawn = sound(spec, {
    high: around(bounds.high, bounds.high * bounds.highSpread, 'high'),
    low: around(bounds.low, bounds.low * bounds.lowSpread, 'low'),
    ...stepsOf(
      step.distribution === 'normal'
        ? around(1, step.deviceSpread, 'gain')
        : around(0, step.deviceSpread, 'gain').exp(),
      around(0, spec.upDown.deviceSpread, 'upDown'),
      spec,
    ),
    resetValue: around(reset.mean, reset.deviceSpread, 'reset'),
  });
  const common = withCorrupt(spec, drawn, key, shape);
  const leakRate =
    leak.kind === 'none' ? {} : { leakRate: leakRateOf(leak, around(1, leak.deviceSpread, 'leak')) };
  return { ...withLaw(spec, common, around), ...leakRate };
}

type Common = Readonly<Record<(typeof COMMON)[number], Tensor>>;

function stepsOf(
  gain: Tensor,
  difference: Tensor,
  { upDown: { mean }, step }: StepDeviceSpec,
): Pick<Common, 'stepUp' | 'stepDown'> {
  return {
    stepUp: gain.add(Math.min(mean, 0)).add(difference).multiply(step.mean),
    stepDown: gain.subtract(Math.max(mean, 0)).subtract(difference).multiply(step.mean),
  };
}

function sound({ isConsistent, bounds }: StepDeviceSpec, drawn: Common): Common {
  const { high, low } = drawn;
  if (!isConsistent) {
    const isTurned = high.less(low);
    const middle = high.add(low).multiply(0.5);
    return { ...drawn, high: isTurned.select(middle, high), low: isTurned.select(middle, low) };
  }
  const upper = withSign(high.maximum(low), bounds.high >= 0);
  const lower = withSign(high.minimum(low), bounds.low > 0);
  return {
    ...drawn,
    high: upper.maximum(lower),
    low: upper.minimum(lower),
    stepUp: drawn.stepUp.abs(),
    stepDown: drawn.stepDown.abs(),
  };
}

function withSign(x: Tensor, isPositive: boolean): Tensor {
  return isPositive ? x.abs() : x.abs().negate();
}

function withCorrupt({ corrupt }: StepDeviceSpec, drawn: Common, key: GraphKey, shape: Shape): Common {
  if (corrupt.kind === 'none') return drawn;
  const isCorrupt = key.derive('corrupt').uniform(shape).less(corrupt.share);
  const least = drawn.low.maximum(-corrupt.largestValue);
  const most = drawn.high.minimum(corrupt.largestValue);
  const stuck = least.add(most.subtract(least).multiply(key.derive('stuck').uniform(shape)));
  return {
    ...drawn,
    high: isCorrupt.select(stuck, drawn.high),
    low: isCorrupt.select(stuck, drawn.low),
    stepUp: isCorrupt.select(0, drawn.stepUp),
    stepDown: isCorrupt.select(0, drawn.stepDown),
  };
}

function withLaw(
  spec: StepDeviceSpec,
  common: Common,
  around: (mean: number, spread: number, name: string) => Tensor,
): DeviceValues {
  const { law } = spec;
  switch (law.kind) {
    case 'constant':
    case 'soft-bounds':
    case 'exponential':
    case 'piecewise':
      return common;
    case 'linear': {
      const isOwn = law.bounds === 'own';
      const share = (way: 'up' | 'down'): Tensor => {
        const drawn = around(law[way].mean, law[way].deviceSpread, way);
        return law.mayGrow ? drawn : drawn.abs();
      };
      return {
        ...common,
        slopeUp: slopeTo(isOwn ? common.high : spec.bounds.high, share('up').multiply(common.stepUp)),
        slopeDown: slopeTo(isOwn ? common.low : spec.bounds.low, share('down').multiply(common.stepDown)),
      };
    }
    case 'soft-bounds-reference': {
      const { slopeSpread, reference } = law;
      const isAroundZero = isBothSides(common);
      const moved = (bound: Tensor, spread: number, name: string): Tensor =>
        spread === 0
          ? bound
          : isAroundZero.select(bound.divide(around(1, spread, name).abs().maximum(LEAST_SLOPE)), bound);
      const high = moved(common.high, slopeSpread.up, 'up');
      const low = moved(common.low, slopeSpread.down, 'down');
      const drawn = around(reference.mean, reference.spread, 'reference');
      if (!reference.isSymmetryPoint) return { ...common, high, low, reference: drawn };
      const point = isAroundZero.select(symmetryPoint({ ...common, high, low }), 0);
      return {
        ...common,
        high,
        low,
        reference: drawn.add(point),
        resetValue: common.resetValue.add(point),
      };
    }
    case 'power': {
      const gain = around(1, law.deviceSpread, 'exponent');
      const { mean, deviceSpread } = law.upDown;
      const difference = around(0, deviceSpread, 'exponentUpDown');
      const up = gain.add(Math.min(mean, 0)).add(difference).multiply(law.exponent);
      const down = gain.subtract(Math.max(mean, 0)).subtract(difference).multiply(law.exponent);
      return {
        ...common,
        exponentUp: spec.isConsistent ? up.abs() : up,
        exponentDown: spec.isConsistent ? down.abs() : down,
      };
    }
    default:
      return assertNever(law);
  }
}

/** A slope drawn below this counts as this. */
const LEAST_SLOPE = 1e-3;

/** True where 0 lies between the bounds. */
function isBothSides({ high, low }: Common): Tensor {
  return constant(high, 0).less(low.less(0).select(high, 0));
}

/** −γ s / bound; 0 where the bound is 0. */
function slopeTo(bound: Tensor | number, loss: Tensor): Tensor {
  if (typeof bound === 'number') return loss.multiply(bound === 0 ? 0 : -1 / bound);
  const isZero = bound.equal(0);
  return isZero.select(0, loss.negate().divide(isZero.select(1, bound)));
}

/** Where the up and down steps of soft bounds are equal: (s⁺ − s⁻) / (s⁺ / w⁺ − s⁻ / w⁻). */
function symmetryPoint({ stepUp, stepDown, high, low }: Common): Tensor {
  return stepUp.subtract(stepDown).divide(stepUp.divide(high).subtract(stepDown.divide(low)));
}

/** 1 / lifetime of each device; devices with a lifetime of at most one mini-batch lose everything. */
function leakRateOf({ lifetimeBatches }: { readonly lifetimeBatches: number }, factor: Tensor): Tensor {
  const lifetime = factor.multiply(lifetimeBatches);
  return lifetime.lessEqual(1).select(1, constant(factor, 1).divide(lifetime.maximum(1)));
}
