// The step laws: how far a pulse moves a device, as a function of its value, and how much that scatters. step-device.ts
// adds bounds, write noise and RESET.

import { assertNever } from '../base/errors.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { tableAt } from './law.ts';
import type { DeviceValues } from './pulse-model.ts';
import type { StepDeviceSpec, StepLaw, StepNoise } from './pulse-spec.ts';

/** A step in one direction: its size, and the factor of its normal draw. Below 0 it goes the other way. */
export type Step = { readonly size: Tensor; readonly spread: Tensor };

/**
 * The step of an up or down pulse at the value `w`, by the law of `spec` (`StepLaw` has the equations).
 *
 * @param values parameters of the devices
 * @param w      value before the pulse; with a reference, the value of the device itself: w + r
 * @source aihwkit (commit 4545f11b), src/rpucuda/rpu_{constantstep,linearstep,softbounds_reference,expstep,powstep,
 *         piecewisestep}_device.cpp, update_once
 */
export function stepAt(spec: StepDeviceSpec, values: DeviceValues, w: Tensor, way: 'up' | 'down'): Step {
  const { law } = spec;
  const { cycleSpread: sigma } = spec.step;
  const scale = values[way === 'up' ? 'stepUp' : 'stepDown']!;
  const { high, low } = values as { readonly high: Tensor; readonly low: Tensor };
  const noisy = (size: Tensor, noise: StepNoise = 'multiplicative'): Step => ({
    size,
    spread: (noise === 'multiplicative' ? size : scale).multiply(sigma),
  });
  switch (law.kind) {
    case 'constant':
      return noisy(scale);
    case 'linear': {
      const slope = values[way === 'up' ? 'slopeUp' : 'slopeDown']!;
      return noisy(slope.multiply(w).add(scale), law.noise);
    }
    case 'soft-bounds':
    case 'soft-bounds-reference':
      return noisy(softStep(scale, w, way === 'up' ? high : low.negate(), way), law.noise);
    case 'exponential':
      return exponentialStep(law, { scale, w, high, low, sigma, way });
    case 'power': {
      const room = way === 'up' ? high.subtract(w) : w.subtract(low);
      const share = room.divide(widthOf(high, low)).maximum(LEAST_SHARE);
      const exponent = values[way === 'up' ? 'exponentUp' : 'exponentDown']!;
      return noisy(scale.multiply(share.log().multiply(exponent).exp()));
    }
    case 'piecewise': {
      const nodes = law[way];
      if (nodes.length === 1) return noisy(scale.multiply(nodes[0]!));
      const place = w
        .subtract(low)
        .divide(widthOf(high, low))
        .multiply(nodes.length - 1);
      return noisy(
        scale.multiply(
          tableAt(
            nodes.map((node, k) => [k, node] as const),
            place,
          ),
        ),
      );
    }
    default:
      return assertNever(law);
  }
}

/** Of the range; less counts as this where a power is taken. */
const LEAST_SHARE = 1e-30;

/** w⁺ − w⁻; 1 for stuck devices, so that nothing is divided by 0. */
function widthOf(high: Tensor, low: Tensor): Tensor {
  const width = high.subtract(low);
  return width.lessEqual(0).select(1, width);
}

/** s (1 − w / bound), or s where the bound is not on its side of 0. `size` is the size of the bound. */
function softStep(scale: Tensor, w: Tensor, size: Tensor, way: 'up' | 'down'): Tensor {
  const isNone = size.lessEqual(0);
  const share = w.multiply(way === 'up' ? -1 : 1).divide(isNone.select(1, size));
  return scale.multiply(isNone.select(0, share).add(1));
}

function exponentialStep(
  law: Extract<StepLaw, { readonly kind: 'exponential' }>,
  at: {
    readonly scale: Tensor;
    readonly w: Tensor;
    readonly high: Tensor;
    readonly low: Tensor;
    readonly sigma: number;
    readonly way: 'up' | 'down';
  },
): Step {
  const { scale, w, high, low, sigma, way } = at;
  const { amplitude, rate } = law[way];
  const z = w
    .multiply(2 * law.a)
    .divide(widthOf(high, low))
    .add(law.b);
  const decline = z.multiply(way === 'up' ? rate : -rate).exp();
  const size = scale.multiply(constant(w, 1).subtract(decline.multiply(amplitude)).relu());
  switch (law.noise.kind) {
    case 'multiplicative':
      return { size, spread: size.multiply(sigma) };
    case 'affine': {
      const { offset, slope } = law.noise;
      return { size, spread: size.abs().add(w.abs().multiply(slope)).add(offset).multiply(sigma) };
    }
    default:
      return assertNever(law.noise);
  }
}

/**
 * The granularity of update rules, in the unit of the value: constant, linear and soft bounds: the mean step at 0. Power:
 * mean · ½^γ. Piecewise: mean · the up curve in the middle of the range. Exponential: the mean *down* step at 0, or, if that is 0,
 * `step.mean`. The first up step of a one-sided exponential device may be many times as large.
 *
 * @source aihwkit (commit 4545f11b), "calc weight granularity body" of src/rpucuda/rpu_*_device.h; rpu_expstep_device.h
 *         averages the down step with itself. There an even number of nodes gives the upper of the two in the middle; the
 *         mean of both is ours
 */
export function stepGranularity({ law, step: { mean }, upDown }: StepDeviceSpec): number {
  switch (law.kind) {
    case 'constant':
    case 'linear':
    case 'soft-bounds':
    case 'soft-bounds-reference':
      return mean;
    case 'exponential': {
      const share = 1 - law.down.amplitude * Math.exp(-law.down.rate * law.b);
      const down = (1 - Math.max(upDown.mean, 0)) * mean * Math.max(share, 0);
      return down > 0 ? down : mean;
    }
    case 'power':
      return mean * 0.5 ** law.exponent;
    case 'piecewise':
      return mean * middleStep(law.up);
    default:
      return assertNever(law);
  }
}

/** A piecewise curve in the middle of the range: its middle node, or the mean of the two that are nearest. */
export function middleStep(nodes: readonly number[]): number {
  const last = nodes.length - 1;
  return (nodes[Math.floor(last / 2)]! + nodes[Math.ceil(last / 2)]!) / 2;
}
