// Drift of devices that learn: the clock of a device starts again at each of its pulses.

import { assertNever } from '../base/errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { PulseDrift } from './pulse-spec.ts';

/**
 * What a value has drifted to: value · max(age / t₀, 1)^−ν.
 *
 * @param value value as the last pulse left it, any shape
 * @param age   time since that pulse, s, in the shape of the value or (); up to t₀ the value is as written
 * @returns the value at that age, in the shape of `value`
 * @source S. R. Nandakumar et al., J. Appl. Phys. 124:152135 (2018), as implemented in YigitDemirag/srnn-pcm, xbar.py,
 *         read; with the clock of aihwkit, src/rpucuda/weight_drifter.cpp, which restarts where a weight changed
 *
 * Not modelled: a spread of ν over devices, drift that depends on the value.
 */
export function driftedSince(drift: PulseDrift, value: Tensor, age: Tensor): Tensor {
  switch (drift.kind) {
    case 'none':
      return value;
    case 'power-law': {
      const steps = age.multiply(1 / drift.referenceSeconds).maximum(1);
      return value.multiply(steps.log().multiply(-drift.exponent).exp());
    }
    default:
      return assertNever(drift);
  }
}
