// Devices whose pulses follow a step law: bounds, write noise, RESET, leak around the laws of step-laws.ts, for the
// populations of step-population.ts.

import { constant, type Tensor } from '../graph/tensor.ts';
import { driftedSince } from './pulse-drift.ts';
import type { DeviceValues, Draw, PulseModel } from './pulse-model.ts';
import type { StepDeviceSpec } from './pulse-spec.ts';
import { stepAt, stepGranularity } from './step-laws.ts';
import { fabricateParameters, parameterNames } from './step-population.ts';

/**
 * The equations of a device that follows a step law.
 *
 *   w ← clip(w ± (step(w) + spread(w) ξ), w⁻, w⁺), + for up, − for down (`stepAt`)
 *
 * With write noise w is the state `persistent`, and `value` is w + writeNoise · step.mean · ξ, drawn at each pulse.
 * With a reference r, laws and bounds hold for w + r. There is no read noise: that of a tile is the periphery's.
 *
 * @source aihwkit (commit 4545f11b), src/rpucuda/rpu_pulsed_device.cpp and the files of the laws. Differences: a RESET
 *         keeps the bounds of w + r, and write noise is drawn anew at pulses on stuck devices whatever the law
 */
export function stepDeviceModel(spec: StepDeviceSpec): PulseModel {
  const noise = spec.writeNoise * spec.step.mean;
  const isNoisy = noise > 0;
  const held = (values: DeviceValues): Tensor => values[isNoisy ? 'persistent' : 'value']!;
  /** States of devices that hold `w`, sensed with another draw of write noise. */
  const written = (w: Tensor, draw: Draw): DeviceValues =>
    isNoisy ? { value: w.add(draw().multiply(noise)), persistent: w } : { value: w };
  const exactly = (w: Tensor): DeviceValues => (isNoisy ? { value: w, persistent: w } : { value: w });
  const fresh = (values: DeviceValues, draw: Draw): Tensor => {
    const { cycleSpread } = spec.reset;
    const target = values['resetValue']!;
    return limited(values, cycleSpread > 0 ? target.add(draw().multiply(cycleSpread)) : target);
  };
  return {
    states: isNoisy ? ['value', 'persistent'] : ['value'],
    parameters: parameterNames(spec),
    fabricate: (shape, key) => {
      const parameters = fabricateParameters(spec, shape, key);
      const draw = countedDraws((k) => key.derive('reset', k).normal(shape));
      const zero = constant({ builder: key.words[0].builder }, 0).broadcastTo(shape);
      const states = spec.isOneSided
        ? written(fresh(parameters, draw), draw)
        : exactly(limited(parameters, zero));
      return { ...states, ...parameters };
    },
    pulse: (values, isUp, draw) => {
      const w = held(values);
      const own = ownValue(values, w);
      const xi = spec.step.cycleSpread > 0 ? draw() : undefined;
      const move = (way: 'up' | 'down'): Tensor => {
        const { size, spread } = stepAt(spec, values, own, way);
        return xi === undefined ? size : size.add(spread.multiply(xi));
      };
      const moved = spec.isOneSided
        ? w.add(move('up'))
        : isUp.select(w.add(move('up')), w.subtract(move('down')));
      return written(limited(values, moved), draw);
    },
    reset: (values, draw) => written(fresh(values, draw), draw),
    at: (values, value) => exactly(limited(values, value)),
    isLeaky: spec.leak.kind !== 'none',
    leak: (values, draw) => {
      const { leakRate, resetValue } = values;
      if (leakRate === undefined) return exactlyAs(values, isNoisy);
      const w = held(values);
      return written(limited(values, w.subtract(w.subtract(resetValue!).multiply(leakRate))), draw);
    },
    drifted: (value, age) => driftedSince(spec.drift, value, age),
    hasReadNoise: false,
    readVariance: ({ value }) => constant(value!, 0).broadcastTo(value!.shape),
    granularity: stepGranularity(spec),
    range: [spec.bounds.low, spec.bounds.high],
    isOneSided: spec.isOneSided,
  };
}

/** The value of the device itself, before its reference is subtracted. */
function ownValue({ reference }: DeviceValues, w: Tensor): Tensor {
  return reference === undefined ? w : w.add(reference);
}

/** Within the bounds of each device. */
function limited(values: DeviceValues, w: Tensor): Tensor {
  const { high, low, reference } = values;
  if (reference === undefined) return w.clip(low!, high!);
  return w.clip(low!.subtract(reference), high!.subtract(reference));
}

function exactlyAs(values: DeviceValues, isNoisy: boolean): DeviceValues {
  const { value, persistent } = values;
  return isNoisy ? { value: value!, persistent: persistent! } : { value: value! };
}

/** Draws by their number. */
function countedDraws(drawn: (k: number) => Tensor): Draw {
  let count = 0;
  return () => drawn(count++);
}
